//! Application data allocates nothing, and strangers at the door neither (I2, I6).
//!
//! What can go wrong: a copy that is convenient, a queue that grows with every hello, an answer longer than the question.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use std::sync::Arc;

use sealgram::crypto::Suite;
use sealgram::pki_types::ServerName;
use sealgram::provider::{ccm, ring};
use sealgram::{
    ClientConfig, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Event, Instant, Path, RandomIds, Role,
    ServerConfig,
};
use sealgram_alloc::{CountingAllocator, Counts, count};
use sealgram_sim::{CertificateKind, Pair, SERVER_NAME, SimRng, forge, other, toy, toy_identity, wall_clock};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// How many records go each way.
const RECORDS: usize = 10_000;

fn pairs() -> Vec<Pair> {
    let ring = |suite: &'static Suite| Pair::builder(1).ring(suite, ring::X25519, CertificateKind::EcdsaP256);
    let suites = [
        &ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &ring::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &ccm::ECDHE_ECDSA_WITH_AES_128_CCM,
        &ccm::ECDHE_ECDSA_WITH_AES_256_CCM_8,
    ];
    let mut pairs = vec![Pair::builder(1).build(), ring(suites[0]).connection_ids(4, 100).build()];
    pairs.extend(suites.map(|suite| ring(suite).build()));
    for pair in &mut pairs {
        pair.connect();
    }
    pairs
}

/// Sends through `seal`, receives, and asks everything that a run loop asks.
fn exchange(pair: &mut Pair, seal: impl Fn(&mut Pair, Role, &mut [u8]) -> core::ops::Range<usize>) {
    let (mut buf, mut out) = ([7; 1600], [0; 1600]);
    let now = pair.now();
    let mut delivered = 0;
    let ((), counts) = count(|| {
        for _ in 0..RECORDS {
            for from in [Role::Client, Role::Server] {
                let record = seal(pair, from, &mut buf);
                pair.with(other(from), |connection| {
                    for data in connection.handle_datagram(now, &mut buf[record]) {
                        delivered += data.len();
                    }
                    connection.handle_timeout(now);
                    assert!(connection.poll_transmit(now, &mut out).is_none());
                    assert!(connection.poll_event().is_none() && connection.poll_timeout().is_none());
                });
            }
        }
    });
    assert_eq!(counts, Counts::default());
    assert_eq!(delivered, 2 * RECORDS * PAYLOAD_LEN);
}

const PAYLOAD_LEN: usize = 1000;

/// I6: ten thousand records each way, sent with a copy.
#[test]
fn sending_and_receiving_allocates_nothing() {
    for mut pair in pairs() {
        let payload = [42; PAYLOAD_LEN];
        exchange(&mut pair, |pair, from, buf| 0..pair.with(from, |connection| connection.send(&payload, buf)).unwrap());
    }
}

/// I6: the same, sealed where the payload stands.
#[test]
fn sealing_in_place_allocates_nothing() {
    for mut pair in pairs() {
        exchange(&mut pair, |pair, from, buf| {
            pair.with(from, |connection| connection.seal_in_place(buf, 300..300 + PAYLOAD_LEN)).unwrap()
        });
    }
}

/// I6: several records in one datagram, and several datagrams in one buffer.
#[test]
fn segments_allocate_nothing() {
    for mut pair in pairs() {
        let (payload, mut out, now) = ([1; 5000], [0; 8000], pair.now());
        let ((), counts) = count(|| {
            for _ in 0..1000 {
                let segment = NonZeroUsize::new(700).unwrap();
                let sent = pair.with(Role::Client, |client| client.send_segments(&payload, segment, &mut out)).unwrap();
                let received = pair.with(Role::Server, |server| {
                    server.handle_datagram(now, &mut out[..sent.len]).map(|data| data.len()).sum::<usize>()
                });
                assert_eq!(received, payload.len());
            }
        });
        assert_eq!(counts, Counts::default());
    }
}

/// The first two hellos of a client: without a cookie, and with one.
fn hellos() -> [Vec<u8>; 2] {
    let mut pair = Pair::builder(1).gate().build();
    pair.connect();
    let mut hellos = pair.log().of(Role::Client).map(|entry| entry.datagram.clone());
    [hellos.next().unwrap(), hellos.next().unwrap()]
}

/// The hello in as short a first fragment as the gate answers to: it ends behind the cookie.
fn shortest(hello: &[u8]) -> Vec<u8> {
    let fragment_length = 2 + 32 + 1 + 1;
    let mut short = hello[..25 + fragment_length].to_vec();
    short[11..13].copy_from_slice(&u16::try_from(12 + fragment_length).unwrap().to_be_bytes());
    short[22..25].copy_from_slice(&u32::try_from(fragment_length).unwrap().to_be_bytes()[1..]);
    short
}

/// I2, L6, L7, SIO-03, SIO-04, HVR: a million hellos from forged addresses. Each is answered from its own bytes, with no
/// more bytes than it had, and nothing is allocated or kept.
#[test]
fn a_million_hellos_without_a_cookie_cost_nothing() {
    let mut rng = SimRng::new(1);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut rng), wall_clock());
    let [without, with] = hellos();
    // A cookie for another address and by another server is worth as much as none.
    let examples = [shortest(&without), without, with];
    let mut buf = [0; 2000];
    let (mut answered, mut received_bytes, mut sent_bytes) = (0, 0, 0);
    let ((), counts) = count(|| {
        for n in 0..1_000_000_u64 {
            let example = &examples[usize::try_from(n % 3).unwrap()];
            let datagram = &mut buf[..example.len()];
            datagram.copy_from_slice(example);
            rng.fill(&mut datagram[27..59]);
            let [a, b, c, d, port @ ..] = rng.next().to_be_bytes();
            let peer = SocketAddr::from(([a, b, c, d], u16::from_be_bytes([port[0], port[1]])));
            let len = datagram.len();
            match endpoint.handle_datagram(Instant::from_nanos(n * 1000), Path::from(peer), datagram) {
                Dispatch::Reply(reply) => {
                    assert!(reply.len() <= len, "{} bytes for {len}", reply.len());
                    answered += 1;
                    sent_bytes += reply.len();
                    received_bytes += len;
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(counts, Counts::default());
    assert_eq!((answered, endpoint.len()), (1_000_000, 0));
    assert!(sent_bytes <= received_bytes);
    assert!(endpoint.poll_timeout().is_none() && endpoint.poll_event().is_none());
}

/// I2: whatever else comes to the door allocates nothing either, and is not answered at all.
#[test]
fn strangers_at_the_door_cost_nothing() {
    let mut rng = SimRng::new(2);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut rng), wall_clock());
    let [hello, _] = hellos();
    let mut forged = Vec::new();
    for _ in 0..200 {
        forged.extend(forge::senseless(&mut rng, &hello));
        forged.extend(forge::hints(&mut rng));
    }
    let path = Path::from(SocketAddr::from(([192, 0, 2, 1], 9)));
    let (answers, counts) = count(|| {
        let mut answers = 0;
        for datagram in &mut forged {
            let dispatch = endpoint.handle_datagram(Instant::ORIGIN, path, datagram);
            answers += usize::from(!matches!(dispatch, Dispatch::Dropped(_)));
        }
        answers
    });
    assert_eq!(counts, Counts::default());
    assert_eq!((answers, endpoint.len()), (0, 0));
}

/// I2, CID-13: records with connection IDs that nobody has, where somebody has one, are looked up and dropped.
#[test]
fn unknown_connection_ids_cost_nothing() {
    let mut rng = SimRng::new(4);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut rng), wall_clock());
    let config = ClientConfig::builder(&toy::PROVIDER, Arc::new(toy::ToyVerifier));
    let config = config.connection_ids(Arc::new(RandomIds::of_len(8))).build().unwrap();
    let [somebody, stranger] = [9, 10].map(|port| Path::from(SocketAddr::from(([192, 0, 2, 1], port))));
    let name = ServerName::try_from(SERVER_NAME).unwrap();
    let handle = endpoint.connect(somebody, config, name, Instant::ORIGIN, &mut rng).unwrap();
    // From here on it is in the index of connection IDs.
    assert!(endpoint.connection(handle).is_some());
    let mut record = [0; 60];
    let ((), counts) = count(|| {
        for _ in 0..10_000 {
            rng.fill(&mut record[11..]);
            record[..11].copy_from_slice(&[25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1]);
            record[19..21].copy_from_slice(&39_u16.to_be_bytes());
            let dispatch = endpoint.handle_datagram(Instant::ORIGIN, stranger, &mut record);
            assert!(matches!(dispatch, Dispatch::Dropped(_)), "{dispatch:?}");
        }
    });
    assert_eq!((counts, endpoint.len()), (Counts::default(), 1));
}

/// SIO-05: a thousand clients show a cookie, are accepted and fall silent. When their handshakes have ended, the endpoint
/// has as much memory as before, and as many places.
#[test]
fn failed_handshakes_give_everything_back() {
    let config = ServerConfig::builder(&toy::PROVIDER, toy_identity()).build().unwrap();
    let mut rng = SimRng::new(3);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut rng), wall_clock());
    let (mut now, mut out) = (Instant::ORIGIN, [0; 1500]);
    let mut generation = |endpoint: &mut Endpoint, now: &mut Instant| {
        for port in 1..=100 {
            accept_silent_client(endpoint, &config, port, *now, &mut rng);
        }
        assert_eq!(endpoint.len(), 100);
        let mut closed = 0;
        while let Some(deadline) = endpoint.poll_timeout() {
            *now = deadline.max(*now);
            endpoint.handle_timeout(*now);
            while endpoint.poll_transmit(*now, &mut out).is_some() {}
            while let Some((_, event)) = endpoint.poll_event() {
                assert!(matches!(event, Event::Closed(_)));
                closed += 1;
            }
        }
        assert_eq!((endpoint.len(), closed), (0, 100));
    };
    // The first ones set containers to their size.
    (0..5).for_each(|_| generation(&mut endpoint, &mut now));
    let ((), counts) = count(|| (0..10).for_each(|_| generation(&mut endpoint, &mut now)));
    assert_eq!(counts.live_delta, 0);
}

/// A client goes through the cookie exchange, is accepted, and says nothing more.
fn accept_silent_client(
    endpoint: &mut Endpoint,
    config: &Arc<ServerConfig>,
    port: u16,
    now: Instant,
    rng: &mut SimRng,
) {
    let client = ClientConfig::builder(&toy::PROVIDER, Arc::new(toy::ToyVerifier)).build().unwrap();
    let name = ServerName::try_from(SERVER_NAME).unwrap();
    let mut client = Connection::client(client, name, wall_clock(), rng).unwrap();
    let path = Path::from(SocketAddr::from(([192, 0, 2, 1], port)));
    let mut out = [0; 1500];
    let hello = client.poll_transmit(now, &mut out).unwrap();
    let Dispatch::Reply(cookie) = endpoint.handle_datagram(now, path, &mut out[..hello.len]) else { panic!("a reply") };
    drop(client.handle_datagram(now, &mut cookie.to_vec()));
    let hello = client.poll_transmit(now, &mut out).unwrap();
    let dispatch = endpoint.handle_datagram(now, path, &mut out[..hello.len]);
    let Dispatch::Incoming(incoming) = dispatch else { panic!("a client at the door") };
    let (_, received) = endpoint.accept(incoming, Arc::clone(config), now, rng).unwrap();
    assert!(received.is_empty());
}
