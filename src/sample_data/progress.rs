//! Shows how far a load is: bars on a terminal, a line per finished step elsewhere.
use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A step that is quicker than this shows no bar: one that flashes by tells nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(100);

const BAR: &str = "{msg:32} {bar:30} {pos}/{len} {elapsed}";
const SPINNER: &str = "{msg:32} {spinner} {elapsed}";

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

    /// Begins a step of `length` parts, named as in "copying customers and orders".
    pub(super) fn begin(self, name: &'static str, length: usize) -> Step {
        self.begin_with(name, Some(length as u64), BAR)
    }

    /// Turns a spinner until `work` is done, which cannot be looked into and answers how many parts it had.
    ///
    /// # Cancel safety
    /// That of `work`.
    pub(super) async fn watch<E>(
        self,
        name: &'static str,
        work: impl Future<Output = Result<u64, E>>,
    ) -> Result<u64, E> {
        let step = self.begin_with(name, None, SPINNER);
        let mut turns = tokio::time::interval(TURN);
        let mut work = pin!(work);
        let parts = loop {
            tokio::select! {
                done = &mut work => break done?, // Only lent, so the other arm does not drop it.
                _ = turns.tick() => step.turn(), // A turn is not missed when it is dropped.
            }
        };
        step.bar.inc(parts);
        step.end();
        Ok(parts)
    }

    fn begin_with(self, name: &'static str, length: Option<u64>, template: &str) -> Step {
        let bar =
            ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden()).with_message(name);
        if let Ok(style) = ProgressStyle::with_template(template) {
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
        self.show_if_slow();
        self.bar.inc(parts as u64);
    }

    /// It is still under way.
    fn turn(&self) {
        self.show_if_slow();
        self.bar.tick();
    }

    fn show_if_slow(&self) {
        if self.sink == Sink::Bars && self.bar.is_hidden() && self.bar.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
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
