//! Where datagrams of one association come from and go to.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};

/// A peer's address, and the local address it wrote to.
///
/// The local address matters on a socket bound to the wildcard address of a machine with several: the answer has to
/// leave from the address that was asked, else the peer does not take it. `None` where the system does not say.
///
/// Addresses are kept in one form: a v4-mapped IPv6 address, as a dual-stack socket shows an IPv4 peer, becomes the
/// IPv4 address, and the flow label, which a peer may change at will, is dropped. A caller who sends through a
/// dual-stack socket maps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    peer: SocketAddr,
    local: Option<IpAddr>,
}

impl Path {
    /// The path of a datagram from `peer` to `local`, or to `peer` from `local`.
    #[must_use]
    pub fn new(peer: SocketAddr, local: Option<IpAddr>) -> Self {
        Self { peer: canonical(peer), local: local.map(|address| address.to_canonical()) }
    }

    /// The peer's address.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The local address, if it is known.
    #[must_use]
    pub const fn local(&self) -> Option<IpAddr> {
        self.local
    }
}

impl From<SocketAddr> for Path {
    /// A path whose local address is not known or does not matter.
    fn from(peer: SocketAddr) -> Self {
        Self::new(peer, None)
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match (address, address.ip().to_canonical()) {
        (SocketAddr::V6(v6), IpAddr::V6(ip)) => SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into(),
        (_, ip) => SocketAddr::new(ip, address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v4_mapped_addresses_are_v4_addresses() {
        let mapped = Path::new("[::ffff:192.0.2.1]:99".parse().unwrap(), Some("::ffff:198.51.100.1".parse().unwrap()));
        let plain = Path::new("192.0.2.1:99".parse().unwrap(), Some("198.51.100.1".parse().unwrap()));
        assert_eq!(mapped, plain);
        assert!(mapped.peer().is_ipv4());
        assert!(mapped.local().is_some_and(|local| local.is_ipv4()));
    }

    #[test]
    fn the_flow_label_makes_no_other_path_but_the_scope_does() {
        let ip = "fe80::1".parse().unwrap();
        let path = |flow, scope| Path::from(SocketAddr::V6(SocketAddrV6::new(ip, 99, flow, scope)));
        assert_eq!(path(1, 2), path(0, 2));
        assert_ne!(path(0, 1), path(0, 2));
    }

    #[test]
    fn the_local_address_makes_another_path() {
        let peer = "192.0.2.1:99".parse().unwrap();
        assert_ne!(Path::new(peer, None), Path::new(peer, Some("198.51.100.1".parse().unwrap())));
    }
}
