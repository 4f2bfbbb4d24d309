use super::*;

const KEY: &str = "InstrumentationKey=11111111-2222-3333-4444-555555555555";
const CONNECTION: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";
const AUTHENTICATION: &str = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
const ID: &str = "11111111-2222-3333-4444-555555555555";
const IDENTITY: [(&str, &str); 2] = [
    ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
    ("AZURE_CLIENT_ID", ID),
];

fn telemetry(variables: &[(&str, &str)]) -> TelemetrySettings {
    let settings = ServeSettings::from_environment(&environment_with(variables));
    settings.expect("valid settings").telemetry
}

/// The variable and the message of each problem.
fn problems(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let error = ServeSettings::from_environment(&environment_with(variables));
    let problems = error.expect_err("invalid settings").problems.into_iter();
    problems
        .map(|problem| (problem.variable, problem.message))
        .collect()
}

#[test]
fn nothing_is_sent_without_a_destination() {
    assert!(!telemetry(&[]).is_enabled());
    // Variables of other programs of the same host.
    let unused = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x"),
        (AUTHENTICATION, "Authorization=AAD"),
    ];
    assert!(!telemetry(&unused).is_enabled());
}

#[test]
fn connection_strings_in_the_forms_of_the_portal_are_accepted() {
    for (text, endpoint) in [
        (KEY.to_owned(), "https://dc.services.visualstudio.com/"),
        (format!("{KEY};"), "https://dc.services.visualstudio.com/"),
        (
            format!(" {KEY} ; IngestionEndpoint = https://a.test/ ;; "),
            "https://a.test/",
        ),
        (
            format!(
                "Authorization=ikey;{KEY};ingestionendpoint=https://a.test;LiveEndpoint=https://b.test/;ApplicationId=x"
            ),
            "https://a.test/",
        ),
        (
            format!("{KEY};EndpointSuffix=applicationinsights.us;Location=usgov"),
            "https://usgov.dc.applicationinsights.us/",
        ),
    ] {
        let telemetry = telemetry(&[(CONNECTION, &text)]);
        let target = telemetry.application_insights.expect("a resource");
        assert_eq!(target.ingestion_endpoint.as_str(), endpoint, "{text}");
        assert_eq!(target.instrumentation_key.to_string(), ID);
        assert_eq!(target.token_scope, None);
    }
}

#[test]
fn other_connection_strings_are_rejected_with_what_is_wrong() {
    for (text, expected) in [
        (
            "IngestionEndpoint=https://a.test/".to_owned(),
            "has no InstrumentationKey",
        ),
        (";".to_owned(), "has no InstrumentationKey"),
        ("InstrumentationKey=x".to_owned(), "no UUID"),
        ("InstrumentationKey=".to_owned(), "without a value"),
        (
            "11111111-2222-3333-4444-555555555555".to_owned(),
            "Name=value pairs",
        ),
        (format!("{KEY};{KEY}"), "the same name twice"),
        (
            format!("{KEY};IngestionEndpoint=http://a.test/"),
            "https://",
        ),
        (format!("{KEY};IngestionEndpoint=a.test"), "https://"),
        (
            format!("{KEY};IngestionEndpoint=https://a.test/?x"),
            "https://",
        ),
        (
            format!("{KEY};Authorization=AAD"),
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING=",
        ),
        (
            "@Microsoft.KeyVault(VaultName=v;SecretName=n)".to_owned(),
            "Key Vault reference",
        ),
    ] {
        let problems = problems(&[(CONNECTION, &text)]);
        let [(variable, message)] = problems.as_slice() else {
            panic!("{text}: {problems:?}");
        };
        assert_eq!(variable, CONNECTION, "{text}");
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn tokens_are_those_of_the_servers_identity() {
    let with = |authentication: &'static str, others: &[(&'static str, &'static str)]| {
        let mut variables = vec![(CONNECTION, KEY), (AUTHENTICATION, authentication)];
        variables.extend(others);
        variables
    };
    let named = "ClientId=11111111-2222-3333-4444-555555555555;Authorization=AAD";
    for authentication in [named, "authorization=aad;"] {
        let target = telemetry(&with(authentication, &IDENTITY)).application_insights;
        let scope = target.expect("a resource").token_scope;
        assert_eq!(
            scope.as_deref(),
            Some("https://monitor.azure.com//.default")
        );
    }
    let sovereign = [
        (
            CONNECTION,
            &*format!("{KEY};AADAudience=https://monitor.azure.us/"),
        ),
        (AUTHENTICATION, named),
        IDENTITY[0],
        IDENTITY[1],
    ];
    let target = telemetry(&sovereign).application_insights;
    let scope = target.expect("a resource").token_scope;
    assert_eq!(scope.as_deref(), Some("https://monitor.azure.us//.default"));
    for (authentication, others, variable) in [
        (
            "ClientId=x;Authorization=AAD",
            &IDENTITY[..],
            AUTHENTICATION,
        ),
        ("Authorization=ikey", &IDENTITY, AUTHENTICATION),
        ("AAD", &IDENTITY, AUTHENTICATION),
        // Another identity.
        (named, &IDENTITY[..1], AUTHENTICATION),
        (named, &[], "ZAVA_AZURE_CREDENTIAL"),
    ] {
        let problems = problems(&with(authentication, others));
        assert_eq!(problems.len(), 1, "{authentication}: {problems:?}");
        assert_eq!(problems[0].0, variable, "{authentication}");
    }
}

#[test]
fn headers_of_a_collector_are_decoded_and_never_sent_without_encryption() {
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let headers = "OTEL_EXPORTER_OTLP_HEADERS";
    let telemetry = telemetry(&[
        (endpoint, "http://localhost:4318"),
        (headers, "api-key=a%2Cb, x-other = c=d ,"),
    ]);
    let otlp = telemetry.otlp.expect("a collector");
    let sent: Vec<_> = otlp
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    assert_eq!(sent, [("api-key", "a,b"), ("x-other", "c=d")]);
    for (variables, variable) in [
        (&[(endpoint, "localhost:4318")][..], endpoint),
        (&[(endpoint, "https://user:password@a.test")], endpoint),
        (
            &[(endpoint, "http://a.test"), (headers, "api-key=x")],
            headers,
        ),
        (
            &[(endpoint, "https://a.test"), (headers, "api key=x")],
            headers,
        ),
        (&[(endpoint, "https://a.test"), (headers, "a=%0a")], headers),
        (
            &[
                (endpoint, "https://a.test"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ],
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
    ] {
        let problems = problems(variables);
        assert_eq!(problems.len(), 1, "{variables:?}: {problems:?}");
        assert_eq!(problems[0].0, variable, "{variables:?}");
    }
}

#[test]
fn ratios_and_intervals_have_ranges() {
    let accepted = telemetry(&[
        ("ZAVA_TRACE_SAMPLE_RATIO", "0.05"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
    ]);
    assert_eq!(accepted.sample_ratio, 0.05);
    assert_eq!(accepted.metric_interval.as_secs(), 1);
    for (variable, value) in [
        ("ZAVA_TRACE_SAMPLE_RATIO", "1.1"),
        ("ZAVA_TRACE_SAMPLE_RATIO", "NaN"),
        ("ZAVA_TRACE_SAMPLE_RATIO", "-0.1"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "999"),
    ] {
        assert_eq!(problems(&[(variable, value)])[0].0, variable, "{value}");
    }
}
