//! One association with one peer.
//!
//! A [`Connection`] joins the floors below it: records, flights and the meaning of messages, none of which knows the
//! others. It owns what they share: time, events, alerts and counters.

mod burst;
mod carried;
mod doubt;
mod media;
mod path_check;
mod receive;
mod send;
mod snapshot;
mod step;
mod suspend;
mod transmit;
mod wrong_psk;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use pki_types::ServerName;
use rand_core::CryptoRng;

use crate::cid::{ConnectionId, ConnectionIds};
use crate::code::{AlertDescription, AlertLevel, HandshakeType, ProtocolVersion};
use crate::config::{ClientConfig, Common, ConfigError, MIN_MTU, ServerConfig, TransportOptions};
use crate::crypto::{ExportError, Seed};
use crate::decision::DecisionId;
use crate::error::{CryptoError, Error, Failure, PeerIncompatible, PeerMisbehaved, Timeout, alert_for};
use crate::event::{CloseReason, Event, Status};
use crate::flight::outgoing::Outgoing;
use crate::flight::reassembly::{Reassembly, Start};
use crate::flight::retransmit::{Expired, Retransmit, RetransmitOptions};
use crate::handshake::resume::SessionReference;
use crate::handshake::terms::RecordSizes;
use crate::handshake::{Connected, Cx, Effect, Keys, State, client12, server12};
use crate::proof::AddressValidated;
use crate::record::{Protection, RecordLayer, SizeLimits, Stash};
use crate::role::Role;
use crate::session::Session;
use crate::stats::{DiscardReason, Stats};
use crate::time::{Instant, WallClock};
use crate::trace::{self, Trace};
use crate::wire::alert::Alert;

pub use self::send::SendError;
pub use self::step::Output;

use self::burst::Burst;
use self::carried::Carried;
use self::doubt::Doubt;
use self::path_check::PathChecks;
use self::suspend::Suspended;
use self::wrong_psk::UnreadableFinished;

/// An association with one peer, from its first hello to its end.
///
/// It is a pure state machine: datagrams and time go in, datagrams, data and events come out. Calls may come in any
/// order. After each call take what there is: [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until they give nothing, then [`poll_timeout`](Self::poll_timeout). A loop that
/// forgets is told that its deadline has passed.
///
/// Bytes from the network never make a call fail. What is malformed, forged, repeated or out of place is dropped and
/// counted ([`stats`](Self::stats)); what ends the association is one [`Event::Closed`].
///
/// A connection never starts over. The ClientHello of another handshake, from a peer that has lost its state or from
/// anybody else, is dropped and counted like any plaintext after the handshake. A server that wants such a peer back
/// keeps its connections in an [`Endpoint`](crate::Endpoint), which offers the newcomer as
/// [`Incoming`](crate::Incoming), and tells of the end of the former association with [`CloseReason::Replaced`] once
/// the new one is complete (RFC 6347 section 4.2.8).
pub struct Connection {
    role: Role,
    /// The handshake, the finished handshake, or why there is none any more. Nothing else marks a connection as ended.
    state: Result<State, CloseReason>,
    /// What was agreed on, once a connection that was complete has ended: the two may come in one datagram.
    former_session: Option<Session>,
    transport: TransportOptions,
    trust_path: bool,
    wall_clock: WallClock,
    /// The latest time that a call told of.
    now: Option<Instant>,
    /// When the first call came.
    started: Option<Instant>,
    /// When the handshake gives up.
    deadline: Option<Instant>,
    seed: Seed,
    records: RecordLayer,
    reassembly: Reassembly,
    outgoing: Outgoing,
    retransmit: Retransmit,
    next_message_seq: u16,
    /// The message_seq of the message that our flight answers, the last one of the peer's flight before it.
    answered: Option<u16>,
    /// The number of the record that carried the latest ClientHello, where a server's own numbers begin.
    hello_sequence: HelloSequence,
    hello_random: Option<[u8; 32]>,
    /// How long the datagrams of a flight may be; lowered where nothing comes back.
    flight_mtu: usize,
    burst: Burst,
    /// Where the application repeats flights: the current one, sealed.
    carried: Carried,
    stash: Stash,
    doubt: Option<Doubt>,
    /// What the handshake waits for, if that is not a message.
    suspended: Option<Suspended>,
    next_decision: DecisionId,
    unreadable_finished: UnreadableFinished,
    /// Where the session is kept that this connection takes up or makes.
    session_kept: Option<SessionReference>,
    alert: Option<Alert>,
    warnings_received: u8,
    renegotiation_refused: Option<Instant>,
    key_limit_announced: bool,
    path_checks: PathChecks,
    heard: Option<Instant>,
    events: VecDeque<Event>,
    stats: Stats,
    trace: Trace,
}

/// Where a server's record numbers of epoch 0 begin (RFC 6347 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HelloSequence {
    /// With the ClientHello that will be accepted; so far the latest came with this number.
    Adopt(u64),
    /// They have begun.
    Settled,
}

impl Connection {
    /// Opens an association as the client. The first flight waits in [`poll_transmit`](Self::poll_transmit).
    ///
    /// `rng` is read once, here: 32 bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError::HelloTooLong`] if the configured lists make a hello that does not fit its encoding.
    pub fn client(
        config: Arc<ClientConfig>,
        server_name: ServerName<'static>,
        wall_clock: WallClock,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ConfigError> {
        let mut connection = Self::new(Role::Client, &config.common, wall_clock, rng);
        // RFC 6347 section 4.2.1 leaves it open; DTLS 1.0 is what the most servers tolerate before they have chosen.
        connection.records.set_initial_version(ProtocolVersion::DTLS_1_0);
        let mut cx = Cx {
            now: wall_clock.unix_at(Instant::ORIGIN),
            seed: &mut connection.seed,
            next_message_seq: &mut connection.next_message_seq,
            effects: Vec::new(),
            decision: None,
        };
        let state = client12::start(config, server_name, &mut cx).map_err(|_| ConfigError::HelloTooLong)?;
        let effects = cx.effects;
        connection.state = Ok(state);
        connection.apply(effects).map_err(|_| ConfigError::HelloTooLong)?;
        Ok(connection)
    }

    /// Opens an association as the server, with a client whose address is known to be real.
    ///
    /// `rng` is read once, here: 32 bytes.
    #[must_use]
    pub fn server(
        config: Arc<ServerConfig>,
        address: AddressValidated,
        wall_clock: WallClock,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let mut connection = Self::new(Role::Server, &config.common, wall_clock, rng);
        let hello = address.into_hello();
        if let Some(hello) = hello {
            connection.records.start_sequence(hello.record_sequence);
            // Its client may send a later one with another cookie instead of the rest of this one.
            let opening = Start::Opening { from: hello.message_seq, types: first_messages(Role::Server) };
            connection.reassembly = Reassembly::new(opening, connection.transport.max_message_len);
            connection.hello_sequence = HelloSequence::Settled;
            connection.hello_random = Some(hello.random);
        }
        connection.state = Ok(server12::start(config, hello.map(|hello| hello.random)));
        connection
    }

    fn new(role: Role, common: &Common, wall_clock: WallClock, rng: &mut dyn CryptoRng) -> Self {
        let transport = common.transport;
        let opening = Start::Opening { from: 0, types: first_messages(role) };
        let seed = Seed::draw(rng);
        Self {
            role,
            // Until the first state is made, a few lines further up.
            state: Err(CloseReason::Local),
            former_session: None,
            transport,
            trust_path: common.trust_path,
            wall_clock,
            now: None,
            started: None,
            deadline: None,
            trace: Trace::new(role, || seed.name()),
            seed,
            records: RecordLayer::new(),
            reassembly: Reassembly::new(opening, transport.max_message_len),
            outgoing: Outgoing::default(),
            retransmit: Retransmit::new(retransmit_options(role, &transport)),
            next_message_seq: 0,
            answered: None,
            hello_sequence: HelloSequence::Adopt(0),
            hello_random: None,
            flight_mtu: transport.mtu,
            burst: Burst::default(),
            carried: Carried::default(),
            stash: Stash::new(transport.stash_len),
            doubt: None,
            suspended: None,
            next_decision: DecisionId::FIRST,
            unreadable_finished: UnreadableFinished::default(),
            session_kept: None,
            alert: None,
            warnings_received: 0,
            renegotiation_refused: None,
            key_limit_announced: false,
            path_checks: PathChecks::default(),
            heard: None,
            events: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    // ---- time ----

    /// Lets time pass: resends a flight that nobody answered, gives up a handshake that took too long. Early and late
    /// calls are fine.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        let _span = self.trace.enter();
        let Ok(state) = &self.state else { return };
        let awaited = state.expected().unwrap_or(HandshakeType::FINISHED);
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.give_up(awaited);
            return;
        }
        if self.suspended.is_some() {
            return;
        }
        if let Some(failure) = self.doubt.and_then(|doubt| doubt.matured(now)) {
            self.fail(failure);
            return;
        }
        match self.retransmit.timer_expired(now) {
            Expired::NotYet => {}
            Expired::GiveUp => self.give_up(awaited),
            Expired::Resend => {
                if let Some(failure) = self.doubt.as_mut().and_then(Doubt::on_expiry) {
                    self.fail(failure);
                    return;
                }
                self.resend_flight();
            }
        }
    }

    /// Nobody answered for as long, or as often, as the configuration wants to wait.
    fn give_up(&mut self, awaited: HandshakeType) {
        let timeout =
            Timeout { awaited, heard: self.stats.records_received > 0, mostly_dropped: self.stats.most_discarded() };
        // What was doubted may be what went wrong (decisions 8 and 12), and says more than silence.
        let doubted = self.doubt.map(|doubt| doubt.failure);
        let wrong_key = self.unreadable_finished.is_suspicious().then_some(WRONG_PRESHARED_KEY);
        self.fail(wrong_key.or(doubted).unwrap_or_else(|| Failure { error: timeout.into(), at: None }));
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next. In the past while output or events wait; `None`
    /// means never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.has_output() || self.has_events() {
            return Some(self.now.unwrap_or(Instant::ORIGIN));
        }
        if self.state.is_err() {
            return None;
        }
        if self.suspended.is_some() {
            return self.deadline;
        }
        let doubt = self.doubt.and_then(|doubt| doubt.deadline());
        let burst = self.burst.resumes_at().filter(|_| self.outgoing.has_unsent());
        [self.retransmit.deadline(), self.deadline, doubt, burst].into_iter().flatten().min()
    }

    /// Replaces the calendar, for handshakes yet to come to certificates.
    pub const fn set_wall_clock(&mut self, wall_clock: WallClock) {
        self.wall_clock = wall_clock;
    }

    /// Notes that it is `now` at least. Time that goes backwards stands still.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        self.started.get_or_insert(now);
        let is_handshaking = self.state.is_ok() && self.connected().is_none();
        if is_handshaking && self.deadline.is_none() {
            self.deadline = Some(now + self.transport.handshake_deadline);
        }
        // RFC 6347 section 4.2.4: the last flight answers repeats for twice the maximum segment lifetime.
        if self.retransmit.expires_at().is_some_and(|at| at <= now) && !self.outgoing.is_empty() {
            self.forget_flight();
            self.records.forget_write_epochs_before(self.records.write_epoch());
        }
        now
    }

    // ---- output ----

    /// What happened, one at a time; `None` when there is no more.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            // Most connections have nothing to tell for all their life: the memory goes with the last.
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Some(event);
        }
        if self.status() == Status::Connected {
            return self.stash.pop_plaintext().map(Event::Early);
        }
        None
    }

    fn has_events(&self) -> bool {
        !self.events.is_empty() || self.status() == Status::Connected && self.stash.used_bytes() > 0
    }

    fn has_output(&self) -> bool {
        let may_send_flight = self.now.is_none_or(|now| self.may_send_flight(now));
        let has_flight = self.outgoing.has_unsent() && may_send_flight || self.carried.is_wanted;
        let has_answer = self.state.is_ok() && self.path_checks.has_output();
        has_flight || self.alert.is_some() || has_answer
    }

    /// Whether another datagram of our flight may leave now. What is left of it after the end takes no breath: the alert
    /// behind it must not overtake it, and the keys of both are about to go.
    fn may_send_flight(&self, now: Instant) -> bool {
        self.state.is_err() || self.burst.may_send(now)
    }

    // ---- facts ----

    /// Where the connection is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.state {
            // The handshake time is taken when our last flight was handed out: data never runs ahead of our Finished.
            Ok(State::Connected(_)) if self.stats.handshake_time.is_some() => Status::Connected,
            Ok(_) => Status::Handshaking,
            Err(_) if self.has_output() => Status::Closing,
            Err(_) => Status::Closed,
        }
    }

    /// Which side this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What the two sides agreed on; `None` before the handshake is complete. It stays after the connection has ended,
    /// for one that ended at once has an [`Event::Connected`] to take as well.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.connected().map(|connected| &connected.session).or(self.former_session.as_ref())
    }

    /// Why the connection ended, if it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.state.as_ref().err()
    }

    /// Derives keying material that only the two sides know (RFC 5705). No context and an empty one give different
    /// results.
    ///
    /// # Errors
    ///
    /// [`ExportError`]: not connected, a label that TLS uses itself, lengths out of range, an association without the
    /// extended master secret (RFC 7627 section 5.4), or one whose exporter was dropped.
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        match self.connected() {
            Some(Connected { exporter: Some(exporter), .. }) => exporter.export(label, context, out),
            Some(_) => Err(ExportError::NotAvailable),
            None => Err(ExportError::NotConnected),
        }
    }

    /// Forgets the master secret, which is kept for [`export_keying_material`](Self::export_keying_material) and
    /// [`snapshot`](Self::snapshot) alone: who has exported all there is to export, and will not move the association,
    /// need not keep it for the life of that. Before the handshake is complete, nothing happens.
    pub fn drop_exporter(&mut self) {
        if let Ok(State::Connected(connected)) = &mut self.state {
            connected.exporter = None;
        }
    }

    /// The smallest output buffer that [`poll_transmit`](Self::poll_transmit) can use, in bytes. It grows with the
    /// connection ID that the peer asks for.
    #[must_use]
    pub fn min_datagram(&self) -> usize {
        MIN_MTU.saturating_add(self.records.cid_overhead())
    }

    /// Sets the longest datagram to send, in bytes of UDP payload, as the path turns out to carry. A flight that was
    /// sent in longer datagrams is sent again at once (RFC 6347 section 4.1.1.1). Below
    /// [`min_datagram`](Self::min_datagram) it counts as that.
    pub fn set_mtu(&mut self, bytes: usize) {
        let mtu = bytes.max(self.min_datagram());
        let is_lower = mtu < self.flight_mtu;
        self.transport.mtu = mtu;
        self.flight_mtu = mtu;
        if is_lower && self.connected().is_none() && !self.outgoing.has_unsent() {
            self.outgoing.rewind();
        }
    }

    /// What was sent, received and dropped so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    fn connected(&self) -> Option<&Connected> {
        match &self.state {
            Ok(State::Connected(connected)) => Some(connected),
            _ => None,
        }
    }

    /// What tells those who watch about this connection.
    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The random of the hello that a server connection was made for, if it came through the gate.
    pub(crate) const fn hello_random(&self) -> Option<[u8; 32]> {
        self.hello_random
    }

    /// The connection ID that the peer puts, or is asked to put, into its records; empty if none.
    pub(crate) const fn expected_id(&self) -> &ConnectionId {
        self.records.expected_id()
    }

    /// When the last record came that could have been from the peer: once connected, one that opened.
    pub(crate) const fn heard_at(&self) -> Option<Instant> {
        self.heard
    }

    /// Whether the connection has ended and its owner knows all about it.
    pub(crate) fn is_drained(&self) -> bool {
        self.state.is_err() && !self.has_output() && !self.has_events()
    }

    // ---- the end ----

    /// Ends the association: close_notify goes out with the next [`poll_transmit`](Self::poll_transmit) (RFC 5246
    /// section 7.2.1). Once it has ended, nothing happens.
    pub fn close(&mut self) {
        if self.state.is_ok() {
            self.end(CloseReason::Local, Some(CLOSE_NOTIFY));
        }
    }

    /// Ends the association because nothing came for too long.
    pub(crate) fn close_idle(&mut self) {
        if self.state.is_ok() {
            self.end(CloseReason::Idle, Some(CLOSE_NOTIFY));
        }
    }

    /// Ends the association because a later one with the same peer took over. An alert would be for nobody: where this
    /// handshake was not complete, the peer would take it for one about the later handshake.
    pub(crate) fn replace(&mut self) {
        if self.state.is_ok() {
            self.forget_flight();
            self.end(CloseReason::Replaced, None);
        }
    }

    /// Ends the association because something went wrong; the only place that sends fatal alerts.
    fn fail(&mut self, failure: Failure) {
        self.forget_flight();
        let alert = alert_for(&failure.error).map(|description| match description {
            AlertDescription::CLOSE_NOTIFY => CLOSE_NOTIFY,
            _ => Alert { level: AlertLevel::FATAL, description },
        });
        // RFC 5246 section 7.2.2: a fatal alert, sent or received, ends the session as well. Silence does not.
        let is_fatal = alert.is_some_and(|alert| alert.level == AlertLevel::FATAL);
        if let Some(session) = self.session_kept.take_if(|_| is_fatal || matches!(failure.error, Error::Alert(_))) {
            session.forget();
        }
        self.end(CloseReason::Failed(failure), alert);
    }

    fn end(&mut self, reason: CloseReason, alert: Option<Alert>) {
        let _span = self.trace.enter();
        let was_connected = self.connected().is_some();
        // The peer may end an association before our own last flight was handed out. It was complete all the same, and
        // whoever gets its data and a session has to be told so first.
        if was_connected {
            self.announce_connected();
        }
        trace::closed(&reason, was_connected || self.role == Role::Client);
        if let Ok(State::Connected(connected)) = mem::replace(&mut self.state, Err(reason)) {
            self.former_session = Some(connected.session);
        }
        self.alert = alert;
        self.deadline = None;
        self.doubt = None;
        self.suspended = None;
        self.reassembly = Reassembly::new(Start::At(0), self.transport.max_message_len);
        // A last flight that is still to be sent goes out before the alert: without it the peer cannot read that.
        if !(was_connected && self.outgoing.has_unsent()) {
            self.forget_flight();
        }
        // What came before the end is still the application's, if the handshake was complete.
        while let Some(data) = self.stash.pop_plaintext().filter(|_| was_connected) {
            self.events.push_back(Event::Early(data));
        }
        self.stash = Stash::new(0);
        self.events.push_back(Event::Closed(reason));
        self.erase_keys_once_over();
    }

    /// RFC 5246 section 7.2.2: an association that has failed forgets its secrets. So does one that has ended in any
    /// other way, as soon as its last word is out; the connection itself may be kept for longer. The last flight goes
    /// with its keys: without them it could only be sent under numbers that were used before.
    fn erase_keys_once_over(&mut self) {
        if self.state.is_err() && !self.has_output() {
            self.records = RecordLayer::new();
            self.forget_flight();
        }
    }

    // ---- between the floors ----

    /// Carries out what a handler wants.
    fn apply(&mut self, effects: Vec<Effect>) -> Result<(), Error> {
        let mut begins_flight = false;
        for effect in effects {
            match effect {
                Effect::BeginFlight => {
                    begins_flight = true;
                    self.outgoing.begin_flight();
                    self.records.forget_write_epochs_before(self.records.write_epoch());
                }
                Effect::Send { msg_type, message_seq, body } => {
                    self.outgoing.push_message(self.records.write_epoch(), msg_type, message_seq, body);
                }
                Effect::ChangeCipherSpec => self.outgoing.push_change_cipher_spec(self.records.write_epoch()),
                Effect::InstallWrite(keys) => self.records.install_write(protection(&keys, &self.transport)?),
                Effect::ConnectionIds(ids) => self.use_connection_ids(ids)?,
                Effect::LimitRecords(sizes) => self.records.set_limits(size_limits(sizes)),
                Effect::Remember(reference) => self.session_kept = Some(reference),
                Effect::InstallRead(keys) => {
                    self.records.install_read(protection(&keys, &self.transport)?);
                    self.forget_fragments_before(self.records.read_epoch());
                }
            }
        }
        let is_complete = self.connected().is_some();
        if begins_flight {
            self.retransmit.flight_ready(is_complete);
        }
        if is_complete {
            self.on_handshake_complete(begins_flight);
        }
        Ok(())
    }

    fn use_connection_ids(&mut self, ids: ConnectionIds) -> Result<(), Error> {
        self.records.set_connection_ids(ids);
        // Datagrams do not become longer than they may be because the peer wants much in them.
        if self.min_datagram() > self.transport.mtu {
            self.records.set_connection_ids(ConnectionIds::NONE);
            return Err(PeerIncompatible::ConnectionIdTooLong.into());
        }
        self.flight_mtu = self.flight_mtu.max(self.min_datagram());
        Ok(())
    }

    /// The handshake messages of the epochs before this one are all in: what is left of them was never needed, and must
    /// not stand in the way of this one's.
    fn forget_fragments_before(&mut self, epoch: u64) {
        for _ in 0..self.reassembly.drop_epochs_before(epoch) {
            self.stats.discard(DiscardReason::LeftoverFragment);
        }
    }

    /// The peer's Finished was good.
    fn on_handshake_complete(&mut self, last_flight_is_ours: bool) {
        self.deadline = None;
        self.doubt = None;
        // It came ahead of Finished, and belongs behind it, where nothing does.
        if let Some(message) = self.reassembly.take_next() {
            self.refuse_late_message(message.msg_type);
            return;
        }
        // RFC 6347 section 4.1: records of earlier epochs are discarded from now on.
        self.records.drop_read_epochs_before(self.records.read_epoch());
        self.forget_fragments_before(self.records.read_epoch().saturating_add(1));
        if !last_flight_is_ours {
            self.retransmit.complete();
            self.forget_flight();
            self.records.forget_write_epochs_before(self.records.write_epoch());
            self.announce_connected();
        }
    }

    /// Our own Finished is out, and the peer's was good.
    fn announce_connected(&mut self) {
        if self.stats.handshake_time.is_none() {
            let now = self.now.unwrap_or(Instant::ORIGIN);
            let after = now - self.started.unwrap_or(now);
            self.stats.handshake_time = Some(after);
            self.events.push_back(Event::Connected);
            if let Some(Connected { session, .. }) = self.connected() {
                trace::connected(session.cipher_suite, session.group, session.resumed, after);
            }
        }
    }

    /// Sends the flight from its beginning, whether our timer or a repeat of the peer's says that it was lost: the peer's
    /// timer may well be the first to expire each time, and datagrams that are too long are lost all the same.
    fn resend_flight(&mut self) {
        if self.transport.external_retransmission {
            self.carried.is_wanted = true;
            return;
        }
        if self.retransmit.lowers_mtu() {
            self.flight_mtu = smaller_mtu(self.flight_mtu).max(self.min_datagram());
        }
        self.outgoing.rewind();
        self.stats.retransmissions += 1;
    }
}

/// The keys of one direction, with the limits that the configuration sets.
fn protection(keys: &Keys, transport: &TransportOptions) -> Result<Protection, CryptoError> {
    let write_keys = keys.block.write_keys(keys.writer);
    let protection = Protection::new(keys.suite, write_keys.key, write_keys.iv)?;
    Ok(protection.with_short_tag_forgeries(transport.max_short_tag_forgeries))
}

/// What the configuration says of timers, in the words of the timer machine.
fn retransmit_options(role: Role, transport: &TransportOptions) -> RetransmitOptions {
    RetransmitOptions {
        initial: transport.initial_timeout,
        max: transport.max_timeout,
        max_expiries: transport.max_resends,
        crypto_allowance: transport.crypto_allowance,
        external: transport.external_retransmission,
        begins_with_hello: role == Role::Client,
        jitter_permille: if transport.jitter { JITTER_PERMILLE } else { 0 },
        ..RetransmitOptions::default()
    }
}

/// What the peer of an end in this role may begin with.
const fn first_messages(role: Role) -> &'static [HandshakeType] {
    match role {
        Role::Client => &[HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO],
        Role::Server => &[HandshakeType::CLIENT_HELLO],
    }
}

/// What the hellos agreed on, in the words of the record layer.
fn size_limits(sizes: RecordSizes) -> SizeLimits {
    match sizes {
        RecordSizes::Unlimited => SizeLimits::NONE,
        RecordSizes::Limited { ours, peers } => {
            SizeLimits { written: peers.into(), read: ours.into(), ..SizeLimits::NONE }
        }
        RecordSizes::Fragments(length) => SizeLimits { content: length.bytes().into(), ..SizeLimits::NONE },
    }
}

/// The next smaller size that flights are cut to where nothing comes back: what nearly every path carries, then what
/// every IPv4 host must take (RFC 1122 section 3.3.2: 576 bytes, headers included), then what constrained links carry.
fn smaller_mtu(mtu: usize) -> usize {
    [1200, 548, 256].into_iter().find(|smaller| *smaller < mtu).unwrap_or(mtu)
}

const WRONG_PRESHARED_KEY: Failure =
    Failure { error: Error::PeerMisbehaved(PeerMisbehaved::WrongPresharedKey), at: Some(HandshakeType::FINISHED) };

const CLOSE_NOTIFY: Alert = Alert { level: AlertLevel::WARNING, description: AlertDescription::CLOSE_NOTIFY };

/// An eighth (design: jitter only lengthens, by up to 12.5%).
const JITTER_PERMILLE: u16 = 125;

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("role", &self.role).field("status", &self.status()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
