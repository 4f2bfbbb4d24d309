//! The binary: arguments → one call → exit code.
use std::process::ExitCode;
use std::time::SystemTime;

mod cli;

/// Returns freed memory to the operating system even when the heap is fragmented
/// (docs/decisions/0027).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that names the system clock; all else takes it as an argument"
)]
fn main() -> ExitCode {
    cli::run(std::env::args_os(), SystemTime::now)
}
