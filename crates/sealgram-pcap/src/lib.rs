//! Captures of UDP datagrams, in files that Wireshark and tshark open.
//!
//! A file has the packets as an IP stack would have sent them, without a link layer around them. Who has seen only
//! datagrams, and knows their addresses, can write one.
//!
//! ```
//! use core::time::Duration;
//!
//! let (client, server) = ("[::1]:50000".parse()?, "[::1]:4433".parse()?);
//! let mut capture = sealgram_pcap::Capture::new(Vec::new())?;
//! capture.add(Duration::from_secs(1_700_000_000), client, server, b"ping")?;
//! capture.add(Duration::from_secs(1_700_000_001), server, client, b"pong")?;
//! assert_eq!(capture.into_inner().len(), 24 + 2 * (16 + 40 + 8 + 4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, Write};

/// A pcap file in the making (draft-ietf-opsawg-pcap): UDP over IPv4 and IPv6.
#[derive(Debug)]
pub struct Capture<W> {
    file: W,
}

impl<W: Write> Capture<W> {
    /// A file without packets.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn new(mut file: W) -> io::Result<Self> {
        let mut header = Vec::new();
        header.extend(MAGIC_NANOSECONDS.to_le_bytes());
        // Version 2.4, then 8 bytes that are not used any more.
        header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(LONGEST_PACKET.to_le_bytes());
        header.extend(LINKTYPE_RAW.to_le_bytes());
        file.write_all(&header)?;
        Ok(Self { file })
    }

    /// Adds a datagram that went from one address to the other. `at` counts from 1970, or from wherever the caller
    /// likes. It is written at once and with one call, so that whatever ends a program leaves whole packets.
    ///
    /// # Errors
    ///
    /// Those of the writer; [`io::ErrorKind::InvalidInput`] if one address is of IPv4 and the other of IPv6, or if the
    /// datagram is longer than UDP carries.
    pub fn add(&mut self, at: Duration, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let packet = ip_packet(from, to, datagram).ok_or(io::ErrorKind::InvalidInput)?;
        let len = u32::try_from(packet.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // The seconds have 32 bits: until 2106, if they are counted from 1970.
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let mut record = Vec::with_capacity(16 + packet.len());
        for field in [seconds, at.subsec_nanos(), len, len] {
            record.extend(field.to_le_bytes());
        }
        record.extend(packet);
        self.file.write_all(&record)
    }

    /// The writer, which has the whole file by now.
    pub fn into_inner(self) -> W {
        self.file
    }
}

/// `None` if there is no such packet.
fn ip_packet(from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from_ip), IpAddr::V4(to_ip)) => {
            let addresses = [from_ip.octets(), to_ip.octets()].concat();
            let udp = udp_packet(from.port(), to.port(), &addresses, datagram)?;
            Some([ipv4_header(from_ip, to_ip, udp.len())?, udp].concat())
        }
        (IpAddr::V6(from_ip), IpAddr::V6(to_ip)) => {
            let addresses = [from_ip.octets(), to_ip.octets()].concat();
            let udp = udp_packet(from.port(), to.port(), &addresses, datagram)?;
            Some([ipv6_header(from_ip, to_ip, udp.len())?, udp].concat())
        }
        _ => None,
    }
}

/// RFC 791 section 3.1, without options and never to be fragmented.
fn ipv4_header(from: Ipv4Addr, to: Ipv4Addr, payload_len: usize) -> Option<Vec<u8>> {
    let [l0, l1] = length(payload_len + 20)?;
    let before_sum = [0x45, 0, l0, l1, 0, 0, 0x40, 0, HOP_LIMIT, UDP];
    let addresses = [from.octets(), to.octets()].concat();
    let sum = checksum(&[&before_sum, &addresses]).to_be_bytes();
    Some([&before_sum[..], &sum, &addresses].concat())
}

/// RFC 8200 section 3.
fn ipv6_header(from: Ipv6Addr, to: Ipv6Addr, payload_len: usize) -> Option<Vec<u8>> {
    let [l0, l1] = length(payload_len)?;
    Some([&[0x60, 0, 0, 0, l0, l1, UDP, HOP_LIMIT][..], &from.octets(), &to.octets()].concat())
}

/// RFC 768. The pseudo header is the addresses here; protocol and length are the same for both versions of IP.
fn udp_packet(from: u16, to: u16, addresses: &[u8], datagram: &[u8]) -> Option<Vec<u8>> {
    let length = length(datagram.len() + 8)?;
    let before_sum = [from.to_be_bytes(), to.to_be_bytes(), length].concat();
    // A sum of zero would say that there is none.
    let sum = match checksum(&[addresses, &[0, UDP], &length, &before_sum, datagram]) {
        0 => u16::MAX,
        sum => sum,
    };
    Some([&before_sum[..], &sum.to_be_bytes(), datagram].concat())
}

fn length(len: usize) -> Option<[u8; 2]> {
    Some(u16::try_from(len).ok()?.to_be_bytes())
}

/// RFC 1071: the complement of the sum of all 16-bit words, in ones' complement. All parts but the last are of even
/// length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let value = |word: &[u8]| match word {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    };
    // At most 65,575 words of 16 bits: the sum of them fits.
    let mut sum: u32 = words.map(value).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the loop ends with 16 bits")]
    let folded = sum as u16;
    !folded
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

    fn udp_sum(addresses: &[u8], udp: &[u8]) -> u16 {
        checksum(&[addresses, &[0, UDP], &length(udp.len()).unwrap(), udp])
    }

    /// The sum over a packet with its checksum in place is all ones, as RFC 1071 has it.
    #[test]
    fn checksums_verify() {
        let (from, to) = (SocketAddr::from(([192, 0, 2, 1], 50000)), SocketAddr::from(([198, 51, 100, 2], 4433)));
        for len in [0, 1, 7, 100, 1201, 65_507] {
            let packet = ip_packet(from, to, &vec![0xe7; len]).unwrap();
            assert_eq!(packet.len(), 28 + len);
            assert_eq!(checksum(&[&packet[..20]]), 0);
            assert_eq!(udp_sum(&packet[12..20], &packet[20..]), 0);
        }
        let (from, to) =
            (SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 1), SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 2));
        let packet = ip_packet(from, to, b"datagram").unwrap();
        assert_eq!(udp_sum(&packet[8..40], &packet[40..]), 0);
    }

    #[test]
    fn a_packet_has_its_own_header_of_sixteen_bytes() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4433));
        let mut capture = Capture::new(Vec::new()).unwrap();
        capture.add(Duration::new(3, 4), address, address, b"abc").unwrap();
        let file = capture.into_inner();
        assert_eq!(file.len(), 24 + 16 + 28 + 3);
        assert_eq!(file[24..40], [3, 0, 0, 0, 4, 0, 0, 0, 31, 0, 0, 0, 31, 0, 0, 0]);
        assert_eq!(file[68..], *b"abc");
    }

    #[test]
    fn what_no_packet_carries_is_refused_and_leaves_no_trace() {
        let (v4, v6) = (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 1));
        let mut capture = Capture::new(Vec::new()).unwrap();
        for (from, to, len) in [(v4, v6, 1), (v6, v4, 1), (v4, v4, 65_508), (v6, v6, 65_528)] {
            let error = capture.add(Duration::ZERO, from, to, &vec![0; len]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert_eq!(capture.into_inner().len(), 24);
    }
}
