use super::*;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const HOST_JSON: &str = include_str!("../../../host.json");

#[test]
fn migrate_creates_the_indexer_only_if_its_credential_is_set() {
    let indexer = |extra: &[(&str, &str)]| {
        AdminSettings::from_environment(&environment_with(extra))
            .expect("valid settings")
            .indexer
    };
    assert!(indexer(&[]).is_none());
    assert!(indexer(&[("POSTGRES_INDEXER_USER", "other")]).is_none());
    let with_password = indexer(&[("POSTGRES_INDEXER_PASSWORD", "hunter2-indexer")]);
    let with_password = with_password.expect("a login");
    assert_eq!(with_password.user, "zava_indexer");
    assert!(matches!(
        with_password.identity,
        LoginIdentity::Password(Secret::Literal(_))
    ));
    assert!(!format!("{with_password:?}").contains("hunter2"));

    let entra = [
        ("POSTGRES_AUTH", "entra"),
        ("POSTGRES_DB_HOST", "zava.postgres.database.azure.com"),
        ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
        ("POSTGRES_ENTRA_OBJECT_ID", ID),
        // Ignored, like all passwords.
        ("POSTGRES_INDEXER_PASSWORD", "x"),
    ];
    assert!(indexer(&entra).is_none());
    let mut with_principal = entra.to_vec();
    with_principal.extend([
        ("POSTGRES_INDEXER_ENTRA_OBJECT_ID", ID),
        ("POSTGRES_INDEXER_USER", "indexer@example"),
    ]);
    let with_principal = indexer(&with_principal).expect("a login");
    assert_eq!(with_principal.user, "indexer@example");
    assert!(
        matches!(with_principal.identity, LoginIdentity::Principal(id) if id.to_string() == ID)
    );
}

#[test]
fn the_indexers_password_may_be_in_key_vault() {
    let reference = "@Microsoft.KeyVault(VaultName=zava;SecretName=indexer)";
    let extra = [
        ("POSTGRES_INDEXER_PASSWORD", reference),
        ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
    ];
    let embed = EmbedSettings::from_environment(&environment_with(&extra)).expect("valid");
    assert!(embed.azure.is_some());
    let LoginMethod::Password(Secret::KeyVault(reference)) = embed.indexer.method else {
        panic!("{:?}", embed.indexer);
    };
    assert_eq!(
        (reference.setting, &*reference.name),
        ("POSTGRES_INDEXER_PASSWORD", "indexer")
    );
    let error = EmbedSettings::from_environment(&environment_with(&extra[..1]));
    let problems = error.expect_err("no identity").problems;
    assert_eq!(problems[0].variable, "ZAVA_AZURE_CREDENTIAL");
}

#[test]
fn embed_takes_another_model_of_a_service_only() {
    let service = [
        ("POSTGRES_INDEXER_PASSWORD", "x"),
        ("AZURE_OPENAI_ENDPOINT", "https://zava.openai.azure.com"),
        ("AZURE_OPENAI_API_VERSION", "2024-10-21"),
        ("ZAVA_EMBEDDING_API_KEY", "key"),
        ("EMBEDDING_MODEL_DEPLOYMENT_NAME", "old"),
    ];
    let environment = environment_with(&service);
    let model = |settings: Result<EmbedSettings, SettingsError>| match settings
        .expect("valid")
        .search
        .embedder
    {
        Some(EmbedderSettings::OpenAi(openai)) => (openai.model, openai.url.to_string()),
        other => panic!("{other:?}"),
    };
    let (name, url) = model(EmbedSettings::from_environment(&environment));
    assert!(name == "old" && url.contains("/deployments/old/"), "{url}");
    let (name, url) = model(EmbedSettings::for_model(&environment, "new"));
    assert!(name == "new" && url.contains("/deployments/new/"), "{url}");
    for extra in [
        &[("POSTGRES_INDEXER_PASSWORD", "x")][..],
        &[
            ("POSTGRES_INDEXER_PASSWORD", "x"),
            ("ZAVA_EMBEDDING_MODEL_DIR", "model"),
        ],
    ] {
        let environment = environment_with(extra);
        EmbedSettings::from_environment(&environment).expect("valid without a model");
        let error = EmbedSettings::for_model(&environment, "new").expect_err("no service");
        assert!(error.to_string().contains("`--model`"), "{error}");
    }
}

/// What the timer may do, by the environment and the text of `host.json`.
fn timer(extra: &[(&str, &str)], host_json: Option<&str>) -> TimerSettings {
    let environment = environment_with(extra);
    let environment = match host_json {
        None => environment,
        Some(text) => environment.with_host_json(text),
    };
    ServeSettings::from_environment(&environment)
        .expect("valid settings")
        .timer
}

/// The timer's calls can be told from forged ones only behind the host's streaming proxy.
#[test]
fn the_timer_has_an_endpoint_only_behind_the_streaming_proxy() {
    let hosted = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071"),
        ("ZAVA_AUTH", "apikey"),
        ("ZAVA_PUBLIC_URL", "https://zava.example.com"),
        ("POSTGRES_INDEXER_PASSWORD", "x"),
    ];
    let enabled = timer(&hosted, Some(HOST_JSON));
    assert!(
        matches!(&enabled, TimerSettings::Enabled(login) if login.user == "zava_indexer"),
        "{enabled:?}"
    );
    let older = HOST_JSON.replace("enableProxyingHttpRequest", "enableForwardingHttpRequest");
    let both = HOST_JSON.replace(
        "\"enableProxyingHttpRequest\": true",
        "\"enableProxyingHttpRequest\": true, \"EnableForwardingHttpRequest\": \"true\"",
    );
    let off = HOST_JSON.replace("HttpRequest\": true", "HttpRequest\": false");
    for text in [
        Some(older.as_str()),
        Some(&both),
        Some(&off),
        Some("{}"),
        Some("[]"),
        Some(r#"{"customHandler": []}"#),
        Some("not JSON"),
        Some(""),
        None,
    ] {
        let timer = timer(&hosted, text);
        assert!(matches!(timer, TimerSettings::NoEndpoint), "{text:?}");
    }
    for name in [
        "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest",
        "AZUREFUNCTIONSJOBHOST:CUSTOMHANDLER:enableProxyingHttpRequest",
    ] {
        let mut overridden = hosted.to_vec();
        overridden.push((name, "x"));
        let timer = timer(&overridden, Some(HOST_JSON));
        assert!(matches!(timer, TimerSettings::NoEndpoint), "{name}");
    }
    // Not started by the Functions host: what lies in the working directory counts for nothing.
    let elsewhere = timer(&hosted[3..], Some(HOST_JSON));
    assert!(matches!(elsewhere, TimerSettings::NoEndpoint));
}

#[test]
fn a_timer_that_cannot_refresh_knows_why() {
    let hosted = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071"),
        ("ZAVA_AUTH", "apikey"),
        ("ZAVA_PUBLIC_URL", "https://zava.example.com"),
    ];
    let entra = [
        ("POSTGRES_AUTH", "entra"),
        ("POSTGRES_DB_HOST", "zava.postgres.database.azure.com"),
        ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
    ];
    let pooler = [
        ("POSTGRES_INDEXER_PASSWORD", "x"),
        ("POSTGRES_POOL_MODE", "transaction"),
    ];
    for (extra, expected) in [
        (&[][..], "POSTGRES_INDEXER_PASSWORD is not set"),
        (&entra, "POSTGRES_INDEXER_USER is not set"),
        (&pooler, "without a pooler"),
    ] {
        let extra: Vec<_> = hosted.iter().chain(extra).copied().collect();
        match timer(&extra, Some(HOST_JSON)) {
            TimerSettings::Disabled(reason) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let mut extra: Vec<_> = hosted.iter().chain(&entra).copied().collect();
    extra.push(("POSTGRES_INDEXER_USER", "zava_indexer"));
    let enabled = timer(&extra, Some(HOST_JSON));
    assert!(
        matches!(&enabled, TimerSettings::Enabled(login) if matches!(login.method, LoginMethod::Entra { .. })),
        "{enabled:?}"
    );
}
