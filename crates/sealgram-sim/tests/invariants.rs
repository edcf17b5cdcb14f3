//! What is true of every run, whatever the network does and in whatever order the ends are called.
//!
//! What can go wrong: a call order that loses output, a nonce that comes twice, a run that chance decides though the
//! seed should. The laws that `Pair` watches in every run are here as well, each where it would break first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;
use std::collections::HashSet;

use sealgram::code::ContentType;
use sealgram::inspect::RecordView;
use sealgram::{Connection, Event, Role, Status};
use sealgram_sim::{Pair, PairBuilder, ROLES, SimRng, Weather, for_seeds};

fn shape(seed: u64) -> PairBuilder {
    let builder = Pair::builder(seed).mtu([1200, 256, 700][usize::try_from(seed % 3).unwrap()]);
    if seed & 1 == 0 { builder } else { builder.gate() }
}

/// I8, L8: whichever end is called first, for whatever, too early, twice or in vain, as long as its deadlines are obeyed:
/// the same is sent and told at the same time. A loop that forgets to drain is told so by the deadline, as the pair
/// calls nobody for any other reason here, and finds nothing left afterwards.
#[test]
fn calls_in_any_order_have_the_same_outcome() {
    for_seeds(0..500, |seed| {
        let run = |builder: PairBuilder| {
            let mut pair = builder.build();
            pair.connect();
            for n in 0..5 {
                pair.send(ROLES[n % 2], &[7; 30]);
                pair.wait(Duration::from_millis(7));
            }
            pair.with(Role::Server, Connection::close);
            pair.settle();
            pair
        };
        let orderly = run(shape(seed));
        let disorderly = run(shape(seed).random_calls());
        for role in ROLES {
            let sent = |pair: &Pair| pair.log().of(role).cloned().collect::<Vec<_>>();
            assert_eq!(sent(&disorderly), sent(&orderly), "{role:?}");
            assert_eq!(disorderly.events(role), orderly.events(role), "{role:?}");
            assert_eq!(disorderly.received(role), orderly.received(role), "{role:?}");
        }
    });
}

/// I8, L1, L2, L4: the same in bad weather.
#[test]
fn calls_in_any_order_survive_storms() {
    for_seeds(0..1000, |seed| {
        let mut pair = shape(seed).random_calls().link(Weather::of_seed(seed).ring()).build();
        pair.connect();
    });
}

/// I8: output and events that nobody has taken make every deadline one that has passed.
#[test]
fn who_forgets_to_drain_is_woken_at_once() {
    let mut pair = Pair::builder(1).build();
    pair.run_while(|pair| pair.log().len() < 3);
    let now = pair.now();
    let [finished] = &mut pair.intercept(Role::Server)[..] else { panic!("one datagram") };
    let mut out = [0; 2000];
    pair.with(Role::Server, |server| {
        assert!(server.poll_timeout().unwrap() > now);
        drop(server.handle_datagram(now, finished));
        // The flight first: until it is out there is no event.
        assert_eq!(server.poll_timeout(), Some(now));
        assert_eq!((server.poll_event(), server.status()), (None, Status::Handshaking));
        assert_eq!(server.poll_timeout(), Some(now));
        server.poll_transmit(now, &mut out).unwrap();
        assert_eq!(server.poll_timeout(), Some(now));
        assert_eq!(server.poll_event(), Some(Event::Connected));
        assert_eq!(server.poll_timeout(), None);
    });
}

/// L2: an end that is closed and emptied never wants to be called again, and calls to it do nothing.
#[test]
fn closed_ends_stay_silent() {
    for datagrams in 0..5 {
        let mut pair = Pair::builder(1).build();
        pair.run_while(|pair| pair.log().len() < datagrams);
        for role in ROLES {
            pair.with(role, Connection::close);
        }
        pair.flush();
        pair.lose_all();
        let sent = pair.log().len();
        for _ in 0..10 {
            assert_eq!(ROLES.map(|role| pair.poll_timeout(role)), [None, None]);
            pair.wait(Duration::from_secs(100));
            let now = pair.now();
            for role in ROLES {
                pair.with(role, |connection| connection.handle_timeout(now));
            }
        }
        pair.flush();
        assert_eq!(pair.log().len(), sent);
    }
}

/// I3, REC-07, REC-08, REC-09, REC-10: in a storm, with repetitions and data both ways, every nonce and every record
/// number is used once, and the numbers of each epoch have no gap.
#[test]
fn no_nonce_is_used_twice() {
    for_seeds(0..300, |seed| {
        let mut pair = shape(seed).link(Weather::of_seed(seed).ring()).build();
        pair.connect();
        let mut rng = SimRng::new(seed);
        for _ in 0..50 {
            let len = rng.below(100);
            let payload = rng.bytes(len);
            pair.send(*rng.pick(&ROLES), &payload);
            pair.wait(Duration::from_millis(rng.below(900) as u64));
        }
        for role in ROLES {
            let mut nonces = HashSet::new();
            for record in pair.log().records(role).filter(RecordView::is_protected) {
                // RFC 5288 section 3 leaves the explicit nonce to the sender; ours is what cannot repeat.
                let mut expected = [0; 8];
                expected[..2].copy_from_slice(&record.epoch.to_be_bytes());
                expected[2..].copy_from_slice(&record.sequence.to_be_bytes()[2..]);
                assert_eq!(record.body[..8], expected);
                assert!(nonces.insert(expected), "{role:?} used a nonce twice");
            }
            assert!(nonces.len() > 5);
        }
    });
}

/// SIO-07: with the toy provider the seed decides every byte and every time; another seed decides otherwise.
#[test]
fn a_seed_replays_byte_for_byte() {
    let run = |seed| {
        let mut pair = shape(4).link(Weather::of_seed(seed).ring()).build();
        pair.connect();
        pair.log().entries().to_vec()
    };
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed));
        assert_ne!(run(seed), run(seed + 1));
    }
    let first = |seed| {
        let mut pair = Pair::builder(seed).build();
        pair.connect();
        pair.log().entries()[0].datagram.clone()
    };
    assert_ne!(first(1), first(2));
}

/// I4: a week takes no time, as nobody looks at a clock.
#[test]
fn a_week_passes_at_once() {
    let mut pair = Pair::builder(1).build();
    pair.connect();
    for _ in 0..7 {
        pair.wait(Duration::from_secs(24 * 3600));
        pair.send(Role::Client, b"still there");
        pair.wait(Duration::from_secs(1));
    }
    assert_eq!(pair.received(Role::Server).len(), 7);
}

/// L5: the two ends agree on what a third party never learns, and which the seed of neither decides alone.
#[test]
fn both_ends_export_the_same_secrets() {
    let mut secrets = HashSet::new();
    for_seeds(0..100, |seed| {
        shape(seed).link(Weather::of_seed(seed).ring()).build().connect().assert_agreement();
    });
    for seed in 0..100 {
        let mut pair = Pair::builder(seed).build();
        pair.connect();
        let mut secret = [0; 16];
        pair.with(Role::Server, |server| server.export_keying_material(b"EXPORTER-l5", None, &mut secret)).unwrap();
        assert!(secrets.insert(secret));
    }
}

/// REC-39, REC-40, FIN-08: before both Finished messages nothing is exported, told or sent, and no session is shown.
#[test]
fn nothing_is_released_before_the_handshake_is_complete() {
    for datagrams in 0..4 {
        let mut pair = Pair::builder(1).build();
        pair.run_while(|pair| {
            pair.flush();
            pair.log().len() < datagrams
        });
        let mut out = [0; 200];
        for role in ROLES {
            if pair.status(role) == Status::Connected {
                assert_eq!((role, datagrams), (Role::Server, 4));
            }
            pair.with(role, |connection| {
                assert!(connection.send(b"early", &mut out).is_err());
                assert!(connection.export_keying_material(b"EXPORTER-early", None, &mut [0; 16]).is_err());
                assert!(connection.session().is_none());
            });
            assert!(pair.events(role).is_empty());
        }
        let is_data =
            |role| pair.log().records(role).any(|record| record.content_type == ContentType::APPLICATION_DATA);
        assert!(!ROLES.into_iter().any(is_data));
    }
}
