use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A TCP proxy in front of a local database. It counts round trips, and can refuse connections, cut
/// one or all, stop forwarding, or replace bytes of a response.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<ProxyState>,
    /// Its tasks; `None` while it is closed.
    accepting: Option<(DropGuard, JoinHandle<()>)>,
}

struct ProxyState {
    target: AtomicU16,
    round_trips: AtomicUsize,
    /// How many response bytes are forwarded before a connection is cut.
    bytes_until_cut: AtomicUsize,
    /// Connections with a number below this one, counted from 0, forward nothing and stay open.
    blackholed_before: AtomicUsize,
    accepted: AtomicUsize,
    /// Bytes in the database's responses, and the bytes of equal length that replace them.
    replacement: OnceLock<[Vec<u8>; 2]>,
}

impl Proxy {
    /// Starts a proxy in front of a port of this machine.
    pub(crate) async fn start(target: u16) -> Self {
        let (mut proxy, listener) = Self::with_listener(target).await;
        proxy.accept(listener);
        proxy
    }

    /// The same, refusing connections until it is opened.
    pub(crate) async fn closed(target: u16) -> Self {
        Self::with_listener(target).await.0
    }

    async fn with_listener(target: u16) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(ProxyState {
            target: AtomicU16::new(target),
            round_trips: AtomicUsize::new(0),
            bytes_until_cut: AtomicUsize::new(usize::MAX),
            blackholed_before: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            replacement: OnceLock::new(),
        });
        let proxy = Self {
            port,
            state,
            accepting: None,
        };
        (proxy, listener)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the proxy ends its tasks by its token"
    )]
    fn accept(&mut self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let (state, stopped) = (Arc::clone(&self.state), stop.clone());
        let accepting = async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let state = Arc::clone(&state);
                let relaying = async move { Box::pin(state.relay(client)).await };
                tokio::spawn(stopped.clone().run_until_cancelled_owned(relaying));
            }
        };
        let accepting = stop.clone().run_until_cancelled_owned(accepting);
        let accepting = tokio::spawn(async move {
            accepting.await;
        });
        self.accepting = Some((stop.drop_guard(), accepting));
    }

    /// Leads connections to another port from now on.
    pub(crate) fn retarget(&self, target: u16) {
        self.state.target.store(target, Ordering::SeqCst);
    }

    /// Accepts connections again.
    pub(crate) async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        self.accept(listener.expect("the proxy's port"));
    }

    /// Cuts open connections and refuses new ones.
    pub(crate) async fn close(&mut self) {
        if let Some((stop, accepting)) = self.accepting.take() {
            drop(stop);
            accepting.await.expect("the proxy closes");
        }
    }

    /// Round trips since the last call: how often the client sent something after a response.
    pub(crate) fn take_round_trips(&self) -> usize {
        self.state.round_trips.swap(0, Ordering::SeqCst)
    }

    /// Stops forwarding on all open connections, like a firewall that has dropped its state.
    pub(crate) fn blackhole_open_connections(&self) {
        let accepted = self.state.accepted.load(Ordering::SeqCst);
        self.state
            .blackholed_before
            .store(accepted, Ordering::SeqCst);
    }

    /// Stops forwarding on all connections, later ones included.
    pub(crate) fn blackhole_all_connections(&self) {
        self.state
            .blackholed_before
            .store(usize::MAX, Ordering::SeqCst);
    }

    /// Replaces bytes in the responses of connections from now on.
    pub(crate) fn replace_in_responses(&self, original: &[u8], replacement: &[u8]) {
        assert_eq!(original.len(), replacement.len());
        let replaced = self
            .state
            .replacement
            .set([original.to_vec(), replacement.to_vec()]);
        replaced.expect("one replacement");
    }

    /// Cuts the first connection that has received this many response bytes from now on.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.state.bytes_until_cut.store(bytes, Ordering::SeqCst);
    }
}

impl ProxyState {
    fn replace(&self, response: &mut [u8]) {
        let Some([original, replacement]) = self.replacement.get() else {
            return;
        };
        let found = response
            .windows(original.len())
            .position(|bytes| bytes == original);
        if let Some(at) = found {
            response[at..at + replacement.len()].copy_from_slice(replacement);
        }
    }

    async fn relay(&self, mut client: TcpStream) {
        let number = self.accepted.fetch_add(1, Ordering::SeqCst);
        let target = self.target.load(Ordering::SeqCst);
        // A client whose server is down sees its connection closed.
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else {
            return;
        };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a TCP stream");
        }
        let (mut request, mut response) = ([0; 16 * 1024], [0; 16 * 1024]);
        let mut is_first_after_response = true;
        loop {
            // Both arms are cancel-safe: bytes that are not read now are read in the next
            // iteration.
            tokio::select! {
                read = client.read(&mut request) => {
                    let Ok(length @ 1..) = read else { return };
                    if number < self.blackholed_before.load(Ordering::SeqCst) { continue }
                    if std::mem::take(&mut is_first_after_response) {
                        self.round_trips.fetch_add(1, Ordering::SeqCst);
                    }
                    if server.write_all(&request[..length]).await.is_err() { return }
                }
                read = server.read(&mut response) => {
                    let Ok(length @ 1..) = read else { return };
                    is_first_after_response = true;
                    self.replace(&mut response[..length]);
                    let remaining = self.bytes_until_cut.load(Ordering::SeqCst);
                    if client.write_all(&response[..length.min(remaining)]).await.is_err() { return }
                    if length >= remaining {
                        self.bytes_until_cut.store(usize::MAX, Ordering::SeqCst);
                        return;
                    }
                    if remaining < usize::MAX {
                        self.bytes_until_cut.store(remaining - length, Ordering::SeqCst);
                    }
                }
            }
        }
    }
}
