//! Datagrams from a stranger who sees everything and has no keys (I1, I5).
//!
//! What can go wrong: a forged datagram that moves a state, a timer or a window, memory that grows with what strangers
//! send, a panic. Runs are compared byte by byte with the same run that nobody disturbs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::code::ContentType;
use sealgram::error::PeerMisbehaved;
use sealgram::{Connection, Event, Instant, Role, Status, inspect};
use sealgram_alloc::{CountingAllocator, count};
use sealgram_sim::{
    Arrival, Authentication, Link, Pair, PairBuilder, ROLES, Sent, SimRng, Weather, flip_bits, for_seeds, forge, other,
    toy,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The server alone and behind the gate, with whole flights in a datagram and with a fragment in each.
fn shape(seed: u64) -> PairBuilder {
    let builder = Pair::builder(seed).mtu(if seed & 1 == 0 { 1200 } else { 256 });
    if seed & 2 == 0 { builder } else { builder.gate() }
}

fn seen(pair: &Pair) -> Vec<Vec<u8>> {
    pair.log().entries().iter().map(|entry| entry.datagram.clone()).collect()
}

/// Goes on until both ends are connected; between any two steps a stranger may do something.
fn disturbed(pair: &mut Pair, mut stranger: impl FnMut(&mut Pair)) {
    pair.flush();
    pair.run_while(|pair| {
        stranger(pair);
        let is_done = ROLES.into_iter().all(|role| pair.status(role) != Status::Handshaking);
        !is_done && pair.elapsed() < Duration::from_secs(70)
    });
}

/// I1, REC-05, REC-06, REC-12, REC-18 .. REC-24, REC-26, REC-31, REC-38, FRG-06, FRG-11, FRG-14, FRG-22, ALR-06, ALR-16:
/// what has no meaning, and what is a hint at most, leaves a handshake as it is to the last byte sent.
#[test]
fn senseless_datagrams_leave_a_handshake_unchanged() {
    for_seeds(0..60, |seed| {
        let mut control = shape(seed).build();
        control.connect();

        let mut rng = SimRng::new(!seed);
        let mut pair = shape(seed).build();
        disturbed(&mut pair, |pair| {
            for example in seen(pair) {
                let mut forged = forge::senseless(&mut rng, &example);
                forged.extend(forge::hints(&mut rng));
                for (n, datagram) in forged.into_iter().enumerate() {
                    pair.inject(ROLES[n % 2], datagram.clone());
                    pair.inject(ROLES[(n + 1) % 2], datagram);
                }
            }
        });
        pair.connect();
        assert_eq!(pair.log().entries(), control.log().entries());
        assert_eq!(ROLES.map(|role| pair.events(role).to_vec()), ROLES.map(|role| control.events(role).to_vec()));
    });
}

/// What an end shows of itself.
fn face(pair: &mut Pair, role: Role) -> (Status, Option<Instant>, usize, usize, u64, u64) {
    let timeout = pair.poll_timeout(role);
    let (events, received) = (pair.events(role).len(), pair.received(role).len());
    pair.with(role, |connection| {
        let stats = connection.stats();
        (connection.status(), timeout, events, received, stats.records_sent, stats.records_received)
    })
}

/// I1, ALR-05, ALR-15, RPL-02, RPL-04, RPL-06, REC-34, REC-36, FLT-10: nothing that a stranger can make out of all that
/// was ever sent affects an established association: not as it was, not cut short, not with flipped bits, not with
/// other numbers. Afterwards it says the same as one that was left in peace.
#[test]
fn an_established_association_is_out_of_reach() {
    for_seeds(0..40, |seed| {
        let mut control = shape(seed).build();
        let mut pair = shape(seed).build();
        for pair in [&mut control, &mut pair] {
            pair.connect();
            pair.send(Role::Client, b"first");
            pair.send(Role::Server, b"first");
            pair.settle();
        }
        let before = ROLES.map(|role| face(&mut pair, role));
        let mut rng = SimRng::new(!seed);
        for example in seen(&pair) {
            for datagram in everything_like(&mut rng, &example) {
                for role in ROLES {
                    pair.inject(role, datagram.clone());
                }
            }
        }
        assert_eq!(ROLES.map(|role| face(&mut pair, role)), before);

        for pair in [&mut control, &mut pair] {
            pair.send(Role::Client, b"second");
            pair.send(Role::Server, b"second");
            pair.settle();
            assert_eq!(ROLES.map(|role| pair.received(role).len()), [2, 2]);
        }
        // The gate answers a hello from anywhere; what the connections sent is what counts.
        let sent = |pair: &Pair, role| -> Vec<_> {
            pair.log().of(role).filter(|entry| is_sealed(&entry.datagram)).cloned().collect()
        };
        for role in ROLES {
            assert_eq!(sent(&pair, role), sent(&control, role));
        }
    });
}

fn is_sealed(datagram: &[u8]) -> bool {
    inspect::records(datagram).any(|record| record.is_protected())
}

/// The datagram itself and what can be made of it without keys.
fn everything_like(rng: &mut SimRng, example: &[u8]) -> Vec<Vec<u8>> {
    let mut made = forge::senseless(rng, example);
    made.extend(forge::hints(rng));
    made.push(example.to_vec());
    for _ in 0..20 {
        let mut flipped = example.to_vec();
        flip_bits(rng, &mut flipped);
        made.push(flipped);
        made.push(example[..rng.below(example.len())].to_vec());
    }
    for record in inspect::records(example) {
        for (epoch, sequence) in [(0, 0), (0, (1 << 48) - 1), (1, 1 << 40), (1, (1 << 48) - 1), (2, 0)] {
            made.push(forge::record(record.content_type.0, epoch, sequence, record.body));
        }
        for content_type in [20, 21, 22, 23, 24, 25, 26] {
            made.push(forge::record(content_type, record.epoch, record.sequence + 3, record.body));
        }
    }
    made
}

/// I1, FRG-04, FLT-08: copies of what was really sent, at every step and in any number, leave the outcome as it is.
/// None is taken for a repetition: for that it is too early.
#[test]
fn replays_leave_the_outcome_unchanged() {
    for_seeds(0..40, |seed| {
        let mut control = shape(seed).build();
        control.connect();
        let mut pair = shape(seed).build();
        disturbed(&mut pair, |pair| {
            for entry in pair.log().entries().to_vec() {
                for _ in 0..10 {
                    pair.inject(other(entry.from), entry.datagram.clone());
                }
            }
        });
        pair.connect();
        let sent = |pair: &Pair, role| pair.log().of(role).filter(|entry| !is_cookie(&entry.datagram)).count();
        let retransmissions: u64 =
            ROLES.into_iter().map(|role| pair.with(role, |end| end.stats().retransmissions)).sum();
        assert_eq!(retransmissions, 0, "half a timeout had not passed");
        assert_eq!(ROLES.map(|role| sent(&pair, role)), ROLES.map(|role| sent(&control, role)));
    });
}

fn is_cookie(datagram: &[u8]) -> bool {
    let records = inspect::records(datagram);
    records.flat_map(|record| record.fragments()).any(|fragment| fragment.msg_type.0 == 3)
}

/// Goes on until both ends are connected or closed; a stranger's copies of each datagram arrive right before it does.
fn overtaken(pair: &mut Pair, mut copies: impl FnMut(&[u8]) -> Vec<Vec<u8>>) {
    disturbed(pair, |pair| {
        for to in ROLES {
            let arriving = pair.intercept(to);
            for datagram in arriving.iter().flat_map(|datagram| copies(datagram)).collect::<Vec<_>>() {
                pair.inject(to, datagram);
            }
            for datagram in arriving {
                pair.inject(to, datagram);
            }
        }
    });
    pair.settle();
    pair.assert_agreement();
}

/// I1, I5, FRG-12, FRG-20, FRG-21, REC-18: before each datagram come copies whose headers were tampered with: of records,
/// and of fragments but for message_seq. They say nothing that could be true, and the handshake completes.
#[test]
fn tampered_headers_do_not_keep_a_handshake_from_completing() {
    for_seeds(0..2000, |seed| {
        let mut rng = SimRng::new(!seed);
        let mut pair = shape(seed).build();
        overtaken(&mut pair, |datagram| (0..3).map(|_| with_tampered_header(&mut rng, datagram)).collect());
        pair.connect();
    });
}

fn with_tampered_header(rng: &mut SimRng, datagram: &[u8]) -> Vec<u8> {
    let mut tampered = datagram.to_vec();
    let starts = inspect::records(datagram).scan(0, |at, record| {
        let start = *at;
        *at += 13 + record.body.len();
        Some((start, record.epoch))
    });
    let starts: Vec<_> = starts.collect();
    let (start, epoch) = *rng.pick(&starts);
    let header = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24];
    let len = if epoch == 0 && datagram[start] == 22 { header.len() } else { 13 };
    for _ in 0..rng.within(1..4) {
        tampered[start + rng.pick(&header[..len])] ^= 1 << rng.below(8);
    }
    tampered
}

/// I5, L3, L5, FRG-10, SIO-01: copies with bits flipped anywhere. Some of them are well-formed handshake messages, which
/// nobody can tell from true ones before Finished. They may fail the handshake, and that is all they may do.
#[test]
fn forged_handshake_messages_fail_a_handshake_at_worst() {
    let connected = core::cell::Cell::new(0);
    for_seeds(0..3000, |seed| {
        let mut rng = SimRng::new(!seed);
        let mut pair = shape(seed).build();
        overtaken(&mut pair, |datagram| {
            let mut flipped = datagram.to_vec();
            flip_bits(&mut rng, &mut flipped);
            let truncated = datagram[..rng.below(datagram.len())].to_vec();
            vec![truncated, flipped]
        });
        connected.set(connected.get() + u32::from(pair.is_connected()));
    });
    let connected = connected.get();
    assert!(connected > 300, "{connected} of 3000 connected");
}

/// SIO-01, FLT-22: a network that changes bits for 20 seconds. What is changed is mostly lost, and sent again.
#[test]
fn handshakes_survive_corruption() {
    let mut connected = 0;
    for seed in 0..1000 {
        let weather = Weather { corrupted: 200, ..Weather::of_seed(seed) };
        let mut pair = shape(seed).link(weather.ring()).build();
        pair.settle();
        pair.assert_agreement();
        connected += usize::from(pair.is_connected());
    }
    assert!(connected > 600, "{connected} of 1000 connected");
}

/// ALR-17: what has ended has ended, whatever else comes.
#[test]
fn nothing_wakes_the_dead() {
    for_seeds(0..20, |seed| {
        let mut rng = SimRng::new(!seed);
        let mut pair = Pair::builder(seed).build();
        pair.connect();
        let sealed = pair.seal(Role::Client, b"too late");
        pair.with(Role::Client, Connection::close);
        pair.settle();
        assert_eq!(ROLES.map(|role| pair.status(role)), [Status::Closed; 2]);
        let sent = pair.log().len();
        let events = ROLES.map(|role| pair.events(role).len());
        for example in seen(&pair).into_iter().chain([sealed]) {
            for datagram in everything_like(&mut rng, &example) {
                for role in ROLES {
                    pair.inject(role, datagram.clone());
                }
            }
        }
        pair.wait(Duration::from_secs(10));
        assert_eq!((pair.log().len(), ROLES.map(|role| pair.events(role).len())), (sent, events));
        assert!(ROLES.into_iter().all(|role| pair.received(role).is_empty()));
    });
}

/// I1, REC-38, FRG-06, FRG-16, SIO-02: a flood of forgeries takes no more memory than the stash and the reassembly may,
/// and an established association none at all.
#[test]
fn floods_take_bounded_memory() {
    for datagrams in [0, 1, 2, 3] {
        let mut pair = Pair::builder(1).build();
        pair.run_while(|pair| pair.log().len() < datagrams);
        pair.flush();
        pair.lose_all();
        for role in ROLES {
            let flood = flood(&pair);
            let ((), counts) = count(|| {
                for mut datagram in flood.iter().cloned() {
                    let now = pair.now();
                    pair.with(role, |connection| drop(connection.handle_datagram(now, &mut datagram)));
                }
            });
            assert!(counts.live_delta < MOST_PER_HANDSHAKE, "{role:?} after {datagrams}: {}", counts.live_delta);
        }
    }

    let mut pair = Pair::builder(1).build();
    pair.connect();
    for role in ROLES {
        let mut flood = flood(&pair);
        let ((), counts) = count(|| {
            for datagram in &mut flood {
                let now = pair.now();
                pair.with(role, |connection| drop(connection.handle_datagram(now, datagram)));
            }
        });
        assert_eq!((counts.allocations, counts.live_delta), (0, 0), "{role:?}");
    }
}

/// Twenty thousand datagrams of all kinds: early records that never open, and fragments of messages that never end.
fn flood(pair: &Pair) -> Vec<Vec<u8>> {
    let mut rng = SimRng::new(7);
    let mut flood = Vec::new();
    let example = seen(pair).pop().unwrap_or_else(|| vec![0; 20]);
    for _ in 0..100 {
        flood.extend(forge::senseless(&mut rng, &example));
    }
    for n in 0..10_000_u32 {
        let (message_seq, offset) = (u16::try_from(rng.below(20)).unwrap(), u32::try_from(rng.below(60_000)).unwrap());
        let bytes = rng.bytes(100);
        let fragment = forge::fragment(*rng.pick(&[1, 2, 11, 12, 16]), 65_000, message_seq, offset, 100, &bytes);
        flood.push(forge::record(ContentType::HANDSHAKE.0, 0, n.into(), &fragment));
        flood.push(forge::record(*rng.pick(&[22, 23]), 1, n.into(), &bytes));
    }
    flood
}

/// What one handshake may take at the default limits, whatever is sent to it: two versions of the longest message and
/// half as much again, as the reassembly allows itself, the stash, and what containers set aside.
const MOST_PER_HANDSHAKE: isize = 256 * 1024;

/// Both ends are still there in the end, which is what the other tests rely on.
#[test]
fn an_undisturbed_pair_says_connected_once() {
    let mut pair = Pair::builder(1).gate().build();
    pair.connect();
    for role in ROLES {
        assert!(matches!(pair.events(role), [Event::Connected]));
    }
}

/// A network that ruins the last byte of the first so many datagrams in which the server says Finished.
struct RuinedFinished(usize);

impl Link for RuinedFinished {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut arrival = Arrival::whole(sent);
        let says_finished = inspect::records(sent.datagram).any(|record| record.epoch == 1);
        if sent.from == Role::Server && says_finished && self.0 > 0 {
            self.0 -= 1;
            *arrival.datagram.last_mut().unwrap() ^= 1;
        }
        vec![arrival]
    }
}

/// PSK-08: two Finished that do not open are bad luck. Three in three repeats of the flight, and none that opens, are all
/// that another key would show as well.
#[test]
fn whoever_ruins_every_finished_makes_two_keys_look_different() {
    let ends = |ruined| {
        let builder = Pair::builder(1).authentication(Authentication::PresharedKey(&toy::PSK_SUITE));
        let mut pair = builder.link(RuinedFinished(ruined)).build();
        pair.settle();
        pair
    };
    assert!(ends(2).is_connected());
    let ruined = ends(3);
    let Some(Event::Closed(reason)) = ruined.close_event(Role::Client) else {
        panic!("{:?}", ruined.events(Role::Client))
    };
    assert_eq!(reason.error(), Some(&PeerMisbehaved::WrongPresharedKey.into()));
}
