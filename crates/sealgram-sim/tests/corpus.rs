//! The corpus of the fuzz targets: every file keeps the laws, and the seeds reach what they are meant to reach.
//!
//! What can go wrong: a fuzzer that never comes past the first parser, as its seeds were recorded before a change of
//! the wire. The seeds are made here, from handshakes; `SEALGRAM_BLESS=1` writes them. What fuzzing added to the corpus
//! stands beside them under other names, and stays.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sealgram::code::HandshakeType;
use sealgram::{AddressValidated, Connection, CookieKeys, Dispatch, Endpoint, EndpointConfig, Instant, Path, Status};
use sealgram_sim::fuzz::{self, both_ends, glass_server_config};
use sealgram_sim::{SimRng, wall_clock};

type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

type Target = fn(&[u8]) -> usize;

const TARGETS: [(&str, Target); 6] = [
    ("below_cipher", fuzz::below_cipher),
    ("client_bytes", fuzz::client_bytes),
    ("cookie_gate", fuzz::cookie_gate),
    ("endpoint", fuzz::endpoint),
    ("network", fuzz::network),
    ("server_bytes", fuzz::server_bytes),
];

/// I5: whatever fuzzing has found worth keeping still keeps every law.
#[test]
fn every_file_of_the_corpus_keeps_the_laws() {
    for (name, target) in TARGETS {
        let files: Vec<_> = fs::read_dir(folder(name)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() >= 4, "{name} has {} files", files.len());
        for file in files {
            println!("{}", file.display());
            target(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn the_seeds_are_what_the_ends_send_today() {
    let blesses = std::env::var_os("SEALGRAM_BLESS").is_some();
    for (target, seeds) in seeds() {
        fs::create_dir_all(folder(target)).unwrap();
        for (number, seed) in seeds.into_iter().enumerate() {
            let path = folder(target).join(format!("seed-{number:02}"));
            if blesses {
                fs::write(path, seed).unwrap();
            } else {
                let written = fs::read(&path).unwrap_or_default();
                assert!(written == seed, "{target}/seed-{number:02} is out of date: SEALGRAM_BLESS=1 writes it anew");
            }
        }
    }
}

/// A corpus that stops at the door finds nothing behind it.
#[test]
fn the_seeds_reach_connected() {
    let seeds = seeds();
    let reached = TARGETS.map(|(name, target)| {
        let reach: Vec<usize> = seeds[name].iter().map(|seed| target(seed)).collect();
        (name, reach)
    });
    let expected = [
        // The fourth claims another epoch for a record, on a path that is trusted.
        ("below_cipher", vec![1, 1, 1, 0, 1]),
        ("client_bytes", vec![1, 1, 1, 1]),
        ("cookie_gate", vec![1, 1, 1, 1, 1]),
        // In the third a client comes back on the path that it had.
        ("endpoint", vec![3, 1, 3, 1]),
        ("network", vec![1; 14]),
        ("server_bytes", vec![1, 1, 1, 1]),
    ];
    assert_eq!(reached, expected);
}

fn folder(target: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target)
}

fn seeds() -> Seeds {
    let plain = Recording::new(false);
    let gated = Recording::new(true);
    let mut seeds = Seeds::new();
    seeds.insert("record_header", [&plain.to_client[..], &gated.to_server[..], &gated.to_client[..1]].concat());
    seeds.insert("messages", messages(&gated));
    seeds.insert("client_bytes", one_end(&plain.to_client, &gated.to_client));
    seeds.insert("server_bytes", one_end(&plain.to_server, &gated.to_server[1..]));
    seeds.insert("network", network());
    seeds.insert("below_cipher", below_cipher());
    seeds.insert("endpoint", endpoint(&gated));
    seeds.insert("cookie_gate", cookie_gate());
    for (target, seed) in [("reassembly", 1), ("replay_window", 2), ("retransmission", 3)] {
        let mut rng = SimRng::new(seed);
        seeds.insert(target, [20, 60, 150, 400].map(|len| rng.bytes(len)).into());
    }
    seeds
}

/// What the two ends of [`both_ends`] say to each other, with data and the end of it.
#[derive(Default)]
struct Recording {
    to_client: Vec<Vec<u8>>,
    to_server: Vec<Vec<u8>>,
}

impl Recording {
    fn new(has_gate: bool) -> Self {
        let now = Instant::from_nanos(3_600_000_000_000);
        let [mut client, server] = both_ends();
        let mut recording = Self::default();
        let mut server = if has_gate { recording.pass_gate(now, &mut client) } else { server };
        for _ in 0..10 {
            let said = said(now, &mut client);
            said.iter().for_each(|datagram| drop(server.handle_datagram(now, &mut datagram.clone())));
            recording.to_server.extend(said);
            let said = self::said(now, &mut server);
            said.iter().for_each(|datagram| drop(client.handle_datagram(now, &mut datagram.clone())));
            recording.to_client.extend(said);
        }
        for end in [&client, &server] {
            assert_eq!(end.status(), Status::Connected);
        }
        for (from, log) in [(&mut client, &mut recording.to_server), (&mut server, &mut recording.to_client)] {
            let mut out = [0; 200];
            let len = from.send(b"a few words", &mut out).unwrap();
            log.push(out[..len].to_vec());
            from.close();
            log.extend(said(now, from));
        }
        recording
    }

    /// The client's first hello gets a cookie, and its second a server.
    fn pass_gate(&mut self, now: Instant, client: &mut Connection) -> Connection {
        let mut endpoint =
            Endpoint::new(EndpointConfig::default(), CookieKeys::generate(&mut SimRng::new(5)), wall_clock());
        let [hello] = &said(now, client)[..] else { panic!("one hello") };
        let path = Path::from(core::net::SocketAddr::from(([192, 0, 2, 1], 4433)));
        self.to_server.push(hello.clone());
        let mut datagram = hello.clone();
        let Dispatch::Reply(reply) = endpoint.handle_datagram(now, path, &mut datagram) else { panic!("a cookie") };
        self.to_client.push(reply.to_vec());
        let _ = client.handle_datagram(now, &mut reply.to_vec());
        Connection::server(
            glass_server_config(),
            AddressValidated::assured_by_transport(),
            wall_clock(),
            &mut SimRng::new(2),
        )
    }
}

/// All that an end has to say now, datagram by datagram.
fn said(now: Instant, end: &mut Connection) -> Vec<Vec<u8>> {
    let mut out = vec![0; 4096];
    let mut said = Vec::new();
    while let Some(transmit) = end.poll_transmit(now, &mut out) {
        let run = &out[..transmit.len];
        said.extend(run.chunks(transmit.segment_size.map_or(transmit.len, Into::into)).map(<[u8]>::to_vec));
    }
    while end.poll_event().is_some() {}
    said
}

/// Each message with the number of its decoder in front; and one for each decoder that no message of ours needs.
fn messages(recording: &Recording) -> Vec<Vec<u8>> {
    let datagrams = recording.to_client.iter().chain(&recording.to_server);
    let records = datagrams.flat_map(|datagram| sealgram::inspect::records(datagram));
    let fragments = records.flat_map(|record| record.fragments());
    let mut seeds: Vec<Vec<u8>> = fragments
        .filter_map(|fragment| {
            assert!(fragment.is_whole());
            let decoder = match fragment.msg_type {
                HandshakeType::CLIENT_HELLO => 0,
                HandshakeType::SERVER_HELLO => 1,
                HandshakeType::HELLO_VERIFY_REQUEST => 2,
                HandshakeType::CERTIFICATE => 3,
                HandshakeType::SERVER_KEY_EXCHANGE => 5,
                HandshakeType::CLIENT_KEY_EXCHANGE => 6,
                _ => return None,
            };
            Some([&[decoder], fragment.bytes].concat())
        })
        .collect();
    seeds.push([&[4][..], &[2, 64, 1, 0, 4, 4, 3, 8, 4, 0, 4, 0, 2, 0x30, 0]].concat());
    seeds.push([&[7][..], b"verify_data!"].concat());
    seeds.push(vec![8, 2, 50]);
    seeds.push(vec![9]);
    seeds.push([&[10][..], EXTENSIONS].concat());
    seeds
}

/// server_name, ALPN, supported_versions, signature_algorithms_cert, renegotiation_info: what the hellos above lack.
const EXTENSIONS: &[u8] = &[
    0, 61, 0, 0, 0, 14, 0, 12, 0, 0, 9, b'l', b'o', b'c', b'a', b'l', b'h', b'o', b's', b't', 0, 16, 0, 8, 0, 6, 2,
    b'h', b'3', 2, b'h', b'2', 0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd, 0, 50, 0, 6, 0, 4, 4, 3, 8, 4, 0xff, 1, 0, 4, 3,
    1, 2, 3, 0, 23, 0, 0,
];

/// A datagram as the targets of one end read it, with the time that a real one takes.
fn arrival(datagram: &[u8]) -> Vec<u8> {
    [&[0], &u16::try_from(datagram.len()).unwrap().to_be_bytes()[..], datagram].concat()
}

/// The whole conversation; without its end, with data of the end itself; with time between, everything twice; through
/// the gate.
fn one_end(plain: &[Vec<u8>], gated: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let all = |datagrams: &[Vec<u8>]| -> Vec<u8> { datagrams.iter().flat_map(|datagram| arrival(datagram)).collect() };
    let handshake = &plain[..plain.len() - 2];
    let sends = [6, 0, 100, 7, 3, 7, 1, 1, 44, 6, 0, 200, 5, 7, 0];
    let slowly = |datagram: &Vec<u8>| [arrival(datagram), arrival(datagram), vec![4, 0, 20]].concat();
    vec![all(plain), [all(handshake), sends.to_vec()].concat(), plain.iter().flat_map(slowly).collect(), all(gated)]
}

/// Settings, what happens to the datagrams, and what is said then.
fn network() -> Vec<Vec<u8>> {
    let said = [0, 20, 10, 1, 199, 3, 0, 0, 255, 1, 1, 1];
    let seed = |settings: u8, whims: &[u8]| {
        [&[settings], &u16::try_from(whims.len()).unwrap().to_be_bytes()[..], whims, &said].concat()
    };
    // The upper half of the settings says how the two know each other; up to 7 by the server's certificate.
    let acquainted = (8..16).map(|how| seed(how << 4 | 3, &[8, 200, 5, 0, 7]));
    let plain = [
        seed(0, &[]),
        seed(1, &[0; 4]),
        seed(2, &[5, 5, 0, 5]),
        seed(4, &[7; 12]),
        seed(3, &[8, 200, 9, 30, 8, 1, 5, 7, 9, 90, 8, 255, 0, 0, 5, 5]),
        seed(0x16, &[11, 3, 0, 11, 40, 5, 7]),
    ];
    plain.into_iter().chain(acquainted).collect()
}

/// Settings, what happens to records in the handshake, and after it.
fn below_cipher() -> Vec<Vec<u8>> {
    let seed = |settings: u8, during: &[u8], after: &[u8]| {
        [&[settings], &u16::try_from(during.len()).unwrap().to_be_bytes()[..], during, after].concat()
    };
    vec![
        seed(0, &[], &[]),
        seed(1, &[11, 0, 11, 12], &[11, 11, 11]),
        // An authentic alert that warns, a HelloRequest, and data, from nowhere.
        seed(
            0,
            &[0],
            &[13, 1, 1, 0, 2, 1, 100, 14, 2, 1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 3, 1, 0, 1, 7],
        ),
        seed(2, &[0, 0, 8, 1, 1, 0, 50, 1], &[]),
        seed(0, &[9, 0, 9, 3, 10, 254, 255], &[7, 22, 5, 0, 3, 6, 65, 20]),
    ]
}

/// Honest clients at every address, one after the other; strangers with what they recorded; time.
fn endpoint(recording: &Recording) -> Vec<Vec<u8>> {
    let pump = |address: u8| address << 6 | 2;
    let strange: Vec<u8> = recording.to_server.iter().flat_map(|datagram| arrival(datagram)).collect();
    vec![
        vec![pump(0), pump(0), pump(1), pump(2), pump(3), pump(1)],
        [&[pump(0)], &strange[..], &[pump(0), 10, 10, 9, 255, 255]].concat(),
        vec![pump(0), 8, pump(0), 11, pump(1), 12, 0, 12, 1, pump(0), 13, 2, 9, 200, 0, 10, 10, 10],
        vec![14, pump(0), pump(1), 14, 15, 6, 0, 70, 255, pump(2), 10, 10],
    ]
}

/// Asking, answering from here and there, time, and new keys.
fn cookie_gate() -> Vec<Vec<u8>> {
    let ask = [0, 1, 7, 5, 5, 0, 0, 0];
    let answer = [2, 0, 7];
    let cat = |parts: &[&[u8]]| parts.concat();
    vec![
        cat(&[&ask, &answer]),
        cat(&[&ask, &[4, 119], &answer, &[4, 10], &answer]),
        cat(&[&ask, &[5], &answer, &[5], &answer]),
        cat(&[&ask, &[2, 0, 0, 1], &[2, 0, 4, 9, 128], &[2, 0, 5, 3, 0, 9], &[6, 1, 0, 3, 22, 254, 253]]),
        cat(&[&[7, 1, 7, 5, 5, 0, 0, 0, 1, 2, 3, 0, 30, 9], &ask, &answer]),
    ]
}
