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
    pub(crate) jitter: bool,
    pub(crate) stash_len: usize,
    pub(crate) max_message_len: u32,
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
        jitter: true,
        stash_len: 4096,
        max_message_len: 65_536,
        max_short_tag_forgeries: None,
    };

    /// The longest datagram to send, in bytes of UDP payload. Default 1200, which crosses nearly every path; at least
    /// [`MIN_MTU`]. The handshake lowers it by itself where nothing comes back (RFC 6347 section 4.1.1.1).
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// How long to wait before a flight is sent again the first time; doubled each time after that, up to
    /// [`max_timeout`](Self::max_timeout) (RFC 6347 section 4.2.4.1). Default 1 s; 1 ms to 60 s. RFC 9147 section 5.8.2
    /// suggests 400 ms for media, RFC 7925 section 11 suggests 9 s for constrained networks.
    pub const fn initial_timeout(mut self, timeout: Duration) -> Self {
        self.initial_timeout = timeout;
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

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.mtu < MIN_MTU {
            return Err(ConfigError::MtuTooSmall { least: MIN_MTU });
        }
        let timeouts = Duration::from_millis(1)..=Duration::from_secs(60);
        let max_timeouts = self.initial_timeout..=Duration::from_secs(3600);
        if !timeouts.contains(&self.initial_timeout)
            || !max_timeouts.contains(&self.max_timeout)
            || self.handshake_deadline < self.initial_timeout
        {
            return Err(ConfigError::InvalidTimeout);
        }
        if !(2048..=1 << 20).contains(&self.max_message_len) {
            return Err(ConfigError::InvalidMessageLimit);
        }
        if self.max_short_tag_forgeries.is_some_and(|records| records < MIN_SHORT_TAG_FORGERIES) {
            return Err(ConfigError::InvalidForgeryLimit);
        }
        Ok(())
    }
}

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
        ] {
            assert_eq!(bad.validate(), Err(ConfigError::InvalidTimeout));
        }
        assert_eq!(options.max_message_len(100).validate(), Err(ConfigError::InvalidMessageLimit));
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
