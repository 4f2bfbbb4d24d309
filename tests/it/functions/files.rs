//! Our `host.json` and the two `function.json` pass the checks, and no damaged variant does.

use serde_json::{Value, json};

use super::app::FunctionApp;

const HOST: &str = include_str!("../../../host.json");
const FUNCTION: &str = include_str!("../../../function/mcp/function.json");
const TIMER: &str = include_str!("../../../function/refresh-embeddings/function.json");

fn check(host: &str, function: &str, timer: &str) -> Result<(), String> {
    FunctionApp::parse(host, function, timer)?.check()
}

#[test]
fn our_files_pass_the_checks() {
    assert_eq!(check(HOST, FUNCTION, TIMER), Ok(()));
}

/// Each change is one that the host would accept, silently or with an error that names something
/// else.
#[test]
fn every_damaged_variant_is_rejected() {
    // What a change makes of a file: `Value::Null` removes the member.
    let changed = |text: &str, pointer: &str, value: &Value| {
        let mut json: Value = serde_json::from_str(text).expect("JSON");
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        let parent = json.pointer_mut(parent).expect("the parent");
        match (parent, value) {
            (Value::Object(members), Value::Null) => {
                members.remove(member).expect("the member");
            }
            (Value::Object(members), value) => {
                members.insert(member.to_owned(), value.clone());
            }
            (Value::Array(items), Value::Null) => {
                items.remove(member.parse().expect("an index"));
            }
            (Value::Array(items), value) => {
                let index = member.parse::<usize>().expect("an index");
                if index == items.len() {
                    items.push(value.clone());
                } else {
                    items[index] = value.clone();
                }
            }
            (parent, _) => panic!("{pointer} of {parent}"),
        }
        json.to_string()
    };
    let host_changes = [
        ("/version", json!("1.0")),
        ("/version", Value::Null),
        ("/functionTimeout", Value::Null),
        ("/functionTimeout", json!("00:05:00")),
        ("/functionTimeouts", json!("00:10:00")),
        // The profile excludes function.json, and is a preview.
        ("/configurationProfile", json!("mcp-custom-handler")),
        (
            "/extensionBundle",
            json!({"id": "Microsoft.Azure.Functions.ExtensionBundle"}),
        ),
        (
            "/customHandler/http",
            json!({"routes": [{"route": "{*route}"}]}),
        ),
        ("/customHandler/port", json!("8080")),
        ("/customHandler/enableProxyingHttpRequest", Value::Null),
        ("/customHandler/enableProxyingHttpRequest", json!(false)),
        ("/customHandler/enableProxyingHttpRequest", json!("true")),
        ("/customHandler/enableProxyingHttpRequests", json!(true)),
        ("/customHandler/enableForwardingHttpRequest", json!(true)),
        (
            "/customHandler/description/defaultExecutablePath",
            Value::Null,
        ),
        (
            "/customHandler/description/defaultExecutablePath",
            json!("bin/zava-mcp-server"),
        ),
        (
            "/customHandler/description/defaultExecutablePath",
            json!("zava-mcp-server.exe"),
        ),
        (
            "/customHandler/description/useStdErrorStreamForErrorsOnly",
            Value::Null,
        ),
        (
            "/customHandler/description/useStdErrorStreamForErrorsOnly",
            json!(true),
        ),
        ("/customHandler/description/arguments", json!("serve")),
        ("/extensions/http/routePrefix", Value::Null),
        ("/extensions/http/routePrefix", json!("api")),
        ("/extensions/http/routePrefx", json!("")),
        ("/extensions", Value::Null),
        ("/logging/logLevel/default", Value::Null),
        ("/logging/logLevel/default", json!("Information")),
        ("/logging/logLevel/Function", json!("Trace")),
        ("/logging/logLevel/Yarp", json!("Debug")),
        ("/logging/logLevel/Host.Function.Console", Value::Null),
        ("/logging/logLevel/Host.Function.Console", json!("Warning")),
        (
            "/logging/applicationInsights/enableDependencyTracking",
            Value::Null,
        ),
        (
            "/logging/applicationInsights/enableDependencyTracking",
            json!(true),
        ),
    ];
    for (pointer, value) in host_changes {
        let host = changed(HOST, pointer, &value);
        assert!(check(&host, FUNCTION, TIMER).is_err(), "{pointer}: {value}");
    }
    let function_changes = [
        ("/bindings/0", Value::Null),
        ("/bindings/1", Value::Null),
        ("/bindings/0/type", json!("timerTrigger")),
        ("/bindings/0/type", json!("HttpTrigger")),
        ("/bindings/0/direction", json!("out")),
        ("/bindings/0/direction", Value::Null),
        ("/bindings/0/name", json!("res")),
        ("/bindings/0/authLevel", Value::Null),
        ("/bindings/0/authLevel", json!("function")),
        ("/bindings/0/route", Value::Null),
        ("/bindings/0/route", json!("mcp")),
        ("/bindings/0/route", json!("/{*route}")),
        ("/bindings/0/route", json!("{route}")),
        ("/bindings/0/methods", json!([])),
        ("/bindings/0/methods", json!(["get", "post"])),
        ("/bindings/0/methods/6", Value::Null),
        ("/bindings/0/webHookType", json!("generic")),
        ("/bindings/1/direction", json!("in")),
        ("/bindings/1/name", json!("")),
        ("/disabled", json!(true)),
        ("/scriptFile", json!("../zava-mcp-server")),
    ];
    for (pointer, value) in function_changes {
        let function = changed(FUNCTION, pointer, &value);
        assert!(check(HOST, &function, TIMER).is_err(), "{pointer}: {value}");
    }
    let timer_changes = [
        ("/bindings/0", Value::Null),
        (
            "/bindings/1",
            json!({"type": "http", "direction": "out", "name": "res"}),
        ),
        ("/bindings/0/type", json!("httpTrigger")),
        ("/bindings/0/type", json!("timertrigger")),
        ("/bindings/0/direction", json!("out")),
        ("/bindings/0/direction", Value::Null),
        ("/bindings/0/name", json!("")),
        ("/bindings/0/name", Value::Null),
        ("/bindings/0/schedule", Value::Null),
        // Every minute, or five fields, which the host takes for another schedule.
        ("/bindings/0/schedule", json!("0 * * * * *")),
        ("/bindings/0/schedule", json!("*/15 * * * *")),
        // It would run with every scale-out.
        ("/bindings/0/runOnStartup", json!(true)),
        ("/bindings/0/useMonitor", json!(false)),
        ("/disabled", json!(true)),
        ("/scriptFile", json!("../zava-mcp-server")),
    ];
    for (pointer, value) in timer_changes {
        let timer = changed(TIMER, pointer, &value);
        assert!(check(HOST, FUNCTION, &timer).is_err(), "{pointer}: {value}");
    }
}
