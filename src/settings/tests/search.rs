use super::*;

const AZURE: (&str, &str) = ("AZURE_OPENAI_ENDPOINT", "https://zava.openai.azure.com/");
const KEY_OF_AZURE: (&str, &str) = ("ZAVA_EMBEDDING_API_KEY", "hunter2-embedding");
const IDENTITY: (&str, &str) = ("ZAVA_AZURE_CREDENTIAL", "managed-identity");

fn openai(variables: &[(&str, &str)]) -> OpenAiSettings {
    let settings = ServeSettings::from_environment(&environment_with(variables));
    match settings.expect("valid settings").search.embedder {
        Some(EmbedderSettings::OpenAi(openai)) => *openai,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_source_of_embeddings_is_the_one_that_is_named() {
    let embedder = |variables: &[(&str, &str)]| {
        let settings = ServeSettings::from_environment(&environment_with(variables));
        settings.expect("valid settings").search.embedder
    };
    assert!(embedder(&[]).is_none());
    // A setting for services alone changes nothing.
    assert!(embedder(&[KEY_OF_AZURE, ("AZURE_OPENAI_SCOPE", "x")]).is_none());
    let directory = [("ZAVA_EMBEDDING_MODEL_DIR", "a/folder")];
    assert!(matches!(
        embedder(&directory),
        Some(EmbedderSettings::StaticModel(_))
    ));
}

#[test]
fn azure_openai_is_called_with_tokens_or_a_key() {
    let with_tokens = openai(&[AZURE, IDENTITY]);
    assert_eq!(
        with_tokens.url.as_str(),
        "https://zava.openai.azure.com/openai/v1/embeddings"
    );
    assert_eq!(with_tokens.model, "text-embedding-3-small");
    assert_eq!(with_tokens.dimensions, 1536);
    match with_tokens.auth {
        OpenAiAuth::Entra { scope, .. } => {
            assert_eq!(scope, "https://cognitiveservices.azure.com/.default");
        }
        other => panic!("{other:?}"),
    }
    let scope = ("AZURE_OPENAI_SCOPE", "https://ai.azure.com/.default");
    let other_scope = openai(&[AZURE, IDENTITY, scope]).auth;
    assert!(
        matches!(other_scope, OpenAiAuth::Entra { scope, .. } if scope == "https://ai.azure.com/.default")
    );

    let with_key = openai(&[AZURE, KEY_OF_AZURE, IDENTITY]);
    assert!(matches!(with_key.auth, OpenAiAuth::AzureKey(_)));
    assert!(!format!("{with_key:?}").contains("hunter2"), "{with_key:?}");
    let reference = "@Microsoft.KeyVault(VaultName=zava;SecretName=key)";
    let in_vault = openai(&[AZURE, ("ZAVA_EMBEDDING_API_KEY", reference), IDENTITY]);
    assert!(matches!(
        in_vault.auth,
        OpenAiAuth::AzureKey(Secret::KeyVault(_))
    ));
}

#[test]
fn a_version_selects_the_path_of_the_deployment() {
    for (endpoint, model, version, url) in [
        (
            "https://zava.openai.azure.com",
            "text-embedding-3-large",
            "2024-10-21",
            "https://zava.openai.azure.com/openai/deployments/text-embedding-3-large/embeddings?api-version=2024-10-21",
        ),
        (
            "https://gateway.example.com/ai/",
            "a/b?c",
            "2025-04-01-preview",
            "https://gateway.example.com/ai/openai/deployments/a%2Fb%3Fc/embeddings?api-version=2025-04-01-preview",
        ),
    ] {
        let openai = openai(&[
            ("AZURE_OPENAI_ENDPOINT", endpoint),
            ("EMBEDDING_MODEL_DEPLOYMENT_NAME", model),
            ("AZURE_OPENAI_API_VERSION", version),
            KEY_OF_AZURE,
        ]);
        assert_eq!(openai.url.as_str(), url);
        assert_eq!(openai.model, model);
    }
}

#[test]
fn another_service_is_called_with_a_key() {
    for (base, url) in [
        (
            "https://api.openai.com/v1",
            "https://api.openai.com/v1/embeddings",
        ),
        (
            "http://localhost:11434/v1/",
            "http://localhost:11434/v1/embeddings",
        ),
    ] {
        let openai = openai(&[
            ("ZAVA_EMBEDDING_URL", base),
            ("ZAVA_EMBEDDING_DIMENSIONS", "768"),
            KEY_OF_AZURE,
        ]);
        assert_eq!((openai.url.as_str(), openai.dimensions), (url, 768));
        assert!(matches!(openai.auth, OpenAiAuth::BearerKey(_)));
    }
}

/// What is set, which variable is at fault, and why.
#[test]
fn a_source_of_embeddings_that_cannot_work_is_rejected() {
    let directory = ("ZAVA_EMBEDDING_MODEL_DIR", "a/folder");
    let url = ("ZAVA_EMBEDDING_URL", "https://api.openai.com/v1");
    for (variables, variable, message) in [
        (
            vec![directory, AZURE, KEY_OF_AZURE],
            "AZURE_OPENAI_ENDPOINT",
            "is set beside ZAVA_EMBEDDING_MODEL_DIR",
        ),
        (
            vec![AZURE, url, KEY_OF_AZURE],
            "ZAVA_EMBEDDING_URL",
            "is set beside AZURE_OPENAI_ENDPOINT",
        ),
        (
            vec![directory, url, KEY_OF_AZURE],
            "ZAVA_EMBEDDING_URL",
            "is set beside ZAVA_EMBEDDING_MODEL_DIR",
        ),
        (
            vec![AZURE],
            "ZAVA_AZURE_CREDENTIAL",
            "AZURE_OPENAI_ENDPOINT needs it, or else ZAVA_EMBEDDING_API_KEY",
        ),
        (vec![url], "ZAVA_EMBEDDING_API_KEY", "is not set"),
        (
            vec![url, ("ZAVA_EMBEDDING_API_KEY", "a key")],
            "ZAVA_EMBEDDING_API_KEY",
            "without white space",
        ),
        (
            vec![("AZURE_OPENAI_ENDPOINT", "zava.openai.azure.com")],
            "AZURE_OPENAI_ENDPOINT",
            "must be a URL",
        ),
        (
            vec![("AZURE_OPENAI_ENDPOINT", "http://zava.openai.azure.com")],
            "AZURE_OPENAI_ENDPOINT",
            "must use https",
        ),
        (
            vec![(
                "AZURE_OPENAI_ENDPOINT",
                "https://zava.openai.azure.com/openai/v1/",
            )],
            "AZURE_OPENAI_ENDPOINT",
            "must end before `/openai`",
        ),
        (
            vec![AZURE, KEY_OF_AZURE, ("AZURE_OPENAI_API_VERSION", "v1")],
            "AZURE_OPENAI_API_VERSION",
            "must be a date",
        ),
        (
            vec![
                AZURE,
                IDENTITY,
                ("AZURE_OPENAI_SCOPE", "https://ai.azure.com"),
            ],
            "AZURE_OPENAI_SCOPE",
            "end with /.default",
        ),
        (
            vec![AZURE, KEY_OF_AZURE, ("ZAVA_EMBEDDING_DIMENSIONS", "0")],
            "ZAVA_EMBEDDING_DIMENSIONS",
            "from 1 to 4096",
        ),
        (
            vec![
                AZURE,
                KEY_OF_AZURE,
                ("EMBEDDING_MODEL_DEPLOYMENT_NAME", "my model"),
            ],
            "EMBEDDING_MODEL_DEPLOYMENT_NAME",
            "none of them white space",
        ),
    ] {
        assert_rejected(&variables, variable, message);
    }
}

/// Logins and embeddings use the same identity.
#[test]
fn a_problem_of_two_subjects_is_reported_once() {
    let error = ServeSettings::from_environment(&environment_with(&[
        AZURE,
        ("POSTGRES_AUTH", "entra"),
        ("POSTGRES_DB_HOST", "zava.postgres.database.azure.com"),
        ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
        ("AZURE_CLIENT_ID", "x"),
    ]))
    .expect_err("invalid");
    let mut names: Vec<&str> = error
        .problems
        .iter()
        .map(|one| one.variable.as_str())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "{error}");
    assert!(names.contains(&"AZURE_CLIENT_ID"), "{error}");
}
