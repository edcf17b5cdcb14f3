//! tshark: what it reads in captures of both our ends has to be what they did.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use sealgram::code::{AlertDescription, CipherSuite, HandshakeType};
use sealgram::provider::ring;
use sealgram::{Role, inspect};
use sealgram_interop::case::{self, Case, SMALL_MTU};
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
the program writes itself, with the key log of ours. What it says of records, messages, data and alerts is compared with what both ends did. It deciphers all but
ChaCha20-Poly1305, of which tshark 4.0 reads only what is in the clear, whoever sent it.";

/// Every suite, with either way to the master secret, and with flights whole and in fragments.
fn cases() -> impl Iterator<Item = Case> {
    let suites = case::SUITES.into_iter().map(|suite| Case { narrow: true, ..Case::new(suite, case::ECDSA.group) });
    let secrets = suites.flat_map(|case| [case, Case { extended_master_secret: false, ..case }]);
    secrets.flat_map(|case| [case, Case { mtu: Some(SMALL_MTU), ..case }])
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
        let datagrams: Vec<_> = wire.datagrams().into_iter().map(|(_, datagram)| datagram).collect();
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
            deciphered(real().link(lossy), "simulation, C02B, with losses", certificates)
        }),
        Interop::new("tshark / simulation, C02B, MTU 300".into(), move |certificates| {
            deciphered(real().mtu(SMALL_MTU), "simulation, C02B, MTU 300", certificates)
        }),
        Interop::new("tshark / simulation, toy cryptography".into(), |certificates| {
            simulated(Pair::builder(1), "simulation, toy", certificates).map(drop)
        }),
    ]
    .into_iter()
}

fn deciphered(builder: PairBuilder, name: &str, certificates: &Certificates) -> Outcome {
    let readings = simulated(builder, name, certificates)?;
    expect(readings.iter().any(|reading| reading.data == SAID), "the data was not deciphered")
}

fn simulated(builder: PairBuilder, name: &str, certificates: &Certificates) -> Outcome<Vec<Reading>> {
    let mut pair = builder.gate().capture().build();
    pair.connect().send(Role::Client, SAID);
    pair.settle();
    pair.capture().ok_or("no capture")?.write(certificates.directory(), name)?;
    let readings = tshark::read(certificates.directory(), name)?;
    let datagrams: Vec<_> = pair.log().entries().iter().map(|entry| entry.datagram.clone()).collect();
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

/// Holds the headers that tshark reads against those that we read ourselves.
fn agree_on_records(readings: &[Reading], datagrams: &[Vec<u8>]) -> Outcome {
    expect_eq("number of datagrams", &readings.len(), &datagrams.len())?;
    for (reading, datagram) in readings.iter().zip(datagrams) {
        let records = inspect::records(datagram);
        let records = records.map(|it| [u64::from(it.content_type.0), it.epoch.into(), it.sequence]);
        expect_eq("records", &reading.records, &records.collect())?;
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
