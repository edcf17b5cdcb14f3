//! The timer machine of flights.

use core::time::Duration;

use super::Choices;
use crate::flight::retransmit::{Expired, Retransmit, RetransmitOptions};
use crate::time::Instant;

/// The bytes are settings, then events and the time between them. The machine does what RFC 6347 section 4.2.4 says,
/// as the model below understands it.
pub fn retransmission(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut options = RetransmitOptions {
        initial: Duration::from_millis(1 + u64::from(choices.byte()) * 10),
        max: Duration::from_millis(u64::from(choices.u16())),
        jitter_permille: u16::from(choices.byte()),
        answer_for: Duration::from_millis(u64::from(choices.u16())),
        ..RetransmitOptions::default()
    };
    let limits = choices.byte();
    options.mtu_backoff_after = u32::from(limits & 3);
    // Without a limit as often as with a small one.
    options.max_expiries = if limits & 4 == 0 { u32::MAX } else { u32::from(limits >> 3) };
    let mut machine = Retransmit::new(options);
    let mut model = Model::new(options);
    let mut now = Instant::ORIGIN;
    while !choices.is_empty() {
        match choices.below(9) {
            0 => now = now + Duration::from_millis(u64::from(choices.u16())),
            // To the very moment, and to the one before it.
            1 => now = machine.deadline().map_or(now, |due| due.max(now)),
            2 => now = machine.deadline().map_or(now, |due| Instant::from_nanos(due.as_nanos() - 1).max(now)),
            3 => {
                let is_last = choices.yes();
                machine.flight_ready(is_last);
                model.flight_ready(is_last);
            }
            4 => {
                machine.flight_sent(now, u32::from(choices.u16()) << 16 | 0xffff);
                model.flight_sent(now, &machine);
            }
            5 => assert_eq!(machine.timer_expired(now), model.timer_expired(now)),
            6 => assert_eq!(machine.peer_repeated(now), model.peer_repeated(now)),
            7 => {
                machine.parked();
                model.parked();
            }
            _ => {
                machine.complete();
                model.complete();
            }
        }
        model.assert_agrees(&machine);
    }
}

/// What is known of a handshake's delivery: where the machine has a table, this has a sentence each.
struct Model {
    options: RetransmitOptions,
    timeout: Duration,
    resends: u32,
    /// How many of the resends our own timer asked for.
    expiries: u32,
    /// A flight of ours is to be sent.
    is_sending: bool,
    /// When the latest transmission of any flight ended.
    sent_at: Option<Instant>,
    /// When the timer fires; none runs while there is nothing to wait for.
    timer: Option<Instant>,
    last_flight_is_next: bool,
    /// The peer's last flight is complete and ours was not the last.
    has_last_word: bool,
    /// Until when our last flight answers repeats.
    answers_until: Option<Instant>,
}

impl Model {
    const fn new(options: RetransmitOptions) -> Self {
        Self {
            timeout: options.initial,
            options,
            resends: 0,
            expiries: 0,
            is_sending: false,
            sent_at: None,
            timer: None,
            last_flight_is_next: false,
            has_last_word: false,
            answers_until: None,
        }
    }

    /// Nothing follows the last flight, whoever's it is.
    const fn is_over(&self) -> bool {
        self.has_last_word || self.answers_until.is_some()
    }

    /// A flight that got through at the first attempt says that the path is good again.
    fn progress(&mut self) {
        let was_sent = self.is_sending || self.timer.is_some();
        if was_sent && self.resends == 0 {
            self.timeout = self.options.initial;
        }
        self.resends = 0;
        self.expiries = 0;
        self.is_sending = false;
        self.timer = None;
    }

    fn flight_ready(&mut self, is_last: bool) {
        if !self.is_over() {
            self.progress();
            self.is_sending = true;
            self.last_flight_is_next = is_last;
        }
    }

    fn flight_sent(&mut self, now: Instant, machine: &Retransmit) {
        if !self.is_sending {
            return;
        }
        self.is_sending = false;
        self.sent_at = Some(now);
        if self.last_flight_is_next {
            self.answers_until.get_or_insert(now + self.options.answer_for);
            return;
        }
        // Chance lengthens a timeout, by no more than its part.
        let due = machine.deadline().expect("a flight that is not the last has a timer");
        let longest = self.timeout + self.timeout * u32::from(self.options.jitter_permille) / 1000;
        assert!((now + self.timeout..=now + longest).contains(&due), "{due:?} for {:?} from {now:?}", self.timeout);
        self.timer = Some(due);
    }

    fn timer_expired(&mut self, now: Instant) -> Expired {
        if self.timer.is_none_or(|due| due > now) {
            return Expired::NotYet;
        }
        if self.expiries == self.options.max_expiries {
            return Expired::GiveUp;
        }
        self.expiries += 1;
        self.resend();
        Expired::Resend
    }

    fn peer_repeated(&mut self, now: Instant) -> bool {
        let waits = self.timer.is_some();
        let answers = !self.is_sending && self.answers_until.is_some_and(|until| now <= until);
        // Half the timeout between any two transmissions, or repeats would amplify.
        let is_spaced = self.sent_at.is_some_and(|sent| (now - sent) * 2 >= self.timeout);
        let resends = (waits || answers) && is_spaced;
        if resends {
            self.resend();
        }
        resends
    }

    fn parked(&mut self) {
        if !self.is_over() {
            self.progress();
        }
    }

    fn complete(&mut self) {
        if !self.is_over() {
            self.progress();
            self.has_last_word = true;
        }
    }

    /// Twice the patience, up to the most, and never less than before.
    fn resend(&mut self) {
        self.resends += 1;
        self.timeout = self.timeout.max((self.timeout * 2).min(self.options.max));
        self.timer = None;
        self.is_sending = true;
    }

    fn assert_agrees(&self, machine: &Retransmit) {
        assert_eq!(machine.timeout(), self.timeout);
        assert_eq!(machine.resends_unanswered(), self.resends);
        assert_eq!(machine.deadline(), self.timer);
        assert_eq!(machine.expires_at(), self.answers_until);
        assert_eq!(machine.lowers_mtu(), self.resends > self.options.mtu_backoff_after);
    }
}
