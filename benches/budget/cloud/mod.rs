//! Our server as it runs on Azure: with a managed identity, tokens as passwords, and its signing
//! key in a vault. The stand-ins for Azure are those of the tests; each answers after 20 ms.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/azure/entra.rs"]
mod entra;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/azure/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/azure/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/azure/vault.rs"]
mod vault;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Fallible;
use crate::plan::Plan;
use crate::process::Process;
use crate::server;
use crate::support::certificate_for;
use entra::{Entra, IDENTITY_HEADER, Mode};
use gateway::Gateway;
use proxy::Proxy;
use vault::{VAULT_HOST, Vault, VaultMode};

/// How long each stand-in takes to answer, in milliseconds.
const DELAY_MILLIS: u64 = 20;

const SECRET: &str = "signing-key";

/// The stand-ins, on a thread of their own: the measuring one sleeps while a server starts.
pub(crate) struct Cloud {
    settings: Vec<(&'static str, String)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cloud {
    /// Starts the stand-ins.
    pub(crate) fn start(plan: &Plan) -> Fallible<Self> {
        let port: u16 = plan.port.parse()?;
        let signing_key = plan.setting("ZAVA_SIGNING_KEY")?;
        let folder = plan.work.join("cloud");
        std::fs::create_dir_all(&folder)?;
        let (started, settings) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let stand_ins = StandIns::start(port, &signing_key, folder).await;
                started.send(stand_ins.settings()).expect("it is awaited");
                // Ends when the sender is dropped, too.
                let _ = stopped.await;
            });
        });
        Ok(Self {
            settings: settings.recv()?,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Starts our server beside them.
    pub(crate) fn start_server(&self, plan: &Plan) -> Fallible<Process> {
        let settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        server::start_with(plan, &settings)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct StandIns {
    entra: Arc<Entra>,
    /// Kept for its tasks.
    _vault: Vault,
    gateway: Gateway,
    proxy: Proxy,
    root_cert: PathBuf,
}

impl StandIns {
    async fn start(database_port: u16, signing_key: &str, folder: PathBuf) -> Self {
        let acceptor = certificate_for(&["localhost", VAULT_HOST], &folder);
        let entra = Arc::new(Entra::start(acceptor.clone()).await);
        let vault = Vault::start(acceptor.clone(), &entra).await;
        vault.set(SECRET, signing_key);
        let gateway = Gateway::start(database_port, acceptor, &entra).await;
        let proxy = Proxy::start([(VAULT_HOST, vault.port)]).await;
        entra.set(Mode::Slow(DELAY_MILLIS));
        vault.set_mode(VaultMode::Slow(DELAY_MILLIS));
        gateway.set_delay(Duration::from_millis(DELAY_MILLIS));
        Self {
            entra,
            _vault: vault,
            gateway,
            proxy,
            root_cert: folder.join("root.pem"),
        }
    }

    /// The settings of a server, as its platform has them.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let root_cert = self.root_cert.display().to_string();
        vec![
            ("POSTGRES_DB_HOST", "localhost".to_owned()),
            ("POSTGRES_DB_PORT", self.gateway.port.to_string()),
            ("POSTGRES_SSLMODE", "verify-full".to_owned()),
            ("POSTGRES_SSLROOTCERT", root_cert.clone()),
            ("POSTGRES_AUTH", "entra".to_owned()),
            (
                "ZAVA_SIGNING_KEY",
                format!("@Microsoft.KeyVault(VaultName=zava;SecretName={SECRET})"),
            ),
            ("ZAVA_AZURE_CREDENTIAL", "managed-identity".to_owned()),
            ("IDENTITY_ENDPOINT", self.entra.identity_endpoint()),
            ("IDENTITY_HEADER", IDENTITY_HEADER.to_owned()),
            ("ZAVA_HTTPS_ROOTCERT", root_cert),
            ("ZAVA_HTTPS_PROXY", "environment".to_owned()),
            ("HTTPS_PROXY", self.proxy.url()),
            (
                "ZAVA_LOG",
                "info,zava_mcp_server::azure=debug,zava_mcp_server::query::scope=debug".to_owned(),
            ),
        ]
    }
}
