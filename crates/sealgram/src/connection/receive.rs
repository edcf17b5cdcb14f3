//! From a datagram to messages, data and alerts.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::doubt::Doubt;
use super::suspend::Cause;
use super::wrong_psk::UnreadableFinished;
use super::{CLOSE_NOTIFY, Connection, HelloSequence, WRONG_PRESHARED_KEY};
use crate::code::{AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion};
use crate::config::TransportOptions;
use crate::crypto::VERIFY_DATA_LEN;
use crate::error::{AlertReceived, DecodeError, Failure, KeyLimit, PeerMisbehaved};
use crate::event::CloseReason;
use crate::flight::reassembly::{Accepted, Message};
use crate::handshake::{Cx, Effect, Refusal, State};
use crate::received::{Received, ReceivedBuilder};
use crate::record::{OpenedRecord, Opening, RawRecord, RecordLayer};
use crate::role::Role;
use crate::stats::DiscardReason;
use crate::time::Instant;
use crate::trace;
use crate::wire::alert::Alert;
use crate::wire::fragment::{FragmentHeader, split_fragments};
use crate::wire::record::MAX_HELLO_SEQUENCE;

impl Connection {
    /// Takes in a datagram, all of it, and gives the application data that was in it. The bytes are decrypted where
    /// they stand and scrambled otherwise.
    ///
    /// It never fails: see the type's own documentation.
    pub fn handle_datagram<'d>(&mut self, now: Instant, datagram: &'d mut [u8]) -> Received<'d> {
        self.take_in(now, datagram).finish(datagram)
    }

    /// The same, for a caller who first has to see whether the datagram was this connection's.
    pub(crate) fn take_in(&mut self, now: Instant, datagram: &mut [u8]) -> ReceivedBuilder {
        self.advance(now);
        let _span = self.trace.enter();
        let mut received = ReceivedBuilder::default();
        let mut at = 0;
        while let Some(record) = RecordLayer::split(datagram, at, self.records.cid_len()) {
            if self.state.is_err() {
                self.stats.discard(DiscardReason::Closed);
                break;
            }
            let record = match record {
                Ok(record) => record,
                Err(reason) => {
                    self.stats.discard(reason);
                    break;
                }
            };
            at = record.body.end;
            let Some(opened) = self.open(datagram, &record) else { continue };
            if opened.epoch > 0 {
                received.mark_authentic();
            }
            if opened.newest {
                received.mark_newest();
            }
            if let Some(data) = self.on_record(datagram, &opened) {
                if self.connected().is_some() {
                    // Warnings add up only while nothing else comes: an association may last for years.
                    self.warnings_received = 0;
                    received.push(datagram, data);
                } else {
                    self.stash_early_data(datagram.get(data).unwrap_or_default());
                }
            }
            self.open_stashed();
        }
        received
    }

    /// Opens one record; `None` if it is dropped, or kept for later.
    fn open(&mut self, datagram: &mut [u8], record: &RawRecord) -> Option<OpenedRecord> {
        match self.records.open(datagram, record) {
            Opening::Opened(opened) => {
                self.stats.records_received += 1;
                self.heard = self.now;
                if opened.epoch > 0 {
                    self.unreadable_finished = UnreadableFinished::default();
                }
                return Some(opened);
            }
            // No epoch follows the first one that has keys, and what nobody vouches for must not take room from data
            // that opened.
            Opening::Early if self.records.read_epoch() > 0 => self.stats.discard(DiscardReason::FutureEpoch),
            Opening::Early => {
                let sealed = datagram.get(record.at..record.body.end).unwrap_or_default();
                if !self.stash.push_sealed(sealed) {
                    self.stats.discard(DiscardReason::StashFull);
                }
            }
            Opening::Discarded(reason) => {
                self.stats.discard(reason);
                if reason == DiscardReason::AuthenticationFailed {
                    self.on_unreadable(record);
                }
            }
            Opening::IntegrityLimit => self.fail(Failure { error: KeyLimit::Integrity.into(), at: None }),
        }
        None
    }

    /// A record did not open. If it could be the peer's Finished, and only a preshared key vouches for the peer, the keys
    /// may differ.
    fn on_unreadable(&mut self, record: &RawRecord) {
        let may_be_finished = matches!(record.header.content_type, ContentType::HANDSHAKE | ContentType::TLS12_CID)
            && self.records.content_len(record) == Some(FragmentHeader::LEN + VERIFY_DATA_LEN)
            && self.state.as_ref().is_ok_and(State::relies_on_psk);
        let Some(now) = self.now.filter(|_| may_be_finished) else { return };
        if self.unreadable_finished.note(now, self.transport.initial_timeout) {
            self.fail(WRONG_PRESHARED_KEY);
        }
    }

    /// Handles the content of one record; where it is application data, says where that stands.
    fn on_record(&mut self, datagram: &[u8], record: &OpenedRecord) -> Option<Range<usize>> {
        let content = datagram.get(record.plaintext.clone()).unwrap_or_default();
        match record.content_type {
            ContentType::APPLICATION_DATA => return Some(record.plaintext.clone()),
            ContentType::HANDSHAKE => self.on_handshake_record(record, content),
            ContentType::ALERT => self.on_alert(record.epoch, content),
            ContentType::RETURN_ROUTABILITY_CHECK => self.on_path_check(content),
            // The epoch of a record says all that ChangeCipherSpec could: it has no message_seq, may be lost, repeated
            // or early, and is not authenticated. So it is taken note of, and changes nothing (FLT-17 .. FLT-19).
            ContentType::CHANGE_CIPHER_SPEC if record.epoch == 0 && content == [1] => {}
            ContentType::CHANGE_CIPHER_SPEC => self.stats.discard(DiscardReason::UntimelyChangeCipherSpec),
            _ => self.stats.discard(DiscardReason::UnknownContentType),
        }
        None
    }

    /// Opens the records that waited for keys, once these are there.
    pub(super) fn open_stashed(&mut self) {
        while self.state.is_ok() && self.records.read_epoch() > 0 {
            let Some(mut sealed) = self.stash.pop_sealed() else { return };
            let Some(Ok(record)) = RecordLayer::split(&sealed, 0, self.records.cid_len()) else {
                // It came with a connection ID, and the server wants none.
                self.stats.discard(DiscardReason::StashedUnreadable);
                continue;
            };
            let Opening::Opened(opened) = self.records.open(&mut sealed, &record) else {
                self.stats.discard(DiscardReason::StashedUnreadable);
                self.on_unreadable(&record);
                continue;
            };
            self.stats.records_received += 1;
            if let Some(data) = self.on_record(&sealed, &opened) {
                self.stash_early_data(sealed.get(data).unwrap_or_default());
            }
        }
    }

    fn stash_early_data(&mut self, data: &[u8]) {
        if !self.stash.push_plaintext(data) {
            self.stats.discard(DiscardReason::StashFull);
        }
    }

    // ---- handshake messages ----

    fn on_handshake_record(&mut self, record: &OpenedRecord, content: &[u8]) {
        for fragment in split_fragments(content) {
            match fragment {
                Ok(_) if self.state.is_err() => return,
                Ok((header, _)) if self.connected().is_some() => self.on_late_fragment(record, &header),
                Ok((header, bytes)) => self.on_fragment(record, &header, bytes),
                Err(reason) => self.stats.discard(reason),
            }
        }
    }

    fn on_fragment(&mut self, record: &OpenedRecord, header: &FragmentHeader, bytes: &[u8]) {
        // RFC 5246 section 7.4.1.1: ignored in the middle of a handshake; it has no message_seq of the handshake's.
        if header.msg_type == HandshakeType::HELLO_REQUEST {
            self.stats.discard(DiscardReason::HelloRequest);
            return;
        }
        if let HelloSequence::Adopt(latest) = &mut self.hello_sequence {
            *latest = record.sequence.min(MAX_HELLO_SEQUENCE);
        }
        match self.reassembly.accept(record.epoch, header, bytes) {
            Ok(Accepted::Stored) => self.take_messages(),
            Ok(Accepted::Repeated) => self.on_repeat(header),
            Err(reason) => {
                self.stats.discard(reason);
                if header.message_seq == self.reassembly.next_message_seq() {
                    self.refuse_fragment(record.epoch, header.msg_type, reason);
                }
            }
        }
    }

    /// A fragment of the message that is due was dropped: for some reasons the whole message has to be.
    fn refuse_fragment(&mut self, epoch: u64, got: HandshakeType, reason: DiscardReason) {
        let expected = self.state.as_ref().ok().and_then(State::expected);
        let error = match (reason, expected) {
            (DiscardReason::OversizedMessage | DiscardReason::WrongMessageLength, _) => DecodeError::WrongLength.into(),
            (DiscardReason::Doubtful, Some(expected)) => PeerMisbehaved::UnexpectedMessage { got, expected }.into(),
            _ => return,
        };
        self.refuse(epoch, Failure { error, at: Some(got) });
    }

    /// The peer sends its flight again: ours was lost (RFC 6347 section 4.2.4). The end of its last message stands for
    /// the whole flight.
    fn on_repeat(&mut self, header: &FragmentHeader) {
        // What else repeats is of the flight that is under way, and says nothing about ours.
        let is_last = self.answered == Some(header.message_seq);
        let is_end = header.offset.checked_add(header.fragment_length) == Some(header.length);
        let answers = is_last && is_end && self.now.is_some_and(|now| self.retransmit.peer_repeated(now));
        if answers {
            self.resend_flight();
        } else {
            self.stats.discard(DiscardReason::StaleMessage);
        }
    }

    /// After the handshake, what is not authentic does not come this far.
    fn on_late_fragment(&mut self, record: &OpenedRecord, header: &FragmentHeader) {
        let asks_for_handshake = match self.role {
            Role::Client => header.msg_type == HandshakeType::HELLO_REQUEST,
            Role::Server => header.msg_type == HandshakeType::CLIENT_HELLO && header.offset == 0,
        };
        let next = self.reassembly.next_message_seq();
        if record.epoch == 0 {
            self.stats.discard(DiscardReason::AfterHandshake);
        } else if asks_for_handshake {
            self.refuse_renegotiation();
        } else if header.message_seq == next {
            self.refuse_late_message(header.msg_type);
        } else if header.message_seq > next {
            self.stats.discard(DiscardReason::FutureMessage);
        } else if header.msg_type == HandshakeType::FINISHED {
            self.on_repeat(header);
        } else {
            self.stats.discard(DiscardReason::AfterHandshake);
        }
    }

    /// Nothing follows Finished, and the peer vouches for what does (RFC 5246 section 7.4: messages in an order that
    /// does not exist are fatal).
    pub(super) fn refuse_late_message(&mut self, msg_type: HandshakeType) {
        self.fail(Failure { error: PeerMisbehaved::MessageAfterHandshake(msg_type).into(), at: None });
    }

    /// Says no to a new handshake on this association (RFC 5246 section 7.2.2), and not more often than needed.
    fn refuse_renegotiation(&mut self) {
        self.stats.discard(DiscardReason::HelloRequest);
        let Some(now) = self.now else { return };
        let is_spaced = self.renegotiation_refused.is_none_or(|last| now - last >= self.transport.initial_timeout);
        if is_spaced && self.alert.is_none() {
            self.renegotiation_refused = Some(now);
            self.alert = Some(NO_RENEGOTIATION);
        }
    }

    pub(super) fn take_messages(&mut self) {
        while self.state.is_ok() && self.connected().is_none() && self.suspended.is_none() {
            let Some(message) = self.reassembly.take_next() else { return };
            self.on_message(&message);
        }
    }

    /// Takes the handshake one message further.
    fn on_message(&mut self, message: &Message) {
        let cause = Cause { msg_type: message.msg_type, message_seq: message.message_seq };
        let outcome = self.advance_handshake(cause, Vec::new(), |state, cx| state.on_message(message, cx));
        match outcome {
            Ok(()) => {}
            Err(Refusal::Ignore(same) | Refusal::Misuse(same)) => {
                self.state = Ok(same);
                self.stats.discard(DiscardReason::StaleMessage);
            }
            Err(Refusal::Doubt(same, error)) => {
                self.state = Ok(same);
                self.stats.discard(DiscardReason::Doubtful);
                self.doubt(Failure { error, at: Some(message.msg_type) });
            }
            Err(Refusal::Fatal(error)) => self.fail(Failure { error, at: Some(message.msg_type) }),
        }
    }

    /// Lets a handler take the state to the next one, and carries out what it wants done after `effects`, or keeps that
    /// until the decision is made which the next state waits for.
    pub(super) fn advance_handshake(
        &mut self,
        cause: Cause,
        effects: Vec<Effect>,
        handler: impl FnOnce(State, &mut Cx<'_>) -> Result<State, Refusal>,
    ) -> Result<(), Refusal> {
        // While the handler has the state, there is none here; every way out puts one back.
        let Ok(state) = mem::replace(&mut self.state, Err(CloseReason::Local)) else { return Ok(()) };
        let mut cx = Cx {
            now: self.wall_clock.unix_at(self.now.unwrap_or(Instant::ORIGIN)),
            seed: &mut self.seed,
            next_message_seq: &mut self.next_message_seq,
            effects,
            decision: None,
        };
        let next = handler(state, &mut cx)?;
        let (effects, decision) = (cx.effects, cx.decision);
        self.state = Ok(next);
        self.on_progress(cause);
        trace::took_message(cause.msg_type, self.state.as_ref().ok().and_then(State::expected), decision.is_some());
        match decision {
            Some(decision) => self.suspend(cause, effects, decision),
            None => self.carry_out(cause, effects),
        }
        Ok(())
    }

    fn carry_out(&mut self, cause: Cause, effects: Vec<Effect>) {
        if effects.iter().any(|effect| matches!(effect, Effect::BeginFlight)) {
            // The server keeps nothing of a HelloVerifyRequest, and never repeats one by itself.
            let is_repeatable = cause.msg_type != HandshakeType::HELLO_VERIFY_REQUEST;
            self.answered = is_repeatable.then_some(cause.message_seq);
        }
        if let Err(error) = self.apply(effects) {
            self.fail(Failure { error, at: Some(cause.msg_type) });
        }
    }

    fn on_progress(&mut self, cause: Cause) {
        self.doubt = None;
        // A HelloVerifyRequest takes no place in the order: a stateless server numbers its ServerHello as it likes.
        if cause.msg_type == HandshakeType::HELLO_VERIFY_REQUEST {
            if let Some(now) = self.now {
                self.retransmit.cookie_received(now);
            }
            return;
        }
        self.reassembly.confirm(cause.message_seq);
        self.records.set_initial_version(ProtocolVersion::DTLS_1_2);
        if let (Role::Server, HelloSequence::Adopt(sequence)) = (self.role, self.hello_sequence) {
            self.records.start_sequence(sequence);
            self.hello_sequence = HelloSequence::Settled;
        }
    }

    /// A message that is due cannot be what it claims: in a protected epoch the peer vouches for that.
    fn refuse(&mut self, epoch: u64, failure: Failure) {
        if epoch == 0 { self.doubt(failure) } else { self.fail(failure) }
    }

    /// Something went wrong, if the one who says so can be believed.
    fn doubt(&mut self, failure: Failure) {
        trace::doubted(&failure);
        if self.trust_path {
            self.fail(failure);
        } else if self.doubt.is_none() {
            let TransportOptions { initial_timeout, external_retransmission, .. } = self.transport;
            self.doubt = Some(match self.now {
                Some(now) if self.outgoing.is_empty() => Doubt::without_flight(failure, now, initial_timeout),
                Some(now) if external_retransmission => Doubt::with_carried_flight(failure, now, initial_timeout),
                _ => Doubt::with_flight(failure),
            });
        }
    }

    // ---- alerts ----

    fn on_alert(&mut self, epoch: u64, content: &[u8]) {
        let Alert { level, description } = match Alert::decode(content) {
            Ok(alert) => alert,
            // A peer that vouches for a level which does not exist means no good (ALR-08).
            Err(DecodeError::InvalidValue) if epoch > 0 => {
                self.fail(Failure { error: PeerMisbehaved::MalformedAlert.into(), at: None });
                return;
            }
            Err(_) => {
                self.stats.discard(DiscardReason::MalformedAlert);
                return;
            }
        };
        let alert = AlertReceived { level, description, authenticated: epoch > 0 };
        trace::alert_received(&alert);
        if alert.authenticated { self.on_authentic_alert(alert) } else { self.on_plaintext_alert(alert) }
    }

    /// An alert that anyone could have sent.
    fn on_plaintext_alert(&mut self, alert: AlertReceived) {
        let ends = alert.level == AlertLevel::FATAL
            || matches!(alert.description, AlertDescription::CLOSE_NOTIFY | AlertDescription::USER_CANCELED);
        let reason = if ends { DiscardReason::PlaintextAlert } else { DiscardReason::WarningAlert };
        self.stats.discard(reason);
        if ends && self.connected().is_none() {
            let at = self.state.as_ref().ok().and_then(State::expected);
            self.doubt(Failure { error: alert.into(), at });
        }
    }

    fn on_authentic_alert(&mut self, alert: AlertReceived) {
        if alert.level != AlertLevel::WARNING {
            self.fail(Failure { error: alert.into(), at: None });
        } else if alert.description == AlertDescription::CLOSE_NOTIFY {
            // RFC 5246 section 7.2.1: answered in kind, once.
            self.end(CloseReason::Peer, Some(CLOSE_NOTIFY));
        } else {
            self.stats.discard(DiscardReason::WarningAlert);
            self.warnings_received = self.warnings_received.saturating_add(1);
            if self.warnings_received > MAX_WARNINGS {
                self.fail(Failure { error: PeerMisbehaved::TooManyWarnings.into(), at: None });
            }
        }
    }
}

const NO_RENEGOTIATION: Alert = Alert { level: AlertLevel::WARNING, description: AlertDescription::NO_RENEGOTIATION };

/// How many authentic warnings a peer may send. They ask for nothing, and an honest peer has reason for one or two.
const MAX_WARNINGS: u8 = 4;
