//! tshark: what it reads in captures of both our ends has to be what they did.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use sealgram::code::{AlertDescription, CipherSuite, ContentType, HandshakeType};
use sealgram::provider::ring;
use sealgram::{Role, inspect};
use sealgram_interop::case::{self, Authentication, Case, SMALL_MTU};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_builder, name_for, server_builder, transport};
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::tshark::{self, Reading};
use sealgram_interop::process::Process;
use sealgram_interop::program;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, PATIENCE, expect, expect_eq};
use sealgram_pcap::Capture;
use sealgram_sim::CertificateKind::EcdsaP256;
use sealgram_sim::pcap::{CaptureFiles, KeyLines};
use sealgram_sim::{Fault, Pair, PairBuilder, Script};
use sealgram_std::Direction;

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let undeciphered = cases().filter(is_beyond_tshark);
    let undeciphered = undeciphered
        .map(|case| Interop::new(format!("tshark / {case}, deciphered"), |_| Ok(())).impossible(NO_CHACHA20));
    cases().map(captured).chain(undeciphered).chain(simulations())
}

/// For docs/interop.md.
pub(crate) const ABOUT: &str = "\
tshark takes no part: it reads captures of associations between our two ends, of runs of the simulator, and those that
the program writes itself, with the key log of ours. What it says of records and their connection IDs, messages, data and
alerts is compared with what both ends did. It deciphers all but
ChaCha20-Poly1305, of which tshark 4.0 reads only what is in the clear, whoever sent it.";

/// Every suite, with either way to the master secret, and with flights whole and in fragments; and connection IDs of both
/// ends, of either, and of neither.
fn cases() -> impl Iterator<Item = Case> {
    let identified = case::CONNECTION_IDS.iter().copied().filter(|case| !case.client.is_asked());
    let identified =
        identified.filter(|case| case.authentication() == Authentication::Signature && !is_beyond_tshark(case));
    let identified = identified.filter(|case| case.extended_master_secret).map(|case| Case { narrow: true, ..case });
    let suites = case::SUITES.into_iter().map(|suite| Case { narrow: true, ..Case::new(suite, case::ECDSA.group) });
    let secrets = suites.flat_map(|case| [case, Case { extended_master_secret: false, ..case }]);
    secrets.flat_map(|case| [case, Case { mtu: Some(SMALL_MTU), ..case }]).chain(identified)
}

fn is_beyond_tshark(case: &Case) -> bool {
    matches!(
        case.suite,
        CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 | CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

/// Seen with tshark 4.0.17 and two ends of OpenSSL. What goes in the clear is read all the same.
const NO_CHACHA20: &str = "tshark 4.0 does not decipher ChaCha20-Poly1305 over DTLS, whoever sent it";

fn captured(case: Case) -> Interop {
    let extent = if is_beyond_tshark(&case) { "in the clear" } else { "deciphered" };
    Interop::new(format!("tshark / {case}, {extent}"), move |certificates| {
        let (wire, files) = talk(&case, certificates)?;
        let name = format!("tshark {case}");
        files.write(certificates.directory(), &name)?;
        let readings = tshark::read(certificates.directory(), &name)?;
        let id_len = |direction| {
            // Our tap is the client's.
            let receiver = if direction == Direction::Sent { Role::Server } else { Role::Client };
            case.connection_ids.map_or(0, |ids| ids.of(receiver).len() / 2)
        };
        let datagrams: Vec<_> =
            wire.datagrams().into_iter().map(|(direction, datagram)| (id_len(direction), datagram)).collect();
        let agree = || -> Outcome {
            agree_on_records(&readings, &datagrams)?;
            if is_beyond_tshark(&case) { Ok(()) } else { agree_on_contents(&readings) }
        };
        agree().map_err(|error| format!("{error}\n--- on the wire:\n{wire}").into())
    })
}

/// Runs of the simulator, as it writes them on demand: with cryptography that tshark knows, and with the toy of the
/// simulator, of which it can only read what is in the clear.
fn simulations() -> impl Iterator<Item = Interop> {
    let real = || Pair::builder(1).ring(&ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ring::X25519, EcdsaP256);
    [
        Interop::new("tshark / simulation, C02B, with losses".into(), move |certificates| {
            // Not with fragments: tshark takes those of a message that is cut anew for contradictions.
            let lossy = Script::new([(3, Fault::Drop), (5, Fault::Duplicate), (7, Fault::Drop)]);
            deciphered(real().link(lossy), [0; 2], "simulation, C02B, with losses", certificates)
        }),
        Interop::new("tshark / simulation, C02B, MTU 300".into(), move |certificates| {
            deciphered(real().mtu(SMALL_MTU), [0; 2], "simulation, C02B, MTU 300", certificates)
        }),
        Interop::new("tshark / simulation, C02B, with connection IDs".into(), move |certificates| {
            let lossy = Script::new([(3, Fault::Drop), (5, Fault::Duplicate), (7, Fault::Drop)]);
            let builder = real().connection_ids(4, 8).link(lossy);
            deciphered(builder, [4, 8], "simulation, C02B, with connection IDs", certificates)
        }),
        Interop::new("tshark / simulation, toy cryptography".into(), |certificates| {
            simulated(Pair::builder(1), [0; 2], "simulation, toy", certificates).map(drop)
        }),
    ]
    .into_iter()
}

fn deciphered(builder: PairBuilder, id_lens: [usize; 2], name: &str, certificates: &Certificates) -> Outcome {
    let readings = simulated(builder, id_lens, name, certificates)?;
    expect(readings.iter().any(|reading| reading.data == SAID), "the data was not deciphered")
}

/// `id_lens` are those of what the client and the server want to find, in bytes.
fn simulated(
    builder: PairBuilder,
    id_lens: [usize; 2],
    name: &str,
    certificates: &Certificates,
) -> Outcome<Vec<Reading>> {
    let mut pair = builder.gate().capture().build();
    pair.connect().send(Role::Client, SAID);
    pair.settle();
    pair.capture().ok_or("no capture")?.write(certificates.directory(), name)?;
    let readings = tshark::read(certificates.directory(), name)?;
    let [of_client, of_server] = id_lens;
    let entries = pair.log().entries().iter();
    let datagrams: Vec<_> = entries
        .map(|entry| (if entry.from == Role::Client { of_server } else { of_client }, entry.datagram.clone()))
        .collect();
    agree_on_records(&readings, &datagrams)?;
    Ok(readings)
}

const SAID: &[u8] = b"what the client says";

/// An association of both our ends over a socket: what went over the wire, and the same as files.
fn talk(case: &Case, certificates: &Certificates) -> Outcome<(Arc<Wire>, CaptureFiles)> {
    let (wire, keys) = (Arc::new(Wire::default()), Arc::new(KeyLines::default()));
    // Nothing is sent twice, however slow the machine.
    let transport = transport(case).initial_timeout(PATIENCE);
    let server_config = server_builder(case, certificates)?.transport(transport);
    let server_config = server_config.danger().key_log(Arc::clone(&keys) as Arc<_>).build()?;
    let client_config = client_builder(case, case.key_kind, certificates)?.transport(transport);
    let client_config = client_config.danger().key_log(Arc::clone(&keys) as Arc<_>).build()?;
    // The client's socket is the one that is looked at.
    let server = Server::listen(server_config, &Arc::default())?;
    let mut client = Association::connect(server.address()?, name_for(case)?, client_config, &wire)?;
    let mut stream = server.accept()?;
    for (n, payload) in payloads().enumerate() {
        let (from, to) = if n % 2 == 0 { (&mut client, &mut stream) } else { (&mut stream, &mut client) };
        from.send(&payload)?;
        expect_eq("data", &to.recv()?, &payload)?;
    }
    client.close()?;

    let mut capture = Capture::new(Vec::new())?;
    let (client, server) = (SocketAddr::from(([127, 0, 0, 1], 50_000)), SocketAddr::from(([127, 0, 0, 1], 4433)));
    for (at, (direction, datagram)) in (0..).map(Duration::from_millis).zip(wire.datagrams()) {
        let (from, to) = if direction == Direction::Sent { (client, server) } else { (server, client) };
        capture.add(at, from, to, &datagram)?;
    }
    let files = CaptureFiles { pcap: capture.into_inner(), keys: keys.text() };
    Ok((wire, files))
}

/// What our program writes down itself: its own capture, read with its own key log, at either end.
pub(crate) fn programs() -> impl Iterator<Item = Interop> {
    let disturbed = &["--dup", "50", "--reorder", "50", "--seed", "5"][..];
    [("over IPv4", "127.0.0.1:0", &[][..]), ("over IPv6", "[::1]:0", &[]), ("disturbed", "127.0.0.1:0", disturbed)]
        .into_iter()
        .map(|(what, address, flags)| {
            let name = format!("tshark / program {what}");
            Interop::new(name, move |certificates| run_program(what, address, flags, certificates))
        })
}

fn run_program(what: &str, address: &str, flags: &[&str], certificates: &Certificates) -> Outcome {
    let program = program::find()?;
    let name = |end: &str| format!("program {what}, {end}");
    let start = |end: &str, arguments: &[&str]| {
        let file = |kind: &str| certificates.directory().join(format!("{}.{kind}", name(end)));
        let mut command = program::command(&program);
        command.args(arguments).args(flags);
        Process::spawn(command.arg("--pcap").arg(file("pcap")).arg("--keylog").arg(file("keys")))
    };
    let server = start("server", &["listen", address, "--echo"])?;
    let address: SocketAddr = server.wait_for_line("listening on ")?.parse()?;
    let said = String::from_utf8_lossy(SAID);
    let mut client =
        start("client", &["connect", &address.to_string(), "--insecure", "--send", &said, "--wait", "30"])?;
    client.wait_for_success()?;
    server.wait_for_text(" closed")?;
    for end in ["client", "server"] {
        let readings = tshark::read_port(certificates.directory(), &name(end), address.port())?;
        let client = readings.first().ok_or("no packets")?.from;
        expect_eq("address of the client", &client.ip(), &address.ip())?;
        for (here, there) in [(client, address), (address, client)] {
            let mut said: Vec<_> = readings.iter().filter(|it| it.from == here && it.to == there).collect();
            let count = said.len();
            said.retain(|reading| !reading.data.is_empty());
            expect(count > 2, format!("{count} datagrams from {here} to {there}"))?;
            // Where all come twice, the data does.
            said.dedup_by(|one, other| one.records == other.records);
            expect_eq("application data", &said.iter().map(|it| &*it.data).collect(), &vec![SAID])?;
            expect(
                readings.iter().any(|it| it.from == here && it.messages.contains(&HandshakeType::FINISHED.0.into())),
                format!("the Finished of {here} was not deciphered"),
            )?;
        }
        let others =
            readings.iter().filter(|it| ![it.from, it.to].contains(&client) || ![it.from, it.to].contains(&address));
        expect_eq("datagrams of others", &others.count(), &0)?;
    }
    Ok(())
}

/// What is said, alternately, the client first.
fn payloads() -> impl Iterator<Item = Vec<u8>> {
    [1_u8, 16, 100, 200].into_iter().map(|len| (0..len).collect())
}

/// Holds the headers that tshark reads against those that we read ourselves, knowing how long connection IDs are.
fn agree_on_records(readings: &[Reading], datagrams: &[(usize, Vec<u8>)]) -> Outcome {
    expect_eq("number of datagrams", &readings.len(), &datagrams.len())?;
    for (reading, (id_len, datagram)) in readings.iter().zip(datagrams) {
        let records: Vec<_> = inspect::records(datagram).with_connection_ids(*id_len).collect();
        expect_eq("number of records", &reading.records.len(), &records.len())?;
        for ([content_type, epoch, sequence], ours) in reading.records.iter().zip(&records) {
            expect_eq("numbers of a record", &[*epoch, *sequence], &[ours.epoch.into(), ours.sequence])?;
            // The true one is inside, and told if it can be deciphered.
            if ours.content_type != ContentType::TLS12_CID {
                expect_eq("content type", content_type, &ours.content_type.0.into())?;
            }
        }
        let identified = records.iter().filter(|record| record.content_type == ContentType::TLS12_CID);
        expect_eq(
            "outer types",
            &reading.outer_types,
            &identified.clone().map(|it| it.content_type.0.into()).collect(),
        )?;
        let ids = identified.map(|record| record.connection_id.to_vec());
        expect_eq("connection IDs", &reading.connection_ids, &ids.collect())?;
    }
    Ok(())
}

/// Holds what tshark reads in the records against what both ends did.
fn agree_on_contents(readings: &[Reading]) -> Outcome {
    let mut messages: Vec<_> = readings.iter().flat_map(|reading| &reading.messages).copied().collect();
    messages.dedup();
    expect_eq("messages", &messages, &handshake())?;
    let data: Vec<_> = readings.iter().map(|reading| reading.data.clone()).filter(|data| !data.is_empty()).collect();
    expect_eq("application data", &data, &payloads().collect())?;
    let alerts: Vec<_> = readings.iter().flat_map(|reading| &reading.alerts).copied().collect();
    expect_eq("alerts", &alerts, &vec![AlertDescription::CLOSE_NOTIFY.0.into()])
}

/// RFC 6347 section 4.2.4, Figure 1. The client's Finished comes after its key exchange, the server's directly behind.
fn handshake() -> Vec<u64> {
    let messages = [
        HandshakeType::CLIENT_HELLO,
        HandshakeType::HELLO_VERIFY_REQUEST,
        HandshakeType::CLIENT_HELLO,
        HandshakeType::SERVER_HELLO,
        HandshakeType::CERTIFICATE,
        HandshakeType::SERVER_KEY_EXCHANGE,
        HandshakeType::SERVER_HELLO_DONE,
        HandshakeType::CLIENT_KEY_EXCHANGE,
        HandshakeType::FINISHED,
    ];
    messages.map(|msg_type| msg_type.0.into()).into()
}
