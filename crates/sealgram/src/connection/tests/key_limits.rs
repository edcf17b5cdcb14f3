//! The end of a key.
//!
//! What can go wrong: forgers have as many attempts as they like, or the end comes without a word.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::subject::{Mode, Subject};
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::Connection;
use crate::connection::tests::puppet::framed;
use crate::crypto::{AeadLimits, CryptoProvider, Suite};
use crate::error::{Error, KeyLimit};
use crate::event::{CloseReason, Status};
use crate::proof::AddressValidated;
use crate::provider::ring;
use crate::test_rng::TestRng;

/// The first suite of ring, with a key that sees no more than three forgeries.
pub(super) fn three_forgeries() -> &'static CryptoProvider {
    let limits = AeadLimits { failed_openings: 3, ..AeadLimits::AES_GCM };
    let suite: &'static Suite = Box::leak(Box::new(Suite { limits, ..*ring::provider().suites[0] }));
    Box::leak(Box::new(CryptoProvider { suites: Box::leak(Box::new([suite])), ..*ring::provider() }))
}

/// AEA-14, ALR-02: as many forgeries as the key may see end the association, and the next one finds nobody.
#[test]
fn forgeries_beyond_the_limit_end_the_association() {
    let [mut client, mut server] = connected(three_forgeries());
    let forgery = framed(crate::code::ContentType::APPLICATION_DATA, 1, 77, &[7; 60]);
    for _ in 0..2 {
        assert!(server.give(&forgery).is_empty());
        assert_eq!(server.status(), Status::Connected);
    }
    // What is true does not bring the attempts back.
    let mut out = [0; 100];
    let len = client.connection.send(b"true", &mut out).unwrap();
    assert_eq!(server.give(&out[..len]), [b"true"]);

    server.give(&forgery);
    let error = server.connection.close_reason().and_then(CloseReason::error);
    assert!(matches!(error, Some(Error::KeyLimit(KeyLimit::Integrity))), "{error:?}");
    let len = client.connection.send(b"late", &mut out).unwrap();
    assert!(server.give(&out[..len]).is_empty());
}

/// A client and a server that are done with their handshake.
pub(super) fn connected(provider: &'static CryptoProvider) -> [Subject; 2] {
    let mut client = Subject::client(Mode::Wary, |config| config);
    let config = ClientConfig::builder(provider, super::identities::verifier()).build().unwrap();
    let name = pki_types::ServerName::try_from("localhost").unwrap();
    let wall_clock = super::subject::wall_clock();
    client.connection = Connection::client(config, name, wall_clock, &mut TestRng::new(1)).unwrap();
    let address = AddressValidated::assured_by_transport;
    let mut server = Subject::server(Mode::Wary, address(), |config| config);
    let config = ServerConfig::builder(provider, super::identities::P256.clone()).build().unwrap();
    server.connection = Connection::server(config, address(), wall_clock, &mut TestRng::new(2));
    let mut ends = [client, server];
    while ends.iter().any(|end| end.status() != Status::Connected) {
        for (from, to) in [(0, 1), (1, 0)] {
            let datagrams: Vec<Vec<u8>> = ends[from].take();
            datagrams.iter().for_each(|datagram| assert!(ends[to].give(datagram).is_empty()));
        }
    }
    ends
}
