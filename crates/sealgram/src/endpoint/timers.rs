//! The deadlines of many connections in order: the next one is at hand, and changing one costs O(log n).

use alloc::collections::BTreeSet;
use core::time::Duration;

use crate::endpoint::routes::Handle;
use crate::time::Instant;

/// An ordered index of deadlines.
///
/// Each connection has at most one entry; the connection's own [`Deadline`] remembers which.
#[derive(Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Instant, Handle)>,
}

/// The entry of one connection in [`Timers`], or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline(Option<Instant>);

impl Timers {
    /// Moves the entry of one connection. Setting what is set already costs one comparison, which is the usual case:
    /// a record of application data moves no deadline.
    pub(super) fn set(&mut self, handle: Handle, deadline: &mut Deadline, at: Option<Instant>) {
        if deadline.0 == at {
            return;
        }
        if let Some(former) = deadline.0 {
            self.by_time.remove(&(former, handle));
        }
        if let Some(at) = at {
            self.by_time.insert((at, handle));
        }
        deadline.0 = at;
    }

    /// The first deadline of all.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out all that are due at `now`, first come first. The [`Deadline`] of each becomes [`Deadline::NONE`]
    /// before it is set again.
    ///
    /// They are taken at once and not one by one: a connection that is still due after it was served, as one with
    /// output waiting is, must not be served again in the same turn.
    pub(super) fn take_due(&mut self, now: Instant) -> impl Iterator<Item = Handle> + use<> {
        let later = self.by_time.split_off(&(now + Duration::from_nanos(1), Handle::FIRST));
        core::mem::replace(&mut self.by_time, later).into_iter().map(|(_, handle)| handle)
    }
}

impl Deadline {
    /// No entry.
    pub(super) const NONE: Self = Self(None);
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::endpoint::routes::Routes;
    use crate::path::Path;
    use crate::test_rng::TestRng;

    fn handles(count: u16) -> Vec<Handle> {
        let mut routes = Routes::new();
        let path = |port| Path::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        (0..count).map(|port| routes.insert(path(port), ()).unwrap().0).collect()
    }

    fn at(millis: u64) -> Instant {
        Instant::from_elapsed(Duration::from_millis(millis))
    }

    #[test]
    fn what_is_due_comes_in_order_and_what_is_not_stays() {
        let handles = handles(3);
        let mut timers = Timers::default();
        let mut deadlines = [Deadline::NONE; 3];
        for (n, time) in [30, 10, 20].into_iter().enumerate() {
            timers.set(handles[n], &mut deadlines[n], Some(at(time)));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)).count(), 0);
        assert_eq!(timers.take_due(at(20)).collect::<Vec<_>>(), [handles[1], handles[2]]);
        assert_eq!(timers.next(), Some(at(30)));
    }

    #[test]
    fn a_deadline_that_was_moved_or_taken_back_does_not_fire() {
        let handle = handles(1)[0];
        let mut timers = Timers::default();
        let mut deadline = Deadline::NONE;
        timers.set(handle, &mut deadline, Some(at(10)));
        timers.set(handle, &mut deadline, Some(at(20)));
        assert_eq!(timers.next(), Some(at(20)));
        timers.set(handle, &mut deadline, None);
        assert_eq!(timers.next(), None);
        assert_eq!(timers.take_due(at(99)).count(), 0);
    }

    /// The index against a plain map of deadlines.
    #[test]
    fn random_operations_agree_with_a_map() {
        for seed in 0..20 {
            let mut rng = TestRng::new(seed);
            let handles = handles(30);
            let mut timers = Timers::default();
            let mut deadlines = [Deadline::NONE; 30];
            let mut model: BTreeMap<usize, u64> = BTreeMap::new();
            let mut now = 0;
            for _ in 0..500 {
                let n = rng.below(30);
                match rng.below(4) {
                    0 => {
                        timers.set(handles[n], &mut deadlines[n], None);
                        model.remove(&n);
                    }
                    1 => {
                        now += rng.below(50) as u64;
                        let due: Vec<Handle> = timers.take_due(at(now)).collect();
                        assert_eq!(due.len(), model.values().filter(|time| **time <= now).count(), "seed {seed}");
                        for handle in due {
                            let n = handles.iter().position(|other| *other == handle).unwrap();
                            assert!(model.remove(&n).is_some_and(|time| time <= now), "seed {seed}");
                            deadlines[n] = Deadline::NONE;
                        }
                    }
                    _ => {
                        let time = now + rng.below(200) as u64;
                        timers.set(handles[n], &mut deadlines[n], Some(at(time)));
                        model.insert(n, time);
                    }
                }
                assert_eq!(timers.next(), model.values().min().map(|time| at(*time)), "seed {seed}");
            }
        }
    }
}
