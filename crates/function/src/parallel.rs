//! Work on many items at once. The only module of the function that starts threads: whoever uses it gets the results one after the other, in the
//! order of the items, and so the same output and findings with any number of threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many results of one thread may wait for an earlier one.
const LOOK_AHEAD: usize = 16;

/// To start a thread costs as much time as about this many proxies in the worst case.
const ITEMS_OF_A_THREAD: usize = 4;

/// The stack of a thread is that of a main thread on Linux, so that what can be read does not depend on the number of threads.
const STACK_BYTES: usize = 8 << 20;

/// The number of threads for a number of items: as many as there are processors, or the given number.
pub(crate) fn threads(wanted: Option<NonZeroUsize>, items: usize) -> usize {
    if let Some(wanted) = wanted {
        return wanted.get();
    }
    if items < 2 * ITEMS_OF_A_THREAD {
        return 1;
    }
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(items / ITEMS_OF_A_THREAD)
}

/// The results that are made, and what is done next.
struct State<R> {
    /// The first item that nobody works on.
    next: usize,
    /// The first item whose result is not passed on.
    wanted: usize,
    made: BTreeMap<usize, Result<R, Box<dyn Any + Send>>>,
    stopped: bool,
}

/// What the threads share.
struct Shared<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    items: usize,
    look_ahead: usize,
}

impl<R> Shared<R> {
    /// A panic while the lock is held is not possible: no foreign code runs then.
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<R>>) -> MutexGuard<'s, State<R>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item to work on, if it is not too far ahead.
    fn take(&self, state: &mut State<R>) -> Option<usize> {
        let index = state.next;
        let may = index < self.items && index < state.wanted + self.look_ahead;
        may.then(|| {
            state.next += 1;
            index
        })
    }

    fn put(&self, index: usize, result: Result<R, Box<dyn Any + Send>>) {
        self.lock().made.insert(index, result);
        self.changed.notify_all();
    }

    /// Works on items until there are none.
    fn work(&self, work: &impl Fn(usize) -> Result<R, Box<dyn Any + Send>>) {
        let mut state = self.lock();
        while !state.stopped && state.next < self.items {
            let Some(index) = self.take(&mut state) else {
                state = self.wait(state);
                continue;
            };
            drop(state);
            self.put(index, work(index));
            state = self.lock();
        }
    }
}

/// Ends the threads, also if the caller panics.
struct Stop<'s, R>(&'s Shared<R>);

impl<R> Drop for Stop<'_, R> {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}

/// Calls `work` for each item, in several threads, and `each` with the results in the order of the items, in this thread. Ends early if `each`
/// breaks. A panic of `work` is continued in this thread when it is the turn of its item.
///
/// This thread works too, so nothing is lost if no other one can be started.
pub(crate) fn ordered<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(R) -> ControlFlow<()>,
) {
    if threads <= 1 || items.len() <= 1 {
        let _ = items.iter().try_for_each(|item| each(work(item)));
        return;
    }
    let shared = Shared {
        state: Mutex::new(State { next: 0, wanted: 0, made: BTreeMap::new(), stopped: false }),
        changed: Condvar::new(),
        items: items.len(),
        look_ahead: threads.saturating_mul(LOOK_AHEAD),
    };
    let work = |index: usize| match items.get(index) {
        Some(item) => catch_unwind(AssertUnwindSafe(|| work(item))),
        None => Err(Box::new("no such item") as Box<dyn Any + Send>),
    };
    thread::scope(|scope| {
        let stop = Stop(&shared);
        for _ in 1..threads.min(items.len()) {
            let started = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || shared.work(&work));
            if started.is_err() {
                break;
            }
        }
        let mut state = shared.lock();
        while state.wanted < shared.items {
            let wanted = state.wanted;
            if let Some(result) = state.made.remove(&wanted) {
                state.wanted += 1;
                drop(state);
                shared.changed.notify_all();
                let result = result.unwrap_or_else(|panic| resume_unwind(panic));
                if each(result).is_break() {
                    break;
                }
                state = shared.lock();
            } else if let Some(index) = shared.take(&mut state) {
                drop(state);
                shared.put(index, work(index));
                state = shared.lock();
            } else {
                state = shared.wait(state);
            }
        }
        drop(stop);
    });
}

/// The results of `work` for each item, in the order of the items.
pub(crate) fn map<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let mut all = Vec::with_capacity(items.len());
    ordered(threads, items, work, |result| {
        all.push(result);
        ControlFlow::Continue(())
    });
    all
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..500).collect();
        for threads in [0, 1, 2, 3, 8, 1000] {
            let slow_first = |item: &u64| {
                thread::sleep(Duration::from_micros(if item.is_multiple_of(7) { 300 } else { 0 }));
                item * 2
            };
            assert_eq!(map(threads, &items, slow_first), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
        assert_eq!(map(4, &[] as &[u64], |item| *item), [0; 0]);
    }

    #[test]
    fn nobody_works_far_ahead_of_a_slow_item() {
        let items: Vec<usize> = (0..1000).collect();
        let (begun, consumed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if *item == 0 {
                thread::sleep(Duration::from_millis(50));
                assert!(begun.load(Ordering::SeqCst) <= 2 * LOOK_AHEAD);
            }
        };
        ordered(2, &items, work, |()| {
            consumed.fetch_add(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        });
        assert_eq!(consumed.into_inner(), 1000);
    }

    #[test]
    fn a_break_ends_the_work() {
        let items: Vec<usize> = (0..100_000).collect();
        let begun = AtomicUsize::new(0);
        let mut seen = Vec::new();
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            *item
        };
        ordered(4, &items, work, |item| {
            seen.push(item);
            if item == 9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert!(begun.into_inner() <= 10 + 4 * LOOK_AHEAD);
    }

    #[test]
    fn the_first_panic_in_the_order_of_the_items_is_continued() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [1, 2, 8] {
            let mut seen = 0;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let work = |item: &usize| {
                    if *item == 20 {
                        thread::sleep(Duration::from_millis(5));
                    }
                    assert!(!matches!(item, 20 | 25), "item {item}");
                };
                ordered(threads, &items, work, |()| {
                    seen += 1;
                    ControlFlow::Continue(())
                });
            }));
            let panic = ended.unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("item 20"));
            assert_eq!(seen, 20);
        }
    }
}
