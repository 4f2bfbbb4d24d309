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
    let settings =
        ServeSettings::from_environment(&environment_with(&with(&[("AZURE_CLIENT_ID", ID)])))
            .expect("valid settings");
    match (settings.azure, settings.login.method) {
        (Some(AzureCredential::ManagedIdentity { client_id }), LoginMethod::Entra { scope }) => {
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

/// Every setting that may refer to a vault, and one that may not.
#[test]
fn secrets_may_be_references_to_a_vault() {
    type Expected = (&'static str, &'static str, Option<&'static str>);
    let cases: [(&str, Expected); 7] = [
        (
            "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets/key)",
            ("https://zava.vault.azure.net/", "key", None),
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets/key/)",
            ("https://zava.vault.azure.net/", "key", None),
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.cn:8443/secrets/key/0123abc)",
            ("https://zava.vault.azure.cn:8443/", "key", Some("0123abc")),
        ),
        (
            "@Microsoft.KeyVault(VaultName=zava;SecretName=key)",
            ("https://zava.vault.azure.net/", "key", None),
        ),
        (
            "@Microsoft.KeyVault(VaultName=zava;SecretName=key;SecretVersion=)",
            ("https://zava.vault.azure.net/", "key", None),
        ),
        (
            " @microsoft.keyvault (secretname = key ; vaultname = zava ; secretversion = 7;) ",
            ("https://zava.vault.azure.net/", "key", Some("7")),
        ),
        (
            "@Microsoft.KeyVault(VaultName=Zava-1;SecretName=my-Key-2)",
            ("https://zava-1.vault.azure.net/", "my-Key-2", None),
        ),
    ];
    for (text, (vault, name, version)) in cases {
        let environment = environment_with(&[
            ("ZAVA_AZURE_CREDENTIAL", "developer-tools"),
            ("POSTGRES_PASSWORD", text),
            ("POSTGRES_ADMIN_PASSWORD", text),
            ("ZAVA_SIGNING_KEY", text),
        ]);
        let expected = |setting| KeyVaultReference {
            setting,
            vault: vault.parse().expect("a URL"),
            name: name.to_owned(),
            version: version.map(str::to_owned),
        };
        let serve = ServeSettings::from_environment(&environment).expect(text);
        assert!(serve.azure.is_some(), "{text}");
        match (serve.login.method, serve.signing_key) {
            (
                LoginMethod::Password(Secret::KeyVault(password)),
                SigningKeySetting::KeyVault(key),
            ) => {
                assert_eq!(password, expected("POSTGRES_PASSWORD"));
                assert_eq!(key, expected("ZAVA_SIGNING_KEY"));
            }
            other => panic!("{text}: {other:?}"),
        }
        let admin = AdminSettings::from_environment(&environment).expect(text);
        match (admin.admin.method, admin.login.identity) {
            (
                LoginMethod::Password(Secret::KeyVault(admin)),
                LoginIdentity::Password(Secret::KeyVault(login)),
            ) => {
                assert_eq!(admin, expected("POSTGRES_ADMIN_PASSWORD"));
                assert_eq!(login, expected("POSTGRES_PASSWORD"));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn malformed_references_are_rejected() {
    for text in [
        "@Microsoft.KeyVault",
        "@Microsoft.KeyVault()",
        "@Microsoft.KeyVault(zava)",
        "@Microsoft.KeyVault(VaultName=zava;SecretName=key",
        "@Microsoft.KeyVault(VaultName=zava)",
        "@Microsoft.KeyVault(SecretName=key)",
        "@Microsoft.KeyVault(VaultName=;SecretName=key)",
        "@Microsoft.KeyVault(VaultName=zava;SecretName=)",
        "@Microsoft.KeyVault(VaultName=zava.vault.azure.net;SecretName=key)",
        "@Microsoft.KeyVault(VaultName=zava;VaultName=other;SecretName=key)",
        "@Microsoft.KeyVault(VaultName=zava;SecretName=a/b)",
        "@Microsoft.KeyVault(VaultName=zava;SecretName=key;Alias=x)",
        "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets/key;SecretVersion=1)",
        "@Microsoft.KeyVault(SecretUri=zava.vault.azure.net/secrets/key)",
        "@Microsoft.KeyVault(SecretUri=http://zava.vault.azure.net/secrets/key)",
        "@Microsoft.KeyVault(SecretUri=http://localhost/secrets/key)",
        "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/keys/key)",
        "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets)",
        "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets/key/1/2)",
        "@Microsoft.KeyVault(SecretUri=https://zava.vault.azure.net/secrets/key?x=1)",
        "@Microsoft.KeyVault(SecretUri=https://me:hunter2@zava.vault.azure.net/secrets/key)",
    ] {
        for variable in ["POSTGRES_PASSWORD", "ZAVA_SIGNING_KEY"] {
            let extra = [
                ("ZAVA_AZURE_CREDENTIAL", "developer-tools"),
                (variable, text),
            ];
            assert_rejected(&extra, variable, "malformed Key Vault reference");
        }
    }
    let reference = "@Microsoft.KeyVault(VaultName=zava;SecretName=key)";
    let extra = with(&[
        ("ZAVA_AZURE_CREDENTIAL", "client-secret"),
        ("AZURE_CLIENT_SECRET", reference),
    ]);
    assert_rejected(&extra, "AZURE_CLIENT_SECRET", "must be the secret itself");
    // Vaults are read by an identity.
    let extra = [("POSTGRES_PASSWORD", reference)];
    assert_rejected(&extra, "ZAVA_AZURE_CREDENTIAL", "is not set");
}
