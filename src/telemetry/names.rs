//! The names of attributes and metrics: those of OpenTelemetry's semantic conventions, version
//! 1.39 (HTTP and databases: stable; MCP and generative AI: in development), and this server's own,
//! which begin with `zava.`.

// HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(super) const HTTP_ROUTE: &str = "http.route";
pub(super) const URL_PATH: &str = "url.path";
pub(super) const URL_SCHEME: &str = "url.scheme";
pub(super) const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
pub(super) const FAAS_INVOCATION_ID: &str = "faas.invocation_id";

// MCP (https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/).
pub(super) const MCP_METHOD_NAME: &str = "mcp.method.name";
pub(super) const MCP_PROTOCOL_VERSION: &str = "mcp.protocol.version";
pub(super) const JSONRPC_REQUEST_ID: &str = "jsonrpc.request.id";
pub(super) const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
pub(super) const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
pub(super) const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
pub(super) const NETWORK_TRANSPORT: &str = "network.transport";

// Databases (https://opentelemetry.io/docs/specs/semconv/db/postgresql/).
pub(super) const DB_SYSTEM_NAME: &str = "db.system.name";
pub(super) const DB_NAMESPACE: &str = "db.namespace";
pub(super) const DB_OPERATION_NAME: &str = "db.operation.name";
pub(super) const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub(super) const DB_RESPONSE_STATUS_CODE: &str = "db.response.status_code";
pub(super) const DB_CLIENT_CONNECTION_STATE: &str = "db.client.connection.state";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";

// Any span.
pub(super) const ERROR_TYPE: &str = "error.type";

// This server's own.
/// The tenant of a call. For spans only: as an attribute of a metric, it would multiply the series.
pub(super) const TENANT: &str = "zava.tenant";
/// The fingerprint of a client's statement, as the audit log has it.
pub(super) const QUERY_FINGERPRINT: &str = "zava.query.fingerprint";
/// The decision about a call, as the audit log has it.
pub(super) const DECISION: &str = "zava.decision";
/// The subject of a decision: `authentication`, `request` or `call`.
pub(super) const DECISION_KIND: &str = "zava.decision.kind";
/// Why a call was not answered: the name of a rule, a SQLSTATE, or another constant.
pub(super) const DECISION_REASON: &str = "zava.decision.reason";
/// Rows and bytes returned by a call.
pub(super) const RESULT_ROWS: &str = "zava.result.rows";
pub(super) const RESULT_BYTES: &str = "zava.result.bytes";
/// The signal that was dropped: `traces` or `logs`.
pub(super) const SIGNAL: &str = "zava.signal";
/// What was waited for: `permit`, `connection` or `embedding`.
pub(super) const WAIT_KIND: &str = "zava.wait.kind";

// Metrics. Their units are those of the conventions: seconds, bytes, or things in braces.
pub(super) const HTTP_SERVER_REQUEST_DURATION: &str = "http.server.request.duration";
pub(super) const MCP_SERVER_OPERATION_DURATION: &str = "mcp.server.operation.duration";
pub(super) const DB_CLIENT_OPERATION_DURATION: &str = "db.client.operation.duration";
pub(super) const DB_CLIENT_CONNECTION_COUNT: &str = "db.client.connection.count";
pub(super) const WAIT_DURATION: &str = "zava.wait.duration";
pub(super) const DECISIONS: &str = "zava.decisions";
pub(super) const AUDIT_PENDING: &str = "zava.audit.pending";
pub(super) const AUDIT_APPEND_FAILURES: &str = "zava.audit.append.failures";
pub(super) const POSTURE_FINDINGS: &str = "zava.posture.findings";
pub(super) const DROPPED_LOG_LINES: &str = "zava.log.dropped_lines";
pub(super) const DROPPED_TELEMETRY: &str = "zava.telemetry.dropped";
pub(super) const PROCESS_MEMORY_USAGE: &str = "process.memory.usage";
