use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;

use super::database::TestDatabase;
use super::server::{TestServer, settings};

/// What is shared by the tests that change nothing: a database, and a server over it. Both exist
/// until the test binary ends.
pub(super) struct Shared {
    pub(super) database: Arc<TestDatabase>,
    pub(super) address: SocketAddr,
}

impl Shared {
    pub(super) fn get() -> &'static Self {
        static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);
        &SHARED
    }

    /// Starts the server on a thread of its own: the runtime of a test ends with that test.
    fn start() -> Self {
        let (started, when_started) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let (database, _session) = TestDatabase::create_shared().await;
                let mut settings = settings(&database.name);
                // Many tests send statements as the same tenant at once.
                settings.limits.connections = 32.try_into().expect("not zero");
                settings.limits.tenant_connections = 16.try_into().expect("not zero");
                settings.limits.tenant_queue = 100.try_into().expect("not zero");
                let server = TestServer::with_settings(&settings).await;
                let shared = Self {
                    database: Arc::new(database),
                    address: server.address,
                };
                started.send(shared).expect("a test waits for it");
                pending::<()>().await;
            })
        });
        when_started.recv().expect("the shared server starts")
    }
}
