//! The thread of a listener, and what it shares with the streams.
//!
//! ```text
//!                 +--------------- Shared ---------------+
//!   driver ------>| Core: endpoint, peers, outbox        |<------ streams: send, close
//!   (receives,    | sender                               |
//!    times,       | backlog of connected peers           |------> accept
//!    events)      | a channel for each peer              |------> streams: recv
//!                 +--------------------------------------+
//! ```
//!
//! A stream seals and sends by itself, under the lock of the core; only receiving, time and events are the driver's. It
//! sleeps until the endpoint's next deadline, and is woken when a stream has brought an earlier one. Locks are taken in
//! one order: core, then backlog or channel.

use core::fmt;
use core::net::SocketAddr;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use mio::Waker;
use sealgram::{
    CloseReason, ConnectionMut, Dispatch, Endpoint, Event, Handle, Incoming, Instant, Path, Received, ServerConfig,
};

use crate::clock::{Clock, OsRng};
use crate::inbox::Inbox;
use crate::listener::{Arrival, Backlog, ListenerOptions, PeerEvent};
use crate::mailbox::Mailbox;
use crate::socket::{Outbox, Receiver, Sender, Unsent};
use crate::stream::{Channel, Delivered};
use crate::{MAX_DATAGRAM, shorter};

/// What the driver, the listener and its streams share.
pub(crate) struct Shared {
    core: Mutex<Core>,
    pub(crate) backlog: Mailbox<Backlog>,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    waker: Waker,
}

/// What is behind the one lock.
pub(crate) struct Core {
    pub(crate) endpoint: Endpoint,
    peers: BTreeMap<Handle, Peer>,
    outbox: Outbox,
    /// Where datagrams are made.
    out: Vec<u8>,
    /// Until when the driver sleeps; `None` is for ever.
    sleeps_until: Option<Instant>,
    is_stopping: bool,
}

struct Peer {
    channel: Arc<Channel>,
    is_connected: bool,
}

impl Peer {
    fn path(&self) -> Path {
        self.channel.lock().path
    }
}

impl Shared {
    pub(crate) fn new(endpoint: Endpoint, sender: Sender, waker: Waker, clock: Clock) -> Self {
        let core = Core {
            endpoint,
            peers: BTreeMap::new(),
            outbox: Outbox::default(),
            out: vec![0; MAX_DATAGRAM],
            sleeps_until: None,
            is_stopping: false,
        };
        Self { core: Mutex::new(core), backlog: Mailbox::default(), sender, clock, waker }
    }

    /// The core itself never panics; a tap may. What it interrupts is the sending of a datagram, which may be lost.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a connection, and wakes the driver if it has to be up earlier now. `None` if it is gone.
    pub(crate) fn with_connection<R>(&self, handle: Handle, act: impl FnOnce(ConnectionMut<'_>) -> R) -> Option<R> {
        let mut core = self.lock();
        let result = core.endpoint.connection(handle).map(act);
        self.wake_in_time(&core);
        result
    }

    /// Sends what a peer gets to another address of its own.
    pub(crate) fn move_to(&self, handle: Handle, peer: SocketAddr) {
        let mut core = self.lock();
        let Some(path) = core.endpoint.connection(handle).map(|connection| connection.path()) else { return };
        core.relocate(handle, Path::new(peer, path.local()));
        self.wake_in_time(&core);
    }

    /// Ends an association, and says so to the peer before this returns, if the system has room.
    pub(crate) fn close(&self, handle: Handle) {
        let mut core = self.lock();
        if let Some(mut connection) = core.endpoint.connection(handle) {
            connection.close();
        }
        self.flush(&mut core);
        self.wake_in_time(&core);
        self.wake_for_output();
    }

    /// Sends a datagram of a stream's.
    pub(crate) fn send(&self, path: Path, datagram: &[u8]) -> Result<(), Unsent> {
        let outcome = self.sender.send(path, datagram, None);
        self.wake_for_output();
        outcome
    }

    /// Leaves a datagram to the driver, who waits for room.
    pub(crate) fn send_later(&self, path: Path, datagram: &[u8]) {
        self.lock().outbox.keep(path, datagram, None, self.sender.counters());
        self.wake();
    }

    /// Lets the driver end.
    pub(crate) fn stop(&self) {
        self.lock().is_stopping = true;
        self.wake();
    }

    fn wake_in_time(&self, core: &Core) {
        let is_earlier = match (core.endpoint.poll_timeout(), core.sleeps_until) {
            (Some(due), Some(until)) => due < until,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_earlier {
            self.wake();
        }
    }

    /// A disturbed socket may hold back what was sent: the driver has to be up when it is due.
    fn wake_for_output(&self) {
        if self.sender.holds_back() {
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only where the system is out of memory; the driver looks again by itself, if later.
        let _ = self.waker.wake();
    }

    /// Sends what the endpoint has to send, as far as the system has room.
    fn flush(&self, core: &mut Core) {
        self.sender.send_due();
        core.outbox.retry(&self.sender);
        while core.outbox.is_empty() {
            let Some((path, transmit)) = core.endpoint.poll_transmit(self.clock.now(), &mut core.out) else { return };
            let run = core.out.get(..transmit.len).unwrap_or_default();
            match self.sender.send(path, run, transmit.segment_size) {
                Err(Unsent::Blocked { sent }) => {
                    let rest = run.get(sent..).unwrap_or_default();
                    core.outbox.keep(path, rest, transmit.segment_size, self.sender.counters());
                }
                Err(Unsent::TooLong { len }) => core.lower_mtu(path, len),
                // Counted there; to the protocol it is a loss.
                Ok(()) | Err(Unsent::Failed(_)) => {}
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Core {
    /// A peer goes where its application says.
    fn relocate(&mut self, handle: Handle, path: Path) {
        self.endpoint.move_to(handle, path);
        if let Some(peer) = self.peers.get(&handle) {
            peer.channel.lock().path = path;
        }
    }

    /// A datagram of this length did not fit.
    fn lower_mtu(&mut self, path: Path, len: usize) {
        let handles = self.peers.iter().filter(|(_, peer)| peer.path() == path).map(|(handle, _)| *handle);
        for handle in handles {
            if let Some(mut connection) = self.endpoint.connection(handle) {
                connection.set_mtu(shorter(len));
            }
        }
    }
}

/// The thread: see the module's documentation.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    receiver: Receiver,
    config: Arc<ServerConfig>,
    options: ListenerOptions,
    /// When the cookie secret and the calendar are due for renewal.
    renew_at: Instant,
    /// What happened and was not told yet: observers are called without the lock.
    news: Vec<PeerEvent>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        receiver: Receiver,
        config: Arc<ServerConfig>,
        options: ListenerOptions,
    ) -> Self {
        let renew_at = shared.clock.now() + RENEWAL_INTERVAL;
        Self { shared, receiver, config, options, renew_at, news: Vec::new() }
    }

    /// Until the listener is dropped, or the system fails for good.
    pub(crate) fn run(mut self) {
        let mut failures = 0;
        loop {
            match self.turn() {
                Ok(true) => failures = 0,
                Ok(false) => return,
                // Most of what a system can say here is over soon: no memory, the interface is down.
                Err(error) => {
                    failures += 1;
                    if failures == MAX_FAILURES {
                        self.shared.backlog.lock().failure = Some(error);
                        return;
                    }
                    thread::sleep(FAILURE_PAUSE);
                }
            }
        }
    }

    /// Once around. Says whether to go on.
    fn turn(&mut self) -> io::Result<bool> {
        let may_be_more = self.receive()?;
        let shared = Arc::clone(&self.shared);
        let mut core = shared.lock();
        self.pass_time(&mut core);
        shared.flush(&mut core);
        self.take_events(&mut core);
        if core.is_stopping {
            return Ok(false);
        }
        // What events led to may be more output: the endpoint is due at once then.
        let is_blocked = !core.outbox.is_empty();
        let now = shared.clock.now();
        let due = core.endpoint.poll_timeout();
        // While there is no room, that output waits cannot be helped.
        let until = if is_blocked { Some(due.unwrap_or(now).max(now + BLOCKED_WAIT)) } else { due };
        core.sleeps_until = until;
        drop(core);
        self.tell_news();
        if !may_be_more {
            let timeout = until.map(|until| until - shared.clock.now());
            self.receiver.wait(timeout, is_blocked)?;
        }
        Ok(true)
    }

    /// Takes a bounded number of datagrams. Says whether there may be more.
    fn receive(&mut self) -> io::Result<bool> {
        for _ in 0..MAX_BATCHES {
            let shared = Arc::clone(&self.shared);
            let mut core = shared.lock();
            let mut intake = Intake { shared: &shared, core: &mut core, config: &self.config, options: &self.options };
            let news = &mut self.news;
            if !self.receiver.receive(|path, datagram| news.extend(intake.take(path, datagram)))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn pass_time(&mut self, core: &mut Core) {
        let now = self.shared.clock.now();
        if self.renew_at <= now {
            core.endpoint.rotate_cookie_key(&mut OsRng);
            core.endpoint.set_wall_clock(self.shared.clock.wall_clock());
            self.renew_at = now + RENEWAL_INTERVAL;
        }
        if core.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            core.endpoint.handle_timeout(now);
        }
    }

    fn take_events(&mut self, core: &mut Core) {
        while let Some((handle, event)) = core.endpoint.poll_event() {
            match event {
                Event::Connected => self.on_connected(core, handle),
                Event::Early(data) => {
                    if let Some(peer) = core.peers.get(&handle) {
                        peer.channel.update(|delivered| delivered.inbox.push(&data));
                    }
                }
                Event::PeerElsewhere(path) => {
                    if let Some(peer) = core.peers.get(&handle) {
                        self.news.push(PeerEvent::Elsewhere { peer: peer.path().peer(), now_at: path.peer() });
                    }
                }
                Event::PeerMoved(_) => self.on_moved(core, handle),
                Event::Closed(reason) => self.on_closed(core, handle, reason),
                _ => {}
            }
        }
    }

    fn on_connected(&mut self, core: &mut Core, handle: Handle) {
        let Some(peer) = core.peers.get_mut(&handle) else { return };
        let session = core.endpoint.connection(handle).and_then(|connection| connection.session().cloned());
        let Some(session) = session else { return };
        peer.is_connected = true;
        self.news.push(PeerEvent::Connected { peer: peer.path().peer(), session: session.clone() });
        let arrival = Arrival { handle, channel: Arc::clone(&peer.channel), session };
        self.shared.backlog.update(|backlog| backlog.arrivals.push_back(arrival));
    }

    fn on_moved(&mut self, core: &mut Core, handle: Handle) {
        // Its application may have moved it again since: what counts is where it is.
        let Some(path) = core.endpoint.connection(handle).map(|connection| connection.path()) else { return };
        let Some(peer) = core.peers.get(&handle) else { return };
        let former = core::mem::replace(&mut peer.channel.lock().path, path);
        if former != path {
            self.news.push(PeerEvent::Moved { peer: former.peer(), now_at: path.peer() });
        }
    }

    fn on_closed(&mut self, core: &mut Core, handle: Handle, reason: CloseReason) {
        let Some(ended) = core.peers.remove(&handle) else { return };
        let stats = core.endpoint.connection(handle).map(|connection| connection.stats().clone());
        ended.channel.update(|delivered| delivered.ended = Some((reason, stats.unwrap_or_default())));
        let peer = ended.path().peer();
        self.news.push(if ended.is_connected {
            PeerEvent::Closed { peer, reason }
        } else {
            PeerEvent::HandshakeFailed { peer, reason }
        });
    }

    fn tell_news(&mut self) {
        for event in self.news.drain(..) {
            if let Some(observer) = &self.options.on_event {
                observer(event);
            }
        }
    }

    /// Ends everything, and lets everyone know who waits in here.
    fn end_all(&mut self, core: &mut Core) {
        let handles: Vec<Handle> = core.peers.keys().copied().collect();
        for handle in handles {
            if let Some(mut connection) = core.endpoint.connection(handle) {
                connection.close();
            }
        }
        self.take_events(core);
        self.shared.backlog.update(|backlog| backlog.is_closed = true);
    }

    /// Says goodbye to the peers, as far as there is room for it in a short time.
    fn say_goodbye(&mut self, core: &mut Core) {
        self.shared.flush(core);
        let deadline = self.shared.clock.now() + GOODBYE_PATIENCE;
        while !core.outbox.is_empty() && self.shared.clock.now() < deadline {
            if self.receiver.wait(Some(BLOCKED_WAIT), true).is_err() {
                return;
            }
            self.shared.flush(core);
        }
    }
}

impl Drop for Driver {
    /// However the thread ends, be it by the panic of an observer or a tap: nobody must wait for it any longer.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut core = shared.lock();
        self.end_all(&mut core);
        // A tap that has panicked before may do so again.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| self.say_goodbye(&mut core)));
        drop(core);
        if !thread::panicking() {
            self.tell_news();
        }
    }
}

/// What a datagram meets.
struct Intake<'a> {
    shared: &'a Shared,
    core: &'a mut Core,
    config: &'a Arc<ServerConfig>,
    options: &'a ListenerOptions,
}

impl Intake<'_> {
    fn take(&mut self, path: Path, datagram: &mut [u8]) -> Option<PeerEvent> {
        let now = self.shared.clock.now();
        match self.core.endpoint.handle_datagram(now, path, datagram) {
            Dispatch::Data(handle, received) => self.deliver(handle, received),
            Dispatch::Incoming(incoming) => return self.admit(incoming, now),
            Dispatch::Reply(reply) => {
                // If there is no room, the client asks again.
                let _ = self.shared.sender.send(path, reply, None);
            }
            Dispatch::Dropped(_) => {}
        }
        None
    }

    /// Lets a client in, unless too many wait to be accepted; it is offered again when it repeats its hello.
    fn admit(&mut self, incoming: Incoming<'_>, now: Instant) -> Option<PeerEvent> {
        if self.shared.backlog.lock().arrivals.len() >= self.options.backlog {
            return None;
        }
        let path = incoming.path();
        let accepted = self.core.endpoint.accept(incoming, Arc::clone(self.config), now, &mut OsRng);
        let (handle, received) = accepted.ok()?;
        let delivered = Delivered {
            inbox: Inbox::new(self.options.inbox_bytes, Arc::clone(self.shared.sender.counters())),
            ended: None,
            path,
        };
        let peer = Peer { channel: Arc::new(Mailbox::new(delivered)), is_connected: false };
        self.core.peers.insert(handle, peer);
        self.deliver(handle, received);
        Some(PeerEvent::Began { peer: path.peer() })
    }

    fn deliver(&self, handle: Handle, received: Received<'_>) {
        if received.is_empty() {
            return;
        }
        if let Some(peer) = self.core.peers.get(&handle) {
            peer.channel.update(|delivered| received.for_each(|data| delivered.inbox.push(data)));
        }
    }
}

/// How many batches of datagrams are taken before output, events and time have their turn.
const MAX_BATCHES: usize = 8;

/// A cookie lives for a minute; a secret that changes every few is never needed long. The calendar is looked at again
/// as often, in case somebody has corrected it.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(300);

/// How long to wait for room at most, before time is looked at again.
const BLOCKED_WAIT: Duration = Duration::from_millis(100);

/// After how many failures of the system in a row a listener gives up, and how long it pauses after each.
const MAX_FAILURES: u32 = 100;
const FAILURE_PAUSE: Duration = Duration::from_millis(20);

/// How long the end of a listener may wait for room to say goodbye.
const GOODBYE_PATIENCE: Duration = Duration::from_millis(500);
