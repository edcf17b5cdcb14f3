//! Counters: what was sent, what came, and why what was dropped was dropped.

use core::fmt;
use core::time::Duration;

use crate::trace;

/// Defines the reasons and, from the same list, their number and their texts.
macro_rules! discard_reasons {
    ($($(#[$doc:meta])* $reason:ident = $text:literal,)*) => {
        /// Why a datagram, a record or a fragment was dropped.
        ///
        /// Dropping is the normal answer to hostile input: it changes nothing but these counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DiscardReason {
            $($(#[$doc])* $reason,)*
        }

        impl DiscardReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)*];
        }

        impl fmt::Display for DiscardReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$reason => $text,)* })
            }
        }
    };
}

discard_reasons! {
    // Records.
    /// The first byte cannot begin a DTLS record (RFC 7983 section 7).
    NotDtls = "not DTLS",
    /// The datagram ends before the record does, or before its header does.
    TruncatedRecord = "truncated record",
    /// The version is not one that this epoch uses.
    WrongRecordVersion = "wrong record version",
    /// The body is longer than a record may be.
    OversizedRecord = "oversized record",
    /// A record without content whose type does not allow that.
    EmptyRecord = "empty record",
    /// A record without the connection ID that was agreed on (RFC 9146 section 3).
    MissingConnectionId = "no connection ID",
    /// A record with a connection ID that is not ours.
    WrongConnectionId = "wrong connection ID",
    /// A record with a connection ID that opened, and has no type inside, or one that may not stand there.
    InvalidInnerType = "invalid inner content type",
    /// A content type that has no meaning here.
    UnknownContentType = "unknown content type",
    /// An epoch before the current one, whose keys are gone.
    OldEpoch = "old epoch",
    /// An epoch too far ahead.
    FutureEpoch = "future epoch",
    /// A sequence number that was seen, or is left of the window.
    Replayed = "replayed",
    /// The record did not open: forged, corrupted, or under other keys.
    AuthenticationFailed = "authentication failed",
    /// Application data without protection.
    PlaintextApplicationData = "plaintext application data",
    /// No room in the stash for an early record.
    StashFull = "stash full",
    /// An early record that did not open once its keys were there.
    StashedUnreadable = "stashed record unreadable",

    // Handshake fragments.
    /// A fragment whose lengths contradict its record or itself.
    MalformedFragment = "malformed fragment",
    /// A fragment that contradicts earlier ones of its message.
    InconsistentFragment = "inconsistent fragment",
    /// A message longer than its type or the limit allows.
    OversizedMessage = "oversized message",
    /// A message whose length its type cannot have.
    WrongMessageLength = "message of a length its type cannot have",
    /// A message that was handled before.
    StaleMessage = "stale message",
    /// A message too far ahead.
    FutureMessage = "future message",
    /// No room in the reassembly.
    ReassemblyFull = "reassembly full",
    /// A fragment left in an epoch whose handshake messages are all in.
    LeftoverFragment = "leftover fragment",
    /// A handshake message after completion that asks for nothing.
    AfterHandshake = "after the handshake",
    /// A HelloRequest in the middle of a handshake, or unprotected.
    HelloRequest = "HelloRequest",
    /// An epoch-0 message that does not parse or does not belong here: held as a doubt, not believed.
    Doubtful = "doubtful message",

    // Other messages.
    /// A ChangeCipherSpec that is malformed, repeated, or before its time.
    UntimelyChangeCipherSpec = "untimely ChangeCipherSpec",
    /// A return routability check that makes no sense: an answer to nothing, a message that nobody knows, or a challenge
    /// whose answer would be more than three times as long as the datagram, to an address that is not the peer's.
    UnexpectedPathCheck = "unexpected path check",
    /// An alert of a size or level that does not exist.
    MalformedAlert = "malformed alert",
    /// A warning alert, which asks for nothing.
    WarningAlert = "warning alert",
    /// A plaintext alert once records are protected, or one remembered as a hint.
    PlaintextAlert = "plaintext alert",
    /// Input for a connection that has ended.
    Closed = "closed",

    // The endpoint.
    /// A record that belongs to no connection.
    NoRoute = "no connection for it",
    /// A ClientHello that does not parse as far as its cookie.
    MalformedHello = "malformed hello",
    /// A ClientHello with numbers that no honest client reaches.
    ImplausibleHello = "implausible hello",
    /// As many half-open handshakes as the limit allows.
    TooManyHalfOpen = "too many half-open handshakes",
    /// As many connections as the limit allows.
    TooManyConnections = "too many connections",

    // Our own output.
    /// The caller's output buffer is shorter than the smallest datagram.
    OutputBufferTooShort = "output buffer too short",
}

/// What a connection or an endpoint has counted since it was made.
///
/// Everything that is dropped is counted once, where it was dropped: by the connection that it was given to, or by the
/// endpoint at whose door it ended. An endpoint counts nothing else, and nothing for its connections.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Records sealed and handed out, retransmissions included.
    pub records_sent: u64,
    /// Records accepted.
    pub records_received: u64,
    /// Flights sent again, for whatever reason.
    pub retransmissions: u64,
    /// How long the handshake took, once it is complete.
    pub handshake_time: Option<Duration>,
    discarded: Discards,
}

#[derive(Clone, Debug)]
struct Discards([u64; DiscardReason::ALL.len()]);

impl Default for Discards {
    fn default() -> Self {
        Self([0; DiscardReason::ALL.len()])
    }
}

impl Stats {
    /// How often something was dropped for this reason.
    #[must_use]
    pub fn discarded(&self, reason: DiscardReason) -> u64 {
        self.discarded.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// How often something was dropped, for any reason.
    #[must_use]
    pub fn discarded_total(&self) -> u64 {
        self.discarded.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The reason that was counted most, if any was.
    #[must_use]
    pub fn most_discarded(&self) -> Option<DiscardReason> {
        DiscardReason::ALL
            .iter()
            .copied()
            .filter(|reason| self.discarded(*reason) > 0)
            .max_by_key(|reason| self.discarded(*reason))
    }

    /// Counts something that was dropped, and tells whoever watches: all that is dropped comes by here.
    pub(crate) fn discard(&mut self, reason: DiscardReason) {
        trace::discarded(reason);
        if let Some(count) = self.discarded.0.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        let mut stats = Stats::default();
        for (n, reason) in DiscardReason::ALL.iter().enumerate() {
            for _ in 0..=n {
                stats.discard(*reason);
            }
        }
        for (n, reason) in DiscardReason::ALL.iter().enumerate() {
            assert_eq!(stats.discarded(*reason), n as u64 + 1, "{reason}");
        }
        assert_eq!(stats.most_discarded(), DiscardReason::ALL.last().copied());
    }
}
