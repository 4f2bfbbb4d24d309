//! Shows how far a load is: bars on a terminal, a line per finished step elsewhere.
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A step that is quicker than this shows no bar: one that flashes by tells nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a load reports how far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress(Sink);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    Silence,
    Lines,
    Bars,
}

impl Progress {
    /// Reports to standard error: bars for steps that take longer than a second if it is a terminal, and
    /// otherwise, in a log or a pipe, a plain line when a step is done.
    #[must_use]
    pub fn on_stderr() -> Self {
        match io::stderr().is_terminal() {
            true => Self(Sink::Bars),
            false => Self(Sink::Lines),
        }
    }

    /// Reports nothing; for tests.
    #[must_use]
    pub fn silent() -> Self {
        Self(Sink::Silence)
    }

    /// Begins a step of `length` parts, named as in "loading customers and orders".
    pub(super) fn begin(self, name: &'static str, length: usize) -> Step {
        let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::hidden())
            .with_message(name);
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {bar:30} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Step {
            name,
            sink: self.0,
            bar,
        }
    }
}

/// A step that is under way.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    sink: Sink,
    bar: ProgressBar,
}

impl Step {
    /// So many more parts are done.
    pub(super) fn advance(&self, parts: usize) {
        if self.sink == Sink::Bars && self.bar.is_hidden() && self.bar.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(parts as u64);
    }

    /// All parts are done.
    pub(super) fn end(self) {
        if self.sink == Sink::Lines {
            let (parts, seconds) = (self.bar.position(), self.bar.elapsed().as_secs_f32());
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(io::stderr(), "{}: {parts} in {seconds:.1} s", self.name);
        }
        self.bar.finish_and_clear();
    }
}
