//! `host.json` and `function.json`, as the Functions host reads them, and the rules that ours keep.
//!
//! The published schemas (json.schemastore.org) are no use here: they reject ordinary triggers, and
//! accept misspelled properties. These types know the properties that the files use, with the
//! host's names, and no other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::http::Method;
use serde::Deserialize;

/// The methods of the profile for web applications (`HttpWorkerFunctionProvider` of the host)
/// except CONNECT, which no proxy forwards.
const METHODS: [&str; 8] = [
    "get", "head", "post", "put", "patch", "delete", "options", "trace",
];

/// The log levels below which the host logs the requests' headers or targets.
const QUIET_LEVELS: [&str; 5] = ["Information", "Warning", "Error", "Critical", "None"];

/// The folder of the function for HTTP requests.
pub(super) const HTTP_FUNCTION: &str = "mcp";

/// The folder of the timer's function. The host calls it by this name.
pub(super) const TIMER_FUNCTION: &str = "refresh-embeddings";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HostJson {
    version: String,
    /// How long a function may take; hours, minutes and seconds.
    function_timeout: String,
    pub(super) custom_handler: CustomHandler,
    extensions: Extensions,
    logging: Logging,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CustomHandler {
    pub(super) description: Description,
    /// The streaming proxy.
    #[serde(default)]
    pub(super) enable_proxying_http_request: bool,
    /// The older mode, in which the host builds and buffers a request of its own.
    #[serde(default)]
    pub(super) enable_forwarding_http_request: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Description {
    pub(super) default_executable_path: String,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    /// If true, which is the host's default, every line on standard error is an error to the host.
    use_std_error_stream_for_errors_only: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Extensions {
    http: HttpExtension,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HttpExtension {
    /// `api` if absent.
    route_prefix: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Logging {
    log_level: BTreeMap<String, String>,
    application_insights: ApplicationInsights,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApplicationInsights {
    /// Records the host's calls of this server with their query strings; on by default.
    enable_dependency_tracking: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionJson {
    bindings: Vec<Binding>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type")]
enum Binding {
    #[serde(rename = "httpTrigger")]
    HttpTrigger(HttpTrigger),
    #[serde(rename = "http")]
    Http(HttpOutput),
    #[serde(rename = "timerTrigger")]
    TimerTrigger(TimerTrigger),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HttpTrigger {
    direction: String,
    name: String,
    /// `function` if absent: the host then demands a key.
    auth_level: Option<String>,
    route: String,
    methods: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpOutput {
    direction: String,
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimerTrigger {
    direction: String,
    /// Under which name the host sends the timer's state.
    pub(super) name: String,
    /// Six fields, the first for seconds (NCRONTAB).
    schedule: String,
}

/// A function app with two functions: one for every HTTP request, and one for a timer.
#[derive(Clone, Debug)]
pub(super) struct FunctionApp {
    pub(super) host: HostJson,
    pub(super) trigger: HttpTrigger,
    pub(super) timer: TimerTrigger,
}

impl FunctionApp {
    /// Parses the three files.
    pub(super) fn parse(host: &str, function: &str, timer: &str) -> Result<Self, String> {
        let host = serde_json::from_str(host).map_err(|error| format!("host.json: {error}"))?;
        let function: FunctionJson =
            serde_json::from_str(function).map_err(|error| format!("function.json: {error}"))?;
        let [Binding::HttpTrigger(trigger), Binding::Http(output)] = &function.bindings[..] else {
            return Err("function.json: needs an HTTP trigger, then an HTTP output".to_owned());
        };
        // Only a function with both is proxied; the host would send any other one an envelope.
        if (trigger.direction.as_str(), output.direction.as_str()) != ("in", "out") {
            return Err(
                "function.json: the trigger is an input, the response an output".to_owned(),
            );
        }
        if trigger.name == output.name || trigger.name.is_empty() || output.name.is_empty() {
            return Err("function.json: each binding needs a name of its own".to_owned());
        }
        let timer: FunctionJson =
            serde_json::from_str(timer).map_err(|error| format!("function.json: {error}"))?;
        // With an HTTP output, the host would take it for a function that it can proxy.
        let [Binding::TimerTrigger(timer)] = &timer.bindings[..] else {
            return Err("function.json: needs a timer trigger and nothing else".to_owned());
        };
        if timer.direction != "in" || timer.name.is_empty() {
            return Err("function.json: the timer is an input with a name".to_owned());
        }
        Ok(Self {
            host,
            trigger: trigger.clone(),
            timer: timer.clone(),
        })
    }

    /// Reads an app's folder: `host.json`, and the `function.json` of the two folders beside it,
    /// which are named after their functions.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let entries = fs::read_dir(root).map_err(|error| error.to_string())?;
        let functions = entries.map(|entry| entry.expect("an entry").path().join("function.json"));
        let functions: Vec<_> = functions.filter(|path| path.exists()).collect();
        let names = [HTTP_FUNCTION, TIMER_FUNCTION];
        let expected = names.map(|name| root.join(name).join("function.json"));
        let [http, timer] = &expected;
        if functions.len() != 2 || !expected.iter().all(|path| functions.contains(path)) {
            return Err(format!("the functions {names:?}, not {functions:?}"));
        }
        Self::parse(&read(&root.join("host.json"))?, &read(http)?, &read(timer)?)
    }

    /// Whether the host calls the function for a method, for every path: it answers 404 otherwise.
    pub(super) fn accepts(&self, method: &Method) -> bool {
        let accepted = &self.trigger.methods;
        accepted
            .iter()
            .any(|name| name.eq_ignore_ascii_case(method.as_str()))
    }

    /// Checks what our own files must say beyond the host's syntax.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self {
            host:
                HostJson {
                    version,
                    function_timeout,
                    custom_handler,
                    extensions,
                    logging,
                },
            trigger,
            timer,
        } = self;
        let executable = &custom_handler.description.default_executable_path;
        let default_level = logging.log_level.get("default").map(String::as_str);
        let rules = [
            (version == "2.0", "version is 2.0"),
            (
                custom_handler.enable_proxying_http_request
                    && !custom_handler.enable_forwarding_http_request,
                "requests pass through the streaming proxy",
            ),
            (
                executable == env!("CARGO_PKG_NAME"),
                "the executable is in the app's folder",
            ),
            (
                custom_handler
                    .description
                    .use_std_error_stream_for_errors_only
                    == Some(false),
                "a line on standard error is an error only if it says so",
            ),
            (
                extensions.http.route_prefix.as_deref() == Some(""),
                "routes have no prefix",
            ),
            (
                matches!(default_level, Some("Warning" | "Error")),
                "the host itself logs warnings and errors only",
            ),
            (
                logging
                    .log_level
                    .values()
                    .all(|level| QUIET_LEVELS.contains(&level.as_str())),
                "the host logs no headers",
            ),
            (
                logging
                    .log_level
                    .get("Host.Function.Console")
                    .is_some_and(|level| level == "Information"),
                "the host passes on the server's log",
            ),
            (
                logging.application_insights.enable_dependency_tracking == Some(false),
                "the host records no query strings",
            ),
            (
                trigger.auth_level.as_deref() == Some("anonymous"),
                "the server authenticates callers, not the host",
            ),
            (trigger.route == "{*route}", "every path reaches the server"),
            (
                trigger.methods == METHODS,
                "every method reaches the server",
            ),
            (
                function_timeout == "00:10:00",
                "a function may take longer than the nine minutes of a refresh",
            ),
            (
                timer.schedule == "0 */15 * * * *",
                "the timer calls every 15 minutes",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, rule)) => Err((*rule).to_owned()),
        }
    }
}
