//! Captures of runs: what tshark needs to show them.
//!
//! What can go wrong: a capture lacks a datagram or has its time or direction wrong, or the secrets in its key log are
//! not those of its records. (Whether tshark itself agrees is tried with the other implementations.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use sealgram::Role;
use sealgram_sim::{Pair, for_seeds};

/// Packet after packet, with its time in nanoseconds.
fn packets(pcap: &[u8]) -> Vec<(u64, &[u8])> {
    let mut packets = Vec::new();
    let mut rest = &pcap[24..];
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let field = |at: usize| u64::from(u32::from_le_bytes(header[at..at + 4].try_into().unwrap()));
        assert_eq!(field(8), field(12), "packets are whole");
        let (packet, next) = behind.split_at(usize::try_from(field(8)).unwrap());
        packets.push((field(0) * 1_000_000_000 + field(4), packet));
        rest = next;
    }
    packets
}

/// One packet for each datagram that was sent, one line of secrets for both ends, and that of this handshake.
#[test]
fn a_capture_has_all_datagrams_and_the_secret() {
    for_seeds(0..10, |seed| {
        let mut pair = Pair::builder(seed).gate().capture().build();
        pair.connect();
        pair.send(Role::Server, b"data");
        pair.settle();
        let files = pair.capture().unwrap();
        let packets = packets(&files.pcap);
        let entries = pair.log().entries();
        assert_eq!(packets.len(), entries.len());
        for ((at, packet), entry) in packets.iter().zip(entries) {
            assert_eq!(packet[28..], entry.datagram);
            assert_eq!(at - packets[0].0, u64::try_from((entry.at - entries[0].at).as_nanos()).unwrap());
            let server_port = if entry.from == Role::Server { 0 } else { 2 };
            assert_eq!(packet[20 + server_port..22 + server_port], 4433_u16.to_be_bytes());
        }
        // The random stands behind the headers of record and fragment and the version.
        let random: String = entries[0].datagram[27..59].iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<_> = files.keys.lines().collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with(&format!("CLIENT_RANDOM {random} ")));
        assert_eq!(lines[0].len(), 14 + 64 + 1 + 96);
    });
}

#[test]
fn nobody_keeps_secrets_unasked() {
    let mut pair = Pair::builder(1).build();
    pair.connect();
    assert_eq!(pair.capture().is_some(), std::env::var_os("SEALGRAM_CAPTURE").is_some());
}
