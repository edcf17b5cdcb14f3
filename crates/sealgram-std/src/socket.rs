//! A UDP socket in two halves: one that sends, from any thread, and one that waits and receives.
//!
//! quinn-udp does the system calls: batches, segmentation offload, and the local address of each datagram. Waiting is
//! mio's, because a thread that waits for datagrams must be woken by other threads too. Here ends all that is particular
//! to systems; nothing here knows what a datagram means.

use core::array;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::sync::Arc;

use mio::{Events, Interest, Poll, Token, Waker};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use sealgram::Path;

use crate::clock::Clock;
use crate::disturbance::{Disturbance, Disturbed};
use crate::tap::{Direction, Tap, Taps};

/// What a user has attached to a socket.
#[derive(Clone, Default)]
pub(crate) struct Attachments {
    pub(crate) tap: Option<Arc<dyn Tap>>,
    pub(crate) disturbance: Option<Arc<dyn Disturbance>>,
}

/// Splits a bound socket, and a connected one if `peer` is given, into its halves. `clock` was started just now.
pub(crate) fn open(
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    attachments: &Attachments,
    clock: Clock,
) -> io::Result<(Sender, Receiver)> {
    let local = socket.local_addr()?;
    let taps = Taps::new(attachments.tap.clone(), local, clock);
    let disturbed = attachments.disturbance.clone().map(|it| Arc::new(Disturbed::new(it, clock)));
    split(socket, peer, taps, disturbed, Arc::default())
}

fn split(
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    taps: Taps,
    disturbed: Option<Arc<Disturbed>>,
    counters: Arc<Counters>,
) -> io::Result<(Sender, Receiver)> {
    let is_ipv6 = socket.local_addr()?.is_ipv6();
    let state = Arc::new(UdpSocketState::new(UdpSockRef::from(&socket))?);
    let slots = if peer.is_some() { 1 } else { MAX_SLOTS };
    let mut waiting = mio::net::UdpSocket::from_std(socket.try_clone()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut waiting, SOCKET, Interest::READABLE)?;
    let receiver = Receiver {
        socket: waiting,
        state: Arc::clone(&state),
        poll,
        events: Events::with_capacity(2),
        awaits_room: false,
        buffer: vec![0; slots * SLOT_LEN],
        slots,
        taps: taps.clone(),
        disturbed: disturbed.clone(),
        counters: Arc::clone(&counters),
    };
    Ok((Sender { socket, state, peer, is_ipv6, taps, disturbed, counters }, receiver))
}

/// What happened to a socket that the protocol is not told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketStats {
    /// How often the network said that nobody listens there, or that there is no way there. Anyone on the path can say
    /// so, and for a moment it may be true of any peer; so nothing follows from it.
    pub unreachable: u64,
    /// Datagrams that the system did not send, for want of room or for another reason.
    pub unsent: u64,
    /// Received data that was dropped because nobody took what came before it.
    pub inbox_full: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    unreachable: AtomicU64,
    unsent: AtomicU64,
    inbox_full: AtomicU64,
}

impl Counters {
    pub(crate) fn count_unsent(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_inbox_full(&self) {
        self.inbox_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> SocketStats {
        SocketStats {
            unreachable: self.unreachable.load(Ordering::Relaxed),
            unsent: self.unsent.load(Ordering::Relaxed),
            inbox_full: self.inbox_full.load(Ordering::Relaxed),
        }
    }
}

/// The half that sends. It never blocks.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: UdpSocket,
    state: Arc<UdpSocketState>,
    /// Whom the socket is connected to, if it is.
    peer: Option<SocketAddr>,
    is_ipv6: bool,
    taps: Taps,
    disturbed: Option<Arc<Disturbed>>,
    counters: Arc<Counters>,
}

/// Why a run of datagrams was not sent, or not all of it.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The system has no room at the moment; the first `sent` bytes are on their way.
    Blocked {
        /// A whole number of datagrams, in bytes.
        sent: usize,
    },
    /// A datagram of this length does not fit the path.
    TooLong {
        /// In bytes.
        len: usize,
    },
    /// Anything else. For the protocol it is a loss like any other.
    Failed(io::Error),
}

impl Sender {
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Goes on with another socket, which is connected to the same peer if this one is: counts, tap and disturbance stay.
    /// What is held back for the former socket stays with that.
    pub(crate) fn go_on(&self, socket: UdpSocket) -> io::Result<(Self, Receiver)> {
        let taps = self.taps.bound_to(socket.local_addr()?);
        let disturbed = self.disturbed.as_ref().map(|former| Arc::new(former.for_another_socket()));
        split(socket, self.peer, taps, disturbed, Arc::clone(&self.counters))
    }

    /// Sends a run of datagrams: all `segment` bytes long but the last, or one datagram if that is `None`.
    pub(crate) fn send(&self, path: Path, run: &[u8], segment: Option<NonZeroUsize>) -> Result<(), Unsent> {
        let Some(disturbed) = &self.disturbed else { return self.send_run(path, run, segment) };
        let mut sent = 0;
        let Some(segment) = segment.or_else(|| NonZeroUsize::new(run.len())) else { return Ok(()) };
        for datagram in run.chunks(segment.get()) {
            for _ in 0..disturbed.copies_now(Direction::Sent, path, datagram) {
                match self.send_run(path, datagram, None) {
                    // When it is tried again, its fate is decided anew.
                    Err(Unsent::Blocked { .. }) => return Err(Unsent::Blocked { sent }),
                    outcome => outcome?,
                }
            }
            sent += datagram.len();
        }
        Ok(())
    }

    /// Sends what has been held back for long enough. What the system has no room for is lost.
    pub(crate) fn send_due(&self) {
        let Some(disturbed) = &self.disturbed else { return };
        while let Some((path, datagram)) = disturbed.pop_due(Direction::Sent) {
            self.send_or_lose(path, &datagram);
        }
    }

    /// Whether [`send_due`](Self::send_due) will have something to send.
    pub(crate) fn holds_back(&self) -> bool {
        self.disturbed.as_ref().is_some_and(|disturbed| disturbed.holds_back_output())
    }

    fn send_or_lose(&self, path: Path, datagram: &[u8]) {
        if let Err(Unsent::Blocked { .. } | Unsent::TooLong { .. }) = self.send_run(path, datagram, None) {
            self.counters.count_unsent();
        }
    }

    fn send_run(&self, path: Path, run: &[u8], segment: Option<NonZeroUsize>) -> Result<(), Unsent> {
        let Some(segment) = segment.or_else(|| NonZeroUsize::new(run.len())) else { return Ok(()) };
        let mut sent = 0;
        let mut may_retry = true;
        while let Some(rest) = run.get(sent..).filter(|rest| !rest.is_empty()) {
            let at_once = if self.peer.is_some() { 1 } else { self.state.max_gso_segments() };
            let batch_len = segment.get().saturating_mul(at_once);
            let batch = rest.get(..batch_len).unwrap_or(rest);
            let Err(error) = self.send_batch(path, batch, segment) else {
                self.taps.show(Direction::Sent, path, batch, segment);
                sent += batch.len();
                may_retry = true;
                continue;
            };
            // The error may belong to a datagram before; and a device that cannot segment says so only now.
            let is_stale = is_unreachable(&error);
            let lost_offload = at_once > 1 && self.state.max_gso_segments() == 1;
            if is_stale {
                self.counters.unreachable.fetch_add(1, Ordering::Relaxed);
            }
            if (is_stale || lost_offload) && may_retry {
                may_retry = false;
                continue;
            }
            return Err(match error.kind() {
                io::ErrorKind::WouldBlock => Unsent::Blocked { sent },
                _ if is_too_long(&error) => Unsent::TooLong { len: segment.get().min(batch.len()) },
                _ => {
                    self.counters.count_unsent();
                    Unsent::Failed(error)
                }
            });
        }
        Ok(())
    }

    fn send_batch(&self, path: Path, batch: &[u8], segment: NonZeroUsize) -> io::Result<()> {
        // Some systems take no address on a connected socket.
        if self.peer.is_some() {
            return self.socket.send(batch).map(|_| ());
        }
        let transmit = quinn_udp::Transmit {
            destination: self.destination(path.peer()),
            ecn: None,
            contents: batch,
            segment_size: Some(segment.get()).filter(|segment| *segment < batch.len()),
            src_ip: path.local().map(|local| self.socket_form(local)),
        };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    fn destination(&self, peer: SocketAddr) -> SocketAddr {
        match peer {
            SocketAddr::V4(v4) => SocketAddr::new(self.socket_form((*v4.ip()).into()), v4.port()),
            SocketAddr::V6(_) => peer,
        }
    }

    /// A dual-stack socket wants IPv4 addresses in the form of IPv6; a [`Path`] has them in their own.
    fn socket_form(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) if self.is_ipv6 => v4.to_ipv6_mapped().into(),
            IpAddr::V4(_) | IpAddr::V6(_) => address,
        }
    }
}

impl Drop for Sender {
    /// What is still held back goes out now or never.
    fn drop(&mut self) {
        let Some(disturbed) = &self.disturbed else { return };
        while let Some((path, datagram)) = disturbed.pop(Direction::Sent) {
            self.send_or_lose(path, &datagram);
        }
    }
}

/// Runs that the system had no room for, oldest first. The newest is dropped when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    runs: VecDeque<Run>,
}

#[derive(Debug)]
struct Run {
    path: Path,
    bytes: Vec<u8>,
    segment: Option<NonZeroUsize>,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Keeps what is left of a run that was blocked.
    pub(crate) fn keep(&mut self, path: Path, rest: &[u8], segment: Option<NonZeroUsize>, counters: &Counters) {
        if self.runs.len() < MAX_BLOCKED_RUNS {
            self.runs.push_back(Run { path, bytes: rest.to_vec(), segment });
        } else {
            counters.count_unsent();
        }
    }

    /// Tries again. What fails for another reason now is lost, as datagrams may be.
    pub(crate) fn retry(&mut self, sender: &Sender) {
        while let Some(mut run) = self.runs.pop_front() {
            if let Err(Unsent::Blocked { sent }) = sender.send(run.path, &run.bytes, run.segment) {
                run.bytes.drain(..sent);
                self.runs.push_front(run);
                return;
            }
        }
    }
}

/// The half that waits and receives.
pub(crate) struct Receiver {
    socket: mio::net::UdpSocket,
    state: Arc<UdpSocketState>,
    poll: Poll,
    events: Events,
    /// Whether the poll looks for room to send as well.
    awaits_room: bool,
    /// As many slots as datagrams, or coalesced runs of them, are received at once.
    buffer: Vec<u8>,
    slots: usize,
    taps: Taps,
    disturbed: Option<Arc<Disturbed>>,
    counters: Arc<Counters>,
}

impl Receiver {
    /// A handle by which another thread ends a [`wait`](Self::wait).
    pub(crate) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Waits for a datagram, for room to send if that is wanted, for the waker, or for the time to pass; `None` is for
    /// ever. It may return early. Call it only after [`receive`](Self::receive) has said that there is nothing.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, for_room: bool) -> io::Result<()> {
        if for_room || self.awaits_room {
            // Asked for anew each time, for the answer comes once.
            let interest = if for_room { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            self.poll.registry().reregister(&mut self.socket, SOCKET, interest)?;
            self.awaits_room = for_room;
        }
        let next_due = self.disturbed.as_ref().and_then(|disturbed| disturbed.next_due());
        let timeout = [timeout, next_due].into_iter().flatten().min();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Receives one batch of datagrams, if there are any, and hands them out one by one. Says whether there may be
    /// more.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Path, &mut [u8])) -> io::Result<bool> {
        let held_back = || self.disturbed.as_ref()?.pop_due(Direction::Received);
        if let Some((path, mut datagram)) = held_back() {
            take(path, &mut datagram);
            return Ok(true);
        }
        let mut metas = [RecvMeta::default(); MAX_SLOTS];
        let received = {
            let mut rest = self.buffer.chunks_mut(SLOT_LEN);
            let mut slots: [IoSliceMut<'_>; MAX_SLOTS] =
                array::from_fn(|_| IoSliceMut::new(rest.next().unwrap_or_default()));
            let Some(slots) = slots.get_mut(..self.slots) else { return Ok(false) };
            self.socket.try_io(|| self.state.recv(UdpSockRef::from(&self.socket), slots, &mut metas))
        };
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if is_unreachable(&error) || is_too_long(&error) => {
                self.counters.unreachable.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        for (meta, slot) in metas.iter().zip(self.buffer.chunks_mut(SLOT_LEN)).take(count) {
            let Some(stride) = NonZeroUsize::new(meta.stride) else { continue };
            let Some(run) = slot.get_mut(..meta.len) else { continue };
            let path = Path::new(meta.addr, meta.dst_ip);
            self.taps.show(Direction::Received, path, run, stride);
            for datagram in run.chunks_mut(stride.get()) {
                let Some(disturbed) = &self.disturbed else {
                    take(path, datagram);
                    continue;
                };
                for _ in 0..disturbed.copies_now(Direction::Received, path, datagram) {
                    // Who takes it may change it.
                    take(path, &mut datagram.to_vec());
                }
            }
        }
        Ok(true)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Whether an error is an ICMP message that a datagram of before has brought back: some systems report it on whatever
/// call comes next (RFC 6347 section 4.1.1.1 allows to ignore all of them).
fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable)
}

/// Whether an error is EMSGSIZE, which has no [`io::ErrorKind`].
fn is_too_long(error: &io::Error) -> bool {
    let code = if cfg!(windows) {
        10_040
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        90
    } else {
        40
    };
    error.raw_os_error() == Some(code)
}

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// How many datagrams a listener receives at once, or coalesced runs of datagrams.
const MAX_SLOTS: usize = 8;
/// The longest payload of UDP, and the longest run that a system coalesces.
const SLOT_LEN: usize = 65_536;
/// Some flights and a burst of data: enough for a socket that is short of room for a moment.
const MAX_BLOCKED_RUNS: usize = 64;

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::thread;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn socket() -> (Sender, Receiver, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let (sender, receiver) = open(socket, None, &Attachments::default(), Clock::start()).unwrap();
        (sender, receiver, address)
    }

    /// Waits for this many datagrams.
    fn receive(receiver: &mut Receiver, count: usize) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        while datagrams.len() < count {
            if !receiver.receive(|_, datagram| datagrams.push(datagram.to_vec())).unwrap() {
                receiver.wait(Some(PATIENCE), false).unwrap();
            }
        }
        datagrams
    }

    #[test]
    fn a_run_arrives_as_the_datagrams_it_is_made_of() {
        let ((sender, ..), (_, mut receiver, to)) = (socket(), socket());
        let run: Vec<u8> = (0..=u8::MAX).cycle().take(30_050).collect();
        // More than fit one call with segmentation offload.
        sender.send(to.into(), &run, NonZeroUsize::new(100)).unwrap();
        sender.send(to.into(), b"alone", None).unwrap();
        let datagrams = receive(&mut receiver, 302);
        assert_eq!(datagrams[..301].concat(), run);
        assert!(datagrams[..300].iter().all(|datagram| datagram.len() == 100) && datagrams[300].len() == 50);
        assert_eq!(datagrams[301], b"alone");
    }

    #[test]
    fn paths_tell_who_sent_and_to_which_address() {
        let ((sender, _, from), (_, mut receiver, to)) = (socket(), socket());
        sender.send(to.into(), b"x", None).unwrap();
        receiver.wait(Some(PATIENCE), false).unwrap();
        let mut seen = None;
        assert!(receiver.receive(|path, _| seen = Some(path)).unwrap());
        assert_eq!(seen.unwrap().peer(), from);
        if cfg!(target_os = "linux") {
            assert_eq!(seen.unwrap().local(), Some(Ipv4Addr::LOCALHOST.into()));
        }
    }

    #[test]
    fn a_datagram_longer_than_udp_carries_is_too_long() {
        let ((sender, ..), (.., to)) = (socket(), socket());
        let sent = sender.send(to.into(), &[0; 65_508], None);
        assert!(matches!(sent, Err(Unsent::TooLong { len: 65_508 })), "{sent:?}");
    }

    #[test]
    fn what_was_blocked_goes_out_in_order_and_the_newest_is_dropped_when_there_is_too_much() {
        let ((sender, ..), (_, mut receiver, to)) = (socket(), socket());
        let mut outbox = Outbox::default();
        for number in 0..100 {
            outbox.keep(to.into(), &[number; 3], NonZeroUsize::new(2), sender.counters());
        }
        assert_eq!(sender.counters().read().unsent, 36);
        outbox.retry(&sender);
        assert!(outbox.is_empty());
        let datagrams = receive(&mut receiver, 128);
        let expected: Vec<Vec<u8>> = (0..64).flat_map(|number| [vec![number; 2], vec![number; 1]]).collect();
        assert_eq!(datagrams, expected);
    }

    #[test]
    fn another_thread_ends_a_wait() {
        let (_, mut receiver, _) = socket();
        let waker = receiver.waker().unwrap();
        let waiting = thread::spawn(move || receiver.wait(None, false));
        waker.wake().unwrap();
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn room_to_send_ends_a_wait_for_it_and_only_then() {
        let (_, mut receiver, _) = socket();
        receiver.wait(None, true).unwrap();
        receiver.wait(None, true).unwrap();
        let clock = Clock::start();
        receiver.wait(Some(Duration::from_millis(20)), false).unwrap();
        assert!(clock.now().as_nanos() >= 20_000_000);
    }
}
