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

use super::audited_call::AuditedCall;
use super::cancellation::CancellableCalls;
use super::error_text::{auth_error_text, internal_error_text};
use super::instructions;
use super::message::{InitializeSuccess, SessionId};
use super::method::{initialize_error_text, method_not_found};
use super::request_extensions::{
    TenantBusy, http_extension, http_parts, rendered_result, request_caller, request_trace_id,
};
use super::request_span::{measure, method_name};
use super::tool_error::ToolError;
use super::tools::{RegisteredTool, TOOLS, Tools};
use crate::identity::{AuthError, Caller, Identity, OAuthScope, TenantId};
use crate::telemetry::audit::{AuditLog, Decision, Event, EventKind};
use crate::telemetry::{Telemetry, TraceId};

/// The server's name, the same as in the original sample.
const SERVER_NAME: &str = "mcp-zava-sales";

/// How long the instructions wait for the lookup of the stores that a client sees. Without it they
/// name no stores, but each result does.
const VISIBLE_STORES_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may cache the server's description and list of tools. They change only with a
/// new version of the server.
const CACHE_TTL_MS: u64 = 300_000;

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
    telemetry: Telemetry,
}

impl Handler {
    /// Creates a handler that calls `tools`, records each call in `audit_log` and measures each
    /// request by `telemetry`.
    #[must_use]
    pub fn new(
        tools: Arc<Tools>,
        caller_source: CallerSource,
        audit_log: Arc<AuditLog>,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            tools,
            caller_source,
            audit_log,
            cancellable_calls: CancellableCalls::default(),
            telemetry,
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
            CallerSource::Request => request_caller(context).cloned().ok_or_else(|| {
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

    /// The instructions for this client. When the caller lacks the query scope, or the lookup of
    /// their stores fails or times out, the instructions refer to the results instead.
    async fn instructions(&self, context: &RequestContext<RoleServer>) -> String {
        // Boxed: the future is large, and rmcp moves it several times.
        let lookup = Box::pin(async {
            let caller = match &self.caller_source {
                CallerSource::Request => request_caller(context).cloned()?,
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
        instructions::for_stores(stores.as_deref())
    }

    /// Records a call that is malformed or names an unknown tool. Over standard input and output
    /// its caller is not known yet.
    fn record_invalid_call(&self, reason: &'static str, context: &RequestContext<RoleServer>) {
        let caller = request_caller(context);
        self.audit_log.record(Event {
            principal: caller.map(|caller| caller.principal().clone()),
            tenant: caller.map(Caller::tenant),
            ..Event::refused(EventKind::Call, reason, None, request_trace_id(context))
        });
    }

    /// The error for a request that rmcp could not parse as one of its own types.
    fn unreadable_request_error(
        &self,
        request: CustomRequest,
        context: &RequestContext<RoleServer>,
    ) -> ErrorData {
        match request.method.as_str() {
            "tools/call" => {
                self.record_invalid_call("malformed call", context);
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
        }
    }

    /// Calls a tool.
    async fn call(
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
        if http_extension::<TenantBusy>(&context).is_some() {
            let (result, (decision, reason)) = tool.error_result(&ToolError::TenantBusy, trace_id);
            call.finish(decision, reason);
            return Ok(result.into_rmcp(rendered).into());
        }
        let session =
            http_parts(&context).and_then(|parts| SessionId::from_headers(&parts.headers));
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

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let implementation =
            Implementation::new(SERVER_NAME, env!("CARGO_PKG_VERSION")).with_title("Zava retail");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(instructions::PURPOSE)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let method = ("initialize", None);
        measure(&self.telemetry, method, context, async |context| {
            let instructions = self.instructions(&context).await;
            let result = self.negotiate_initialize(&request)?;
            if let Some(success) = http_extension::<InitializeSuccess>(&context) {
                success.report();
            }
            context.peer.set_peer_info(request);
            Ok(result.with_instructions(instructions))
        })
        .await
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        measure(&self.telemetry, ("ping", None), context, async |_| Ok(())).await
    }

    /// Cacheable by this client only, because the instructions say whose rows the caller sees.
    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let method = ("server/discover", None);
        measure(&self.telemetry, method, context, async |context| {
            let instructions = self.instructions(&context).await;
            let result = DiscoverResult::from_server_info(
                self.supported_protocol_versions().into_owned(),
                self.get_info().with_instructions(instructions),
            );
            Ok(result
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Private))
        })
        .await
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        measure(&self.telemetry, ("tools/list", None), context, async |_| {
            let list = ListToolsResult::with_all_items(self.tools.definitions());
            Ok(list
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Public))
        })
        .await
    }

    /// Answers a request that rmcp could not parse as one of its own types.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = (method_name(&request.method), None);
        measure(&self.telemetry, method, context, async |context| {
            Err(self.unreadable_request_error(request, &context))
        })
        .await
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
        let tool = RegisteredTool::from_name(&request.name).map(|tool| tool.name);
        let method = ("tools/call", tool);
        measure(&self.telemetry, method, context, async |context| {
            self.call(request, context).await
        })
        .await
    }
}
