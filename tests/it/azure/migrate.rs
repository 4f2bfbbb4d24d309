//! An Entra administrator migrates, on a server whose logins belong to Entra ID.

use secrecy::SecretString;
use sqlx::AssertSqlSafe;
use uuid::Uuid;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::database::{self, AdminError};
use zava_mcp_server::search_index;
use zava_mcp_server::settings::{
    AdminSettings, AzureCredential, Login, LoginIdentity, NewLogin, Tls,
};

use super::gateway::PRINCIPAL_PASSWORD;
use super::{Azure, Gateway};
use crate::support::{TestDatabase, TestServer, settings};

/// Object id of the server's identity.
const PRINCIPAL: &str = "0e0f1c1d-aaaa-4bbb-8ccc-0123456789ab";

/// Installs the function of Azure in the database `postgres`, as its superuser owns it. The role
/// gets a password that the gateway knows, and the caller may manage it.
async fn install_principals() {
    let mut db = TestDatabase::superuser_of_postgres().await;
    let install = format!(
        "CREATE OR REPLACE FUNCTION public.pgaadauth_create_principal_with_oid(
             rolename text, objectid text, objecttype text, isadmin boolean, ismfa boolean)
         RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
         BEGIN
             IF objecttype <> 'service' OR isadmin OR ismfa OR objectid <> '{PRINCIPAL}' THEN
                 RAISE EXCEPTION 'Could not validate AAD user % because its name is not found in the tenant', objectid;
             END IF;
             EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', rolename, '{PRINCIPAL_PASSWORD}');
             EXECUTE format('GRANT %I TO %I WITH ADMIN OPTION, INHERIT FALSE, SET FALSE', rolename, session_user);
             RETURN 'Created role for ' || rolename;
         END $$"
    );
    sqlx::raw_sql(AssertSqlSafe(install))
        .execute(&mut db)
        .await
        .expect("the function");
}

async fn drop_role(database: &TestDatabase, role: &str) {
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut database.superuser().await)
        .await
        .expect("the role is dropped");
}

fn admin_settings(azure: &Azure, gateway: &Gateway, database: &TestDatabase) -> AdminSettings {
    let mut admin = database.admin_settings();
    admin.database.host = "localhost".to_owned();
    admin.database.port = gateway.port;
    admin.database.tls = Tls::VerifyFull {
        root_cert: Some(azure.root_cert()),
    };
    admin.admin.method = azure.login();
    admin.azure = Some(azure.credential());
    admin.https = azure.https();
    admin
}

#[tokio::test]
async fn migrate_creates_the_logins_of_a_principal_once() {
    let azure = Azure::start().await;
    let database = TestDatabase::empty().await;
    install_principals().await;
    let mut settings = settings(&database.name);
    let gateway = azure.gateway(settings.database.port).await;
    let role = format!("{}_entra", database.name);
    let mut admin = admin_settings(&azure, &gateway, &database);
    admin.login.user.clone_from(&role);
    let principal = LoginIdentity::Principal(Uuid::try_parse(PRINCIPAL).expect("an id"));
    admin.login.identity = principal.clone();
    let indexer = format!("{}_entra_indexer", database.name);
    admin.indexer = Some(NewLogin {
        user: indexer.clone(),
        identity: principal,
    });
    // As Azure creates databases.
    sqlx::raw_sql(
        "ALTER SCHEMA public OWNER TO zava_admin; GRANT CREATE ON SCHEMA public TO PUBLIC",
    )
    .execute(&mut database.superuser().await)
    .await
    .expect("the privilege");

    let migrated = database::migrate(&admin).await.expect("it migrates");
    let again = database::migrate(&admin).await.expect("and again");
    assert_eq!(migrated, again);

    azure.connect(&mut settings, &gateway);
    settings.login.user.clone_from(&role);
    let server = TestServer::with_settings(&settings).await;
    let ready = server.client.get(server.url("/health/ready")).send().await;
    assert_eq!(ready.expect("an answer").status(), 200);
    drop(server);

    let login = Login {
        user: indexer.clone(),
        method: settings.login.method.clone(),
    };
    let services = AzureServices::new(settings.azure.as_ref(), &settings.https);
    let services = services.expect("the services");
    let mut db = database::connect_as_indexer(&services, &settings.database, &login)
        .await
        .expect("it logs in with a token");
    let survey = search_index::survey(&mut db, None).await.expect("it reads");
    assert_eq!(survey.products, 0);
    drop(db);
    for role in [&role, &indexer] {
        drop_role(&database, role).await;
    }
}

#[tokio::test]
async fn a_principal_that_cannot_be_created_is_explained() {
    let azure = Azure::start().await;
    let database = TestDatabase::empty().await;
    install_principals().await;
    let settings = settings(&database.name);
    let gateway = azure.gateway(settings.database.port).await;
    let mut admin = admin_settings(&azure, &gateway, &database);
    admin.login.user = format!("{}_unknown", database.name);
    admin.login.identity = LoginIdentity::Principal(Uuid::nil());
    let error = database::migrate(&admin)
        .await
        .expect_err("an unknown principal");
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("POSTGRES_ENTRA_OBJECT_ID"), "{text}");
    assert!(
        text.contains("its name is not found in the tenant"),
        "{text}"
    );
}

/// Without a token, no connection is opened.
#[tokio::test]
async fn an_administrator_without_a_token_is_told_why() {
    let azure = Azure::start().await;
    let database = TestDatabase::empty().await;
    let settings = settings(&database.name);
    let gateway = azure.gateway(settings.database.port).await;
    let mut admin = admin_settings(&azure, &gateway, &database);
    if let Some(AzureCredential::ClientSecret { secret, .. }) = &mut admin.azure {
        *secret = SecretString::from("an-old-secret");
    }
    let error = database::migrate(&admin).await.expect_err("no token");
    assert!(matches!(error, AdminError::Password(..)), "{error:?}");
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("AADSTS7000215"), "{text}");
    assert_eq!(gateway.logins() + gateway.rejected(), 0);
}
