use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A wire to a database on this machine that counts round trips, and can be cut or go silent.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    wire: Arc<Wire>,
    _stop: DropGuard,
}

struct Wire {
    target: u16,
    trips: AtomicUsize,
    /// How many bytes the database may still say before the connection is cut.
    left: AtomicUsize,
    /// Connections that carry nothing any more, and do not say so: those before this one, counted
    /// from 0.
    silent_before: AtomicUsize,
    accepted: AtomicUsize,
    /// What the database says, and what is passed on instead, equally long.
    replaced: OnceLock<[Vec<u8>; 2]>,
}

impl Proxy {
    /// In front of a port.
    #[expect(
        clippy::disallowed_methods,
        reason = "the proxy ends its tasks by its token"
    )]
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let wire = Arc::new(Wire {
            target,
            trips: AtomicUsize::new(0),
            left: AtomicUsize::new(usize::MAX),
            silent_before: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            replaced: OnceLock::new(),
        });
        let stop = CancellationToken::new();
        let (accepted, stopped) = (Arc::clone(&wire), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let wire = Arc::clone(&accepted);
                let carrying = async move { Box::pin(wire.carry(client)).await };
                tokio::spawn(stopped.clone().run_until_cancelled_owned(carrying));
            }
        }));
        Self {
            port,
            wire,
            _stop: stop.drop_guard(),
        }
    }

    /// How often the client has spoken, again, after it was answered; counted from the last time that this was asked.
    pub(crate) fn trips(&self) -> usize {
        self.wire.trips.swap(0, Ordering::SeqCst)
    }

    /// From now on the connections that are open carry nothing, as when a firewall has forgotten
    /// them.
    pub(crate) fn silence(&self) {
        let accepted = self.wire.accepted.load(Ordering::SeqCst);
        self.wire.silent_before.store(accepted, Ordering::SeqCst);
    }

    /// The same of those that are opened later.
    pub(crate) fn silence_all(&self) {
        self.wire.silent_before.store(usize::MAX, Ordering::SeqCst);
    }

    /// Says something else than the database says, on connections from now on.
    pub(crate) fn replace(&self, said: &[u8], by: &[u8]) {
        assert_eq!(said.len(), by.len());
        let replaced = self.wire.replaced.set([said.to_vec(), by.to_vec()]);
        replaced.expect("one replacement");
    }

    /// Cuts the next connection on which the database has said this many bytes from now on.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.wire.left.store(bytes, Ordering::SeqCst);
    }
}

impl Wire {
    fn replace(&self, answered: &mut [u8]) {
        let Some([said, by]) = self.replaced.get() else {
            return;
        };
        let found = answered.windows(said.len()).position(|bytes| bytes == said);
        if let Some(at) = found {
            answered[at..at + by.len()].copy_from_slice(by);
        }
    }

    async fn carry(&self, mut client: TcpStream) {
        let number = self.accepted.fetch_add(1, Ordering::SeqCst);
        let mut server = TcpStream::connect(("127.0.0.1", self.target))
            .await
            .expect("the database");
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a TCP stream");
        }
        let (mut said, mut answered) = ([0; 16 * 1024], [0; 16 * 1024]);
        let mut clients_turn = true;
        loop {
            // Both arms are cancel-safe: what is not read now is read the next time.
            tokio::select! {
                read = client.read(&mut said) => {
                    let Ok(length @ 1..) = read else { return };
                    if number < self.silent_before.load(Ordering::SeqCst) { continue }
                    if std::mem::take(&mut clients_turn) {
                        self.trips.fetch_add(1, Ordering::SeqCst);
                    }
                    if server.write_all(&said[..length]).await.is_err() { return }
                }
                read = server.read(&mut answered) => {
                    let Ok(length @ 1..) = read else { return };
                    clients_turn = true;
                    self.replace(&mut answered[..length]);
                    let left = self.left.load(Ordering::SeqCst);
                    if client.write_all(&answered[..length.min(left)]).await.is_err() { return }
                    if length >= left {
                        self.left.store(usize::MAX, Ordering::SeqCst);
                        return;
                    }
                    if left < usize::MAX {
                        self.left.store(left - length, Ordering::SeqCst);
                    }
                }
            }
        }
    }
}
