//! How many connections an endpoint keeps, and for how long.

use core::time::Duration;

/// The limits of an endpoint. They bound its memory, whoever knocks.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    pub(super) max_half_open: usize,
    pub(super) max_connections: usize,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) address_change: AddressChange,
}

/// What an endpoint does when the newest record of a connection comes on another path. Only connections with a
/// connection ID of ours are recognised there (RFC 9146).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressChange {
    /// It goes on sending to where the peer was. What comes from elsewhere is delivered.
    #[default]
    Stay,
    /// It says so, once for each change ([`Event::PeerElsewhere`](crate::Event::PeerElsewhere)), and goes on sending to
    /// where the peer was, until [`Endpoint::move_to`](crate::Endpoint::move_to).
    Ask,
    /// It asks the peer there to say something again that nobody else could know (RFC 9853), and sends there once the
    /// answer has come from there ([`Event::PeerMoved`](crate::Event::PeerMoved)). Until then, and if none comes within
    /// a second, it goes on sending to where the peer was. A peer that does not know such checks stays where it is.
    Follow,
}

impl EndpointConfig {
    /// How many accepted handshakes may be under way at a time; 1024 unless set.
    ///
    /// Hellos beyond it are dropped, and honest clients repeat them. Each handshake under way ends at the deadline of
    /// its own configuration at the latest, so the places become free again.
    #[must_use]
    pub const fn max_half_open(mut self, connections: usize) -> Self {
        self.max_half_open = connections;
        self
    }

    /// How many connections there may be at a time, those under way and those ended but not yet gone included; 65,536
    /// unless set.
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// How long a connection may be silent before the endpoint closes it; one hour unless set, `None` for ever.
    ///
    /// UDP does not tell that a peer is gone: without this time, vanished peers add up to
    /// [`max_connections`](Self::max_connections), and then nobody gets in. The time runs from the last record that
    /// was authentic: what strangers send does not count.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// What happens when a peer is heard from another address; [`AddressChange::Stay`] unless set.
    #[must_use]
    pub const fn address_change(mut self, policy: AddressChange) -> Self {
        self.address_change = policy;
        self
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            max_half_open: 1_024,
            max_connections: 65_536,
            idle_timeout: Some(Duration::from_secs(3_600)),
            address_change: AddressChange::Stay,
        }
    }
}
