use std::future::{Future, pending};
use std::io;
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Resolves when standard output has no reader any more. Never does for an output that is not a
/// pipe, a socket or a terminal: a file is read later.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types that do not own their descriptor; an OwnedFd does"
)]
pub(super) fn watch_stdout() -> impl Future<Output = ()> {
    let output = io::stdout().as_fd().try_clone_to_owned();
    let output = output.and_then(|output| {
        // A pipe whose reader has closed it reports an error, a socket that it can be read no more.
        AsyncFd::with_interest(output, Interest::READABLE | Interest::ERROR)
    });
    async move {
        match output {
            Ok(output) => closed(&output).await,
            Err(_) => pending().await,
        }
    }
}

async fn closed<T: std::os::fd::AsRawFd>(output: &AsyncFd<T>) {
    loop {
        let interest = Interest::READABLE | Interest::ERROR;
        let Ok(mut guard) = output.ready(interest).await else {
            return pending().await; // the reactor has gone, and with it whoever waits
        };
        let ready = guard.ready();
        if ready.is_error() || ready.is_read_closed() || ready.is_write_closed() {
            return;
        }
        // A terminal can be read from, which is no sign of anything.
        guard.clear_ready();
    }
}
