//! Captures: datagrams in a file that Wireshark and tshark open, and the secrets that let them read the records in it.
//!
//! A file has the packets as an IP stack would have sent them, without a link layer around them. Times are whatever the
//! caller counts from.

use core::fmt::Write as _;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sealgram::key_log::KeyLog;

/// A pcap file in the making (draft-ietf-opsawg-pcap): UDP over IPv4 and IPv6.
#[derive(Clone, Debug)]
pub struct Capture {
    file: Vec<u8>,
}

impl Capture {
    /// A file without packets.
    #[must_use]
    pub fn new() -> Self {
        let mut file = Vec::new();
        file.extend(MAGIC_NANOSECONDS.to_le_bytes());
        // Version 2.4, then 8 bytes that are not used any more.
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(LONGEST_PACKET.to_le_bytes());
        file.extend(LINKTYPE_RAW.to_le_bytes());
        Self { file }
    }

    /// Adds a datagram that went from one address to the other at this time.
    ///
    /// # Panics
    ///
    /// If one address is of IPv4 and the other of IPv6, or if the datagram is longer than UDP carries.
    pub fn add(&mut self, at: Duration, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let packet = ip_packet(from, to, datagram);
        let len = u32::try_from(packet.len()).expect("an IP packet is shorter");
        // The seconds have 32 bits: until 2106, if they are counted from 1970.
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        for field in [seconds, at.subsec_nanos(), len, len] {
            self.file.extend(field.to_le_bytes());
        }
        self.file.extend(packet);
    }

    /// The bytes of the file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.file
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

fn ip_packet(from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> Vec<u8> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from_ip), IpAddr::V4(to_ip)) => {
            let pseudo_header = [&from_ip.octets()[..], &to_ip.octets()].concat();
            let udp = udp_packet(from.port(), to.port(), &pseudo_header, datagram);
            [ipv4_header(from_ip, to_ip, udp.len()).to_vec(), udp].concat()
        }
        (IpAddr::V6(from_ip), IpAddr::V6(to_ip)) => {
            let pseudo_header = [&from_ip.octets()[..], &to_ip.octets()].concat();
            let udp = udp_packet(from.port(), to.port(), &pseudo_header, datagram);
            [ipv6_header(from_ip, to_ip, udp.len()), udp].concat()
        }
        _ => panic!("{from} and {to} are of different families"),
    }
}

/// RFC 791 section 3.1, without options and never to be fragmented.
fn ipv4_header(from: Ipv4Addr, to: Ipv4Addr, payload_len: usize) -> [u8; 20] {
    let [l0, l1] = length(payload_len + 20);
    let mut header = [0x45, 0, l0, l1, 0, 0, 0x40, 0, HOP_LIMIT, UDP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[12..16].copy_from_slice(&from.octets());
    header[16..].copy_from_slice(&to.octets());
    let sum = checksum(&[&header]).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    header
}

/// RFC 8200 section 3.
fn ipv6_header(from: Ipv6Addr, to: Ipv6Addr, payload_len: usize) -> Vec<u8> {
    let [l0, l1] = length(payload_len);
    [&[0x60, 0, 0, 0, l0, l1, UDP, HOP_LIMIT][..], &from.octets(), &to.octets()].concat()
}

/// RFC 768. The pseudo header is the addresses here; protocol and length are the same for both versions of IP.
fn udp_packet(from: u16, to: u16, addresses: &[u8], datagram: &[u8]) -> Vec<u8> {
    let length = length(datagram.len() + 8);
    let mut packet = [&from.to_be_bytes()[..], &to.to_be_bytes(), &length, &[0, 0], datagram].concat();
    // A sum of zero would say that there is none.
    let sum = match checksum(&[addresses, &[0, UDP], &length, &packet]) {
        0 => u16::MAX,
        sum => sum,
    };
    packet[6..8].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("a datagram that UDP carries").to_be_bytes()
}

/// RFC 1071: the complement of the sum of all 16-bit words, in ones' complement. All parts but the last are of even
/// length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).expect("16 bits are left")
}

/// A [`KeyLog`] that keeps the lines of an `SSLKEYLOGFILE` (RFC 9850), each once.
#[derive(Debug, Default)]
pub struct KeyLines(Mutex<Vec<String>>);

impl KeyLines {
    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).concat()
    }
}

impl KeyLog for KeyLines {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Both ends tell the same.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all there is");
    }
    text
}

/// A capture and the secrets to read it with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two files")]
pub struct CaptureFiles {
    /// What goes into the pcap file.
    pub pcap: Vec<u8>,
    /// What goes into the key log file.
    pub keys: String,
}

impl CaptureFiles {
    /// Writes `NAME.pcap` and `NAME.keys` into a folder, which is made if it is not there. The command that shows them:
    /// `tshark -r NAME.pcap -o tls.keylog_file:NAME.keys -d udp.port==4433,dtls`.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write(&self, folder: &Path, name: &str) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(format!("{name}.pcap")), &self.pcap)?;
        std::fs::write(folder.join(format!("{name}.keys")), &self.keys)
    }
}

/// The magic number of files whose times are in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Packets begin with their IPv4 or IPv6 header.
const LINKTYPE_RAW: u32 = 101;
/// More than any IP packet has.
const LONGEST_PACKET: u32 = 1 << 17;
/// The number of UDP among the protocols over IP.
const UDP: u8 = 17;
const HOP_LIMIT: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum over a packet with its checksum in place is all ones, as RFC 1071 has it.
    #[test]
    fn checksums_verify() {
        let (from, to) = (SocketAddr::from(([192, 0, 2, 1], 50000)), SocketAddr::from(([198, 51, 100, 2], 4433)));
        for len in [0, 1, 7, 100, 1201] {
            let packet = ip_packet(from, to, &vec![0xe7; len]);
            assert_eq!(packet.len(), 28 + len);
            assert_eq!(checksum(&[&packet[..20]]), 0);
            let udp_len = length(8 + len);
            assert_eq!(checksum(&[&packet[12..20], &[0, UDP], &udp_len, &packet[20..]]), 0);
        }
        let (from, to) =
            (SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 1), SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 2));
        let packet = ip_packet(from, to, b"datagram");
        assert_eq!(checksum(&[&packet[8..40], &[0, UDP], &length(16), &packet[40..]]), 0);
    }

    #[test]
    fn a_packet_has_its_own_header_of_sixteen_bytes() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4433));
        let mut capture = Capture::new();
        capture.add(Duration::new(3, 4), address, address, b"abc");
        let file = capture.into_bytes();
        assert_eq!(file.len(), 24 + 16 + 28 + 3);
        assert_eq!(file[24..40], [3, 0, 0, 0, 4, 0, 0, 0, 31, 0, 0, 0, 31, 0, 0, 0]);
        assert_eq!(file[68..], *b"abc");
    }

    #[test]
    fn a_secret_that_both_ends_tell_is_one_line() {
        let lines = KeyLines::default();
        for secret in [[1; 48], [1; 48], [2; 48]] {
            lines.log("CLIENT_RANDOM", &[0xab; 32], &secret);
        }
        let [random, one, two] = [hex(&[0xab; 32]), hex(&[1; 48]), hex(&[2; 48])];
        assert_eq!(lines.text(), format!("CLIENT_RANDOM {random} {one}\nCLIENT_RANDOM {random} {two}\n"));
    }
}
