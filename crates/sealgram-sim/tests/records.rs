//! Protected records over a network that loses, repeats and reorders them.
//!
//! What can go wrong: data that is delivered twice, or in a state where nobody may have it, a record that takes its
//! neighbours along when it is bad, a record that came before its keys and is waited for in vain.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;
use std::collections::BTreeSet;

use sealgram::code::ContentType;
use sealgram::{DiscardReason, Role, Status, TransportOptions, inspect};
use sealgram_sim::{Pair, ROLES, SimRng, Weather, for_seeds, forge};

fn connected(seed: u64) -> Pair {
    let mut pair = Pair::builder(seed).build();
    pair.connect();
    pair
}

/// Pairs that have exchanged so many datagrams, the last of which is under way.
fn after(datagrams: usize, options: TransportOptions) -> Pair {
    let mut pair = Pair::builder(1).transport(options.jitter(false)).build();
    pair.run_while(|pair| {
        pair.flush();
        pair.log().len() < datagrams
    });
    pair
}

fn discarded(pair: &mut Pair, role: Role, reason: DiscardReason) -> u64 {
    pair.with(role, |connection| connection.stats().discarded(reason))
}

/// RPL-02, ALR-15, REC-30: in a storm without end, what arrives arrives once and unchanged, and the association lives.
#[test]
fn data_arrives_at_most_once_and_unchanged() {
    for_seeds(0..200, |seed| {
        let mut pair = connected(seed);
        pair.set_link(Weather { corrupted: 200, calm_after: Duration::MAX, ..Weather::of_seed(seed) }.ring());
        let mut rng = SimRng::new(seed);
        let mut sent = [BTreeSet::new(), BTreeSet::new()];
        for n in 0..200_u32 {
            let side = rng.below(2);
            let payload = [&n.to_be_bytes()[..], &vec![7; rng.below(50)]].concat();
            pair.send(ROLES[side], &payload);
            sent[side].insert(payload);
            pair.wait(Duration::from_millis(rng.below(20) as u64));
        }
        pair.wait(Duration::from_secs(2));
        for (side, role) in [Role::Server, Role::Client].into_iter().enumerate() {
            let received = pair.received(role);
            let distinct: BTreeSet<_> = received.iter().cloned().collect();
            assert_eq!(distinct.len(), received.len(), "{role:?} got something twice");
            assert!(distinct.is_subset(&sent[side]) && received.len() > 20);
            assert_eq!(pair.status(role), Status::Connected);
        }
    });
}

/// RPL-01, RPL-03, RPL-07: reordered by less than the window, all arrives; left of the window, nothing does.
#[test]
fn the_window_decides_what_is_too_late() {
    let mut pair = connected(1);
    let records: Vec<_> = (0..200_u8).map(|n| pair.seal(Role::Client, &[n])).collect();
    pair.inject(Role::Server, records[100].clone());
    pair.inject(Role::Server, records[100 - 63].clone());
    assert_eq!(pair.received(Role::Server), [[100], [37]]);
    pair.inject(Role::Server, records[199].clone());
    pair.inject(Role::Server, records[0].clone());
    pair.inject(Role::Server, records[199].clone());
    pair.inject(Role::Server, records[37].clone());
    assert_eq!(pair.received(Role::Server).len(), 3);
    assert_eq!(discarded(&mut pair, Role::Server, DiscardReason::Replayed), 3);
}

/// RPL-04: a forged record of a number far ahead moves nothing.
#[test]
fn forged_numbers_do_not_move_the_window() {
    let mut rng = SimRng::new(1);
    let mut pair = connected(1);
    for sequence in [100, 1 << 20, 1 << 40, (1 << 48) - 1] {
        pair.inject(Role::Server, forge::record(23, 1, sequence, &rng.bytes(60)));
    }
    pair.send(Role::Client, b"true");
    pair.settle();
    assert_eq!(pair.received(Role::Server), [b"true"]);
    assert_eq!(discarded(&mut pair, Role::Server, DiscardReason::AuthenticationFailed), 4);
}

/// REC-17, REC-19: records of one datagram stand for themselves: a bad one harms none of the others.
#[test]
fn a_bad_record_harms_none_of_its_neighbours() {
    let mut rng = SimRng::new(1);
    let mut pair = connected(1);
    let [first, mut bad, replayed, last] = [b"1", b"2", b"3", b"4"].map(|payload| pair.seal(Role::Client, payload));
    *bad.last_mut().unwrap() ^= 1;
    pair.inject(Role::Server, replayed.clone());
    let unknown = forge::record(60, 1, 50, &rng.bytes(40));
    let plaintext = forge::record(23, 0, 50, b"plaintext");
    let truncated = &forge::record(23, 1, 60, &rng.bytes(40))[..30];
    let datagram = [&first[..], &bad, &unknown, &replayed, &plaintext, &last, truncated].concat();
    pair.inject(Role::Server, datagram);
    assert_eq!(pair.received(Role::Server), [b"3", b"1", b"4"]);
}

/// REC-37, FLT-14, FLT-19: the sealed Finished comes before the ClientKeyExchange that its keys come from, and data
/// before that Finished: kept, opened later, and told of in order once the handshake is complete.
#[test]
fn records_that_come_before_their_keys_are_kept() {
    // The client's flight in a record per datagram.
    let mut pair = after(3, TransportOptions::default());
    let [flight] = &pair.intercept(Role::Server)[..] else { panic!("one datagram") };
    let records: Vec<_> = split(flight);
    let [exchange, _, finished] = &records[..] else { panic!("three records") };
    pair.inject(Role::Server, finished.clone());
    assert_eq!(pair.status(Role::Server), Status::Handshaking);
    // FLT-19: without ChangeCipherSpec.
    pair.inject(Role::Server, exchange.clone());
    assert_eq!(pair.status(Role::Server), Status::Connected);
    pair.connect();
    let retransmissions = ROLES.map(|role| pair.with(role, |connection| connection.stats().retransmissions));
    assert_eq!(retransmissions, [0, 0]);
}

/// REC-37, FLT-14: data from a server that is done already waits at the client for the server's Finished.
#[test]
fn data_before_the_finished_waits_for_it() {
    for (stash_len, kept) in [(4096, 2), (0, 0)] {
        let mut pair = after(4, TransportOptions::default().stash_len(stash_len));
        let [flight] = &pair.intercept(Role::Client)[..] else { panic!("one datagram") };
        for payload in [&b"one"[..], b"two"] {
            let sealed = pair.seal(Role::Server, payload);
            pair.inject(Role::Client, sealed);
        }
        assert!(pair.received(Role::Client).is_empty());
        pair.inject(Role::Client, flight.clone());
        pair.connect();
        assert_eq!(pair.received(Role::Client), &[b"one", b"two"][..kept]);
        let dropped = discarded(&mut pair, Role::Client, DiscardReason::StashFull);
        assert_eq!(dropped, 2 - kept as u64);
    }
}

/// REC-37: without a stash a lost head start costs a timeout, nothing more.
#[test]
fn without_a_stash_early_records_are_asked_for_again() {
    let mut pair = after(3, TransportOptions::default().stash_len(0));
    let [flight] = &pair.intercept(Role::Server)[..] else { panic!("one datagram") };
    for record in split(flight).into_iter().rev() {
        pair.inject(Role::Server, record);
    }
    assert_eq!(pair.status(Role::Server), Status::Handshaking);
    pair.connect();
    assert!(pair.elapsed() > Duration::from_secs(1));
}

/// REC-38: what is kept is little, and of the next epoch only.
#[test]
fn the_stash_holds_what_it_may_and_no_more() {
    let mut rng = SimRng::new(1);
    let mut pair = after(3, TransportOptions::default());
    for sequence in 0..1000 {
        pair.inject(Role::Server, forge::record(22, 7, sequence, &rng.bytes(100)));
        pair.inject(Role::Server, forge::record(22, 1, sequence, &rng.bytes(100)));
    }
    assert_eq!(discarded(&mut pair, Role::Server, DiscardReason::FutureEpoch), 1000);
    let turned_away = discarded(&mut pair, Role::Server, DiscardReason::StashFull);
    assert!((960..1000).contains(&turned_away), "{turned_away}");
    pair.connect();
    let unreadable = discarded(&mut pair, Role::Server, DiscardReason::StashedUnreadable);
    assert_eq!(unreadable, 1000 - turned_away);
}

/// REC-35, REC-36: records of epoch 0 count until the handshake is complete, and then no more.
#[test]
fn old_epochs_count_until_the_handshake_is_complete() {
    let mut pair = after(3, TransportOptions::default());
    pair.lose_all();
    // The client has keys for epoch 1, and still takes the server's flight of epoch 0 for what it is: a repetition.
    let flight = pair.log().of(Role::Server).next().unwrap().datagram.clone();
    pair.wait(Duration::from_millis(600));
    let before = pair.log().of(Role::Client).count();
    pair.inject(Role::Client, flight.clone());
    assert_eq!(pair.log().of(Role::Client).count(), before + 1);

    pair.connect();
    let before = (pair.log().len(), discarded(&mut pair, Role::Client, DiscardReason::OldEpoch));
    pair.wait(Duration::from_secs(5));
    pair.inject(Role::Client, flight.clone());
    let records = inspect::records(&flight).count() as u64;
    let after = (pair.log().len(), discarded(&mut pair, Role::Client, DiscardReason::OldEpoch));
    assert_eq!(after, (before.0, before.1 + records));
}

/// REC-20, REC-22: empty records of data are data, and empty datagrams are nothing.
#[test]
fn empty_data_is_delivered_and_empty_datagrams_are_not() {
    let mut pair = connected(1);
    for _ in 0..10_000 {
        pair.inject(Role::Server, Vec::new());
        let sealed = pair.seal(Role::Client, b"");
        pair.inject(Role::Server, [&sealed[..], &[22; 12]].concat());
    }
    assert_eq!(pair.received(Role::Server).len(), 10_000);
}

/// REC-24, AEA: types that have no meaning, and data without protection, are never handed out.
#[test]
fn only_protected_application_data_is_data() {
    let mut pair = connected(1);
    for content_type in 0..=255 {
        for epoch in [0, 1, 2] {
            pair.inject(Role::Server, forge::record(content_type, epoch, 9, b"a payload of some length, or a tag"));
        }
    }
    assert!(pair.received(Role::Server).is_empty());
    assert_eq!(pair.status(Role::Server), Status::Connected);
}

/// The records of a datagram, each as a datagram.
fn split(datagram: &[u8]) -> Vec<Vec<u8>> {
    let encode = |record: inspect::RecordView<'_>| {
        let ContentType(content_type) = record.content_type;
        forge::record(content_type, record.epoch, record.sequence, record.body)
    };
    inspect::records(datagram).map(encode).collect()
}
