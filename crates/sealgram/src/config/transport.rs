//! Timers, sizes and limits.

use core::time::Duration;

use super::ConfigError;

/// The smallest MTU that a configuration accepts, in bytes of UDP payload.
///
/// A handshake fragment must make progress in it: 13 bytes of record header, 8 of nonce, 16 of tag, 12 of fragment
/// header, and a few of content.
pub const MIN_MTU: usize = 64;

/// The smallest number of forgeries that [`TransportOptions::max_short_tag_forgeries`] accepts: ending an association by
/// so many datagrams takes a flood.
pub const MIN_SHORT_TAG_FORGERIES: u64 = 1 << 16;

/// Timers, sizes and limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct TransportOptions {
    pub(crate) mtu: usize,
    pub(crate) initial_timeout: Duration,
    pub(crate) max_timeout: Duration,
    pub(crate) max_resends: u32,
    pub(crate) handshake_deadline: Duration,
    pub(crate) crypto_allowance: Duration,
    pub(crate) jitter: bool,
    pub(crate) external_retransmission: bool,
    pub(crate) stash_len: usize,
    pub(crate) max_message_len: u32,
    pub(crate) record_size_limit: u16,
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    /// Instead of the limit of the suite.
    pub(crate) max_short_tag_forgeries: Option<u64>,
}

impl TransportOptions {
    pub(super) const DEFAULT: Self = Self {
        mtu: 1200,
        initial_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(60),
        max_resends: u32::MAX,
        handshake_deadline: Duration::from_secs(60),
        crypto_allowance: Duration::ZERO,
        jitter: true,
        external_retransmission: false,
        stash_len: 4096,
        max_message_len: 65_536,
        record_size_limit: MAX_RECORD_SIZE_LIMIT,
        max_fragment_length: None,
        max_short_tag_forgeries: None,
    };

    /// For media between browsers and the like: the first resend after 400 ms, as RFC 9147 section 5.8.2 suggests. All
    /// else is as by default.
    pub const fn webrtc() -> Self {
        Self::DEFAULT.initial_timeout(Duration::from_millis(400))
    }

    /// For constrained devices and networks: the first resend after 9 s, as RFC 7925 section 11 suggests, which leaves the
    /// peer time to compute; five minutes for the whole handshake. All else is as by default.
    pub const fn constrained() -> Self {
        Self::DEFAULT.initial_timeout(Duration::from_secs(9)).handshake_deadline(Duration::from_secs(300))
    }

    /// The longest datagram to send, in bytes of UDP payload. Default 1200, which crosses nearly every path; at least
    /// [`MIN_MTU`]. The handshake lowers it by itself where nothing comes back (RFC 6347 section 4.1.1.1).
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// How long to wait before a flight is sent again the first time; doubled each time after that, up to
    /// [`max_timeout`](Self::max_timeout) (RFC 6347 section 4.2.4.1). Default 1 s; 1 ms to 60 s. There are presets for media
    /// ([`webrtc`](Self::webrtc)) and for constrained networks ([`constrained`](Self::constrained)).
    ///
    /// A client whose first hello is answered with a cookie learns how long the path takes, and waits three times that if
    /// it is more (RFC 6298 section 2).
    pub const fn initial_timeout(mut self, timeout: Duration) -> Self {
        self.initial_timeout = timeout;
        self
    }

    /// How much longer to wait where the peer has to compute with public keys before it can answer, which is everywhere
    /// but for the cookie that answers a first hello. Added to each timeout, and not doubled with it: only the path gets
    /// slower when it is crowded. Default: nothing; up to 60 s.
    ///
    /// So the initial timeout can be that of the path, and a lost hello is sent again soon, even to a peer that takes
    /// seconds to sign. The time that this side computes itself counts for nothing: the timer starts when a flight has
    /// left.
    pub const fn crypto_allowance(mut self, allowance: Duration) -> Self {
        self.crypto_allowance = allowance;
        self
    }

    /// What the doubling of the timeout stops at. Default 60 s, the least that RFC 6347 section 4.2.4.1 recommends; from
    /// the initial timeout to an hour.
    pub const fn max_timeout(mut self, timeout: Duration) -> Self {
        self.max_timeout = timeout;
        self
    }

    /// How many timeouts in a row may send a flight again; the one after them ends the handshake, as its deadline would.
    /// Default: the deadline alone ends it. Any number; 0 gives up at the first timeout.
    pub const fn max_resends(mut self, times: u32) -> Self {
        self.max_resends = times;
        self
    }

    /// How long a handshake may take in all. Default 60 s; not below the initial timeout.
    pub const fn handshake_deadline(mut self, deadline: Duration) -> Self {
        self.handshake_deadline = deadline;
        self
    }

    /// Whether each timeout is lengthened by a random part of up to an eighth, so that peers who started together do
    /// not stay together. Default: it is.
    pub const fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Leaves it to the application when flights are sent, and in what: [`Connection::current_flight`] gives them, and
    /// [`Connection::poll_transmit`] gives alerts alone. There is no retransmission timer then; the deadline of the
    /// handshake stands. Default: flights go out by themselves.
    ///
    /// It is for carriers that repeat their own packets, such as the connectivity checks of ICE, and for those who drive a
    /// [`Connection`](crate::Connection) themselves: `sealgram-std` refuses such a configuration.
    ///
    /// [`Connection::current_flight`]: crate::Connection::current_flight
    /// [`Connection::poll_transmit`]: crate::Connection::poll_transmit
    pub const fn external_retransmission(mut self, external: bool) -> Self {
        self.external_retransmission = external;
        self
    }

    /// How many bytes of records that arrive ahead of the peer's Finished are kept, instead of dropped. Default 4096;
    /// 0 keeps none.
    pub const fn stash_len(mut self, bytes: usize) -> Self {
        self.stash_len = bytes;
        self
    }

    /// The longest handshake message to accept, in bytes: in practice the longest certificate chain. Default 65536;
    /// 2048 to 1048576.
    pub const fn max_message_len(mut self, bytes: u32) -> Self {
        self.max_message_len = bytes;
        self
    }

    /// The longest content that the peer may put into a protected record, in bytes, if it knows the extension
    /// record_size_limit (RFC 8449): for an end with small buffers. Default 16384, which limits nothing; 64 to 16384.
    ///
    /// The extension is always offered, and answered to clients that offer it, as that section 4 recommends: so the peer
    /// can set a limit of its own, which every record to it keeps. It has nothing to do with the [`mtu`](Self::mtu): what
    /// is smaller of the two decides what fits a record.
    pub const fn record_size_limit(mut self, bytes: u16) -> Self {
        self.record_size_limit = bytes;
        self
    }

    /// Has a client ask for short records in both directions (RFC 6066 section 4): for an end with small buffers and
    /// servers that do not know record_size_limit. Where a server knows both, the smaller of the two is the limit of what
    /// it sends. A server answers whatever its client asks for, and does not look at this setting. Default: it is not
    /// asked for.
    ///
    /// Each connection settles it anew, a resumed one too. Some servers refuse to take a session up with another length
    /// than it had before.
    pub const fn max_fragment_length(mut self, length: MaxFragmentLength) -> Self {
        self.max_fragment_length = Some(length);
        self
    }

    /// How many records may fail to open under one key of a suite whose tags are shorter than 16 bytes, which are those
    /// with CCM_8; the association ends then. Default 2^20; at least [`MIN_SHORT_TAG_FORGERIES`].
    ///
    /// Each record that anyone sends has a chance of 2^-64 to be taken for the peer's, and each one that is not costs its
    /// sender a datagram. A lower limit makes a forgery less likely and an end by a flood cheaper, a higher one the
    /// reverse: which is worse depends on what else keeps strangers off the path (RFC 9147 section 4.5.3).
    pub const fn max_short_tag_forgeries(mut self, records: u64) -> Self {
        self.max_short_tag_forgeries = Some(records);
        self
    }

    /// What record_size_limit says: what max_fragment_length asks for stands in it as well, as a server that knows the
    /// one passes over the other (RFC 8449 section 5).
    pub(crate) fn offered_record_size_limit(&self) -> u16 {
        let fragment = self.max_fragment_length.map_or(MAX_RECORD_SIZE_LIMIT, MaxFragmentLength::bytes);
        self.record_size_limit.min(fragment)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.mtu < MIN_MTU {
            return Err(ConfigError::MtuTooSmall { least: MIN_MTU });
        }
        let timeouts = Duration::from_millis(1)..=Duration::from_secs(60);
        let max_timeouts = self.initial_timeout..=Duration::from_secs(3600);
        if !timeouts.contains(&self.initial_timeout)
            || !max_timeouts.contains(&self.max_timeout)
            || self.handshake_deadline < self.initial_timeout
            || self.crypto_allowance > Duration::from_secs(60)
        {
            return Err(ConfigError::InvalidTimeout);
        }
        if !(2048..=1 << 20).contains(&self.max_message_len) {
            return Err(ConfigError::InvalidMessageLimit);
        }
        if !(MIN_RECORD_SIZE_LIMIT..=MAX_RECORD_SIZE_LIMIT).contains(&self.record_size_limit) {
            return Err(ConfigError::InvalidRecordSizeLimit);
        }
        if self.max_short_tag_forgeries.is_some_and(|records| records < MIN_SHORT_TAG_FORGERIES) {
            return Err(ConfigError::InvalidForgeryLimit);
        }
        Ok(())
    }
}

/// A length that max_fragment_length can ask for (RFC 6066 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxFragmentLength {
    /// 2^9 bytes.
    Bytes512,
    /// 2^10 bytes.
    Bytes1024,
    /// 2^11 bytes.
    Bytes2048,
    /// 2^12 bytes.
    Bytes4096,
}

impl MaxFragmentLength {
    const ALL: [Self; 4] = [Self::Bytes512, Self::Bytes1024, Self::Bytes2048, Self::Bytes4096];

    /// The length.
    #[must_use]
    pub const fn bytes(self) -> u16 {
        match self {
            Self::Bytes512 => 512,
            Self::Bytes1024 => 1024,
            Self::Bytes2048 => 2048,
            Self::Bytes4096 => 4096,
        }
    }

    /// What stands for it in the extension.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Bytes512 => 1,
            Self::Bytes1024 => 2,
            Self::Bytes2048 => 3,
            Self::Bytes4096 => 4,
        }
    }

    /// What a code stands for, if for anything.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|length| length.code() == code)
    }
}

/// RFC 8449 section 4: nobody may ask for less.
pub(crate) const MIN_RECORD_SIZE_LIMIT: u16 = 64;

/// 2^14, which no record passes anyway (RFC 5246 section 6.2.1).
const MAX_RECORD_SIZE_LIMIT: u16 = 16_384;

impl Default for TransportOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MTU-06: an MTU without room for a fragment is refused when the configuration is built.
    #[test]
    fn an_mtu_without_room_for_a_fragment_is_refused() {
        for mtu in [0, 25, 50, MIN_MTU - 1] {
            let refused = TransportOptions::default().mtu(mtu).validate();
            assert_eq!(refused, Err(ConfigError::MtuTooSmall { least: MIN_MTU }));
        }
        assert_eq!(TransportOptions::default().mtu(MIN_MTU).validate(), Ok(()));
    }

    #[test]
    fn timeouts_out_of_range_are_refused() {
        let options = TransportOptions::default();
        for bad in [
            options.initial_timeout(Duration::ZERO),
            options.initial_timeout(Duration::from_secs(61)),
            options.initial_timeout(Duration::from_secs(9)).handshake_deadline(Duration::from_secs(8)),
            options.initial_timeout(Duration::from_secs(9)).max_timeout(Duration::from_secs(8)),
            options.max_timeout(Duration::from_secs(3601)),
            options.crypto_allowance(Duration::from_secs(61)),
        ] {
            assert_eq!(bad.validate(), Err(ConfigError::InvalidTimeout));
        }
        assert_eq!(options.max_message_len(100).validate(), Err(ConfigError::InvalidMessageLimit));
    }

    /// FLT-02: 1 s, 400 ms (RFC 9147 section 5.8.2), 9 s (RFC 7925 section 11).
    #[test]
    fn each_preset_has_its_first_timeout() {
        for (options, milliseconds) in [
            (TransportOptions::default(), 1000),
            (TransportOptions::webrtc(), 400),
            (TransportOptions::constrained(), 9000),
        ] {
            assert_eq!(options.initial_timeout.as_millis(), milliseconds);
            assert_eq!(options.validate(), Ok(()));
        }
    }

    /// EXP-23: our own limit is one that may be sent.
    #[test]
    fn a_record_size_limit_that_may_not_be_sent_is_refused() {
        let options = TransportOptions::default();
        for bad in [0, 63, 16_385, u16::MAX] {
            assert_eq!(options.record_size_limit(bad).validate(), Err(ConfigError::InvalidRecordSizeLimit));
        }
        for good in [64, 16_384] {
            assert_eq!(options.record_size_limit(good).validate(), Ok(()));
        }
    }

    /// EXP-27: the codes of RFC 6066 section 4, and no others.
    #[test]
    fn a_fragment_length_is_a_power_of_two() {
        let bytes: [Option<u16>; 6] = core::array::from_fn(|code| {
            MaxFragmentLength::from_code(u8::try_from(code).unwrap()).map(MaxFragmentLength::bytes)
        });
        assert_eq!(bytes, [None, Some(512), Some(1024), Some(2048), Some(4096), None]);
    }

    /// AEA-16: a budget of forgeries that anyone can use up at once is refused.
    #[test]
    fn a_forgery_limit_that_is_a_kill_switch_is_refused() {
        let options = TransportOptions::default();
        for bad in [0, 1, MIN_SHORT_TAG_FORGERIES - 1] {
            assert_eq!(options.max_short_tag_forgeries(bad).validate(), Err(ConfigError::InvalidForgeryLimit));
        }
        assert_eq!(options.max_short_tag_forgeries(MIN_SHORT_TAG_FORGERIES).validate(), Ok(()));
        assert_eq!(options.max_short_tag_forgeries(1 << 28).validate(), Ok(()));
    }
}
