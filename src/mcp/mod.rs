//! Implements the MCP server: its description, its tools and their results.
//!
//! Knows rmcp and the modules that the tools call; must not know HTTP routes, sockets or how a
//! caller was authenticated.
//!
//! Invariants:
//! - no tool runs without a [`Caller`]; a request that reaches a tool without one is a bug of this
//!   server, and gets an internal error;
//! - no tool keeps running for a client that has disconnected or cancelled the call.
mod audited_call; // a call, recorded in the audit log however it ends
mod cancellation; // finds the call that a client cancels
mod message; // the parts of a message that the HTTP layer reads
mod method; // supported methods, and errors for unreadable requests
mod rendered; // a tool result as JSON text, passed around rmcp's types
mod result; // a tool result: text and structured content
mod tool_error; // tool errors: the client's text and the log entry
mod tools; // one file per tool

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    CustomRequest, CustomResult, DiscoverResult, GetPromptRequestParams, GetPromptResponse,
    Implementation, InitializeRequestParams, InitializeResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
    SubscribeRequestParams, UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use tokio::time::timeout;

use crate::catalog::VisibleStores;
use crate::identity::{AuthError, Caller, Identity, OAuthScope, TenantId};
use crate::telemetry::TraceId;
use crate::telemetry::audit::{AuditLog, Decision, Event, EventKind};

use audited_call::AuditedCall;
pub use cancellation::CancellableCalls;
pub use message::{InitializeSuccess, MessageHead, SESSION_HEADER, SessionId};
use method::method_not_found;
pub use method::{initialize_error_text, protocol_versions};
pub use rendered::{RenderedMessage, RenderedResult};
pub use tool_error::auth_error_text;
use tool_error::{ToolError, internal_error_text};
use tools::TOOLS;
pub use tools::{DefaultLimits, RegisteredTool, Tools};

/// The server's name, the same as in the original sample.
const NAME: &str = "mcp-zava-sales";

const INSTRUCTIONS: &str = "Answers questions about Zava, a home-improvement retailer: sales, products, customers, stock. \
Fetch the schemas of the tables you need once, then query; use search for products described in words.";

/// How long the instructions wait for the lookup of the stores that a client sees. Without it they
/// name no stores, but each result does.
const VISIBLE_STORES_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may cache the server's description and list of tools. They change only with a
/// new version of the server.
const CACHE_TTL_MS: u64 = 300_000;

/// A request extension by which the HTTP layer marks a request of a tenant that has reached its
/// in-flight limit.
///
/// A tool call is then answered by a tool error. An HTTP error status would make some clients end
/// their session, with all its other calls.
#[derive(Clone, Copy, Debug)]
pub struct TenantBusy;

/// Where the handler finds the caller of a request.
#[derive(Clone, Debug)]
pub enum CallerSource {
    /// In the request, where the HTTP layer has put it.
    Request,
    /// One tenant for the lifetime of the process (standard input and output).
    Fixed(Arc<Identity>, TenantId),
}

/// Answers MCP requests. One value serves all of them and keeps no state of any.
#[derive(Clone, Debug)]
pub struct Handler {
    tools: Arc<Tools>,
    caller_source: CallerSource,
    audit_log: Arc<AuditLog>,
    cancellable_calls: CancellableCalls,
}

impl Handler {
    /// Creates a handler that calls `tools` and records each call in `audit_log`.
    #[must_use]
    pub fn new(tools: Arc<Tools>, caller_source: CallerSource, audit_log: Arc<AuditLog>) -> Self {
        Self {
            tools,
            caller_source,
            audit_log,
            cancellable_calls: CancellableCalls::default(),
        }
    }

    /// The calls that can be cancelled by id.
    #[must_use]
    pub fn cancellable_calls(&self) -> CancellableCalls {
        self.cancellable_calls.clone()
    }

    async fn caller(
        &self,
        context: &RequestContext<RoleServer>,
        trace_id: TraceId,
    ) -> Result<Caller, ErrorData> {
        match &self.caller_source {
            CallerSource::Request => context
                .extensions
                .get::<axum::http::request::Parts>()
                .and_then(|parts| parts.extensions.get::<Caller>())
                .cloned()
                .ok_or_else(|| {
                    tracing::error!(%trace_id, "request reached a tool without a caller");
                    ErrorData::internal_error(internal_error_text(trace_id), None)
                }),
            CallerSource::Fixed(identity, tenant) => identity
                .caller_for_tenant(*tenant)
                .await
                .map_err(|error: AuthError| {
                    let event =
                        Event::refused(EventKind::Authentication, error.reason(), None, trace_id);
                    self.audit_log.record(event.failed_if(error.is_outage()));
                    let text = auth_error_text(&error);
                    if error.is_outage() {
                        ErrorData::internal_error(text, None)
                    } else {
                        ErrorData::invalid_request(text, None)
                    }
                }),
        }
    }

    /// The instructions, including whose rows this client sees: a model that does not know takes a
    /// store's average for the company's. When the caller lacks the query scope, or the lookup
    /// fails or times out, the instructions refer to the results instead.
    async fn instructions(&self, context: &RequestContext<RoleServer>) -> String {
        // Boxed: the future is large, and rmcp moves it several times.
        let lookup = Box::pin(async {
            let caller = match &self.caller_source {
                CallerSource::Request => {
                    let parts = context.extensions.get::<axum::http::request::Parts>()?;
                    parts.extensions.get::<Caller>().cloned()?
                }
                CallerSource::Fixed(identity, tenant) => {
                    identity.caller_for_tenant(*tenant).await.ok()?
                }
            };
            if !caller.scopes().has(OAuthScope::Query) {
                return None;
            }
            self.tools.catalog.visible_stores(&caller).await.ok()
        });
        let stores = timeout(VISIBLE_STORES_TIMEOUT, lookup).await.ok().flatten();
        let rows = match stores.as_deref() {
            Some(stores @ VisibleStores::One { .. }) => format!(
                "You see the rows of {stores}: totals and averages are this store's, never all stores' or Zava's."
            ),
            Some(stores @ VisibleStores::All { .. }) => {
                format!("You see the rows of {stores}.")
            }
            Some(VisibleStores::Some { .. } | VisibleStores::Unknown) | None => {
                "You see one store's rows, or all for head office; `scope` in each result says whose.".to_owned()
            }
        };
        format!("{INSTRUCTIONS} {rows}")
    }

    /// Records a call that is malformed or names an unknown tool. Over standard input and output
    /// its caller is not known yet.
    fn record_invalid_call(&self, reason: &'static str, context: &RequestContext<RoleServer>) {
        let parts = context.extensions.get::<axum::http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
        self.audit_log.record(Event {
            principal: caller.map(|caller| caller.principal().clone()),
            tenant: caller.map(Caller::tenant),
            ..Event::refused(EventKind::Call, reason, None, request_trace_id(context))
        });
    }
}

/// The trace id that the HTTP layer has put into the request, or a new one.
fn request_trace_id(context: &RequestContext<RoleServer>) -> TraceId {
    let parts = context.extensions.get::<axum::http::request::Parts>();
    let from_http = parts.and_then(|parts| parts.extensions.get::<TraceId>());
    from_http
        .copied()
        .unwrap_or_else(|| TraceId::from_traceparent(None))
}

/// The extension that receives the result of a call. The HTTP and stdio transports put one into
/// each request.
fn rendered_result(
    context: &RequestContext<RoleServer>,
    trace_id: TraceId,
) -> Result<&RenderedResult, ErrorData> {
    let parts = context.extensions.get::<axum::http::request::Parts>();
    let from_http = parts.and_then(|parts| parts.extensions.get());
    from_http
        .or_else(|| context.extensions.get())
        .ok_or_else(|| {
            tracing::error!(%trace_id, "request reached a tool without a `RenderedResult`");
            ErrorData::internal_error(internal_error_text(trace_id), None)
        })
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let implementation =
            Implementation::new(NAME, env!("CARGO_PKG_VERSION")).with_title("Zava retail");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let instructions = self.instructions(&context).await;
        let result = self.negotiate_initialize(&request)?;
        let parts = context.extensions.get::<axum::http::request::Parts>();
        if let Some(success) = parts.and_then(|parts| parts.extensions.get::<InitializeSuccess>()) {
            success.report();
        }
        context.peer.set_peer_info(request);
        Ok(result.with_instructions(instructions))
    }

    /// Cacheable by this client only, because the instructions say whose rows the caller sees.
    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let instructions = self.instructions(&context).await;
        let result = DiscoverResult::from_server_info(
            self.supported_protocol_versions().into_owned(),
            self.get_info().with_instructions(instructions),
        );
        Ok(result
            .with_ttl_ms(CACHE_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send + '_ {
        let list = ListToolsResult::with_all_items(self.tools.definitions());
        ready(Ok(list
            .with_ttl_ms(CACHE_TTL_MS)
            .with_cache_scope(CacheScope::Public)))
    }

    /// Answers a request that rmcp could not parse as one of its own types.
    fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CustomResult, ErrorData>> + Send + '_ {
        ready(Err(match request.method.as_str() {
            "tools/call" => {
                self.record_invalid_call("malformed call", &context);
                ErrorData::invalid_params(
                    "params must be {\"name\": string, \"arguments\": object}",
                    None,
                )
            }
            // Protocol version 2026-07-28 has no `initialize`.
            "initialize" if context.meta.protocol_version().is_none() => {
                ErrorData::invalid_params(initialize_error_text(request.params), None)
            }
            "server/discover" | "ping" | "tools/list" => ErrorData::invalid_params(
                "params must be an object with the method's parameters",
                None,
            ),
            _ => method_not_found(),
        }))
    }

    // Unsupported methods. rmcp's default error holds only the method's name.
    fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CompleteResult, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    #[expect(
        deprecated,
        reason = "clients of older protocol versions still send it"
    )]
    fn set_level(
        &self,
        _: rmcp::model::SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<GetPromptResponse, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListPromptsResult, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourcesResult, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourceTemplatesResult, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ReadResourceResponse, ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn subscribe(
        &self,
        _: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(method_not_found()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = RegisteredTool::from_name(&request.name) else {
            self.record_invalid_call("unknown tool", &context);
            let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
            return Err(ErrorData::invalid_params(
                format!("unknown tool; the tools are {}", names.join(", ")),
                None,
            ));
        };
        let _call = self.audit_log.begin_call();
        let trace_id = request_trace_id(&context);
        let caller = self.caller(&context, trace_id).await?;
        let mut call = AuditedCall::start(&self.audit_log, &caller, tool.name, trace_id);
        // The HTTP layer has checked the scope too, but of the message as it parsed it.
        if let Some(required) = tool
            .required_scope
            .filter(|required| !caller.scopes().has(*required))
        {
            call.finish(Decision::Refused, Some("scope missing".into()));
            let text = format!("the token lacks the scope {}", required.as_str());
            return Err(ErrorData::invalid_request(text, None));
        }
        let rendered = rendered_result(&context, trace_id)?;
        let parts = context.extensions.get::<axum::http::request::Parts>();
        if parts.is_some_and(|parts| parts.extensions.get::<TenantBusy>().is_some()) {
            let (result, (decision, reason)) = tool.error_result(&ToolError::TenantBusy, trace_id);
            call.finish(decision, reason);
            return Ok(result.into_rmcp(rendered).into());
        }
        let session = parts.and_then(|parts| SessionId::from_headers(&parts.headers));
        let cancellable = self
            .cancellable_calls
            .register(&caller, session, &context.id);
        let running = self.tools.call(
            tool,
            &caller,
            request.arguments.unwrap_or_default(),
            &mut call.details,
            trace_id,
        );
        // rmcp does not stop the handler when the client disconnects (HTTP), sends
        // notifications/cancelled (stdio) or ends the session: it only cancels `context.ct`. A call
        // on the fast path of HTTP is dropped instead, and the drop of `call` records it. Over HTTP
        // the notification arrives in a separate request, which resolves `cancellable`. Dropping
        // `running` cancels its statement.
        let finished = tokio::select! {
            biased; // A result that is ready is sent, even if the call was cancelled meanwhile.
            finished = running => Some(finished),
            () = context.ct.cancelled() => None,
            () = cancellable.cancelled() => None,
        };
        let Some((result, (decision, reason))) = finished else {
            call.finish(Decision::Cancelled, None);
            return Err(ErrorData::internal_error("the call was cancelled", None));
        };
        call.finish(decision, reason);
        Ok(result.into_rmcp(rendered).into())
    }
}
