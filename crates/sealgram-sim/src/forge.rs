//! Datagrams from a stranger, who sees all that is sent and has no keys.

use core::ops::Range;

use sealgram::code::ContentType;
use sealgram::inspect;

use crate::rng::SimRng;

/// Datagrams that have no meaning to anyone, at any time: taking them in must change nothing but counters.
///
/// They are made from `seen`, a datagram that one of the ends sent, and from nothing.
pub fn senseless(rng: &mut SimRng, seen: &[u8]) -> Vec<Vec<u8>> {
    let mut forged = vec![Vec::new(), noise(rng, 0..600)];
    forged.extend(not_dtls(rng));
    forged.extend(truncated(rng, seen));
    forged.extend(misshapen_records(rng));
    forged.extend(misshapen_fragments(rng));
    forged.push(record(ContentType::HANDSHAKE.0, 1, rng.next() >> 16, &rng.bytes(48)));
    rng.shuffle(&mut forged);
    forged
}

/// A few of them.
pub fn some_senseless(rng: &mut SimRng, seen: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut forged = match rng.below(5) {
        0 => vec![Vec::new(), noise(rng, 0..600), early_record(rng), early_record(rng), unasked_warning()],
        1 => not_dtls(rng),
        2 => truncated(rng, seen),
        3 => misshapen_records(rng),
        _ => misshapen_fragments(rng),
    };
    rng.shuffle(&mut forged);
    forged.truncate(count);
    forged
}

/// A record under keys that nobody has, or that are not those of whoever sealed it.
fn early_record(rng: &mut SimRng) -> Vec<u8> {
    let len = rng.below(1200);
    record(ContentType::HANDSHAKE.0, 1, rng.next() >> 16, &rng.bytes(len))
}

/// certificate_unobtainable (RFC 6066 section 9) asks for nothing.
fn unasked_warning() -> Vec<u8> {
    record(ContentType::ALERT.0, 0, 1, &[1, 111])
}

/// A datagram of random bytes that does not begin as a record of DTLS could.
fn noise(rng: &mut SimRng, len: Range<usize>) -> Vec<u8> {
    let len = rng.within(len);
    let mut noise = rng.bytes(len);
    if let Some(first) = noise.first_mut() {
        *first |= 0x40;
    }
    noise
}

/// REC-05, REC-31: STUN, TURN, RTP, TLS, and whatever else may share a socket.
fn not_dtls(rng: &mut SimRng) -> Vec<Vec<u8>> {
    let mut forged: Vec<_> = [0, 1, 3, 19, 64, 79, 128, 191, 255]
        .map(|first| {
            let mut datagram = rng.bytes(40);
            datagram[0] = first;
            datagram
        })
        .into();
    let mut tls = record(ContentType::HANDSHAKE.0, 0, 0, &rng.bytes(30));
    tls[1..3].copy_from_slice(&[3, 3]);
    forged.push(tls);
    forged
}

/// REC-18: the first record of a datagram, cut short anywhere.
fn truncated(rng: &mut SimRng, seen: &[u8]) -> Vec<Vec<u8>> {
    let Some(first) = inspect::records(seen).next() else { return Vec::new() };
    let len = RECORD_HEADER_LEN + first.body.len();
    (0..4).map(|_| seen[..rng.below(len)].to_vec()).collect()
}

/// REC-12, REC-20, REC-21, REC-23, REC-24, FLT-16: records that nobody may send like this.
fn misshapen_records(rng: &mut SimRng) -> Vec<Vec<u8>> {
    let mut forged = Vec::new();
    for content_type in [20, 21, 22] {
        forged.push(record(content_type, 0, rng.next() >> 16, &[]));
    }
    for content_type in [23, 24, 25, 26, 27, 28, 63] {
        forged.push(record(content_type, 0, 0, &rng.bytes(20)));
    }
    for epoch in [2, 3, 7, u16::MAX] {
        forged.push(record(ContentType::HANDSHAKE.0, epoch, 0, &rng.bytes(48)));
    }
    for body in [&[0][..], &[2], &[1, 1], &[1, 0, 0]] {
        forged.push(record(ContentType::CHANGE_CIPHER_SPEC.0, 0, rng.next() >> 16, body));
    }
    for body in [&[2][..], &[2, 40, 0], &[1, 0, 1, 0]] {
        forged.push(record(ContentType::ALERT.0, 0, 0, body));
    }
    forged.push(record(ContentType::HANDSHAKE.0, 0, 0, &rng.bytes(18_433)));
    // The body is shorter than the header says.
    let mut short = record(ContentType::HANDSHAKE.0, 0, 0, &rng.bytes(40));
    short.truncate(30);
    forged.push(short);
    forged
}

/// FRG-06, FRG-11, FRG-14, FRG-22, REC-26: fragments that contradict themselves, or are no part of any handshake.
fn misshapen_fragments(rng: &mut SimRng) -> Vec<Vec<u8>> {
    let message_seq = u16::try_from(rng.below(6)).expect("below 6");
    let content = rng.bytes(40);
    let fragments = [
        // Behind the end of its message, by one and by all there is.
        fragment(11, 100, message_seq, 61, 40, &content),
        fragment(11, 0x00ff_ffff, message_seq, 0x00ff_ffff, 40, &content),
        // Longer than its record.
        fragment(11, 100, message_seq, 0, 41, &content),
        fragment(11, 100, message_seq, 0, 0x00ff_ffff, &content),
        // Nothing of something.
        fragment(11, 100, message_seq, 0, 0, &[]),
        fragment(11, 100, message_seq, 100, 0, &[]),
        // Half a header.
        content[..11].to_vec(),
        // Far ahead.
        fragment(11, 40, 500, 0, 40, &content),
        fragment(11, 40, u16::MAX, 0, 40, &content),
        // HelloRequest.
        fragment(0, 0, message_seq, 0, 0, &[]),
    ];
    fragments.map(|fragment| record(ContentType::HANDSHAKE.0, 0, rng.next() >> 16, &fragment)).into()
}

/// Records that are well formed and say something that only the peer may say. Nobody can tell, so they are remembered
/// as a hint, and do nothing while the true handshake goes on.
pub fn hints(rng: &mut SimRng) -> Vec<Vec<u8>> {
    let alert = |level, description| record(ContentType::ALERT.0, 0, 1, &[level, description]);
    vec![
        alert(2, 40),
        alert(2, 0),
        alert(1, 0),
        alert(1, 90),
        alert(1, 112),
        alert(77, 77),
        record(ContentType::CHANGE_CIPHER_SPEC.0, 0, rng.next() >> 16, &[1]),
    ]
}

/// A record with this body, under no key.
#[must_use]
pub fn record(content_type: u8, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content_type, 0xfe, 0xfd];
    bytes.extend(epoch.to_be_bytes());
    bytes.extend(sequence.to_be_bytes().into_iter().skip(2));
    bytes.extend(u16::try_from(body.len()).expect("a record body").to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A handshake fragment; nothing ensures that its numbers fit together.
#[must_use]
pub fn fragment(
    msg_type: u8,
    length: u32,
    message_seq: u16,
    offset: u32,
    fragment_length: u32,
    bytes: &[u8],
) -> Vec<u8> {
    let u24 = |value: u32| value.to_be_bytes().into_iter().skip(1);
    let mut fragment = vec![msg_type];
    fragment.extend(u24(length));
    fragment.extend(message_seq.to_be_bytes());
    fragment.extend(u24(offset));
    fragment.extend(u24(fragment_length));
    fragment.extend(bytes);
    fragment
}

const RECORD_HEADER_LEN: usize = 13;
