//! When to send a flight: the timer machine of RFC 6347 section 4.2.4.
//!
//! It holds no flight and reads no clock. It is told what happened and when, and says whether to send. Reading part of
//! the peer's flight is no event at all: it neither moves the machine nor its timer.

use core::ops::Add;
use core::time::Duration;

use crate::time::Instant;

/// Where the delivery of our flights stands (RFC 6347 section 4.2.4, figure 3).
///
/// ```text
///                 flight_ready                flight_sent
///  +-----------+ -------------> +---------+ --------------> +---------+
///  | Preparing |                | Sending |                 | Waiting |
///  +-----------+ <------------- +---------+ <-------------- +---------+
///     ^              parked      |  ^   ^    timer_expired,   |     |
///     |                          |  |   |    peer_repeated,   |     |
///     |              flight_sent |  |   |    flight_ready     |     |
///     |              of the last |  |   |                     |     |
///     |                          v  | peer_repeated           |     |
///     |                 +----------+                          |     |
///     |                 | Finished | <------------------------+     |
///     |                 +----------+    complete (also from         |
///     |                                 Preparing and Sending)      |
///     +-------------------------------------------------------------+
///                               parked
/// ```
///
/// A pair of state and event that is not drawn changes nothing, but for `flight_ready` in Sending: the peer answered a
/// retransmission that is under way, and the new flight takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our next flight is not built: the handshake begins, or is parked on a decision.
    Preparing,
    /// A transmission of our flight is under way.
    Sending,
    /// Our flight is out, and the peer's next one is not complete. Only here does the timer run.
    Waiting,
    /// No more flights. If ours was the last one, the peer may still ask for it.
    Finished,
}

/// How long to wait, how often to repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetransmitOptions {
    /// The first timeout.
    pub(crate) initial: Duration,
    /// What doubling stops at.
    pub(crate) max: Duration,
    /// How much chance may lengthen a timeout, in thousandths of it.
    pub(crate) jitter_permille: u16,
    /// For how long our last flight answers a peer that repeats its own.
    pub(crate) answer_for: Duration,
    /// How many times a flight goes out again at the same size before its datagrams become smaller.
    pub(crate) mtu_backoff_after: u32,
    /// How many expiries in a row resend a flight. The next one gives up.
    pub(crate) max_expiries: u32,
    /// What each timeout has on top while the peer computes with public keys.
    pub(crate) crypto_allowance: Duration,
    /// Whether somebody else decides when a flight is sent again: no timer runs then.
    pub(crate) external: bool,
    /// Whether the answer to our first flight may be a cookie, which costs the peer nothing.
    pub(crate) begins_with_hello: bool,
}

impl Default for RetransmitOptions {
    /// RFC 6347 section 4.2.4.1: 1 s, doubled up to 60 s. Section 4.2.4: twice the maximum segment lifetime of TCP,
    /// which is two minutes.
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
            jitter_permille: 125,
            answer_for: Duration::from_secs(240),
            mtu_backoff_after: 2,
            max_expiries: u32::MAX,
            crypto_allowance: Duration::ZERO,
            external: false,
            begins_with_hello: false,
        }
    }
}

/// What [`Retransmit::timer_expired`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// Nothing is due.
    NotYet,
    /// The flight is to be sent again, from its beginning.
    Resend,
    /// It was sent as often as the options allow.
    GiveUp,
}

/// The timer machine of one handshake.
#[derive(Debug)]
pub(crate) struct Retransmit {
    options: RetransmitOptions,
    state: State,
    /// Whether nothing follows the flight that is being sent.
    is_last: bool,
    /// Where the timeout begins: the one of the options, or longer if the path turned out to be.
    initial: Duration,
    /// The current timeout, without jitter and allowance. Kept from flight to flight once a loss has lengthened it.
    timeout: Duration,
    /// What the current flight has on top of it.
    allowance: Duration,
    /// How often the current flight was sent again.
    resends: u32,
    /// How often the timer expired for the current flight: repeats from the peer resend it too, and cost none of these.
    expiries: u32,
    /// When the latest transmission ended.
    sent_at: Option<Instant>,
    /// When the timer fires; meaningful while `Waiting`.
    due: Option<Instant>,
    /// Until when the last flight answers repeats; `None` before it was sent, and if the peer has the last word.
    answer_until: Option<Instant>,
}

impl Retransmit {
    /// At the beginning of a handshake, with no flight to send.
    pub(crate) fn new(options: RetransmitOptions) -> Self {
        Self {
            options,
            state: State::Preparing,
            is_last: false,
            initial: options.initial,
            timeout: options.initial,
            allowance: if options.begins_with_hello { Duration::ZERO } else { options.crypto_allowance },
            resends: 0,
            expiries: 0,
            sent_at: None,
            due: None,
            answer_until: None,
        }
    }

    /// After a handshake that was complete elsewhere. Where its last flight was ours, repeats are answered for as long as
    /// `answer_for` says.
    pub(crate) fn resume(options: RetransmitOptions, now: Instant, answer_for: Option<Duration>) -> Self {
        let answer_until = answer_for.map(|rest| now.add(rest.min(options.answer_for)));
        Self { state: State::Finished, sent_at: Some(now), answer_until, ..Self::new(options) }
    }

    /// The peer's flight is complete, which acknowledges our former one, and our next one is built.
    pub(crate) fn flight_ready(&mut self, is_last: bool) {
        if !self.is_over() {
            // RFC 7925 section 11: the answer to all but a first hello takes work with public keys.
            if self.sent_at.is_some() {
                self.allowance = self.options.crypto_allowance;
            }
            self.answered();
            self.is_last = is_last;
            self.state = State::Sending;
        }
    }

    /// The cookie came that our hello asked for: nothing was computed for it, so this took as long as the path takes.
    ///
    /// RFC 6298 section 2.2: after one sample the timeout is three times that, and section 2.4 has it no shorter than
    /// what it began with. A hello that was sent twice gives no sample, as nobody knows which of the two was answered
    /// (section 3). Anybody can forge the answer: with it, a timeout of three times the initial one, and no shorter one.
    pub(crate) fn cookie_received(&mut self, now: Instant) {
        if let (State::Waiting, 0, Some(sent)) = (self.state, self.resends, self.sent_at) {
            let estimate = now.saturating_since(sent).saturating_mul(3);
            self.initial = estimate.min(self.options.max).max(self.options.initial);
        }
    }

    /// The whole flight was handed out. `jitter` is any random number.
    pub(crate) fn flight_sent(&mut self, now: Instant, jitter: u32) {
        if self.state != State::Sending {
            return;
        }
        self.sent_at = Some(now);
        if self.is_last {
            // RFC 6347 section 4.2.4: no timer, but the answer to repeats stays at hand. Answering does not prolong
            // that, or a peer could make us keep it for ever.
            self.state = State::Finished;
            self.answer_until = self.answer_until.or_else(|| Some(now.add(self.options.answer_for)));
        } else {
            self.state = State::Waiting;
            let timeout = self.timeout.saturating_add(self.allowance);
            self.due = Some(now.add(lengthened(timeout, self.options.jitter_permille, jitter)));
        }
    }

    /// Time has passed. Too early or without a timer this changes nothing, and however late it is one resend.
    pub(crate) fn timer_expired(&mut self, now: Instant) -> Expired {
        if self.deadline().is_none_or(|due| now < due) {
            return Expired::NotYet;
        }
        if self.expiries >= self.options.max_expiries {
            return Expired::GiveUp;
        }
        self.expiries = self.expiries.saturating_add(1);
        self.resend();
        Expired::Resend
    }

    /// The peer sent again the flight that our current one answers, complete to its last message. Whether to send ours
    /// again, from its beginning.
    ///
    /// In epoch 0 anybody can cause this. So it resends at most once per half the current timeout, and lengthens the
    /// timeout as an expiry would: whoever sends us repeats gets fewer and fewer datagrams for them.
    pub(crate) fn peer_repeated(&mut self, now: Instant) -> bool {
        let may_answer = match self.state {
            State::Preparing | State::Sending => false,
            State::Waiting => true,
            State::Finished => self.answer_until.is_some_and(|until| now <= until),
        };
        let is_spaced = self.sent_at.is_some_and(|sent| now.saturating_since(sent).saturating_mul(2) >= self.timeout);
        if may_answer && is_spaced {
            self.resend();
        }
        may_answer && is_spaced
    }

    /// The peer's flight is complete, and the next one of ours awaits a decision from outside: no timer runs.
    pub(crate) fn parked(&mut self) {
        if !self.is_over() {
            self.answered();
            self.state = State::Preparing;
        }
    }

    /// The peer's last flight is complete and nothing of ours follows: our flight need not be kept.
    pub(crate) fn complete(&mut self) {
        if !self.is_over() {
            self.answered();
            self.state = State::Finished;
        }
    }

    /// When [`Retransmit::timer_expired`] is to be called; never in any state but `Waiting`.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| self.state == State::Waiting && !self.options.external)
    }

    /// When our last flight may be freed. Not a timer: nothing happens then, and nobody needs to be woken for it.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.answer_until
    }

    /// The current timeout, without jitter.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How often our current flight was sent again, for either reason. Who wants to have waited whole timeouts counts
    /// what [`Retransmit::timer_expired`] returns instead: repeats from the peer cut a timeout short.
    pub(crate) fn resends_unanswered(&self) -> u32 {
        self.resends
    }

    /// Whether the resend that was just decided should go out in smaller datagrams than the transmission before it.
    ///
    /// A flight that goes unanswered again and again may be too large for the path (RFC 6347 section 4.1.1.1).
    pub(crate) fn lowers_mtu(&self) -> bool {
        self.resends > self.options.mtu_backoff_after
    }

    /// Whether no flight follows: our last one went out at least once, or there is none.
    fn is_over(&self) -> bool {
        self.state == State::Finished || self.answer_until.is_some()
    }

    /// Our flight was answered. RFC 6347 section 4.2.4.1: what a loss has taught about the path is unlearned only when
    /// a flight gets through without one.
    fn answered(&mut self) {
        let was_sent = matches!(self.state, State::Sending | State::Waiting);
        if was_sent && self.resends == 0 {
            self.timeout = self.initial;
        }
        self.resends = 0;
        self.expiries = 0;
    }

    /// Sends the flight again, with twice the patience.
    fn resend(&mut self) {
        self.resends = self.resends.saturating_add(1);
        // A `max` below `initial` is of no use: the timeout never shrinks here.
        self.timeout = self.timeout.saturating_mul(2).min(self.options.max).max(self.timeout);
        self.state = State::Sending;
    }
}

/// `timeout`, made longer by a random part of `permille` thousandths of it: peers that lost the same datagrams at the
/// same time should not lose the next ones together too.
fn lengthened(timeout: Duration, permille: u16, jitter: u32) -> Duration {
    let most = timeout.as_nanos().saturating_mul(u128::from(permille)) / 1000;
    let part = most.saturating_mul(u128::from(jitter)) >> 32;
    timeout.saturating_add(Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    const OPTIONS: RetransmitOptions = RetransmitOptions {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(60),
        jitter_permille: 125,
        answer_for: Duration::from_secs(240),
        mtu_backoff_after: 2,
        max_expiries: u32::MAX,
        crypto_allowance: Duration::ZERO,
        external: false,
        begins_with_hello: false,
    };

    fn ms(milliseconds: u64) -> Instant {
        Instant::from_elapsed(Duration::from_millis(milliseconds))
    }

    /// A machine whose flight was sent at time 0, without jitter.
    fn sent(is_last: bool) -> Retransmit {
        let mut machine = Retransmit::new(OPTIONS);
        machine.flight_ready(is_last);
        machine.flight_sent(ms(0), 0);
        machine
    }

    /// Sends again at every expiry; the seconds from one to the next.
    fn expiries(machine: &mut Retransmit, count: usize) -> Vec<u64> {
        (0..count)
            .map(|_| {
                let (sent, due) = (machine.sent_at.unwrap(), machine.deadline().unwrap());
                assert_eq!(machine.timer_expired(due), Expired::Resend);
                machine.flight_sent(due, 0);
                due.saturating_since(sent).as_secs()
            })
            .collect()
    }

    fn answers(machine: &mut Retransmit, at: Instant) -> bool {
        let answers = machine.peer_repeated(at);
        machine.flight_sent(at, 0);
        answers
    }

    /// Makes a machine in a certain state.
    type Make = fn() -> Retransmit;

    /// Tells it of an event; whether it wants the flight sent again.
    type Apply = fn(&mut Retransmit) -> bool;

    /// An event that never asks for a resend.
    fn quietly(event: impl FnOnce()) -> bool {
        event();
        false
    }

    /// FLT-01 .. FLT-11: every event in every state. A change of this table is a change of the protocol.
    #[test]
    fn transition_table() {
        // Each made so that its timer, if any, is due at 1 s, repeats may be answered from 0.5 s, and the flight was
        // not sent before.
        let states: [(&str, Make); 7] = [
            ("Preparing", || Retransmit::new(OPTIONS)),
            ("Sending", || {
                let mut machine = Retransmit::new(OPTIONS);
                machine.flight_ready(false);
                machine
            }),
            ("Sending the last", || {
                let mut machine = Retransmit::new(OPTIONS);
                machine.flight_ready(true);
                machine
            }),
            ("Waiting", || sent(false)),
            ("Finished, last word ours", || sent(true)),
            ("Finished, resending", || {
                let mut machine = sent(true);
                assert!(machine.peer_repeated(ms(600)));
                machine
            }),
            ("Finished, last word theirs", || {
                let mut machine = sent(false);
                machine.complete();
                machine
            }),
        ];
        let events: [(&str, Apply); 9] = [
            ("flight_ready", |machine| quietly(|| machine.flight_ready(false))),
            ("flight_ready, last", |machine| quietly(|| machine.flight_ready(true))),
            ("flight_sent", |machine| quietly(|| machine.flight_sent(ms(700), 0))),
            ("timer_expired, early", |machine| machine.timer_expired(ms(999)) == Expired::Resend),
            ("timer_expired, due", |machine| machine.timer_expired(ms(1000)) == Expired::Resend),
            ("peer_repeated, soon", |machine| machine.peer_repeated(ms(499))),
            ("peer_repeated, spaced", |machine| machine.peer_repeated(ms(500))),
            ("parked", |machine| quietly(|| machine.parked())),
            ("complete", |machine| quietly(|| machine.complete())),
        ];

        let mut table = String::new();
        for (name, make) in states {
            for (event, apply) in events {
                let mut machine = make();
                let outcome = if apply(&mut machine) { "resend" } else { "" };
                let timer = machine.deadline().map_or(String::new(), |due| format!("due {due:?}"));
                let keep = machine.expires_at().map_or(String::new(), |until| format!("until {until:?}"));
                let state = format!("{:?}", machine.state);
                let row = format!("{name:26} | {event:21} | {state:9} | {outcome:6} | {timer:8} | {keep}");
                table.push_str(row.trim_end_matches([' ', '|']));
                table.push('\n');
            }
        }
        assert_eq!(table, TABLE, "\n{table}");
    }

    /// State, event, and what comes of it: the new state, whether to resend, the timer, how long the flight is kept.
    const TABLE: &str = "\
Preparing                  | flight_ready          | Sending
Preparing                  | flight_ready, last    | Sending
Preparing                  | flight_sent           | Preparing
Preparing                  | timer_expired, early  | Preparing
Preparing                  | timer_expired, due    | Preparing
Preparing                  | peer_repeated, soon   | Preparing
Preparing                  | peer_repeated, spaced | Preparing
Preparing                  | parked                | Preparing
Preparing                  | complete              | Finished
Sending                    | flight_ready          | Sending
Sending                    | flight_ready, last    | Sending
Sending                    | flight_sent           | Waiting   |        | due 1.7s
Sending                    | timer_expired, early  | Sending
Sending                    | timer_expired, due    | Sending
Sending                    | peer_repeated, soon   | Sending
Sending                    | peer_repeated, spaced | Sending
Sending                    | parked                | Preparing
Sending                    | complete              | Finished
Sending the last           | flight_ready          | Sending
Sending the last           | flight_ready, last    | Sending
Sending the last           | flight_sent           | Finished  |        |          | until 240.7s
Sending the last           | timer_expired, early  | Sending
Sending the last           | timer_expired, due    | Sending
Sending the last           | peer_repeated, soon   | Sending
Sending the last           | peer_repeated, spaced | Sending
Sending the last           | parked                | Preparing
Sending the last           | complete              | Finished
Waiting                    | flight_ready          | Sending
Waiting                    | flight_ready, last    | Sending
Waiting                    | flight_sent           | Waiting   |        | due 1s
Waiting                    | timer_expired, early  | Waiting   |        | due 1s
Waiting                    | timer_expired, due    | Sending   | resend
Waiting                    | peer_repeated, soon   | Waiting   |        | due 1s
Waiting                    | peer_repeated, spaced | Sending   | resend
Waiting                    | parked                | Preparing
Waiting                    | complete              | Finished
Finished, last word ours   | flight_ready          | Finished  |        |          | until 240s
Finished, last word ours   | flight_ready, last    | Finished  |        |          | until 240s
Finished, last word ours   | flight_sent           | Finished  |        |          | until 240s
Finished, last word ours   | timer_expired, early  | Finished  |        |          | until 240s
Finished, last word ours   | timer_expired, due    | Finished  |        |          | until 240s
Finished, last word ours   | peer_repeated, soon   | Finished  |        |          | until 240s
Finished, last word ours   | peer_repeated, spaced | Sending   | resend |          | until 240s
Finished, last word ours   | parked                | Finished  |        |          | until 240s
Finished, last word ours   | complete              | Finished  |        |          | until 240s
Finished, resending        | flight_ready          | Sending   |        |          | until 240s
Finished, resending        | flight_ready, last    | Sending   |        |          | until 240s
Finished, resending        | flight_sent           | Finished  |        |          | until 240s
Finished, resending        | timer_expired, early  | Sending   |        |          | until 240s
Finished, resending        | timer_expired, due    | Sending   |        |          | until 240s
Finished, resending        | peer_repeated, soon   | Sending   |        |          | until 240s
Finished, resending        | peer_repeated, spaced | Sending   |        |          | until 240s
Finished, resending        | parked                | Sending   |        |          | until 240s
Finished, resending        | complete              | Sending   |        |          | until 240s
Finished, last word theirs | flight_ready          | Finished
Finished, last word theirs | flight_ready, last    | Finished
Finished, last word theirs | flight_sent           | Finished
Finished, last word theirs | timer_expired, early  | Finished
Finished, last word theirs | timer_expired, due    | Finished
Finished, last word theirs | peer_repeated, soon   | Finished
Finished, last word theirs | peer_repeated, spaced | Finished
Finished, last word theirs | parked                | Finished
Finished, last word theirs | complete              | Finished
";

    /// FLT-02, FLT-03: 1 s first, doubled each time, 60 s at most.
    #[test]
    fn the_timeout_doubles_up_to_a_minute() {
        assert_eq!(expiries(&mut sent(false), 9), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let defaults = RetransmitOptions::default();
        assert_eq!((defaults.initial, defaults.max), (OPTIONS.initial, OPTIONS.max));
    }

    /// FLT-03: chance lengthens a timeout by an eighth at most and never shortens it; the doubling does not see it.
    #[test]
    fn jitter_only_lengthens() {
        let due = |permille, jitter| {
            let mut machine = Retransmit::new(RetransmitOptions { jitter_permille: permille, ..OPTIONS });
            machine.flight_ready(false);
            machine.flight_sent(ms(0), jitter);
            assert_eq!(machine.timeout(), OPTIONS.initial);
            machine.deadline().unwrap()
        };
        assert_eq!(due(125, 0), ms(1000));
        assert_eq!(due(125, 1 << 31), Instant::from_elapsed(Duration::from_micros(1_062_500)));
        assert!(due(125, u32::MAX) <= ms(1125) && due(125, u32::MAX) > ms(1124));
        assert_eq!(due(0, u32::MAX), ms(1000));
        assert_eq!(lengthened(Duration::MAX, u16::MAX, u32::MAX), Duration::MAX);
    }

    /// FLT-05: there is no event for part of a flight; what the machine sees is nothing, and the timer stands.
    #[test]
    fn reading_part_of_a_flight_does_not_move_the_timer() {
        let mut machine = sent(false);
        assert_eq!(machine.timer_expired(ms(900)), Expired::NotYet);
        assert_eq!(machine.deadline(), Some(ms(1000)));
        assert_eq!(machine.timer_expired(ms(1000)), Expired::Resend);
    }

    /// FLT-06: the peer's complete flight stops the timer; the next timer is that of our next flight.
    #[test]
    fn the_next_flight_has_a_timer_of_its_own() {
        let mut machine = sent(false);
        machine.flight_ready(false);
        assert_eq!(machine.deadline(), None);
        assert_eq!(machine.timer_expired(ms(5000)), Expired::NotYet);
        machine.flight_sent(ms(5000), 0);
        assert_eq!(machine.deadline(), Some(ms(6000)));
    }

    /// FLT-07: a repeat from the peer resends at once, and the timer starts over with twice the timeout.
    #[test]
    fn a_repeat_from_the_peer_resends_at_once() {
        let mut machine = sent(false);
        assert!(answers(&mut machine, ms(900)));
        assert_eq!(machine.deadline(), Some(ms(2900)));
        assert_eq!(machine.resends_unanswered(), 1);
    }

    /// FLT-08: all six records of a repeated flight, and copies of them, are one repeat.
    #[test]
    fn copies_of_a_repeat_resend_once() {
        let mut machine = sent(false);
        assert_eq!((0..6).filter(|_| machine.peer_repeated(ms(800))).count(), 1);
        machine.flight_sent(ms(801), 0);
        assert_eq!((802..1801).filter(|at| answers(&mut machine, ms(*at))).count(), 0);
        assert!(answers(&mut machine, ms(1801)), "half of two seconds after the resend");
    }

    /// FLT-08, I1: an endless stream of forged repeats gets a handful of flights, not one for each.
    #[test]
    fn forged_repeats_are_answered_ever_more_rarely() {
        for is_last in [false, true] {
            let mut machine = sent(is_last);
            let resends = (0..240_000).filter(|at| answers(&mut machine, ms(*at))).count();
            assert_eq!(resends, 12, "after 0.5, 1, 2, 4, 8, 16 and then each 30 s");
        }
    }

    /// FLT-09: the last flight answers a peer that lost it over and over, for 240 s and no longer.
    #[test]
    fn the_last_flight_answers_for_four_minutes() {
        let mut machine = sent(true);
        for second in [1, 3, 7, 15, 31, 63, 123, 183, 239] {
            assert!(answers(&mut machine, ms(second * 1000)), "{second}");
            assert_eq!(machine.expires_at(), Some(ms(240_000)));
        }
        assert!(!answers(&mut machine, ms(300_000)));
        assert!(answers(&mut sent(true), ms(240_000)));
        assert!(!answers(&mut sent(true), ms(240_001)));
    }

    /// FLT-11: no timer after the last flight, not after an answer either.
    #[test]
    fn the_last_flight_has_no_timer() {
        let mut machine = sent(true);
        assert_eq!(machine.deadline(), None);
        assert!(answers(&mut machine, ms(2000)));
        assert_eq!((machine.deadline(), machine.timer_expired(ms(900_000))), (None, Expired::NotYet));
    }

    /// FLT-21: the longer timeout stays until a flight gets through at the first attempt.
    #[test]
    fn a_longer_timeout_is_kept_until_an_exchange_without_loss() {
        let mut machine = sent(false);
        assert_eq!(expiries(&mut machine, 2), [1, 2]);
        // Answered after two resends: the next flight starts with 4 s.
        machine.flight_ready(false);
        assert_eq!(machine.resends_unanswered(), 0);
        machine.flight_sent(ms(10_000), 0);
        assert_eq!(machine.deadline(), Some(ms(14_000)));
        // Answered without one, and parked for a while: back to 1 s.
        machine.parked();
        machine.flight_ready(false);
        machine.flight_sent(ms(20_000), 0);
        assert_eq!(machine.deadline(), Some(ms(21_000)));
    }

    /// FLT-21: being parked unlearns nothing that a loss has taught.
    #[test]
    fn parking_keeps_a_longer_timeout() {
        let mut machine = sent(false);
        assert_eq!(expiries(&mut machine, 1), [1]);
        machine.parked();
        assert_eq!(machine.deadline(), None);
        assert!(!machine.peer_repeated(ms(60_000)), "repeats are ignored while parked");
        machine.flight_ready(false);
        assert_eq!(machine.timeout(), Duration::from_secs(2));
    }

    /// FLT-04: so many expiries in a row and no more, for each flight anew; repeats from the peer cost none of them.
    #[test]
    fn expiries_can_be_limited() {
        let mut machine = Retransmit::new(RetransmitOptions { max_expiries: 2, ..OPTIONS });
        machine.flight_ready(false);
        machine.flight_sent(ms(0), 0);
        assert_eq!(expiries(&mut machine, 1), [1]);
        assert!(answers(&mut machine, ms(2500)));
        assert_eq!(expiries(&mut machine, 1), [4]);
        assert_eq!(machine.timer_expired(ms(100_000)), Expired::GiveUp);

        machine.flight_ready(false);
        machine.flight_sent(ms(100_000), 0);
        assert_eq!(expiries(&mut machine, 2), [8, 16]);
        assert_eq!(machine.timer_expired(ms(900_000)), Expired::GiveUp);
    }

    /// FLT-24: early calls do nothing, a call that is hours late is one resend, and a clock that goes back is harmless.
    #[test]
    fn calls_may_be_early_or_late() {
        let mut machine = sent(false);
        for early in [0, 500, 999] {
            assert_eq!(machine.timer_expired(ms(early)), Expired::NotYet);
        }
        assert_eq!(machine.timer_expired(ms(7_200_000)), Expired::Resend);
        assert_eq!(machine.timer_expired(ms(7_200_000)), Expired::NotYet);
        machine.flight_sent(ms(7_200_000), 0);
        assert_eq!(machine.deadline(), Some(ms(7_202_000)));
        assert!(!machine.peer_repeated(ms(0)));
        assert_eq!(machine.timer_expired(ms(0)), Expired::NotYet);
    }

    /// A client's machine whose hello went out at time 0.
    fn hello_sent(options: RetransmitOptions) -> Retransmit {
        let mut machine = Retransmit::new(RetransmitOptions { begins_with_hello: true, ..options });
        machine.flight_ready(false);
        machine.flight_sent(ms(0), 0);
        machine
    }

    /// The next flight goes out at `at`; for how long it then waits, in milliseconds.
    fn wait_after(machine: &mut Retransmit, at: Instant) -> u128 {
        machine.flight_ready(false);
        machine.flight_sent(at, 0);
        machine.deadline().unwrap().saturating_since(at).as_millis()
    }

    /// FLT-02 (RFC 6298 section 2): three times the round trip of the cookie, and never less than configured.
    #[test]
    fn a_slow_cookie_lengthens_the_timeouts_and_a_fast_one_does_not_shorten_them() {
        for (round_trip, wait) in [(0, 1000), (10, 1000), (333, 1000), (334, 1002), (900, 2700)] {
            let mut machine = hello_sent(OPTIONS);
            machine.cookie_received(ms(round_trip));
            assert_eq!(wait_after(&mut machine, ms(round_trip)), wait);
            assert_eq!(wait_after(&mut machine, ms(5000)), wait, "and that of the flight after it");
        }
        let mut machine = hello_sent(RetransmitOptions { max: Duration::from_secs(2), ..OPTIONS });
        machine.cookie_received(ms(900));
        assert_eq!(wait_after(&mut machine, ms(900)), 2000, "not above the longest");
    }

    /// RFC 6298 section 3: an answer to one of two hellos says nothing; what the loss has taught stays.
    #[test]
    fn a_hello_that_was_sent_twice_gives_no_sample() {
        let mut machine = hello_sent(OPTIONS);
        assert_eq!(machine.timer_expired(ms(1000)), Expired::Resend);
        machine.flight_sent(ms(1000), 0);
        machine.cookie_received(ms(2900));
        assert_eq!(wait_after(&mut machine, ms(2900)), 2000);
        assert_eq!(wait_after(&mut machine, ms(3000)), 1000, "unlearned by a flight that got through at once");
    }

    /// RFC 7925 section 11: whoever has to compute gets time for it, on top of what the path takes; a cookie is not
    /// computed.
    #[test]
    fn slow_peers_get_their_allowance_except_for_the_cookie() {
        let options = RetransmitOptions { crypto_allowance: Duration::from_secs(5), ..OPTIONS };
        let mut client = hello_sent(options);
        assert_eq!(client.deadline(), Some(ms(1000)));
        client.cookie_received(ms(100));
        assert_eq!(wait_after(&mut client, ms(100)), 6000);
        assert_eq!(client.timer_expired(ms(6100)), Expired::Resend);
        client.flight_sent(ms(6100), 0);
        assert_eq!(client.deadline(), Some(ms(6100 + 7000)), "only the path's part is doubled");

        let mut server = Retransmit::new(options);
        assert_eq!(wait_after(&mut server, ms(0)), 6000);
        let mut spared = hello_sent(options);
        assert_eq!(wait_after(&mut spared, ms(100)), 6000, "a server that asked for no cookie");
    }

    /// MTU-03: two resends at the same size, the third and later ones smaller; a new flight starts counting anew.
    #[test]
    fn the_third_resend_asks_for_smaller_datagrams() {
        let mut machine = sent(false);
        assert_eq!(expiries(&mut machine, 1), [1]);
        assert!(answers(&mut machine, ms(2500)), "a peer that repeats itself has not seen our flight either");
        assert!(!machine.lowers_mtu());
        expiries(&mut machine, 1);
        assert!(machine.lowers_mtu());
        machine.flight_ready(false);
        assert!(!machine.lowers_mtu());
    }
}
