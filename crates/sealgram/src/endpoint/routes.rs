//! Which connections a path leads to: a slab of connections, and an index of it by path.
//!
//! The index is an ordered map: a hash table over keys that strangers choose would have to be defended, and a lookup
//! in a tree of a million paths takes twenty comparisons.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::cid::ConnectionId;
use crate::path::Path;

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
/// A connection is there under its handle until it is removed, whether or not its path leads to it.
pub(super) struct Routes<T> {
    slots: Vec<Slot<T>>,
    /// Slots to use again; the others are taken or retired.
    free: Vec<u32>,
    /// Only paths that lead somewhere.
    by_path: BTreeMap<Path, Route>,
    /// Only the IDs of connections that are there.
    by_id: BTreeMap<ConnectionId, Handle>,
    len: usize,
}

/// Where a path leads: to two connections at most, so that the later one can take over from the former (RFC 6347
/// section 4.2.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// The one whose handshake is complete.
    pub(super) established: Option<Handle>,
    /// The one whose handshake is under way.
    pub(super) newcomer: Option<Handle>,
}

struct Slot<T> {
    /// One more for each occupant the slot has had.
    generation: u32,
    occupant: Option<(Path, T)>,
    /// The connection ID in the records for it; empty if there is none, or if another had it first.
    id: ConnectionId,
}

impl<T> Routes<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_path: BTreeMap::new(), by_id: BTreeMap::new(), len: 0 }
    }

    /// How many connections there are, with a route or without.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Where `path` leads.
    pub(super) fn at(&self, path: &Path) -> Route {
        self.by_path.get(path).copied().unwrap_or_default()
    }

    /// Adds a connection on `path`, which does not lead to it yet. `None` if there are 2^32 already.
    pub(super) fn insert(&mut self, path: Path, connection: T) -> Option<(Handle, &mut T)> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { generation: 0, occupant: None, id: ConnectionId::EMPTY });
                index
            }
        };
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        let handle = Handle { index, generation: slot.generation };
        self.len += 1;
        let (_, connection) = slot.occupant.insert((path, connection));
        Some((handle, connection))
    }

    /// Makes a connection the newcomer of its path. Returns the newcomer that there was.
    pub(super) fn lead_to_newcomer(&mut self, handle: Handle) -> Option<Handle> {
        let (path, _) = self.get(handle)?;
        self.by_path.entry(*path).or_default().newcomer.replace(handle)
    }

    /// Makes the newcomer of a path its established connection. Returns the established one that there was.
    pub(super) fn establish(&mut self, newcomer: Handle) -> Option<Handle> {
        let path = self.get(newcomer)?.0;
        let route = self.by_path.get_mut(&path)?;
        route.newcomer.take_if(|handle| *handle == newcomer)?;
        route.established.replace(newcomer)
    }

    /// Makes a connection the established one of its path, unless there is one.
    pub(super) fn lead_to_established(&mut self, handle: Handle) {
        if let Some((path, _)) = self.get(handle) {
            self.by_path.entry(*path).or_default().established.get_or_insert(handle);
        }
    }

    /// Lets a connection be found by what stands in its records. One whose connection ID is another's already, by
    /// chance or by a generator that repeats itself, is found by its path alone.
    pub(super) fn identify(&mut self, handle: Handle, id: ConnectionId) {
        let is_free = !id.is_empty() && !self.by_id.contains_key(&id);
        if !is_free || self.get(handle).is_none() {
            return;
        }
        if let Some(slot) = self.slot_mut(handle.index) {
            slot.id = id.clone();
            self.by_id.insert(id, handle);
        }
    }

    /// The connection that a connection ID names.
    pub(super) fn with_id(&self, id: &[u8]) -> Option<Handle> {
        self.by_id.get(id).copied()
    }

    /// Moves a connection to another path, which then leads to it unless it leads to others. Returns whether it is
    /// there.
    pub(super) fn move_to(&mut self, handle: Handle, path: Path) -> bool {
        let Some((former, _)) = self.get(handle) else { return false };
        let former = *former;
        if former != path {
            self.leave(&former, handle);
            if let Some((current, _)) = self.get_mut(handle) {
                *current = path;
            }
            // Its connection ID leads to it in any case.
            self.by_path.entry(path).or_insert(Route { established: Some(handle), newcomer: None });
        }
        true
    }

    /// Takes a connection out of the route that leads to it, if one does.
    fn leave(&mut self, path: &Path, handle: Handle) {
        if let Some(route) = self.by_path.get_mut(path) {
            route.established.take_if(|other| *other == handle);
            route.newcomer.take_if(|other| *other == handle);
            if *route == Route::default() {
                self.by_path.remove(path);
            }
        }
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

    /// Takes a connection out, and out of the route that leads to it, if one still does.
    pub(super) fn remove(&mut self, handle: Handle) -> Option<T> {
        let path = self.get(handle)?.0;
        self.leave(&path, handle);
        let slot = self.slot_mut(handle.index)?;
        let (_, connection) = slot.occupant.take()?;
        let id = core::mem::replace(&mut slot.id, ConnectionId::EMPTY);
        // A slot whose generations are used up is never used again, so that no handle is ever given out twice.
        let next = slot.generation.checked_add(1);
        if let Some(generation) = next {
            slot.generation = generation;
            self.free.push(handle.index);
        }
        self.len -= 1;
        self.by_id.remove(&id);
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
    fn a_path_leads_to_an_established_connection_and_to_one_newcomer() {
        let mut routes = Routes::new();
        let [old, lost, new] = ['a', 'b', 'c'].map(|name| routes.insert(path(1), name).unwrap().0);
        assert_eq!(routes.at(&path(1)), Route::default());
        assert_eq!((routes.lead_to_newcomer(old), routes.establish(old)), (None, None));
        assert_eq!((routes.lead_to_newcomer(lost), routes.lead_to_newcomer(new)), (None, Some(lost)));
        assert_eq!(routes.at(&path(1)), Route { established: Some(old), newcomer: Some(new) });
        assert_eq!(routes.establish(new), Some(old));
        assert_eq!(routes.at(&path(1)), Route { established: Some(new), newcomer: None });
        // Those without a route are there all the same.
        assert_eq!((routes.remove(old), routes.remove(lost)), (Some('a'), Some('b')));
        assert_eq!(routes.at(&path(1)).established, Some(new));
        routes.remove(new);
        assert!(routes.by_path.is_empty() && routes.len() == 0);
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

    /// The routes against a model that keeps everything in lists.
    #[test]
    fn random_operations_agree_with_a_list() {
        for seed in 0..20 {
            let mut rng = TestRng::new(seed);
            let mut routes = Routes::new();
            let mut model: Vec<(Handle, Path, u64)> = Vec::new();
            let mut leads: BTreeMap<Path, Route> = BTreeMap::new();
            for step in 0..1_000 {
                let any = (!model.is_empty()).then(|| rng.below(model.len()));
                match (rng.below(4), any) {
                    (0 | 1, _) | (_, None) => {
                        let path = path(u16::try_from(rng.below(40)).unwrap());
                        let handle = routes.insert(path, step).unwrap().0;
                        model.push((handle, path, step));
                        let before = leads.entry(path).or_default().newcomer.replace(handle);
                        assert_eq!(routes.lead_to_newcomer(handle), before, "seed {seed}");
                    }
                    (2, Some(n)) => {
                        let (handle, path, _) = model[n];
                        let route = leads.entry(path).or_default();
                        if route.newcomer == Some(handle) {
                            route.newcomer = None;
                            assert_eq!(routes.establish(handle), route.established.replace(handle), "seed {seed}");
                        }
                    }
                    (_, Some(n)) => {
                        let (handle, path, value) = model.remove(n);
                        assert_eq!(routes.remove(handle), Some(value), "seed {seed}");
                        let route = leads.entry(path).or_default();
                        route.newcomer.take_if(|other| *other == handle);
                        route.established.take_if(|other| *other == handle);
                    }
                }
                leads.retain(|_, route| *route != Route::default());
                assert_eq!(routes.len(), model.len());
                for (handle, path, value) in &model {
                    assert_eq!(routes.get(*handle), Some(&(*path, *value)), "seed {seed}");
                }
                assert_eq!(routes.by_path, leads, "seed {seed}");
            }
        }
    }
}
