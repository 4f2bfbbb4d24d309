//! A stand-in for the Azure Functions host: it reads the deployed folder, starts the custom handler
//! with the host's environment, and restarts it when it has ended.
//!
//! Written after the host's sources (Azure/azure-functions-host, `Workers/Http`): a free port, the
//! variables of `HttpWorkerProcess`, `GET /` until any answer, a restart on the same port.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::app::FunctionApp;
use super::proxy::{self, HandlerClient};
use crate::support::{http, keep_log};

/// The host's default of `customHandler.initializationTimeout`.
const INITIALIZATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the host calls a handler that does not answer yet.
const READY_CHECK_INTERVAL: Duration = Duration::from_millis(25);

/// The host, with a handler that has answered.
pub(crate) struct FunctionsHost {
    /// Where clients call the app.
    pub(super) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(super) worker: Arc<Worker>,
    /// Its owner is this value: dropping it ends the handler.
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

/// The handler, as the host's proxy knows it.
pub(super) struct Worker {
    pub(super) app: FunctionApp,
    pub(super) port: u16,
    pub(super) client: HandlerClient,
    /// Whether it has answered since its last start.
    pub(super) is_ready: watch::Sender<bool>,
    /// The invocations so far, oldest first.
    pub(super) invocations: Mutex<Vec<Uuid>>,
    root: PathBuf,
    app_settings: BTreeMap<String, String>,
    /// What it has written to standard error.
    log: PathBuf,
    kill: Notify,
    /// The handler's process; 0 while there is none.
    pid: AtomicU32,
    /// Reserves the port also while no handler listens. Only Linux lets two sockets be bound to it.
    _reservation: Option<TcpSocket>,
}

/// The handler has ended before its first answer.
#[derive(Debug)]
pub(crate) struct StartError {
    pub(super) exit_code: Option<i32>,
    pub(super) log: String,
}

impl FunctionsHost {
    /// Starts the app in a folder, with these app settings, and waits for its first answer.
    pub(crate) async fn start(
        root: &Path,
        app_settings: impl IntoIterator<Item = (&str, String)>,
    ) -> Result<Self, StartError> {
        let folder = tempfile::tempdir().expect("a folder");
        let reservation = TcpSocket::new_v4().expect("a socket");
        reservation.set_reuseaddr(true).expect("an option");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        reservation.bind(any_port).expect("a free port");
        let port = reservation.local_addr().expect("its address").port();
        let app_settings = app_settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let worker = Arc::new(Worker {
            app: FunctionApp::read(root).expect("an app that the host can read"),
            port,
            client: proxy::client(),
            is_ready: watch::Sender::new(false),
            invocations: Mutex::default(),
            root: root.to_owned(),
            app_settings: app_settings.collect(),
            log: folder.path().join("log"),
            kill: Notify::new(),
            pid: AtomicU32::new(0),
            _reservation: cfg!(target_os = "linux").then_some(reservation),
        });
        let mut tasks = JoinSet::new();
        let (failed, mut when_failed) = mpsc::channel(1);
        let supervised = Arc::clone(&worker);
        tasks.spawn(async move {
            let status = supervised.supervise().await;
            let _ = failed.send(status).await;
        });
        let mut is_ready = worker.is_ready.subscribe();
        // Both arms may be dropped.
        tokio::select! {
            ready = is_ready.wait_for(|is_ready| *is_ready) => drop(ready.expect("the sender lives")),
            status = when_failed.recv() => {
                return Err(StartError {
                    exit_code: status.expect("a status").code(),
                    log: worker.log(),
                });
            }
        }
        let listener = TcpListener::bind(any_port).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new()
            .fallback(proxy::forward)
            .with_state(Arc::clone(&worker))
            .into_make_service_with_connect_info::<SocketAddr>();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Ok(Self {
            address,
            client: http(),
            worker,
            _tasks: tasks,
            _folder: folder,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Calls the timer's function; returns the status and the body of the handler's answer, or
    /// `None` if the handler has ended without one.
    pub(super) async fn call_timer(&self) -> Option<(StatusCode, Value)> {
        proxy::call_timer(&self.worker).await.ok()
    }

    /// Kills the handler (SIGKILL), as the host itself does, and waits until it has ended.
    pub(crate) async fn kill_handler(&self) {
        let mut is_ready = self.worker.is_ready.subscribe();
        self.worker.kill.notify_one();
        let ended = is_ready.wait_for(|is_ready| !is_ready).await;
        drop(ended.expect("the sender lives"));
    }

    /// The process of the handler.
    pub(crate) fn handler_pid(&self) -> u32 {
        self.worker.pid.load(Ordering::Relaxed)
    }

    /// The ids of the invocations so far, oldest first.
    pub(super) fn invocations(&self) -> Vec<Uuid> {
        self.worker.invocations.lock().expect("invocations").clone()
    }

    /// What the handlers have written to standard error so far.
    pub(super) fn log(&self) -> String {
        self.worker.log()
    }
}

impl Drop for FunctionsHost {
    /// Leaves the log to `scripts/test`, which searches it for secrets.
    fn drop(&mut self) {
        keep_log(&self.log());
    }
}

impl Worker {
    /// Starts the handler, and again whenever it has ended. Returns when it has ended before its
    /// first answer; the host would try that a few times.
    async fn supervise(&self) -> ExitStatus {
        loop {
            let mut handler = self.spawn();
            let pid = handler.id().unwrap_or_default();
            self.pid.store(pid, Ordering::Relaxed);
            // Both arms may be dropped.
            tokio::select! {
                status = handler.wait() => return status.expect("its status"),
                () = self.wait_for_answer() => {}
            }
            self.is_ready.send_replace(true);
            // Both arms may be dropped.
            let ended = tokio::select! {
                status = handler.wait() => status.map(drop),
                () = self.kill.notified() => handler.kill().await,
            };
            ended.expect("it has ended");
            self.is_ready.send_replace(false);
        }
    }

    fn spawn(&self) -> Child {
        let description = &self.app.host.custom_handler.description;
        let log = || {
            let log = File::options().append(true).create(true).open(&self.log);
            Stdio::from(log.expect("the log"))
        };
        let root = self.root.display().to_string();
        let (port, id) = (self.port.to_string(), Uuid::new_v4().to_string());
        Command::new(self.root.join(&description.default_executable_path))
            .args(&description.arguments)
            .current_dir(&self.root)
            .env_clear()
            // What the platform gives the host, and the host its handler.
            .env("HOME", "/home")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("WEBSITE_SITE_NAME", "zava")
            .env("WEBSITE_HOSTNAME", "zava.azurewebsites.net")
            .env("WEBSITE_INSTANCE_ID", "0d1f6e2a")
            .env("FUNCTIONS_EXTENSION_VERSION", "~4")
            .env("FUNCTIONS_WORKER_RUNTIME", "custom")
            .env("ASPNETCORE_URLS", "http://*:80")
            .envs(&self.app_settings)
            .env("FUNCTIONS_HTTPWORKER_PORT", &port)
            .env("FUNCTIONS_HTTPWORKER_ID", &id)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", &port)
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
            .env("FUNCTIONS_APP_ROOT_PATH", root)
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .kill_on_drop(true)
            .spawn()
            .expect("the executable starts")
    }

    /// Calls the handler until it answers anything.
    async fn wait_for_answer(&self) {
        let url = format!("http://127.0.0.1:{}/", self.port);
        let client = http();
        let answered = timeout(INITIALIZATION_TIMEOUT, async {
            while client.get(&url).send().await.is_err() {
                sleep(READY_CHECK_INTERVAL).await;
            }
        });
        answered.await.expect("the handler answers in time");
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}
