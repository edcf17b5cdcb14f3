//! Datagrams no longer than the path carries, whatever that is.
//!
//! What can go wrong: a datagram too long by one, a fragment that is never sent, a message that means something else
//! when it is cut differently, and a path that swallows what is too long for it without a word.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;
use std::collections::BTreeMap;

use sealgram::provider::ring;
use sealgram::{MIN_MTU, Role, Status, TransportOptions};
use sealgram_sim::{CertificateKind, Pair, ROLES, SimRng, Weather, WireLog};

fn longest_datagram(log: &WireLog) -> usize {
    log.entries().iter().map(|entry| entry.datagram.len()).max().unwrap()
}

/// FRG-18: the fragments of each message follow one another without gap or overlap, from its first byte to its last.
fn assert_fragments_cover(log: &WireLog) {
    for role in ROLES {
        let mut covered = BTreeMap::new();
        for record in log.records(role) {
            for fragment in record.fragments() {
                let (end, length) = covered.entry(fragment.message_seq).or_insert((0, fragment.length));
                assert_eq!((fragment.offset, fragment.length), (*end, *length), "{role:?} {fragment}");
                *end += fragment.fragment_length;
            }
        }
        for (message_seq, (end, length)) in covered {
            assert_eq!(end, length, "{role:?}, message {message_seq}");
        }
    }
}

/// MTU-01, REC-16, FRG-18, REC-01: from what a constrained link carries to what Ethernet does.
#[test]
fn no_datagram_is_longer_than_the_mtu() {
    for mtu in MIN_MTU..=1500 {
        let mut pair = Pair::builder(3).mtu(mtu).build();
        pair.connect();
        assert!(longest_datagram(pair.log()) <= mtu, "{mtu}");
        assert_fragments_cover(pair.log());
        let most = pair.with(Role::Client, |client| client.max_payload());
        assert_eq!(pair.seal(Role::Client, &vec![7; most]).len(), mtu);
    }
}

/// The same with a chain of real certificates, which takes several datagrams at any of these sizes, and the gate.
#[test]
fn a_long_chain_is_cut_to_the_mtu() {
    for mtu in (256..=1500).step_by(61) {
        let suite = &ring::ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        let mut pair = Pair::builder(3).mtu(mtu).gate().ring(suite, ring::X25519, CertificateKind::RsaChain).build();
        pair.connect();
        assert!(longest_datagram(pair.log()) <= mtu, "{mtu}");
    }
}

/// FLT-23, CRT-20: five certificates of two kilobytes cross any path, and never more than ten datagrams leave at once.
#[test]
fn a_very_long_chain_leaves_in_bursts() {
    for mtu in [256, 548, 1200, 1500] {
        let suite = &ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
        let mut pair = Pair::builder(3).mtu(mtu).gate().ring(suite, ring::X25519, CertificateKind::LongChain).build();
        pair.connect();
        assert!(longest_datagram(pair.log()) <= mtu, "{mtu}");
        assert_fragments_cover(pair.log());
        let mut bursts = BTreeMap::<_, usize>::new();
        for entry in pair.log().of(Role::Server) {
            *bursts.entry(entry.at).or_default() += 1;
        }
        let chain_datagrams = 10_000 / mtu;
        assert!(bursts.values().sum::<usize>() > chain_datagrams, "{mtu}");
        assert!(bursts.values().all(|burst| *burst <= 10), "{mtu}: {bursts:?}");
        assert!(pair.elapsed() < Duration::from_secs(1), "{mtu}: no burst waits for a timer of the handshake");
    }
}

/// FIN-02: how messages were cut is no part of them. The same seed gives the same secrets at every MTU.
#[test]
fn fragmentation_leaves_the_transcript_alone() {
    let secret = |mtu| {
        let mut pair = Pair::builder(3).mtu(mtu).build();
        pair.connect();
        let mut secret = [0; 32];
        pair.with(Role::Client, |client| client.export_keying_material(b"EXPORTER-mtu", None, &mut secret)).unwrap();
        secret
    };
    assert_eq!(secret(200), secret(1400));
    assert_eq!(secret(MIN_MTU), secret(1400));
}

/// MTU-07: where there is room, a flight is one datagram.
#[test]
fn a_flight_that_fits_is_one_datagram() {
    let mut pair = Pair::builder(3).mtu(1200).gate().build();
    pair.connect();
    assert_eq!(pair.log().len(), 6);
}

/// A caller's buffer that is shorter than the MTU is another limit, nothing worse.
#[test]
fn a_short_output_buffer_is_enough() {
    for out_len in [MIN_MTU, 65, 100, 257, 1199] {
        let mut pair = Pair::builder(3).out_len(out_len).build();
        pair.connect();
        assert!(longest_datagram(pair.log()) <= out_len);
        assert_fragments_cover(pair.log());
    }
}

/// I7, MTU-02: told of a smaller MTU while its flight is under way, a connection cuts the flight anew and sends it.
#[test]
fn a_flight_is_cut_anew_when_the_mtu_shrinks() {
    let mut pair = Pair::builder(3).mtu(1200).build();
    pair.flush();
    pair.step();
    let whole = pair.log().of(Role::Server).count();
    assert_eq!((whole, pair.log().len()), (1, 2));

    pair.lose_all();
    pair.with(Role::Server, |server| server.set_mtu(300));
    pair.flush();
    let resent: Vec<_> = pair.log().of(Role::Server).skip(whole).map(|entry| entry.datagram.len()).collect();
    assert!(resent.len() >= 2 && resent.iter().all(|len| *len <= 300), "{resent:?}");
    assert_eq!(pair.elapsed(), Duration::from_millis(20), "at once, not after a timeout");
    pair.connect();
}

/// I7: the MTU may be another one at every transmission.
#[test]
fn every_transmission_may_have_its_own_mtu() {
    for seed in 0..300 {
        let mut rng = SimRng::new(seed);
        let weather = Weather { calm_after: Duration::from_secs(15), ..Weather::of_seed(seed) };
        let mut pair = Pair::builder(seed).link(weather.ring()).build();
        pair.run_while(|pair| {
            for role in ROLES {
                let mtu = rng.within(MIN_MTU..1500);
                pair.with(role, |connection| connection.set_mtu(mtu));
            }
            let is_busy = ROLES.into_iter().any(|role| pair.status(role) == Status::Handshaking);
            is_busy && pair.elapsed() < Duration::from_secs(50)
        });
        pair.connect();
    }
}

/// MTU-03: a path that swallows what is too long. After two resends at one size the datagrams become smaller.
#[test]
fn a_black_hole_is_found_out() {
    for mtu in [1199, 700, 548, 400, 256] {
        let clear = Weather {
            rng: SimRng::new(1),
            lost: 0,
            duplicated: 0,
            corrupted: 0,
            delay: Duration::from_millis(20)..Duration::from_millis(20),
            mtu,
            calm_after: Duration::ZERO,
        };
        let options = TransportOptions::default().jitter(false).handshake_deadline(Duration::from_secs(200)).mtu(1400);
        let suite = &ring::ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        let builder = Pair::builder(3).ring(suite, ring::X25519, CertificateKind::RsaChain);
        let mut pair = builder.transport(options).link(clear.ring()).build();
        pair.connect();
        let first_small = pair.log().of(Role::Server).find(|entry| entry.datagram.len() <= mtu);
        let sizes: Vec<_> = pair.log().of(Role::Server).map(|entry| entry.datagram.len()).collect();
        assert!(first_small.is_some() && sizes[0] > mtu, "{mtu}: {sizes:?}");
    }
}
