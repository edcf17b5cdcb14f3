//! tshark, the reader: what it makes of a capture and of the secrets that belong to it.

use core::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::configuration::from_hexadecimal;
use crate::{Outcome, expect};

/// The version, or why tshark cannot take part.
pub fn find() -> Result<String, String> {
    let output = Command::new(PROGRAM).arg("--version").output().map_err(|error| format!("{PROGRAM}: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    let first_line = version.lines().next().unwrap_or_default();
    // 4.0 is what Debian has had since 2023.
    let number = first_line.split(' ').find(|word| ["4.", "5."].iter().any(|major| word.starts_with(major)));
    let series = number.map(super::series);
    series.map(|it| format!("TShark {it}")).ok_or_else(|| format!("{PROGRAM} is {first_line:?}, not TShark 4 or 5"))
}

/// What it says of one datagram: for each field what it has of it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what is compared in this workspace")]
pub struct Reading {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom it was sent.
    pub to: SocketAddr,
    /// The content type, the epoch and the sequence number of each record. Where the true type is inside, it is that one
    /// if it can be deciphered.
    pub records: Vec<[u64; 3]>,
    /// The outer content type of each record whose true type is inside.
    pub outer_types: Vec<u64>,
    /// The connection ID of each record that has one (RFC 9146 section 4).
    pub connection_ids: Vec<Vec<u8>>,
    /// The type of each handshake message, or of each fragment of one, as far as it is in the clear or decrypted.
    pub messages: Vec<u64>,
    /// The description of each alert, likewise.
    pub alerts: Vec<u64>,
    /// Application data, likewise.
    pub data: Vec<u8>,
}

/// Reads `NAME.pcap` with the secrets in `NAME.keys`, both in this folder. The server has port 4433.
pub fn read(folder: &Path, name: &str) -> Outcome<Vec<Reading>> {
    read_port(folder, name, 4433)
}

/// As [`read`], where the server has this port.
pub fn read_port(folder: &Path, name: &str, port: u16) -> Outcome<Vec<Reading>> {
    let mut command = Command::new(PROGRAM);
    command.arg("-r").arg(folder.join(format!("{name}.pcap")));
    command.arg("-o").arg(format!("tls.keylog_file:{}", folder.join(format!("{name}.keys")).display()));
    command.args(["-d", &format!("udp.port=={port},dtls"), "-T", "fields", "-E", "separator=|"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.env("HOME", folder).output()?;
    expect(output.status.success(), format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))?;
    String::from_utf8(output.stdout)?.lines().map(reading).collect()
}

fn reading(line: &str) -> Outcome<Reading> {
    let fields: Vec<_> = line.split('|').collect();
    let &[
        from_v4,
        from_v6,
        from_port,
        to_v4,
        to_v6,
        to_port,
        types,
        epochs,
        sequences,
        outer,
        ids,
        messages,
        alerts,
        data,
        complaints,
    ] = &*fields
    else {
        return Err(format!("{line:?} does not have {} fields", FIELDS.len()).into());
    };
    expect(complaints.is_empty(), format!("tshark complains: {line}"))?;
    let (types, epochs, sequences) = (numbers(types)?, numbers(epochs)?, numbers(sequences)?);
    expect(types.len() == epochs.len() && types.len() == sequences.len(), format!("incomplete records: {line}"))?;
    let records = types.iter().zip(&epochs).zip(&sequences).map(|((one, two), three)| [*one, *two, *three]);
    Ok(Reading {
        // Of the two versions of IP, a packet has one.
        from: SocketAddr::new(format!("{from_v4}{from_v6}").parse()?, from_port.parse()?),
        to: SocketAddr::new(format!("{to_v4}{to_v6}").parse()?, to_port.parse()?),
        records: records.collect(),
        outer_types: numbers(outer)?,
        connection_ids: ids.split(',').filter(|id| !id.is_empty()).map(bytes).collect::<Result<_, _>>()?,
        messages: numbers(messages)?,
        alerts: numbers(alerts)?,
        data: bytes(data)?,
    })
}

fn numbers(list: &str) -> Outcome<Vec<u64>> {
    let words = list.split(',').filter(|word| !word.is_empty());
    Ok(words.map(str::parse).collect::<Result<_, _>>()?)
}

/// The digits of one record, or of several with commas between them.
fn bytes(list: &str) -> Outcome<Vec<u8>> {
    from_hexadecimal(&list.replace([',', ':'], ""))
}

const PROGRAM: &str = "tshark";

const FIELDS: [&str; 15] = [
    "ip.src",
    "ipv6.src",
    "udp.srcport",
    "ip.dst",
    "ipv6.dst",
    "udp.dstport",
    "dtls.record.content_type",
    "dtls.record.epoch",
    "dtls.record.sequence_number",
    "dtls.record.special_type",
    "dtls.record.connection_id",
    "dtls.handshake.type",
    "dtls.alert_message.desc",
    "data.data",
    "_ws.malformed",
];
