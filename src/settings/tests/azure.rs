use super::*;

const DATABASE: [(&str, &str); 3] = [
    ("POSTGRES_AUTH", "entra"),
    ("POSTGRES_DB_HOST", "zava.postgres.database.azure.com"),
    ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
];

const ID: &str = "11111111-2222-3333-4444-555555555555";

/// Settings of a server that logs in with tokens.
fn with(extra: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    DATABASE.iter().chain(extra).copied().collect()
}

#[test]
fn logins_use_passwords_unless_entra_is_chosen() {
    let method = |extra: &[(&str, &str)]| {
        ServeSettings::from_environment(&environment_with(extra))
            .expect("valid settings")
            .login
            .method
    };
    assert!(matches!(method(&[]), LoginMethod::Password(_)));
    // A setting for tokens alone changes nothing.
    let unused = [
        ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
        ("AZURE_CLIENT_ID", "x"),
    ];
    assert!(matches!(method(&unused), LoginMethod::Password(_)));
    match method(&with(&[("AZURE_CLIENT_ID", ID)])) {
        LoginMethod::Entra(EntraLogin {
            credential: AzureCredential::ManagedIdentity { client_id },
            scope,
            root_cert: None,
        }) => {
            assert_eq!(client_id.expect("a client id").to_string(), ID);
            assert_eq!(scope, "https://ossrdbms-aad.database.windows.net/.default");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_principal_needs_no_password() {
    let mut variables = with(&[("POSTGRES_ENTRA_OBJECT_ID", ID)]);
    variables.extend([("POSTGRES_PASSWORD", ""), ("POSTGRES_ADMIN_PASSWORD", "")]);
    let environment = environment_with(&variables);
    ServeSettings::from_environment(&environment).expect("no password is needed");
    let admin = AdminSettings::from_environment(&environment).expect("nor by an administrator");
    assert!(matches!(admin.login.identity, LoginIdentity::Principal(id) if id.to_string() == ID));
    let error = AdminSettings::from_environment(&environment_with(&with(&[])))
        .expect_err("the principal is unknown");
    let names: Vec<&str> = error
        .problems
        .iter()
        .map(|one| one.variable.as_str())
        .collect();
    assert_eq!(names, ["POSTGRES_ENTRA_OBJECT_ID"]);
}

/// What is set, which variable is at fault, and why.
#[test]
fn an_identity_that_cannot_work_is_rejected() {
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(Variables, &str, &str); 17] = [
        (
            &[("POSTGRES_AUTH", "Entra")],
            "POSTGRES_AUTH",
            "`password` or `entra`",
        ),
        (
            &[("POSTGRES_DB_HOST", "localhost")],
            "POSTGRES_AUTH",
            "POSTGRES_SSLMODE=verify-full",
        ),
        (
            &[("POSTGRES_SSLMODE", "disable")],
            "POSTGRES_AUTH",
            "POSTGRES_SSLMODE=verify-full",
        ),
        (
            &[(
                "POSTGRES_ENTRA_SCOPE",
                "https://ossrdbms-aad.database.windows.net",
            )],
            "POSTGRES_ENTRA_SCOPE",
            "/.default",
        ),
        (
            &[("ZAVA_AZURE_CREDENTIAL", "")],
            "ZAVA_AZURE_CREDENTIAL",
            "is not set",
        ),
        (
            &[("ZAVA_AZURE_CREDENTIAL", "default")],
            "ZAVA_AZURE_CREDENTIAL",
            "`managed-identity`, `workload-identity`",
        ),
        (
            &[("AZURE_CLIENT_ID", "zava-identity")],
            "AZURE_CLIENT_ID",
            "UUID",
        ),
        (
            &[("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")],
            "IDENTITY_HEADER",
            "IDENTITY_ENDPOINT is",
        ),
        (
            &[("WEBSITE_SITE_NAME", "zava")],
            "ZAVA_AZURE_CREDENTIAL",
            "no identity is assigned to this app",
        ),
        (
            &[("CONTAINER_APP_NAME", "zava")],
            "ZAVA_AZURE_CREDENTIAL",
            "no identity is assigned to this app",
        ),
        (
            &[("IDENTITY_HEADER", "x")],
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER is",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "workload-identity"),
                ("AZURE_CLIENT_ID", ID),
                ("AZURE_TENANT_ID", ID),
            ],
            "AZURE_FEDERATED_TOKEN_FILE",
            "is not set",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "workload-identity"),
                ("AZURE_CLIENT_ID", ID),
            ],
            "AZURE_TENANT_ID",
            "is not set",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
                ("AZURE_TENANT_ID", ID),
            ],
            "AZURE_CLIENT_ID",
            "is not set",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
                ("AZURE_TENANT_ID", ID),
                ("AZURE_CLIENT_ID", ID),
            ],
            "AZURE_CLIENT_SECRET",
            "is not set",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
                ("AZURE_AUTHORITY_HOST", "http://localhost:1"),
            ],
            "AZURE_AUTHORITY_HOST",
            "https",
        ),
        (
            &[
                ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
                ("AZURE_AUTHORITY_HOST", "http://login.example.com"),
            ],
            "AZURE_AUTHORITY_HOST",
            "https",
        ),
    ];
    for (extra, variable, message) in cases {
        assert_rejected(&with(extra), variable, message);
    }
}

#[test]
fn the_secret_of_an_application_is_not_printed() {
    let environment = environment_with(&with(&[
        ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
        ("AZURE_TENANT_ID", ID),
        ("AZURE_CLIENT_ID", ID),
        ("AZURE_CLIENT_SECRET", "hunter2-application"),
    ]));
    let settings = ServeSettings::from_environment(&environment).expect("valid settings");
    for text in [format!("{settings:?}"), format!("{environment:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
