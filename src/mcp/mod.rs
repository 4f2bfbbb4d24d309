//! What a client sees: the server's name, its tools and their results.
//!
//! Knows rmcp and the modules that answer; must not know HTTP routes, sockets or how a caller was recognised.
//! Invariants: no tool runs without a [`Caller`]; a request that has none is our bug and answers nothing. No tool runs on
//! for a client that has gone.
mod audited_call; // a call that is recorded when it ends, however it ends
mod cancellation; // calls that their clients can give up
mod message; // what the HTTP layer needs to know of a message
mod method; // which methods there are, and why a request of one cannot be read
mod rendered; // a tool's result as JSON text, past rmcp's types
mod result; // a tool's answer: text and structured content
mod tool_error; // what went wrong, in the client's words and in the log's
mod tools; // one file a tool

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
pub use message::{MessageHead, SESSION_HEADER, SessionBegun, SessionId};
use method::no_such_method;
pub use method::{initialize_fault, protocol_versions};
pub use rendered::{RenderedMessage, RenderedResult};
pub use tool_error::refusal_text;
pub use tools::{DefaultLimits, ToolName, Tools};

/// The server's name, as the original sample has it.
const NAME: &str = "mcp-zava-sales";

const INSTRUCTIONS: &str = "Answers questions about Zava, a home-improvement retailer: sales, products, customers, stock. \
Fetch the schemas of the tables you need once, then query; use search for products described in words.";

/// The most time spent on finding out whose rows a client sees; the results say it too.
const SCOPE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may keep what the server says of itself: it changes with a new version only.
const FRESH_FOR_MS: u64 = 300_000;

/// The HTTP layer puts it into a request of a tenant that has as many in flight as it may: a call
/// of a tool is then answered as busy. An HTTP status would end the session of some clients, with
/// all their other calls.
#[derive(Clone, Copy, Debug)]
pub struct TenantBusy;

/// Where the caller of a request is found.
#[derive(Clone, Debug)]
pub enum Callers {
    /// The HTTP layer has put it into the request.
    OfRequest,
    /// One tenant for the life of the process (standard input and output).
    Fixed(Arc<Identity>, TenantId),
}

/// Answers MCP requests. One value serves every request; it keeps nothing of any.
#[derive(Clone, Debug)]
pub struct Handler {
    tools: Arc<Tools>,
    callers: Callers,
    audit_log: Arc<AuditLog>,
    cancellable: CancellableCalls,
}

impl Handler {
    /// A handler that calls `tools` for `callers`, and notes each call in `audit_log`.
    #[must_use]
    pub fn new(tools: Arc<Tools>, callers: Callers, audit_log: Arc<AuditLog>) -> Self {
        Self {
            tools,
            callers,
            audit_log,
            cancellable: CancellableCalls::default(),
        }
    }

    /// The calls that can be cancelled by id.
    #[must_use]
    pub fn cancellable_calls(&self) -> CancellableCalls {
        self.cancellable.clone()
    }

    async fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        match &self.callers {
            Callers::OfRequest => context
                .extensions
                .get::<axum::http::request::Parts>()
                .and_then(|parts| parts.extensions.get::<Caller>())
                .cloned()
                .ok_or_else(|| {
                    tracing::error!("a request reached a tool without a caller");
                    ErrorData::internal_error("the server could not tell who is calling", None)
                }),
            Callers::Fixed(identity, tenant) => {
                identity
                    .caller_for_tenant(*tenant)
                    .await
                    .map_err(|refusal: AuthError| {
                        let event = Event::refused(
                            EventKind::Authentication,
                            refusal.reason(),
                            None,
                            trace_id(context),
                        );
                        self.audit_log.record(event.failed_if(refusal.is_outage()));
                        let text = refusal_text(&refusal);
                        if refusal.is_outage() {
                            ErrorData::internal_error(text, None)
                        } else {
                            ErrorData::invalid_request(text, None)
                        }
                    })
            }
        }
    }

    /// The instructions, with whose rows this client sees: a model that does not know it takes a
    /// store's average for the company's. Without a caller who may query, or a database that
    /// answers soon, it is left to the results.
    async fn instructions(&self, context: &RequestContext<RoleServer>) -> String {
        // On the heap: rmcp moves this future several times, and it is large.
        let asking = Box::pin(async {
            let caller = match &self.callers {
                Callers::OfRequest => {
                    let parts = context.extensions.get::<axum::http::request::Parts>()?;
                    parts.extensions.get::<Caller>().cloned()?
                }
                Callers::Fixed(identity, tenant) => {
                    identity.caller_for_tenant(*tenant).await.ok()?
                }
            };
            if !caller.scopes().has(OAuthScope::Query) {
                return None;
            }
            self.tools.catalog.visible_stores(&caller).await.ok()
        });
        let stores = timeout(SCOPE_TIMEOUT, asking).await.ok().flatten();
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

    /// Notes a call that names no tool of ours. Over standard input and output its caller is not known yet.
    fn note_unusable(&self, reason: &'static str, context: &RequestContext<RoleServer>) {
        let parts = context.extensions.get::<axum::http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
        self.audit_log.record(Event {
            principal: caller.map(|caller| caller.principal().clone()),
            tenant: caller.map(Caller::tenant),
            ..Event::refused(EventKind::Call, reason, None, trace_id(context))
        });
    }
}

/// The trace id that the HTTP layer has put into the request, or one of its own.
fn trace_id(context: &RequestContext<RoleServer>) -> TraceId {
    let parts = context.extensions.get::<axum::http::request::Parts>();
    let known = parts.and_then(|parts| parts.extensions.get::<TraceId>());
    known.copied().unwrap_or_else(|| TraceId::of_request(None))
}

/// Where the result of a call is left: HTTP and standard input put it into each request.
fn rendered_result(context: &RequestContext<RoleServer>) -> Result<&RenderedResult, ErrorData> {
    let parts = context.extensions.get::<axum::http::request::Parts>();
    let of_http = parts.and_then(|parts| parts.extensions.get());
    of_http.or_else(|| context.extensions.get()).ok_or_else(|| {
        tracing::error!("a call reached a tool without a place for its result");
        ErrorData::internal_error("the server has no place for the result", None)
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
        if let Some(session) = parts.and_then(|parts| parts.extensions.get::<SessionBegun>()) {
            session.begin();
        }
        context.peer.set_peer_info(request);
        Ok(result.with_instructions(instructions))
    }

    /// Private, because the instructions say whose rows the caller sees.
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
            .with_ttl_ms(FRESH_FOR_MS)
            .with_cache_scope(CacheScope::Private))
    }

    fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send + '_ {
        let list = ListToolsResult::with_all_items(self.tools.definitions());
        ready(Ok(list
            .with_ttl_ms(FRESH_FOR_MS)
            .with_cache_scope(CacheScope::Public)))
    }

    /// What rmcp could not read as a request it knows.
    fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CustomResult, ErrorData>> + Send + '_ {
        ready(Err(match request.method.as_str() {
            "tools/call" => {
                self.note_unusable("malformed call", &context);
                ErrorData::invalid_params(
                    "params must be {\"name\": string, \"arguments\": object}",
                    None,
                )
            }
            // Clients of 2026-07-28 have no such method.
            "initialize" if context.meta.protocol_version().is_none() => {
                ErrorData::invalid_params(initialize_fault(request.params), None)
            }
            "server/discover" | "ping" | "tools/list" => {
                ErrorData::invalid_params("params must be an object of the method's members", None)
            }
            _ => no_such_method(),
        }))
    }

    // Methods that this server does not have. rmcp's default answer holds the method's name only.
    fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CompleteResult, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    #[expect(deprecated, reason = "clients of older versions still send it")]
    fn set_level(
        &self,
        _: rmcp::model::SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<GetPromptResponse, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListPromptsResult, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourcesResult, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListResourceTemplatesResult, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ReadResourceResponse, ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn subscribe(
        &self,
        _: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<(), ErrorData>> + Send + '_ {
        ready(Err(no_such_method()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = ToolName::of(&request.name) else {
            self.note_unusable("unknown tool", &context);
            let known: Vec<&str> = ToolName::ALL.iter().map(|tool| tool.as_str()).collect();
            return Err(ErrorData::invalid_params(
                format!("unknown tool; there are {}", known.join(", ")),
                None,
            ));
        };
        let _call = self.audit_log.call();
        let caller = self.caller(&context).await?;
        let mut call = AuditedCall::begin(&self.audit_log, &caller, tool, trace_id(&context));
        // The HTTP layer has looked already, at the message as it read it.
        if let Some(needed) = tool
            .needed_scope()
            .filter(|needed| !caller.scopes().has(*needed))
        {
            call.end(Decision::Refused, Some("scope missing".into()));
            let text = format!("the token lacks the scope {}", needed.as_str());
            return Err(ErrorData::invalid_request(text, None));
        }
        let rendered = rendered_result(&context)?;
        let parts = context.extensions.get::<axum::http::request::Parts>();
        if parts.is_some_and(|parts| parts.extensions.get::<TenantBusy>().is_some()) {
            let (answer, reason) = Tools::busy(tool);
            call.end(Decision::Refused, Some(reason));
            return Ok(answer.into_result(rendered).into());
        }
        let session = parts.and_then(|parts| SessionId::from_headers(&parts.headers));
        let cancellable = self.cancellable.register(&caller, session, &context.id);
        // On the heap: rmcp moves this future several times, and it is large.
        let calling = Box::pin(self.tools.call(
            tool,
            &caller,
            request.arguments.unwrap_or_default(),
            &mut call.access,
        ));
        // rmcp leaves the handler running when the client has gone (HTTP), has sent
        // notifications/cancelled (standard input), or when the session ends; it only cancels its
        // token. A plain call over HTTP is dropped instead, and recorded by `call`. The
        // notification comes in a request of its own over HTTP, which `cancellable` tells of.
        // Dropping the call cancels its statement.
        let called = tokio::select! {
            biased; // an answer that is there is given
            called = calling => Some(called),
            () = context.ct.cancelled() => None,
            () = cancellable.cancelled() => None,
        };
        let Some((answer, verdict)) = called else {
            call.end(Decision::Cancelled, None);
            return Err(ErrorData::internal_error("the call was cancelled", None));
        };
        let (decision, reason) = match verdict {
            None => (Decision::Allowed, None),
            Some((decision, reason)) => (decision, Some(reason)),
        };
        call.end(decision, reason);
        Ok(answer.into_result(rendered).into())
    }
}
