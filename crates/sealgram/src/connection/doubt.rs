//! What an unauthenticated peer says went wrong is a hint, not a fact (design: decision 8).
//!
//! A plaintext alert may be forged, and so may a message that makes no sense. It is remembered, and our flight is sent
//! twice more; if the true peer then still says nothing better, the hint was the truth.

use core::time::Duration;

use crate::error::Failure;
use crate::time::Instant;

/// A failure that nobody vouches for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) failure: Failure,
    /// How often the timer of our flight expired since.
    expiries: u8,
    /// Where we have no flight to send, or no timer for it, the doubt matures by itself.
    deadline: Option<Instant>,
}

impl Doubt {
    /// Begins while our flight is on its way or waits for an answer.
    pub(super) const fn with_flight(failure: Failure) -> Self {
        Self { failure, expiries: 0, deadline: None }
    }

    /// Begins where we have sent nothing that could be sent again: a server that cannot use the hello it got.
    pub(super) fn without_flight(failure: Failure, now: Instant, timeout: Duration) -> Self {
        Self { failure, expiries: 0, deadline: Some(now + timeout.saturating_mul(2)) }
    }

    /// Begins where the application repeats our flight: no timer of ours will tell that nothing better came. This waits for
    /// as long as that would have run, doubled with each resend.
    pub(super) fn with_carried_flight(failure: Failure, now: Instant, timeout: Duration) -> Self {
        let timeouts = (1 << (RESENDS + 1)) - 1;
        Self { failure, expiries: 0, deadline: Some(now + timeout.saturating_mul(timeouts)) }
    }

    /// The timer of our flight expired. The failure, if the flight was already sent twice more and each time waited for
    /// in full.
    pub(super) const fn on_expiry(&mut self) -> Option<Failure> {
        if self.expiries >= RESENDS {
            return Some(self.failure);
        }
        self.expiries += 1;
        None
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The failure, if its own deadline has passed.
    pub(super) fn matured(&self, now: Instant) -> Option<Failure> {
        self.deadline.filter(|deadline| *deadline <= now).map(|_| self.failure)
    }
}

/// How often our flight is sent again before a doubt is believed.
const RESENDS: u8 = 2;
