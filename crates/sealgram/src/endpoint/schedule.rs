//! Whose turn it is: which connections may have output or events, and when each has to be looked at again.

use alloc::collections::VecDeque;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use crate::connection::Connection;
use crate::endpoint::candidate::Candidate;
use crate::endpoint::routes::Handle;
use crate::endpoint::timers::{Deadline, Timers};
use crate::event::Status;
use crate::path::Path;
use crate::time::Instant;

/// A connection and what the schedule remembers of it.
pub(super) struct Entry {
    pub(super) connection: Connection,
    /// Whether it is counted in [`Schedule::half_open`].
    half_open: bool,
    /// Whether it was named in [`Schedule::completed`].
    is_complete: bool,
    upkeep: Upkeep,
    /// Whether it was named in [`Schedule::identified`].
    is_identified: bool,
    /// Where its newest record came from, if the application was told of another path than its own.
    pub(super) elsewhere: Option<Path>,
    /// The path that it may move to, while that is being checked.
    pub(super) candidate: Option<Candidate>,
    /// Its entry in the index of deadlines.
    deadline: Deadline,
    queued_for_transmit: bool,
    queued_for_events: bool,
}

/// When a connection that nothing happens on is looked at all the same.
///
/// An established connection runs no timer (RFC 6347 section 4.2.4), but two things have to end: the life of a final
/// flight kept for a peer who may ask for it, and that of a connection whose peer has vanished. Both are coarse, and
/// this wakes a silent connection once for each, not once a minute.
#[derive(Clone, Copy)]
enum Upkeep {
    /// The handshake has a deadline of its own.
    NotYet,
    At(Instant),
    Done,
}

/// The turns of all connections of an endpoint.
pub(super) struct Schedule {
    timers: Timers,
    /// First come first served; a connection that had its turn goes to the back.
    transmit: VecDeque<Handle>,
    events: VecDeque<Handle>,
    /// Those whose peer's Finished has been verified, for the routes to learn of.
    completed: VecDeque<Handle>,
    /// Those that have come to have a connection ID, for the routes to learn of.
    identified: VecDeque<Handle>,
    /// How many accepted connections are still in their handshake.
    half_open: usize,
    idle_timeout: Option<Duration>,
    /// The latest instant that the caller named.
    now: Instant,
}

impl Entry {
    pub(super) const fn new(connection: Connection) -> Self {
        Self {
            connection,
            half_open: false,
            is_complete: false,
            is_identified: false,
            elsewhere: None,
            candidate: None,
            upkeep: Upkeep::NotYet,
            deadline: Deadline::NONE,
            queued_for_transmit: false,
            queued_for_events: false,
        }
    }

    /// One whose handshake was complete elsewhere: it takes no path over from another.
    pub(super) const fn restored(connection: Connection) -> Self {
        let mut entry = Self::new(connection);
        entry.is_complete = true;
        entry
    }

    /// Whether it is an accepted connection that is still in its handshake.
    pub(super) const fn is_half_open(&self) -> bool {
        self.half_open
    }

    /// It has left the queue of those with output: [`Schedule::touched`] puts it at the back again.
    pub(super) const fn takes_turn_to_transmit(&mut self) {
        self.queued_for_transmit = false;
    }

    /// It has left the queue of those with events, alike.
    pub(super) const fn takes_turn_for_events(&mut self) {
        self.queued_for_events = false;
    }
}

impl Schedule {
    pub(super) fn new(idle_timeout: Option<Duration>) -> Self {
        Self {
            timers: Timers::default(),
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            completed: VecDeque::new(),
            identified: VecDeque::new(),
            half_open: 0,
            idle_timeout,
            now: Instant::ORIGIN,
        }
    }

    /// Takes note of the time, and gives it back; the latest one if the caller's clock ran backwards.
    pub(super) fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    pub(super) const fn half_open(&self) -> usize {
        self.half_open
    }

    /// Counts an accepted connection as half-open until it is settled otherwise.
    pub(super) const fn count_half_open(&mut self, entry: &mut Entry) {
        entry.half_open = true;
        self.half_open += 1;
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(super) fn take_due(&mut self) -> impl Iterator<Item = Handle> + use<> {
        self.timers.take_due(self.now)
    }

    /// Serves a connection that [`take_due`](Self::take_due) named.
    pub(super) fn wake(&mut self, handle: Handle, entry: &mut Entry) {
        entry.deadline = Deadline::NONE;
        entry.connection.handle_timeout(self.now);
        entry.give_up_candidate(self.now);
        if matches!(entry.upkeep, Upkeep::At(at) if at <= self.now) {
            entry.upkeep = self.look_after(&mut entry.connection);
        }
        self.touched(handle, entry);
    }

    /// To be called after anything was done to a connection: it may have output and events now, and another deadline.
    pub(super) fn touched(&mut self, handle: Handle, entry: &mut Entry) {
        if !core::mem::replace(&mut entry.queued_for_transmit, true) {
            self.transmit.push_back(handle);
        }
        if !core::mem::replace(&mut entry.queued_for_events, true) {
            self.events.push_back(handle);
        }
        self.settle(handle, entry);
    }

    /// As [`touched`](Self::touched), for a connection that has just said that it has nothing to hand out.
    pub(super) fn settle(&mut self, handle: Handle, entry: &mut Entry) {
        let status = entry.connection.status();
        if entry.half_open && status != Status::Handshaking {
            entry.half_open = false;
            self.half_open -= 1;
        }
        if status != Status::Connected {
            entry.drop_candidate();
        }
        if !entry.is_complete && entry.connection.session().is_some() {
            entry.is_complete = true;
            self.completed.push_back(handle);
        }
        if !entry.is_identified && !entry.connection.expected_id().is_empty() {
            entry.is_identified = true;
            self.identified.push_back(handle);
        }
        if matches!(entry.upkeep, Upkeep::NotYet) && status == Status::Connected {
            let idle_timeout = self.idle_timeout.unwrap_or(FINAL_FLIGHT_KEPT);
            entry.upkeep = Upkeep::At(self.now + idle_timeout.min(FINAL_FLIGHT_KEPT));
        }
        let upkeep = match entry.upkeep {
            Upkeep::At(at) => Some(at),
            Upkeep::NotYet | Upkeep::Done => None,
        };
        let check = entry.candidate_due(self.now);
        let at = [entry.connection.poll_timeout(), upkeep, check].into_iter().flatten().min();
        self.timers.set(handle, &mut entry.deadline, at);
    }

    /// The next connection that may have output. Its turn is to be taken with [`Entry::takes_turn_to_transmit`].
    pub(super) fn next_to_transmit(&mut self) -> Option<Handle> {
        self.transmit.pop_front()
    }

    /// The next connection that may have events, alike.
    pub(super) fn next_with_events(&mut self) -> Option<Handle> {
        self.events.pop_front()
    }

    /// The next connection whose handshake has become complete.
    pub(super) fn next_completed(&mut self) -> Option<Handle> {
        self.completed.pop_front()
    }

    /// The next connection that has come to have a connection ID.
    pub(super) fn next_identified(&mut self) -> Option<Handle> {
        self.identified.pop_front()
    }

    /// Forgets a connection that was taken out of the routes.
    pub(super) fn forget(&mut self, handle: Handle, mut entry: Entry) {
        self.timers.set(handle, &mut entry.deadline, None);
        if entry.half_open {
            self.half_open -= 1;
        }
    }

    /// Closes a connection that has been silent for too long; else says when to look again.
    fn look_after(&self, connection: &mut Connection) -> Upkeep {
        let Some(idle_timeout) = self.idle_timeout else { return Upkeep::Done };
        let idle_at = connection.heard_at().unwrap_or(self.now) + idle_timeout;
        if self.now < idle_at {
            return Upkeep::At(idle_at);
        }
        connection.close_idle();
        Upkeep::Done
    }
}

/// One connection of an endpoint, borrowed.
///
/// It is the [`Connection`] itself, whose methods are all there; when the borrow ends, the endpoint looks at what
/// became of its deadline, its output and its events.
pub struct ConnectionMut<'e> {
    pub(super) handle: Handle,
    pub(super) path: Path,
    pub(super) entry: &'e mut Entry,
    pub(super) schedule: &'e mut Schedule,
}

impl ConnectionMut<'_> {
    /// Where the peer is.
    #[must_use]
    pub const fn path(&self) -> Path {
        self.path
    }
}

impl fmt::Debug for ConnectionMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectionMut").field(&self.entry.connection).finish()
    }
}

impl Deref for ConnectionMut<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.entry.connection
    }
}

impl DerefMut for ConnectionMut<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.entry.connection
    }
}

impl Drop for ConnectionMut<'_> {
    fn drop(&mut self) {
        self.schedule.touched(self.handle, self.entry);
    }
}

/// A final flight is kept for twice the maximum segment lifetime, 240 s (RFC 6347 section 4.2.4); the connection frees
/// it the first time it is called after that. Some time is added, so that one look is enough.
const FINAL_FLIGHT_KEPT: Duration = Duration::from_secs(300);
