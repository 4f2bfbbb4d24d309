use std::fs::File;
use std::future::{Future, pending};
use std::io;
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Resolves when nobody can write to standard input any more, although it may hold lines that are
/// not read yet; at once if it is a file, which holds all that it ever will. Never does for other
/// inputs that are not a pipe, a socket or a terminal.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types that do not own their descriptor; an OwnedFd does"
)]
pub(super) async fn watch_stdin() {
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
            Ok(output) => closed(&output, Interest::READABLE | Interest::ERROR).await,
            Err(_) => pending().await,
        }
    }
}

async fn closed<T: std::os::fd::AsRawFd>(descriptor: &AsyncFd<T>, interest: Interest) {
    loop {
        let Ok(mut guard) = descriptor.ready(interest).await else {
            return pending().await; // the reactor has gone, and with it whoever waits
        };
        let ready = guard.ready();
        if ready.is_error() || ready.is_read_closed() || ready.is_write_closed() {
            return;
        }
        // That there is something to read is no sign of anything.
        guard.clear_ready();
    }
}
