//! Work for all processors.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` for each item, on all processors, and gives the results in the order of the items.
///
/// # Panics
///
/// If `work` does, once the others are done with what they had begun.
pub fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return results };
            let stop = StopOnPanic { next: &next, end: items.len() };
            results.push((index, work(item)));
            drop(stop);
        }
    };
    let mut results = thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // Threads are called like the test, so that what they print and keep is too.
        let name = thread::current().name().unwrap_or("worker").to_owned();
        let spawn = |_| thread::Builder::new().name(name.clone()).spawn_scoped(scope, worker);
        let workers: Vec<_> = (0..count).map(spawn).collect();
        let joined = workers.into_iter().map(|worker| worker.expect("a thread").join());
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// When one worker has failed, the others need not begin anything.
struct StopOnPanic<'n> {
    next: &'n AtomicUsize,
    end: usize,
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.next.store(self.end, Ordering::Relaxed);
        }
    }
}
