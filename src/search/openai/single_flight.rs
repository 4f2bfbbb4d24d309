//! Single flight: concurrent calls for the same key share one future.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

/// A future that several callers await. It is polled by those that are there, and dropped with the
/// last of them.
type SharedCall<T> = Shared<BoxFuture<'static, T>>;

/// The futures in progress, by key. As many as there are callers at most.
pub(super) struct SingleFlight<T: Clone>(Arc<Mutex<Table<T>>>);

struct Table<T: Clone> {
    calls: HashMap<String, (u64, WeakShared<BoxFuture<'static, T>>)>,
    /// The number of the next flight: a flight that ends removes itself and no later one.
    next: u64,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Table {
            calls: HashMap::new(),
            next: 0,
        })))
    }

    /// The flight for a key, which is begun unless it is under way.
    ///
    /// # Cancel safety
    /// Dropping it cancels the flight if nobody else awaits it.
    pub(super) fn join(
        &self,
        key: &str,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> SharedCall<T> {
        let mut table = lock(&self.0);
        if let Some(flight) = table
            .calls
            .get(key)
            .and_then(|(_, flight)| flight.upgrade())
        {
            return flight;
        }
        let number = table.next;
        table.next += 1;
        let remove_on_drop = RemoveOnDrop {
            table: Arc::clone(&self.0),
            key: key.to_owned(),
            number,
        };
        let future = begin();
        let flight = async move {
            let _remove_on_drop = remove_on_drop;
            future.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            table.calls.insert(key.to_owned(), (number, weak));
        }
        flight
    }
}

/// Removes a flight from the table when it ends or is dropped.
struct RemoveOnDrop<T: Clone> {
    table: Arc<Mutex<Table<T>>>,
    key: String,
    number: u64,
}

impl<T: Clone> Drop for RemoveOnDrop<T> {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if table
            .calls
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            table.calls.remove(&self.key);
        }
    }
}

/// Held for a few map operations. No flight is dropped under it, because its `RemoveOnDrop` locks
/// too.
fn lock<T: Clone>(table: &Mutex<Table<T>>) -> MutexGuard<'_, Table<T>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    fn is_empty(single_flight: &SingleFlight<u8>) -> bool {
        lock(&single_flight.0).calls.is_empty()
    }

    #[tokio::test]
    async fn one_flight_serves_all_who_want_the_same() {
        let (single_flight, begun) = (SingleFlight::new(), AtomicUsize::new(0));
        let fly = |key: &'static str, value: u8| {
            single_flight.join(key, || {
                begun.fetch_add(1, Ordering::Relaxed);
                async move {
                    tokio::task::yield_now().await;
                    value
                }
                .boxed()
            })
        };
        let all = join_all((0..10).map(|_| fly("a", 1)).chain([fly("b", 2)])).await;
        assert_eq!(all, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert!(is_empty(&single_flight));
        assert_eq!(
            fly("a", 3).await,
            3,
            "a flight that has ended is not joined"
        );
    }

    /// The caller that began the flight is gone, and so is the one that polled it last.
    #[tokio::test]
    async fn a_flight_survives_the_callers_that_give_up() {
        let single_flight = SingleFlight::new();
        let (send, receive) = oneshot::channel();
        let mut first = single_flight.join("a", || async { receive.await.expect("sent") }.boxed());
        let begin = || async { unreachable!("it has begun") }.boxed();
        let (mut second, third) = (
            single_flight.join("a", begin),
            single_flight.join("a", begin),
        );
        tokio::pin!(third);
        assert!((&mut first).now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop((first, second));
        let sending = async {
            tokio::task::yield_now().await;
            send.send(7).expect("it is awaited");
        };
        let (third, ()) = tokio::join!(third, sending);
        assert_eq!(third, 7);
        assert!(is_empty(&single_flight));
    }

    #[tokio::test]
    async fn a_flight_ends_with_its_last_caller() {
        let single_flight = SingleFlight::new();
        let (send, receive) = oneshot::channel::<u8>();
        let mut first = single_flight.join("a", || async { receive.await.expect("sent") }.boxed());
        let second = single_flight.join("a", || async { 0 }.boxed());
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        assert!(!send.is_closed());
        drop(second);
        assert!(send.is_closed());
        assert!(is_empty(&single_flight));
        assert_eq!(single_flight.join("a", || async { 1 }.boxed()).await, 1);
    }
}
