//! Two record layers talk to each other, and to whatever a forger makes of their records.
#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

mod connection_id;

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::crypto::Suite;
use crate::record::fake_aead::{CCM_8_LIKE, CHACHA_LIKE, GCM_LIKE, Rng, SUITES, limited, protection};
use crate::wire::record::MAX_SEQUENCE;

const DATA: ContentType = ContentType::APPLICATION_DATA;
const HANDSHAKE: ContentType = ContentType::HANDSHAKE;

/// What became of one record of a datagram, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Opened(ContentType, Vec<u8>),
    Early,
    Discarded(DiscardReason),
    IntegrityLimit,
}

fn discarded(reason: DiscardReason) -> Vec<Seen> {
    vec![Seen::Discarded(reason)]
}

fn opened(content: &[u8]) -> Vec<Seen> {
    vec![Seen::Opened(DATA, content.to_vec())]
}

/// Both ends in epoch 1.
fn pair(suite: &Suite) -> (RecordLayer, RecordLayer) {
    let (mut ours, mut peers) = (RecordLayer::new(), RecordLayer::new());
    ours.install_write(protection(suite, 1));
    ours.install_read(protection(suite, 2));
    peers.install_write(protection(suite, 2));
    peers.install_read(protection(suite, 1));
    (ours, peers)
}

fn try_seal(
    layer: &mut RecordLayer,
    epoch: u64,
    content_type: ContentType,
    content: &[u8],
) -> Result<Vec<u8>, SealError> {
    let offset = layer.payload_offset(epoch).unwrap();
    let mut out = vec![0xee; layer.overhead(epoch).unwrap() + content.len()];
    out[offset..offset + content.len()].copy_from_slice(content);
    let len = layer.seal(epoch, content_type, &mut out, content.len())?;
    assert_eq!(len, out.len());
    Ok(out)
}

fn seal(layer: &mut RecordLayer, content: &[u8]) -> Vec<u8> {
    try_seal(layer, 1, DATA, content).unwrap()
}

/// Walks a datagram as a connection does.
fn read(layer: &mut RecordLayer, datagram: &mut [u8]) -> Vec<Seen> {
    let (mut seen, mut at) = (Vec::new(), 0);
    while let Some(split) = RecordLayer::split(datagram, at, layer.cid_len()) {
        let record = match split {
            Ok(record) => record,
            Err(reason) => {
                seen.push(Seen::Discarded(reason));
                break;
            }
        };
        assert!(record.body.end > at && record.body.end <= datagram.len());
        at = record.body.end;
        seen.push(match layer.open(datagram, &record) {
            Opening::Opened(opened) => {
                assert!(opened.plaintext.start >= record.body.start && opened.plaintext.end <= record.body.end);
                Seen::Opened(opened.content_type, datagram[opened.plaintext].to_vec())
            }
            Opening::Early => Seen::Early,
            Opening::Discarded(reason) => Seen::Discarded(reason),
            Opening::IntegrityLimit => Seen::IntegrityLimit,
        });
    }
    seen
}

/// Reads a copy, so that the record can be looked at and sent again.
fn read_copy(layer: &mut RecordLayer, datagram: &[u8]) -> Vec<Seen> {
    read(layer, &mut datagram.to_vec())
}

fn header(content_type: ContentType, epoch: u16, sequence: u64) -> RecordHeader {
    RecordHeader { content_type, version: ProtocolVersion::DTLS_1_2, epoch, sequence, length: 0 }
}

fn framed(header: RecordHeader, body: &[u8]) -> Vec<u8> {
    let header = RecordHeader { length: u16::try_from(body.len()).unwrap(), ..header };
    [&header.encode(), body].concat()
}

/// Seals under the keys of `pair` for the peer, byte for byte as RFC 6347 section 4.1.2.1, RFC 5288 section 3 and RFC 7905
/// section 2 have it, and without the code under test; `explicit` is the nonce that the record carries.
fn seal_by_hand(suite: &Suite, header: RecordHeader, explicit: [u8; 8], content: &[u8]) -> Vec<u8> {
    let seed = 1;
    let mut nonce = [0; 12];
    for (n, byte) in nonce.iter_mut().enumerate() {
        let iv = u8::try_from(n).unwrap() ^ seed;
        *byte = match (suite.nonce.iv_len(), n) {
            (4, 0..4) | (12, 0..4) => iv,
            (4, _) => explicit[n - 4],
            _ => iv ^ header.number()[n - 4],
        };
    }
    let mut aad = header.number().to_vec();
    aad.push(header.content_type.0);
    aad.extend_from_slice(&[0xfe, 0xfd]);
    aad.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    let (mut sealed, mut tag) = (content.to_vec(), vec![0; suite.aead.tag_len()]);
    suite.aead.key(&[seed; 16]).unwrap().seal(&nonce, &aad, &mut sealed, &mut tag).unwrap();
    framed(header, &[&explicit[..suite.nonce.explicit_len()], &sealed, &tag].concat())
}

// Framing.

/// REC-05, REC-31: what else may share the socket is told apart by its first byte, and TLS by its version.
#[test]
fn what_is_not_dtls_is_discarded() {
    let mut layer = RecordLayer::new();
    for first in 0..=255u8 {
        let mut datagram = framed(header(ContentType(first), 0, 0), &[1; 40]);
        let is_dtls = (20..=63).contains(&first);
        assert_eq!(read(&mut layer, &mut datagram) != discarded(DiscardReason::NotDtls), is_dtls, "{first}");
    }
    for tls in [&[0x16, 3, 3, 0, 9, 1, 0, 0, 5, 3, 3, 0, 0, 0][..], &[0x16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]] {
        assert_eq!(read_copy(&mut layer, tls), discarded(DiscardReason::WrongRecordVersion));
    }
}

/// REC-17: a datagram of several records means what they mean one by one.
#[test]
fn records_of_one_datagram_are_read_in_order() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        let (_, mut other) = pair(suite);
        let flight = [
            framed(header(HANDSHAKE, 0, 0), b"key exchange"),
            framed(header(ContentType::CHANGE_CIPHER_SPEC, 0, 1), &[1]),
            try_seal(&mut ours, 1, HANDSHAKE, b"finished").unwrap(),
            seal(&mut ours, b"data"),
            seal(&mut ours, b""),
        ];
        let together = read(&mut peers, &mut flight.concat());
        let one_by_one: Vec<Seen> = flight.iter().flat_map(|record| read_copy(&mut other, record)).collect();
        assert_eq!(together, one_by_one);
        assert_eq!(
            together[2..4],
            [Seen::Opened(HANDSHAKE, b"finished".to_vec()), Seen::Opened(DATA, b"data".to_vec())]
        );
    }
}

/// REC-18, REC-20: a record that the datagram does not hold in full ends it, and those before keep their effect.
#[test]
fn a_truncated_record_ends_the_datagram() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let second = seal(&mut ours, b"second");
    for len in 1..second.len() {
        let datagram = [&seal(&mut ours, b"first"), &second[..len]].concat();
        let expected = [opened(b"first"), discarded(DiscardReason::TruncatedRecord)].concat();
        assert_eq!(read_copy(&mut peers, &datagram), expected, "{len}");
    }
    assert_eq!(read(&mut peers, &mut []), []);
    assert_eq!(RecordLayer::split(&second, second.len() + 1, 0), None);
}

/// REC-18: no datagram is longer than 65535 bytes, however long the buffer is.
#[test]
fn what_no_udp_datagram_holds_is_truncated() {
    let mut datagram: Vec<u8> = (0..4).flat_map(|n| framed(header(HANDSHAKE, 0, n), &[0; 16_371])).collect();
    assert_eq!(datagram.len(), 65_536);
    let seen = read(&mut RecordLayer::new(), &mut datagram);
    assert_eq!((seen.len(), &seen[3]), (4, &Seen::Discarded(DiscardReason::TruncatedRecord)));
}

/// REC-19: whatever is wrong with a well-framed record, those after it are read.
#[test]
fn a_bad_record_does_not_stop_those_after_it() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let replay = seal(&mut ours, b"replay");
    assert_eq!(read_copy(&mut peers, &replay), opened(b"replay"));
    let mut forged = seal(&mut ours, b"forged");
    *forged.last_mut().unwrap() ^= 1;
    let bad = [
        (forged, DiscardReason::AuthenticationFailed),
        (replay, DiscardReason::Replayed),
        (framed(header(DATA, 9, 0), &[0; 40]), DiscardReason::FutureEpoch),
        (framed(header(DATA, 0, 0), b"plain"), DiscardReason::PlaintextApplicationData),
        (framed(header(ContentType(24), 1, 7), &[0; 40]), DiscardReason::UnknownContentType),
        (framed(header(DATA, 1, 7), &vec![0; MAX_CIPHERTEXT + 1]), DiscardReason::OversizedRecord),
    ];
    for (bad, reason) in bad {
        let datagram = [seal(&mut ours, b"before"), bad, seal(&mut ours, b"after")].concat();
        let expected = [opened(b"before"), discarded(reason), opened(b"after")].concat();
        assert_eq!(read_copy(&mut peers, &datagram), expected);
    }
}

// Versions, types, lengths.

/// REC-04: the minor version of a plaintext record means nothing.
#[test]
fn plaintext_records_of_any_minor_version_are_read() {
    for minor in 0..=255u8 {
        let version = ProtocolVersion(u16::from_be_bytes([0xfe, minor]));
        let mut datagram = framed(RecordHeader { version, ..header(HANDSHAKE, 0, 0) }, b"hello");
        let expected = [Seen::Opened(HANDSHAKE, b"hello".to_vec())];
        assert_eq!(read(&mut RecordLayer::new(), &mut datagram), expected);
    }
}

/// REC-06: a protected record has the version of DTLS 1.2, and is not even tried if it has not.
#[test]
fn protected_records_of_another_version_are_discarded_untouched() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let record = seal(&mut ours, b"data");
    let mut flipped = record.clone();
    flipped[2] = 0xff;
    let before = flipped.clone();
    assert_eq!(read(&mut peers, &mut flipped), discarded(DiscardReason::WrongRecordVersion));
    assert_eq!(flipped, before);
    assert_eq!(read_copy(&mut peers, &record), opened(b"data"));
}

/// REC-02, REC-03: DTLS 1.2 stands in every record, but for the plaintext ones of which a client says otherwise.
#[test]
fn only_plaintext_records_may_carry_another_version() {
    let (mut ours, _) = pair(&GCM_LIKE);
    assert_eq!(try_seal(&mut ours, 0, HANDSHAKE, b"hello").unwrap()[1..3], [0xfe, 0xfd]);
    ours.set_initial_version(ProtocolVersion::DTLS_1_0);
    assert_eq!(try_seal(&mut ours, 0, HANDSHAKE, b"hello").unwrap()[1..3], [0xfe, 0xff]);
    assert_eq!(seal(&mut ours, b"data")[1..3], [0xfe, 0xfd]);
}

/// REC-23, REC-24: of 256 content types three are read in plaintext, and four under keys.
#[test]
fn unknown_content_types_are_discarded() {
    for code in 20..=63 {
        let content_type = ContentType(code);
        let (_, mut peers) = pair(&GCM_LIKE);
        let expected = match code {
            20..=22 => vec![Seen::Opened(content_type, b"content".to_vec())],
            23 => discarded(DiscardReason::PlaintextApplicationData),
            _ => discarded(DiscardReason::UnknownContentType),
        };
        assert_eq!(read(&mut peers, &mut framed(header(content_type, 0, 0), b"content")), expected);
        let expected = match code {
            20..=23 => vec![Seen::Opened(content_type, b"content".to_vec())],
            _ => discarded(DiscardReason::UnknownContentType),
        };
        let mut authentic = seal_by_hand(&GCM_LIKE, header(content_type, 1, 0), [0; 8], b"content");
        assert_eq!(read(&mut peers, &mut authentic), expected);
    }
}

/// REC-11: 2^14 bytes of content are sealed, one more is not, and costs no sequence number.
#[test]
fn content_above_the_limit_is_not_sealed() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        assert_eq!(try_seal(&mut ours, 1, DATA, &[7; MAX_PLAINTEXT + 1]), Err(SealError::TooLong));
        assert_eq!(try_seal(&mut ours, 0, HANDSHAKE, &[7; MAX_PLAINTEXT + 1]), Err(SealError::TooLong));
        let record = seal(&mut ours, &[7; MAX_PLAINTEXT]);
        assert_eq!(RecordHeader::decode(&record).unwrap().sequence, 0);
        assert_eq!(read_copy(&mut peers, &record), opened(&[7; MAX_PLAINTEXT]));
    }
}

/// REC-12, REC-13: neither a body nor its content may be longer than the limits, authentic or not.
#[test]
fn oversized_records_are_discarded() {
    let (_, mut peers) = pair(&GCM_LIKE);
    let mut long_body = framed(header(DATA, 1, 0), &vec![0; MAX_CIPHERTEXT + 1]);
    assert_eq!(read(&mut peers, &mut long_body), discarded(DiscardReason::OversizedRecord));
    // One that cannot be opened yet is not worth keeping either.
    assert_eq!(read(&mut RecordLayer::new(), &mut long_body), discarded(DiscardReason::OversizedRecord));
    let mut longest_body = framed(header(DATA, 1, 0), &vec![0; MAX_CIPHERTEXT]);
    assert_eq!(read(&mut RecordLayer::new(), &mut longest_body), [Seen::Early]);
    let mut long_plaintext = framed(header(HANDSHAKE, 0, 0), &vec![0; MAX_PLAINTEXT + 1]);
    assert_eq!(read(&mut peers, &mut long_plaintext), discarded(DiscardReason::OversizedRecord));
    for suite in SUITES {
        let (_, mut peers) = pair(suite);
        let mut authentic = seal_by_hand(suite, header(DATA, 1, 0), [0; 8], &[7; MAX_PLAINTEXT + 1]);
        assert_eq!(read(&mut peers, &mut authentic), discarded(DiscardReason::OversizedRecord));
        let mut longest = seal_by_hand(suite, header(DATA, 1, 0), [0; 8], &[7; MAX_PLAINTEXT]);
        assert_eq!(read(&mut peers, &mut longest), opened(&[7; MAX_PLAINTEXT]));
    }
}

/// REC-14, REC-29: what protection adds is constant, and what `overhead` says.
#[test]
fn expansion_is_constant() {
    for (suite, expansion) in [(&GCM_LIKE, 24), (&CCM_8_LIKE, 16), (&CHACHA_LIKE, 16)] {
        let (mut ours, _) = pair(suite);
        for len in [0, 1, 15, 16, 17, MAX_PLAINTEXT] {
            let record = seal(&mut ours, &vec![7; len]);
            assert_eq!(record.len(), RecordHeader::LEN + expansion + len);
            assert_eq!(usize::from(RecordHeader::decode(&record).unwrap().length), expansion + len);
        }
        assert_eq!((ours.overhead(0), ours.overhead(1)), (Some(13), Some(13 + expansion)));
        assert_eq!(ours.payload_offset(1), Some(13 + suite.nonce.explicit_len()));
        assert_eq!((ours.overhead(2), ours.payload_offset(2)), (None, None));
    }
}

/// REC-15: a body too short for nonce and tag is discarded, and costs the key none of its failures.
#[test]
fn records_shorter_than_nonce_and_tag_are_discarded() {
    for suite in SUITES {
        let suite = limited(suite, u64::MAX, 1);
        let (mut ours, mut peers) = pair(&suite);
        for len in 0..suite.expansion() {
            let mut short = framed(header(DATA, 1, 0), &vec![0; len]);
            assert_eq!(read(&mut peers, &mut short), discarded(DiscardReason::AuthenticationFailed));
        }
        assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"alive")), opened(b"alive"));
    }
}

/// REC-21, REC-39: what no peer accepts is not sealed, whichever epoch it is for.
#[test]
fn empty_records_and_plaintext_data_are_not_sealed() {
    let (mut ours, _) = pair(&GCM_LIKE);
    for content_type in [ContentType::CHANGE_CIPHER_SPEC, ContentType::ALERT, HANDSHAKE] {
        for epoch in [0, 1] {
            assert_eq!(try_seal(&mut ours, epoch, content_type, b""), Err(SealError::NotAllowed));
        }
    }
    assert_eq!(try_seal(&mut ours, 0, DATA, b"data"), Err(SealError::NotAllowed));
    assert_eq!(try_seal(&mut ours, 0, DATA, b""), Err(SealError::NotAllowed));
}

/// REC-21: empty records that should have content are discarded, authentic or not.
#[test]
fn empty_records_that_need_content_are_discarded() {
    for content_type in [ContentType::CHANGE_CIPHER_SPEC, ContentType::ALERT, HANDSHAKE] {
        let (_, mut peers) = pair(&GCM_LIKE);
        let mut plain = framed(header(content_type, 0, 0), b"");
        assert_eq!(read(&mut peers, &mut plain), discarded(DiscardReason::EmptyRecord));
        let mut sealed = seal_by_hand(&GCM_LIKE, header(content_type, 1, 0), [0; 8], b"");
        assert_eq!(read(&mut peers, &mut sealed), discarded(DiscardReason::EmptyRecord));
    }
}

/// REC-22: empty application data is legal, in any number, and replayed like any other.
#[test]
fn empty_application_data_is_opened_once() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    for _ in 0..10_000 {
        let record = seal(&mut ours, b"");
        assert_eq!(read_copy(&mut peers, &record), opened(b""));
        assert_eq!(read_copy(&mut peers, &record), discarded(DiscardReason::Replayed));
    }
}

// Epochs and sequence numbers.

/// REC-07: each direction counts its own epochs.
#[test]
fn epochs_rise_by_one_in_each_direction_for_itself() {
    let mut layer = RecordLayer::new();
    assert_eq!((layer.read_epoch(), layer.write_epoch()), (0, 0));
    layer.install_write(protection(&GCM_LIKE, 1));
    assert_eq!((layer.read_epoch(), layer.write_epoch()), (0, 1));
    layer.install_read(protection(&GCM_LIKE, 2));
    assert_eq!((layer.read_epoch(), layer.write_epoch()), (1, 1));
}

/// REC-08, REC-09, REC-10: each epoch counts on through resends, from where it stopped.
#[test]
fn sequence_numbers_rise_by_one_in_each_epoch_for_itself() {
    let (mut ours, _) = pair(&GCM_LIKE);
    let mut ciphertexts = BTreeSet::new();
    for attempt in 0..4 {
        for n in 0..3 {
            let record = try_seal(&mut ours, 0, HANDSHAKE, b"key exchange").unwrap();
            assert_eq!(RecordHeader::decode(&record).unwrap().sequence, 3 * attempt + n);
        }
        let record = try_seal(&mut ours, 1, HANDSHAKE, b"finished").unwrap();
        let RecordHeader { epoch, sequence, .. } = RecordHeader::decode(&record).unwrap();
        assert_eq!((epoch, sequence), (1, attempt));
        assert!(ciphertexts.insert(record[21..].to_vec()), "a resend is sealed anew");
    }
}

/// HVR-14: a server continues from the number of the hello it validated, and never goes back.
#[test]
fn a_server_starts_at_the_number_of_the_validated_hello() {
    let mut layer = RecordLayer::new();
    let mut next = |start| {
        layer.start_sequence(start);
        RecordHeader::decode(&try_seal(&mut layer, 0, HANDSHAKE, b"hello").unwrap()).unwrap().sequence
    };
    assert_eq!([next(7), next(0), next(5), next(9), next(10)], [7, 8, 9, 10, 11]);
}

/// REC-32: the last sequence number is used, and none after it.
#[test]
fn sequence_numbers_end_before_they_wrap() {
    for epoch in [0, 1] {
        let (mut ours, _) = pair(&CHACHA_LIKE);
        ours.preset_write(epoch, MAX_SEQUENCE - 1, 0);
        for sequence in [MAX_SEQUENCE - 1, MAX_SEQUENCE] {
            let record = try_seal(&mut ours, epoch, HANDSHAKE, b"x").unwrap();
            assert_eq!(RecordHeader::decode(&record).unwrap().sequence, sequence);
        }
        assert_eq!(try_seal(&mut ours, epoch, HANDSHAKE, b"x"), Err(SealError::KeyLimit));
        assert_eq!(try_seal(&mut ours, epoch, HANDSHAKE, b"x"), Err(SealError::KeyLimit));
    }
}

/// REC-33: beyond epoch 65535 there is nothing to write or read; it is not taken for epoch 0.
#[test]
fn the_epoch_does_not_wrap() {
    let mut layer = RecordLayer::new();
    for epoch in 1..=65_536 {
        layer.install_write(protection(&GCM_LIKE, 1));
        layer.install_read(protection(&GCM_LIKE, 1));
        layer.forget_write_epochs_before(epoch);
        layer.drop_read_epochs_before(epoch);
        assert_eq!(try_seal(&mut layer, epoch, DATA, b"x").is_ok(), epoch <= 65_535, "{epoch}");
    }
    assert_eq!(try_seal(&mut layer, 65_536, DATA, b"x"), Err(SealError::NoSuchEpoch));
    let mut record = framed(header(HANDSHAKE, 0, 0), b"hello");
    assert_eq!(read(&mut layer, &mut record), discarded(DiscardReason::OldEpoch));
}

/// REC-35, REC-36: old epochs are read and written until they are dropped; the current one can't be dropped.
#[test]
fn old_epochs_live_until_they_are_dropped() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let late = try_seal(&mut ours, 0, HANDSHAKE, b"late").unwrap();
    assert_eq!(read_copy(&mut peers, &late), [Seen::Opened(HANDSHAKE, b"late".to_vec())]);
    peers.drop_read_epochs_before(5);
    assert_eq!(read_copy(&mut peers, &late), discarded(DiscardReason::OldEpoch));
    assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"data")), opened(b"data"));

    ours.forget_write_epochs_before(5);
    assert_eq!((ours.overhead(0), ours.write_epoch()), (None, 1));
    assert_eq!(ours.seal(0, HANDSHAKE, &mut [0; 64], 5), Err(SealError::NoSuchEpoch));
    assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"more")), opened(b"more"));
}

/// REC-37, REC-38: the next epoch is early, and left as it is; what lies beyond is discarded.
#[test]
fn records_of_the_next_epoch_are_early_and_untouched() {
    let (mut ours, mut peers) = (pair(&GCM_LIKE).0, RecordLayer::new());
    let record = seal(&mut ours, b"early");
    let mut datagram = record.clone();
    assert_eq!(read(&mut peers, &mut datagram), [Seen::Early]);
    assert_eq!(datagram, record);
    for epoch in [2, 3, u16::MAX] {
        let mut far = framed(header(DATA, epoch, 0), &[0; 40]);
        assert_eq!(read(&mut peers, &mut far), discarded(DiscardReason::FutureEpoch));
    }
    peers.install_read(protection(&GCM_LIKE, 1));
    assert_eq!(read(&mut peers, &mut datagram), opened(b"early"));
}

/// What tells of a new path: only what is authentic and ahead of everything else is the newest.
#[test]
fn the_newest_record_is_ahead_of_all_others_by_epoch_and_number() {
    let is_newest = |layer: &mut RecordLayer, record: &[u8]| {
        let mut datagram = record.to_vec();
        let record = RecordLayer::split(&datagram, 0, 0).unwrap().unwrap();
        match layer.open(&mut datagram, &record) {
            Opening::Opened(opened) => opened.newest,
            other => panic!("{other:?}"),
        }
    };
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let records: Vec<Vec<u8>> = (0..4).map(|_| seal(&mut ours, b"data")).collect();
    assert!(is_newest(&mut peers, &records[1]));
    assert!(!is_newest(&mut peers, &records[0]), "older than one that came before");
    assert!(is_newest(&mut peers, &records[3]));
    assert!(!is_newest(&mut peers, &framed(header(HANDSHAKE, 0, MAX_SEQUENCE), b"hello")), "plaintext proves nothing");
    assert!(!is_newest(&mut peers, &records[2]));

    ours.install_write(protection(&GCM_LIKE, 3));
    peers.install_read(protection(&GCM_LIKE, 3));
    let old = seal(&mut ours, b"old epoch");
    let new = try_seal(&mut ours, 2, DATA, b"new epoch").unwrap();
    assert!(is_newest(&mut peers, &new));
    assert!(!is_newest(&mut peers, &old), "its number is higher, and its epoch lower");
}

// Replay.

/// RPL-02, RPL-05: a second copy is discarded in every epoch for itself, and without a try: its bytes stay.
#[test]
fn a_replayed_record_is_discarded_unopened() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        let in_epoch_1 = seal(&mut ours, b"one");
        ours.install_write(protection(suite, 3));
        peers.install_read(protection(suite, 3));
        let in_epoch_2 = try_seal(&mut ours, 2, DATA, b"two").unwrap();
        assert_eq!(read_copy(&mut peers, &in_epoch_2), opened(b"two"));
        assert_eq!(read_copy(&mut peers, &in_epoch_1), opened(b"one"));
        for record in [in_epoch_1, in_epoch_2] {
            let mut copy = record.clone();
            assert_eq!(read(&mut peers, &mut copy), discarded(DiscardReason::Replayed));
            assert_eq!(copy, record);
        }
    }
}

/// RPL-01, RPL-03: 63 behind the newest opens, 64 behind does not.
#[test]
fn records_open_out_of_order_inside_the_window() {
    let (mut ours, mut peers) = pair(&GCM_LIKE);
    let records: Vec<Vec<u8>> = (0..101u8).map(|n| seal(&mut ours, &[n])).collect();
    assert_eq!(read_copy(&mut peers, &records[100]), opened(&[100]));
    assert_eq!(read_copy(&mut peers, &records[36]), discarded(DiscardReason::Replayed));
    for n in (37..100).rev() {
        assert_eq!(read_copy(&mut peers, &records[usize::from(n)]), opened(&[n]));
    }
}

/// RPL-04: a forged number far ahead does not move the window.
#[test]
fn a_forged_record_does_not_move_the_window() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"first")), opened(b"first"));
        let mut forged = framed(header(DATA, 1, 1 << 40), &[0x5a; 60]);
        assert_eq!(read(&mut peers, &mut forged), discarded(DiscardReason::AuthenticationFailed));
        assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"second")), opened(b"second"));
    }
}

/// RPL-06: in epoch 0 no number shuts out another.
#[test]
fn plaintext_records_are_never_refused_by_number() {
    let mut layer = RecordLayer::new();
    for sequence in [MAX_SEQUENCE, 0, 0, 1 << 40, 1] {
        let mut record = framed(header(HANDSHAKE, 0, sequence), b"hello");
        assert_eq!(read(&mut layer, &mut record), [Seen::Opened(HANDSHAKE, b"hello".to_vec())]);
    }
}

// Protection.

/// AEA-01, AEA-02, AEA-03, AEA-06, AEA-07: records are what the RFCs say, put together another way.
#[test]
fn records_have_the_documented_bytes() {
    for suite in SUITES {
        let (mut ours, _) = pair(suite);
        for len in [0, 1, 16, 300] {
            let content = vec![0x42; len];
            let record = seal(&mut ours, &content);
            let header = RecordHeader { length: 0, ..RecordHeader::decode(&record).unwrap() };
            assert_eq!(record, seal_by_hand(suite, header, header.number(), &content));
            if suite.nonce.explicit_len() == 8 {
                assert_eq!(record[13..21], record[3..11], "the explicit nonce is epoch and sequence number");
            }
        }
    }
}

/// AEA-04: a peer may choose its explicit nonces as it likes.
#[test]
fn any_explicit_nonce_opens() {
    for suite in [&GCM_LIKE, &CCM_8_LIKE] {
        let (_, mut peers) = pair(suite);
        for (sequence, explicit) in [(0, [0xff; 8]), (1, *b"whatever"), (2, [0; 8]), (3, [0; 8])] {
            let mut record = seal_by_hand(suite, header(DATA, 1, sequence), explicit, b"data");
            assert_eq!(read(&mut peers, &mut record), opened(b"data"));
        }
    }
}

/// AEA-05: over resends, alerts and data, no nonce comes twice.
#[test]
fn no_nonce_is_used_twice() {
    let (mut ours, _) = pair(&GCM_LIKE);
    let (mut rng, mut nonces) = (Rng(5), BTreeSet::new());
    for _ in 0..20_000 {
        let content_type = [HANDSHAKE, ContentType::ALERT, DATA][rng.index(3)];
        // Attempts that fail are part of it.
        let (out_len, payload_len) = (rng.index(120), rng.index(80));
        let mut out = vec![0; out_len];
        if let Ok(len) = ours.seal(1, content_type, &mut out, payload_len) {
            assert_eq!(len, 37 + payload_len);
            assert!(nonces.insert(out[13..21].to_vec()));
        }
    }
    assert!(nonces.len() > 5_000);
}

/// AEA-11: every bit of a record counts, and a bad one costs only itself.
#[test]
fn a_record_with_any_bit_flipped_does_not_open() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        let record = seal(&mut ours, b"data");
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let seen = read(&mut peers, &mut flipped);
            // One flip leads into epoch 0, where nobody reads application data.
            assert!(!seen.iter().any(|seen| matches!(seen, Seen::Opened(..))), "bit {bit}: {seen:?}");
        }
        assert_eq!(read_copy(&mut peers, &record), opened(b"data"));
    }
}

/// AEA-13: blocks are counted, each record has one more than its content, and the limit is not passed.
#[test]
fn a_key_seals_no_more_blocks_than_its_limit() {
    let (mut ours, _) = pair(&limited(&GCM_LIKE, 16, u64::MAX));
    // Content in bytes, whether it is sealed, and how many blocks are used then.
    let story = [
        (33, true, 4),
        (0, true, 5),
        (16, true, 7),
        (129, false, 7),
        (112, true, 15),
        (1, false, 15),
        (0, true, 16),
        (0, false, 16),
    ];
    for (len, is_sealed, used) in story {
        let sealed = try_seal(&mut ours, 1, DATA, &vec![0; len]);
        assert_eq!(sealed.err(), (!is_sealed).then_some(SealError::KeyLimit), "{len} bytes");
        assert_eq!(ours.near_limit(), used >= 14, "{len} bytes");
    }
}

/// AEA-13: what is refused takes no number, and plaintext has no key to wear out.
#[test]
fn a_refused_record_takes_no_number() {
    let (mut ours, _) = pair(&limited(&GCM_LIKE, 4, u64::MAX));
    assert_eq!(try_seal(&mut ours, 1, DATA, &[0; 64]), Err(SealError::KeyLimit));
    assert_eq!(ours.seal(1, DATA, &mut [0; 36], 0), Err(SealError::NoRoom));
    assert_eq!(RecordHeader::decode(&seal(&mut ours, b"x")).unwrap().sequence, 0);
    for _ in 0..100 {
        assert!(try_seal(&mut ours, 0, HANDSHAKE, &[0; 64]).is_ok());
    }
}

/// AEA-13: the sequence numbers wear out too, which matters where blocks do not.
#[test]
fn the_limit_is_near_at_seven_eighths() {
    let (mut ours, _) = pair(&limited(&CHACHA_LIKE, 800, u64::MAX));
    for (sequence, blocks, is_near) in
        [(0, 699, false), (0, 700, true), (7 << 45, 0, true), ((7 << 45) - 1, 0, false), (MAX_SEQUENCE + 1, 800, true)]
    {
        ours.preset_write(1, sequence, blocks);
        assert_eq!(ours.near_limit(), is_near, "{sequence}, {blocks}");
    }
}

/// AEA-14: the last failure that a key may see ends the association, and true records then open no more.
#[test]
fn a_key_sees_no_more_failures_than_its_limit() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(&limited(suite, u64::MAX, 3));
        let forged = framed(header(DATA, 1, 9), &[0x5a; 60]);
        for _ in 0..2 {
            assert_eq!(read_copy(&mut peers, &forged), discarded(DiscardReason::AuthenticationFailed));
            assert_eq!(read_copy(&mut peers, &seal(&mut ours, b"alive")), opened(b"alive"));
        }
        assert_eq!(read_copy(&mut peers, &forged), [Seen::IntegrityLimit]);
        let record = seal(&mut ours, b"too late");
        let mut datagram = record.clone();
        assert_eq!(read(&mut peers, &mut datagram), [Seen::IntegrityLimit]);
        assert_eq!(datagram, record, "a spent key is not used");
    }
}

/// AEA-17: what did not verify cannot be read, though this AEAD decrypts before it tells.
#[test]
fn nothing_of_a_forged_record_is_left_to_read() {
    for suite in SUITES {
        let (mut ours, mut peers) = pair(suite);
        let mut record = seal(&mut ours, b"attack at dawn");
        *record.last_mut().unwrap() ^= 1;
        assert_eq!(read(&mut peers, &mut record), discarded(DiscardReason::AuthenticationFailed));
        assert!(record[13 + suite.nonce.explicit_len()..].iter().all(|byte| *byte == 0));
    }
}

/// AEA-18: our own records do not open here.
#[test]
fn a_reflected_record_does_not_open() {
    let (mut ours, _) = pair(&GCM_LIKE);
    let record = seal(&mut ours, b"data");
    assert_eq!(read_copy(&mut ours, &record), discarded(DiscardReason::AuthenticationFailed));
}

// Hostile input.

/// SIO-01, I1: mutations of true datagrams never panic, never open as anything but what was sealed, and leave the
/// association as it was: what is true afterwards still opens.
#[test]
fn mutated_datagrams_change_nothing() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let suite = SUITES[rng.index(SUITES.len())];
        let (mut ours, mut peers) = pair(suite);
        peers.drop_read_epochs_before(1);
        for round in 0..20u64 {
            let lengths: Vec<usize> = (0..rng.below(4)).map(|_| rng.index(50)).collect();
            let contents: Vec<Vec<u8>> = lengths.into_iter().map(|len| rng.bytes(len)).collect();
            let datagram: Vec<u8> = contents.iter().flat_map(|content| seal(&mut ours, content)).collect();
            let mut mutated = datagram.clone();
            mutate(&mut rng, &mut mutated);
            let mut seen = read(&mut peers, &mut mutated);
            seen.retain(|seen| matches!(seen, Seen::Opened(..)));
            // In whatever order, each at most once over both readings.
            seen.extend(read_copy(&mut peers, &datagram).into_iter().filter(|seen| matches!(seen, Seen::Opened(..))));
            let mut expected: Vec<Seen> = contents.iter().flat_map(|content| opened(content)).collect();
            seen.sort_by_key(content_of);
            expected.sort_by_key(content_of);
            assert_eq!(seen, expected, "seed {seed}, round {round}");
        }
    }
}

fn content_of(seen: &Seen) -> Vec<u8> {
    let Seen::Opened(_, content) = seen else { panic!("{seen:?}") };
    content.clone()
}

fn mutate(rng: &mut Rng, datagram: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let at = rng.index(datagram.len() + 1);
        match rng.below(6) {
            0 => datagram.truncate(at),
            1 => datagram.insert(at, rng.byte()),
            2 => datagram.extend_from_within(..at),
            3 => drop(datagram.drain(..at)),
            _ => datagram.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.byte()),
        }
    }
}

/// SIO-01: bytes that were never a datagram, at any offset, with and without keys.
#[test]
fn arbitrary_bytes_never_panic() {
    let (_, mut peers) = pair(&GCM_LIKE);
    for seed in 0..5_000 {
        let mut rng = Rng(seed);
        let len = rng.index(100);
        let mut datagram = rng.bytes(len);
        // Else next to nothing would come past the first two checks.
        if let [first, version, ..] = &mut datagram[..] {
            (*first, *version) = (20 + rng.byte() % 44, 0xfe);
        }
        if let Some(epoch) = datagram.get_mut(3..5) {
            epoch.copy_from_slice(&[0, rng.byte() % 4]);
        }
        let _ = RecordLayer::split(&datagram, rng.index(200), rng.index(256));
        let _ = read(&mut peers, &mut datagram);
    }
    // A record of another datagram: no panic, whatever the ranges say.
    let stray = RawRecord { header: header(DATA, 1, 0), at: 50, cid: 61..61, body: 63..100 };
    assert_eq!(peers.open(&mut [0; 20], &stray), Opening::Discarded(DiscardReason::TruncatedRecord));
}
