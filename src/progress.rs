//! Shows the progress of long work: bars on a terminal, a line per finished step elsewhere.
use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar appears after this delay, so that quick steps do not flash one.
const BAR_DELAY: Duration = Duration::from_secs(1);

/// The interval at which a spinner turns.
const SPINNER_INTERVAL: Duration = Duration::from_millis(100);

const BAR: &str = "{msg:32} {bar:30} {pos}/{len} {elapsed}";
const SPINNER: &str = "{msg:32} {spinner} {elapsed}";

/// Where work reports its progress.
#[derive(Clone, Copy, Debug)]
pub struct Progress(Sink);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    None,
    Lines,
    Bars,
}

impl Progress {
    /// Reports to standard error. If that is a terminal, steps longer than a second show a bar;
    /// otherwise, in a log or a pipe, each finished step prints a line.
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
        Self(Sink::None)
    }

    /// Begins a step of `length` parts, named as in "copying customers and orders".
    pub(crate) fn begin(self, name: &'static str, length: usize) -> Step {
        self.begin_with(name, Some(length as u64), BAR)
    }

    /// Shows a spinner until `work` is done. The progress of `work` cannot be observed; it returns
    /// the number of parts it had.
    ///
    /// # Cancel safety
    /// As cancel-safe as `work`.
    pub(crate) async fn watch<E>(
        self,
        name: &'static str,
        work: impl Future<Output = Result<u64, E>>,
    ) -> Result<u64, E> {
        let step = self.begin_with(name, None, SPINNER);
        let mut ticks = tokio::time::interval(SPINNER_INTERVAL);
        let mut work = pin!(work);
        let parts = loop {
            tokio::select! {
                done = &mut work => break done?, // cancel-safe: `work` is only borrowed
                _ = ticks.tick() => step.tick(), // cancel-safe: a dropped tick is not lost
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

/// A step in progress.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    sink: Sink,
    bar: ProgressBar,
}

impl Step {
    /// Counts `parts` more as done.
    pub(crate) fn advance(&self, parts: usize) {
        self.show_if_slow();
        self.bar.inc(parts as u64);
    }

    /// Turns the spinner.
    fn tick(&self) {
        self.show_if_slow();
        self.bar.tick();
    }

    fn show_if_slow(&self) {
        if self.sink == Sink::Bars && self.bar.is_hidden() && self.bar.elapsed() > BAR_DELAY {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Ends the step and reports it.
    pub(crate) fn end(self) {
        if self.sink == Sink::Lines {
            let (parts, seconds) = (self.bar.position(), self.bar.elapsed().as_secs_f32());
            // Errors are ignored: if standard error is closed, there is nowhere to report them.
            let _ = writeln!(io::stderr(), "{}: {parts} in {seconds:.1} s", self.name);
        }
        self.bar.finish_and_clear();
    }
}
