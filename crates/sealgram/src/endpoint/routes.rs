//! Which connection a datagram belongs to: a slab of connections, and an index of it by path.
//!
//! The index is an ordered map: a hash table over keys that strangers choose would have to be defended, and a lookup
//! in a tree of a million paths takes twenty comparisons.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::endpoint::path::Path;

/// Names one connection of an endpoint, now and for ever.
///
/// A handle of a connection that is gone names nothing: it never comes to mean another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    index: u32,
    generation: u32,
}

impl Handle {
    /// Before every other one.
    pub(super) const FIRST: Self = Self { index: 0, generation: 0 };
}

/// Connections by handle and by path.
///
/// A path leads to at most one connection. A connection that has lost its path to a later one is still there under
/// its handle, until it is removed.
pub(super) struct Routes<T> {
    slots: Vec<Slot<T>>,
    /// Slots to use again; the others are taken or retired.
    free: Vec<u32>,
    by_path: BTreeMap<Path, Handle>,
    len: usize,
}

struct Slot<T> {
    /// One more for each occupant the slot has had.
    generation: u32,
    occupant: Option<(Path, T)>,
}

impl<T> Routes<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_path: BTreeMap::new(), len: 0 }
    }

    /// How many connections there are, with a path or without.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The connection that `path` leads to.
    pub(super) fn at(&self, path: &Path) -> Option<Handle> {
        self.by_path.get(path).copied()
    }

    /// Adds a connection and leads `path` to it, away from any other. `None` if there are 2^32 already.
    pub(super) fn insert(&mut self, path: Path, connection: T) -> Option<(Handle, &mut T)> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { generation: 0, occupant: None });
                index
            }
        };
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        let handle = Handle { index, generation: slot.generation };
        self.by_path.insert(path, handle);
        self.len += 1;
        let (_, connection) = slot.occupant.insert((path, connection));
        Some((handle, connection))
    }

    pub(super) fn get(&self, handle: Handle) -> Option<&(Path, T)> {
        let slot = self.slots.get(usize::try_from(handle.index).ok()?)?;
        slot.occupant.as_ref().filter(|_| slot.generation == handle.generation)
    }

    pub(super) fn get_mut(&mut self, handle: Handle) -> Option<&mut (Path, T)> {
        let slot = self.slot_mut(handle.index)?;
        let generation = slot.generation;
        slot.occupant.as_mut().filter(|_| generation == handle.generation)
    }

    /// Takes a connection out, and its path unless that leads to a later one.
    pub(super) fn remove(&mut self, handle: Handle) -> Option<T> {
        let (path, _) = self.get(handle)?;
        if self.by_path.get(path) == Some(&handle) {
            let path = *path;
            self.by_path.remove(&path);
        }
        let slot = self.slot_mut(handle.index)?;
        let (_, connection) = slot.occupant.take()?;
        // A slot whose generations are used up is never used again, so that no handle is ever given out twice.
        let next = slot.generation.checked_add(1);
        if let Some(generation) = next {
            slot.generation = generation;
            self.free.push(handle.index);
        }
        self.len -= 1;
        Some(connection)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::test_rng::TestRng;

    fn path(port: u16) -> Path {
        Path::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    #[test]
    fn a_handle_of_a_connection_that_is_gone_names_nothing() {
        let mut routes = Routes::new();
        let first = routes.insert(path(1), 'a').unwrap().0;
        assert_eq!(routes.remove(first), Some('a'));
        assert_eq!(routes.remove(first), None);
        let second = routes.insert(path(2), 'b').unwrap().0;
        assert_eq!(second.index, first.index);
        assert_eq!(routes.get(first), None);
        assert_eq!(routes.get_mut(first), None);
        assert_eq!(routes.get(second), Some(&(path(2), 'b')));
    }

    #[test]
    fn a_path_leads_to_the_latest_connection_and_outlives_the_former_one() {
        let mut routes = Routes::new();
        let former = routes.insert(path(1), 'a').unwrap().0;
        let latest = routes.insert(path(1), 'b').unwrap().0;
        assert_eq!(routes.at(&path(1)), Some(latest));
        assert_eq!(routes.get(former).map(|(_, name)| *name), Some('a'));
        routes.remove(former);
        assert_eq!(routes.at(&path(1)), Some(latest));
        routes.remove(latest);
        assert_eq!(routes.at(&path(1)), None);
        assert_eq!(routes.len(), 0);
    }

    #[test]
    fn a_slot_with_no_generations_left_is_retired() {
        let mut routes = Routes::new();
        let handle = routes.insert(path(1), ()).unwrap().0;
        routes.slots[0].generation = u32::MAX;
        let last = Handle { generation: u32::MAX, ..handle };
        assert!(routes.remove(last).is_some());
        assert_eq!(routes.insert(path(1), ()).unwrap().0.index, 1);
        assert_eq!(routes.get(last), None);
    }

    /// The routes against a model that keeps everything in one list.
    #[test]
    fn random_operations_agree_with_a_list() {
        for seed in 0..20 {
            let mut rng = TestRng::new(seed);
            let mut routes = Routes::new();
            let mut model: Vec<(Handle, Path, u64)> = Vec::new();
            let mut latest: BTreeMap<Path, Handle> = BTreeMap::new();
            for step in 0..1_000 {
                if rng.below(2) == 0 {
                    let path = path(u16::try_from(rng.below(40)).unwrap());
                    let handle = routes.insert(path, step).unwrap().0;
                    model.push((handle, path, step));
                    latest.insert(path, handle);
                } else if !model.is_empty() {
                    let (handle, _, value) = model.remove(rng.below(model.len()));
                    assert_eq!(routes.remove(handle), Some(value), "seed {seed}");
                    latest.retain(|_, other| *other != handle);
                }
                assert_eq!(routes.len(), model.len());
                for (handle, path, value) in &model {
                    assert_eq!(routes.get(*handle), Some(&(*path, *value)), "seed {seed}");
                }
                assert_eq!(routes.by_path, latest, "seed {seed}");
            }
        }
    }
}
