use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use crate::Fallible;
use crate::cloud::Cloud;
use crate::mcp;
use crate::pgbench;
use crate::plan::Plan;
use crate::process::Process;
use crate::server;

/// Log messages of our server on the way to its first response.
const STEPS: [(&str, &str); 2] = [
    ("listening", "listening;"),
    ("posture check passed", "posture check passed"),
];

/// The same for a server on Azure.
const CLOUD_STEPS: [(&str, &str); 6] = [
    ("listening", "listening;"),
    ("access token fetched", "access token fetched"),
    (
        "signing key read from Key Vault",
        "secret read from Key Vault",
    ),
    ("database reached by TLS", "database reached"),
    ("logged in", "login answered"),
    ("posture check passed", "posture check passed"),
];

/// How long a server may take to store its verdict: it runs the full posture check ten seconds
/// after its start.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(60);

/// Durations of several starts.
pub(crate) struct Starts {
    /// From process start to the first response of a tool call.
    pub(crate) answered: Durations,
    /// From process start to each logged step.
    pub(crate) steps: Vec<(&'static str, Durations)>,
}

/// At least one duration, sorted.
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    pub(crate) fn min(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn max(&self) -> Duration {
        self.0[self.0.len() - 1]
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }
}

/// Starts of our server without and with a verdict of an earlier start, and with one on Azure.
pub(crate) struct OurStarts {
    pub(crate) first: Starts,
    pub(crate) later: Starts,
    pub(crate) cloud: Starts,
}

/// Starts our server repeatedly without a stored verdict, each time too briefly to store one; then
/// lets one server store it, and starts it again.
pub(crate) async fn measure_ours(plan: &Plan, request: &[u8]) -> Fallible<OurStarts> {
    let start = || server::start(plan);
    pgbench::delete_verdicts(plan).await?;
    let first = measure(plan, start, request, &STEPS).await?;
    let storing = server::start(plan)?;
    let deadline = Instant::now() + VERDICT_TIMEOUT;
    while !pgbench::has_verdict(plan).await? {
        if Instant::now() > deadline {
            return Err("the server stores no verdict of its posture check; see its log".into());
        }
        sleep(Duration::from_millis(200)).await;
    }
    storing.stop().await?;
    let later = measure(plan, start, request, &STEPS).await?;
    let cloud = Cloud::start(plan)?;
    let start = || cloud.start_server(plan);
    Ok(OurStarts {
        first,
        later,
        cloud: measure(plan, start, request, &CLOUD_STEPS).await?,
    })
}

/// Starts a server repeatedly, each time on a free port, and calls a tool as soon as it listens.
/// The time includes creating the process, reading files, connecting to the database and, for ours,
/// the posture check and the tenant lookup.
pub(crate) async fn measure(
    plan: &Plan,
    start: impl Fn() -> Fallible<Process>,
    request: &[u8],
    steps: &[(&'static str, &str)],
) -> Fallible<Starts> {
    measure_one(&start, request, steps).await?; // reads the binary and its files into the page cache
    let mut times = vec![Vec::with_capacity(plan.starts); steps.len() + 1];
    for _ in 0..plan.starts {
        for (times, took) in times
            .iter_mut()
            .zip(measure_one(&start, request, steps).await?)
        {
            times.push(took);
        }
    }
    let mut times = times.into_iter().map(Durations::new);
    let answered = times.next().ok_or("no start was measured")?;
    Ok(Starts {
        answered,
        steps: steps.iter().map(|(name, _)| *name).zip(times).collect(),
    })
}

/// Durations of one start: to the first response, and to each step.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock by which the server stamps its log"
)]
async fn measure_one(
    start: impl Fn() -> Fallible<Process>,
    request: &[u8],
    steps: &[(&str, &str)],
) -> Fallible<Vec<Duration>> {
    let began_at = SystemTime::now();
    let began = Instant::now();
    let server = start()?;
    let mut connection = server.connect().await?;
    mcp::call(&mut connection, request).await?;
    let mut times = vec![began.elapsed()];
    for (name, text) in steps {
        let logged = server
            .logged()?
            .lines()
            .find(|line| line.contains(text))
            .and_then(time_of_day);
        let logged = logged.ok_or_else(|| format!("the log does not tell its step: {name}"))?;
        times.push(since(began_at, logged)?);
    }
    server.stop().await?;
    Ok(times)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The time of day of a log line such as `2026-11-30T10:53:17.336530Z  INFO …`.
fn time_of_day(line: &str) -> Option<Duration> {
    let (_, time) = line.split_once('T')?;
    let (time, _) = time.split_once('Z')?;
    let mut parts = time.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let minutes = 60 * hours.parse::<u64>().ok()? + minutes.parse::<u64>().ok()?;
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(Duration::from_secs(60 * minutes) + seconds)
}

/// The time from a moment to the next occurrence of a time of day.
fn since(moment: SystemTime, time_of_day: Duration) -> Fallible<Duration> {
    let moment = moment.duration_since(UNIX_EPOCH)?.as_nanos() % DAY.as_nanos();
    let passed = (time_of_day + DAY).as_nanos() - moment;
    Ok(Duration::from_nanos(u64::try_from(
        passed % DAY.as_nanos(),
    )?))
}
