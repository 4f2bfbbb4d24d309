//! Detects that the client has closed standard input or standard output.
use std::fs::File;
use std::future::{Future, pending};
use std::io;
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Resolves when standard input is closed for writing, even if it still holds unread lines.
/// Resolves at once for a file, whose content is complete, and never for other inputs that are not
/// a pipe, a socket or a terminal.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types that do not own their descriptor; an OwnedFd does"
)]
pub(super) async fn stdin_closed() {
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let metadata = input.as_ref().map(File::metadata);
    if metadata.is_ok_and(|metadata| metadata.is_ok_and(|metadata| metadata.is_file())) {
        return;
    }
    match input.and_then(|input| AsyncFd::with_interest(input, Interest::READABLE)) {
        Ok(input) => closed(&input, Interest::READABLE).await,
        Err(_) => pending().await,
    }
}

/// Resolves when standard output has no reader left. Never resolves for an output that is not a
/// pipe, a socket or a terminal: a file may be read later.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types that do not own their descriptor; an OwnedFd does"
)]
pub(super) fn stdout_closed() -> impl Future<Output = ()> {
    let output = io::stdout().as_fd().try_clone_to_owned();
    let output = output.and_then(|output| {
        // A pipe reports its closed reader as an error, a socket as a closed read side.
        AsyncFd::with_interest(output, Interest::READABLE | Interest::ERROR)
    });
    async move {
        match output {
            Ok(output) => closed(&output, Interest::READABLE | Interest::ERROR).await,
            Err(_) => pending().await,
        }
    }
}

/// Resolves when the other side of a descriptor is closed.
async fn closed<T: std::os::fd::AsRawFd>(descriptor: &AsyncFd<T>, interest: Interest) {
    loop {
        let Ok(mut guard) = descriptor.ready(interest).await else {
            return pending().await; // the reactor has shut down, and nothing waits for the result
        };
        let ready = guard.ready();
        if ready.is_error() || ready.is_read_closed() || ready.is_write_closed() {
            return;
        }
        // Readable bytes do not show whether the other side is open.
        guard.clear_ready();
    }
}
