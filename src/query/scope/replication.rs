//! How far each replica has followed the primary.
//!
//! Knows positions in the write-ahead log and when they were read; must not know connections. A
//! replica's data is as old as the last state of the primary that it is known to have replayed: the
//! primary's position is sampled, and a replica that has replayed a sampled position contains
//! everything that the primary had committed when the sample was taken. No clock of a database and
//! no report of a replica about its own lag is used, so a replica that is paused, or cut off
//! from the primary, ages like one that is slow, and one with an idle primary does not.
//!
//! Invariants:
//! - a replica is usable only if its data is at most `max_lag` old;
//! - a replica of another database or on another timeline than the primary is not usable.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How many samples of the primary are kept from a time as long as the maximum lag. A lag is
/// overestimated by that step at most.
const SAMPLES_PER_MAX_LAG: u32 = 32;

/// How many samples are kept, so that they span the maximum lag and more.
const MAX_SAMPLES: usize = 2 * SAMPLES_PER_MAX_LAG as usize;

/// The history that a position belongs to. A server that is promoted begins a new timeline, and the
/// positions of two timelines cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    /// The system identifier that `initdb` gave the database; replicas have the primary's.
    pub(super) system: i64,
    pub(super) timeline: i32,
}

/// What a server was found to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) history: History,
    /// The last position that was flushed, on a primary, or replayed, on a replica. In bytes.
    pub(super) position: u64,
}

/// Why a replica is not usable, whatever its lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplicaProblem {
    /// It does not answer.
    Unreachable,
    /// It does not accept this server.
    Misconfigured,
    /// It is a primary.
    IsPrimary,
    /// It is a replica of another database.
    OtherDatabase,
    /// It has not followed the primary to its timeline, or follows another primary.
    OtherTimeline,
    /// Its clock differs so much that it accepts no signed context.
    ClockSkew,
    /// It violates a posture rule.
    Posture,
}

/// Whether a replica is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplicaState {
    /// It was not compared with the primary yet.
    Unknown,
    /// It is usable.
    Usable,
    /// Its data is too old.
    Lagging,
    Problem(ReplicaProblem),
}

/// What is known of the primary and its replicas.
pub(super) struct Replication {
    max_lag: Duration,
    primary: Option<History>,
    /// Positions of the primary, each read at this time or later; the oldest first.
    samples: VecDeque<(Instant, u64)>,
    replicas: Vec<Replica>,
}

#[derive(Clone, Default)]
struct Replica {
    progress: Option<Progress>,
    problem: Option<ReplicaProblem>,
    /// The replica contains everything that the primary had committed at this time.
    current_at: Option<Instant>,
    /// The state that was last reported.
    reported: Option<ReplicaState>,
}

impl Replication {
    pub(super) fn new(replicas: usize, max_lag: Duration) -> Self {
        Self {
            max_lag,
            primary: None,
            samples: VecDeque::new(),
            replicas: vec![Replica::default(); replicas],
        }
    }

    /// Records what the primary contains. `at` is the time at which it was asked, or earlier.
    pub(super) fn record_primary(&mut self, at: Instant, progress: Progress) {
        if self.primary != Some(progress.history) {
            self.primary = Some(progress.history);
            self.samples.clear();
            for replica in &mut self.replicas {
                replica.current_at = None;
            }
        }
        // The newest sample is replaced until it is a step away from the one before it.
        let step = self.max_lag / SAMPLES_PER_MAX_LAG;
        let mut newest = self.samples.iter().rev().map(|(at, _)| *at);
        if let (Some(last), Some(before)) = (newest.next(), newest.next())
            && last.duration_since(before) < step
        {
            self.samples.pop_back();
        }
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((at, progress.position));
        for index in 0..self.replicas.len() {
            self.compare(index);
        }
    }

    /// Records what a replica contains.
    pub(super) fn record_replica(&mut self, index: usize, progress: Progress) {
        let replica = &mut self.replicas[index];
        (replica.progress, replica.problem) = (Some(progress), None);
        self.compare(index);
    }

    /// Records why a replica must not be used.
    pub(super) fn record_problem(&mut self, index: usize, problem: ReplicaProblem) {
        let replica = &mut self.replicas[index];
        replica.problem = Some(problem);
        if problem != ReplicaProblem::Unreachable {
            (replica.progress, replica.current_at) = (None, None);
        }
    }

    pub(super) fn state(&self, index: usize, now: Instant) -> ReplicaState {
        let replica = &self.replicas[index];
        match (replica.problem, replica.current_at) {
            (Some(problem), _) => ReplicaState::Problem(problem),
            (None, Some(at)) if now.duration_since(at) <= self.max_lag => ReplicaState::Usable,
            (None, Some(_)) => ReplicaState::Lagging,
            (None, None) if replica.progress.is_some() && self.primary.is_some() => {
                ReplicaState::Lagging
            }
            (None, None) => ReplicaState::Unknown,
        }
    }

    /// The state, if it is another one than was reported by the last call.
    pub(super) fn changed_state(&mut self, index: usize, now: Instant) -> Option<ReplicaState> {
        let state = self.state(index, now);
        let reported = self.replicas[index].reported.replace(state);
        (reported != Some(state)).then_some(state)
    }

    /// How old the replica's data is at most; `None` if that is unknown.
    pub(super) fn lag(&self, index: usize, now: Instant) -> Option<Duration> {
        let at = self.replicas[index].current_at?;
        Some(now.duration_since(at))
    }

    fn compare(&mut self, index: usize) {
        let replica = &mut self.replicas[index];
        let (Some(primary), Some(progress)) = (self.primary, replica.progress) else {
            return;
        };
        if progress.history != primary {
            replica.problem = Some(if progress.history.system == primary.system {
                ReplicaProblem::OtherTimeline
            } else {
                ReplicaProblem::OtherDatabase
            });
            replica.current_at = None;
            return;
        }
        if let Some(ReplicaProblem::OtherDatabase | ReplicaProblem::OtherTimeline) = replica.problem
        {
            replica.problem = None;
        }
        let samples = self.samples.iter().rev();
        let replayed = samples
            .filter(|(_, position)| *position <= progress.position)
            .map(|(at, _)| *at)
            .next();
        replica.current_at = replica.current_at.max(replayed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_LAG: Duration = Duration::from_secs(5);

    const HISTORY: History = History {
        system: 1,
        timeline: 1,
    };

    fn progress(position: u64) -> Progress {
        Progress {
            history: HISTORY,
            position,
        }
    }

    struct Clock(Instant);

    impl Clock {
        fn start() -> Self {
            Self(Instant::now())
        }

        fn at(&self, seconds: f32) -> Instant {
            self.0 + Duration::from_secs_f32(seconds)
        }
    }

    #[test]
    fn a_replica_is_as_old_as_the_last_sample_that_it_has_replayed() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        assert_eq!(replication.state(0, clock.at(0.0)), ReplicaState::Unknown);
        replication.record_primary(clock.at(0.0), progress(100));
        assert_eq!(replication.state(0, clock.at(0.0)), ReplicaState::Unknown);
        replication.record_replica(0, progress(99));
        assert_eq!(replication.state(0, clock.at(0.0)), ReplicaState::Lagging);
        assert_eq!(replication.lag(0, clock.at(0.0)), None);
        replication.record_replica(0, progress(100));
        assert_eq!(replication.state(0, clock.at(0.0)), ReplicaState::Usable);
        replication.record_primary(clock.at(1.0), progress(200));
        replication.record_replica(0, progress(199));
        assert_eq!(
            replication.lag(0, clock.at(1.0)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(replication.state(0, clock.at(5.0)), ReplicaState::Usable);
        assert_eq!(replication.state(0, clock.at(5.1)), ReplicaState::Lagging);
        replication.record_replica(0, progress(250));
        assert_eq!(
            replication.lag(0, clock.at(5.1)),
            Some(Duration::from_secs_f32(4.1))
        );
        assert_eq!(replication.state(0, clock.at(5.1)), ReplicaState::Usable);
    }

    #[test]
    fn a_replica_of_an_idle_primary_does_not_age() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        for second in 0..100_u8 {
            let now = clock.at(f32::from(second));
            replication.record_primary(now, progress(100));
            replication.record_replica(0, progress(100));
            assert_eq!(replication.lag(0, now), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_replica_ages_while_the_primary_or_the_replica_does_not_answer() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        replication.record_primary(clock.at(0.0), progress(100));
        replication.record_replica(0, progress(100));
        // Only the replica answers, and claims to be current.
        replication.record_replica(0, progress(100));
        assert_eq!(replication.state(0, clock.at(6.0)), ReplicaState::Lagging);
        // Only the primary answers.
        replication.record_primary(clock.at(6.0), progress(100));
        replication.record_problem(0, ReplicaProblem::Unreachable);
        assert_eq!(
            replication.state(0, clock.at(6.0)),
            ReplicaState::Problem(ReplicaProblem::Unreachable)
        );
        replication.record_replica(0, progress(100));
        assert_eq!(replication.state(0, clock.at(6.0)), ReplicaState::Usable);
    }

    #[test]
    fn a_steady_lag_is_measured_with_few_samples() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        let (mut now, mut worst) = (clock.at(0.0), Duration::ZERO);
        // The primary writes a byte each millisecond; the replica is three seconds behind.
        for millisecond in (0..60_000_u64).step_by(50) {
            now = clock.0 + Duration::from_millis(millisecond);
            replication.record_primary(now, progress(10_000 + millisecond));
            replication.record_replica(0, progress(7_000 + millisecond));
            if millisecond > 10_000 {
                worst = worst.max(replication.lag(0, now).expect("a lag"));
            }
        }
        assert!(replication.samples.len() <= MAX_SAMPLES);
        assert!(worst >= Duration::from_secs(3), "{worst:?}");
        assert!(worst < Duration::from_millis(3_500), "{worst:?}");
        assert_eq!(replication.state(0, now), ReplicaState::Usable);
    }

    #[test]
    fn a_replica_that_has_not_followed_a_promotion_is_not_usable() {
        let (clock, mut replication) = (Clock::start(), Replication::new(2, MAX_LAG));
        replication.record_primary(clock.at(0.0), progress(100));
        // The first received more than the second, which is promoted.
        replication.record_replica(0, progress(120));
        replication.record_replica(1, progress(100));
        let promoted = History {
            timeline: 2,
            ..HISTORY
        };
        let promoted = |position| Progress {
            history: promoted,
            position,
        };
        replication.record_primary(clock.at(1.0), promoted(110));
        replication.record_problem(1, ReplicaProblem::IsPrimary);
        assert_eq!(
            replication.state(0, clock.at(1.0)),
            ReplicaState::Problem(ReplicaProblem::OtherTimeline)
        );
        replication.record_replica(0, progress(130));
        assert_eq!(
            replication.state(0, clock.at(1.0)),
            ReplicaState::Problem(ReplicaProblem::OtherTimeline)
        );
        replication.record_replica(0, promoted(110));
        assert_eq!(replication.state(0, clock.at(1.0)), ReplicaState::Usable);
    }

    #[test]
    fn a_replica_of_another_database_is_not_usable() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        replication.record_primary(clock.at(0.0), progress(100));
        let other = History {
            system: 2,
            ..HISTORY
        };
        replication.record_replica(
            0,
            Progress {
                history: other,
                position: 500,
            },
        );
        assert_eq!(
            replication.state(0, clock.at(0.0)),
            ReplicaState::Problem(ReplicaProblem::OtherDatabase)
        );
    }

    #[test]
    fn each_change_of_the_state_is_reported_once() {
        let (clock, mut replication) = (Clock::start(), Replication::new(1, MAX_LAG));
        replication.record_primary(clock.at(0.0), progress(100));
        replication.record_replica(0, progress(100));
        let now = clock.at(0.0);
        assert_eq!(
            replication.changed_state(0, now),
            Some(ReplicaState::Usable)
        );
        assert_eq!(replication.changed_state(0, now), None);
        let later = clock.at(6.0);
        assert_eq!(
            replication.changed_state(0, later),
            Some(ReplicaState::Lagging)
        );
        assert_eq!(replication.changed_state(0, later), None);
    }
}
