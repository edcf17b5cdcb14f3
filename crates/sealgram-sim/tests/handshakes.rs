//! Handshakes with real cryptography: everything that two ends can agree on works, and goes on working when the network
//! loses, repeats or swaps any one datagram.
//!
//! What can go wrong: a combination that nobody tried, or a retransmission that differs from the first transmission in
//! something that the other end, or its cryptography, depends on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use sealgram::Role;
use sealgram::crypto::{KeyAlgorithm, KeyExchange, KeyExchangeGroup, Suite};
use sealgram::provider::ring;
use sealgram_sim::kinds::matters_to_delivery;
use sealgram_sim::{CertificateKind, Fault, Pair, PairBuilder, Script};

type Combination = (&'static Suite, &'static dyn KeyExchangeGroup, CertificateKind);

/// Every suite with every group and every kind of certificate that goes with it.
fn combinations() -> impl Iterator<Item = Combination> {
    let provider = ring::provider();
    let certified = provider.suites.iter().filter(|suite| suite.key_exchange.authentication().is_some());
    certified.flat_map(move |suite| {
        let is_rsa = suite.key_exchange == KeyExchange::Ecdhe(KeyAlgorithm::Rsa);
        let certificates = CertificateKind::ALL.into_iter().filter(move |kind| kind.is_rsa() == is_rsa);
        certificates.flat_map(move |kind| provider.groups.iter().map(move |group| (*suite, *group, kind)))
    })
}

fn pair((suite, group, certificate): Combination) -> PairBuilder {
    Pair::builder(1).ring(suite, group, certificate)
}

/// FIN-01, KEX: both ends derive the same secrets, and data goes both ways.
#[test]
fn every_suite_group_and_certificate_connects() {
    let mut count = 0;
    for combination in combinations() {
        for builder in [pair(combination), pair(combination).gate()] {
            let mut pair = builder.build();
            pair.connect();
            pair.with(Role::Client, |client| {
                let session = client.session().unwrap();
                assert_eq!((session.cipher_suite, session.group), (combination.0.code, Some(combination.1.code())));
                let chain = &combination.2.credentials().identity;
                assert!(!session.peer_certificates.is_empty(), "{chain:?}");
            });
            pair.send(Role::Client, b"ping");
            pair.send(Role::Server, b"pong");
            pair.settle();
            assert_eq!(
                (pair.received(Role::Server), pair.received(Role::Client)),
                (&[b"ping".into()][..], &[b"pong".into()][..])
            );
            count += 1;
        }
    }
    assert_eq!(count, 2 * 123, "suites, groups and certificates have been added: is each combination here?");
}

/// FLT-22: any single loss, duplication or swap, of retransmissions too, in both directions. FIN-05: the Finished
/// messages verify, so nothing entered the transcript twice.
#[test]
fn every_combination_survives_every_single_fault() {
    let worth_it = |(suite, _, certificate): &Combination| matters_to_delivery(suite, *certificate);
    for combination in combinations().filter(worth_it) {
        for index in 0..FAULTY {
            for fault in [Fault::Drop, Fault::Duplicate, Fault::SwapWithNext] {
                let script = Script::new([(index, fault)]);
                pair(combination).gate().link(script).build().connect();
            }
        }
    }
}

/// No handshake here has as many datagrams, retransmissions included.
const FAULTY: usize = 24;
