//! Records that carry connection IDs (RFC 9146 sections 4 and 5).

use super::*;
use crate::cid::ConnectionId;

/// Both ends in epoch 1; what they put into their records for each other.
fn pair_with_cids(suite: &Suite, ours: &[u8], peer: &[u8]) -> (RecordLayer, RecordLayer) {
    let [ours, peer] = [ours, peer].map(|id| ConnectionId::new(id).unwrap());
    let (mut one, mut other) = pair(suite);
    one.set_connection_ids(ConnectionIds::new(ours.clone(), peer.clone()));
    other.set_connection_ids(ConnectionIds::new(peer, ours));
    (one, other)
}

/// Seals what is given as the inner plaintext of a record with a connection ID.
fn seal_inner(suite: &Suite, sequence: u64, cid: &[u8], inner: &[u8]) -> Vec<u8> {
    let expansion = protection(suite, 1).expansion();
    let explicit_len = protection(suite, 1).explicit_len();
    let head_len = RecordHeader::LEN + cid.len();
    let mut record = vec![0; head_len + expansion + inner.len()];
    record[head_len + explicit_len..][..inner.len()].copy_from_slice(inner);
    let mut write = WriteEpoch::protected(protection(suite, 1));
    write.skip_to(sequence);
    write.seal(1, ProtocolVersion::DTLS_1_2, ContentType::TLS12_CID, cid, &mut record).unwrap();
    record
}

/// CID-03, CID-04, CID-14: every combination, and every length: only those with bytes stand on the wire.
#[test]
fn each_direction_carries_the_id_that_its_receiver_wants() {
    for suite in SUITES {
        for (ours, peer) in [(0, 0), (0, 8), (8, 0), (3, 8), (1, 255), (255, 1)] {
            let (ours, peer) = (vec![0xa5; ours], vec![0x5a; peer]);
            let (mut one, mut other) = pair_with_cids(suite, &ours, &peer);
            for n in 0..3 {
                for cid in [&peer, &ours] {
                    let datagram = [seal(&mut one, &[n; 20]), seal(&mut one, b"")].concat();
                    let outer = if cid.is_empty() { DATA } else { ContentType::TLS12_CID };
                    assert_eq!((datagram[0], &datagram[11..11 + cid.len()]), (outer.0, &cid[..]));
                    assert_eq!(read_copy(&mut other, &datagram), [opened(&[n; 20]), opened(b"")].concat());
                    core::mem::swap(&mut one, &mut other);
                }
            }
        }
    }
}

/// CID-07: the last byte that is not zero is the type, however many follow.
#[test]
fn padding_is_stripped() {
    for suite in SUITES {
        let (_, mut reader) = pair_with_cids(suite, b"", b"four");
        for (sequence, zeros) in (0..).zip([0, 1, 1000, MAX_PLAINTEXT - 8]) {
            let inner = [&b"content"[..], &[DATA.0], &vec![0; zeros]].concat();
            let record = seal_inner(suite, sequence, b"four", &inner);
            assert_eq!(read_copy(&mut reader, &record), opened(b"content"));
        }
        // Content may end with zeros, which the type divides from the padding; or there may be none.
        let record = seal_inner(suite, 10, b"four", &[0, 0, DATA.0, 0, 0]);
        assert_eq!(read_copy(&mut reader, &record), opened(&[0, 0]));
        let record = seal_inner(suite, 11, b"four", &[DATA.0]);
        assert_eq!(read_copy(&mut reader, &record), opened(b""));
    }
}

/// CID-08: what is authentic and has no type that may stand there is dropped, and what follows is read.
#[test]
fn a_record_without_a_type_inside_is_discarded() {
    let (_, mut reader) = pair_with_cids(&GCM_LIKE, b"", b"four");
    let forbidden: [&[u8]; 6] = [&[0], &[0; 100], &[25], b"data\x19", b"\x01\x14", b"what\xff\x00"];
    for (sequence, inner) in (0..).zip(forbidden) {
        let bad = seal_inner(&GCM_LIKE, 2 * sequence, b"four", inner);
        let good = seal_inner(&GCM_LIKE, 2 * sequence + 1, b"four", &[b'x', DATA.0]);
        let expected = [discarded(DiscardReason::InvalidInnerType), opened(b"x")].concat();
        assert_eq!(read_copy(&mut reader, &[bad, good].concat()), expected, "{inner:?}");
    }
    let empty = seal_inner(&GCM_LIKE, 50, b"four", &[HANDSHAKE.0, 0]);
    assert_eq!(read_copy(&mut reader, &empty), discarded(DiscardReason::EmptyRecord));
}

/// CID-09: the type inside, and padding, take room from the content.
#[test]
fn an_inner_plaintext_has_at_most_2_to_the_14_bytes() {
    let (_, mut reader) = pair_with_cids(&GCM_LIKE, b"", b"four");
    let inner = |len: usize| [vec![7; len - 1], vec![DATA.0]].concat();
    let record = seal_inner(&GCM_LIKE, 0, b"four", &inner(MAX_PLAINTEXT));
    assert_eq!(read_copy(&mut reader, &record), opened(&[7; MAX_PLAINTEXT - 1]));
    // One byte more is refused before the key is used: it need not even be authentic.
    let mut long = header(ContentType::TLS12_CID, 1, 1);
    long.length = u16::try_from(MAX_PLAINTEXT + 1 + protection(&GCM_LIKE, 1).expansion()).unwrap();
    let mut record = vec![0; 17 + usize::from(long.length)];
    long.encode_around(b"four", &mut record);
    assert_eq!(read_copy(&mut reader, &record), discarded(DiscardReason::OversizedRecord));

    let (mut writer, _) = pair_with_cids(&GCM_LIKE, b"", b"four");
    assert_eq!(writer.max_content(1), MAX_PLAINTEXT - 1);
    assert!(try_seal(&mut writer, 1, DATA, &[7; MAX_PLAINTEXT - 1]).is_ok());
    assert_eq!(try_seal(&mut writer, 1, DATA, &[7; MAX_PLAINTEXT]), Err(SealError::TooLong));
}

/// CID-05: plaintext never carries one.
#[test]
fn records_of_epoch_0_have_no_connection_id() {
    let (mut writer, mut reader) = pair_with_cids(&GCM_LIKE, b"ours", b"peer");
    let record = try_seal(&mut writer, 0, HANDSHAKE, b"hello").unwrap();
    assert_eq!((record[0], record.len()), (HANDSHAKE.0, RecordHeader::LEN + 5));
    assert_eq!(read_copy(&mut reader, &record), [Seen::Opened(HANDSHAKE, b"hello".to_vec())]);
    let mut plaintext = vec![0; 17 + 6];
    RecordHeader { length: 6, ..header(ContentType::TLS12_CID, 0, 9) }.encode_around(b"peer", &mut plaintext);
    plaintext[17..].copy_from_slice(b"hello\x16");
    assert_eq!(read_copy(&mut reader, &plaintext), discarded(DiscardReason::UnknownContentType));
}

/// CID-12: sealed by the true peer under the true keys, and without what was agreed on.
#[test]
fn a_record_without_the_agreed_id_is_discarded() {
    let (mut plain, _) = pair(&GCM_LIKE);
    let (_, mut reader) = pair_with_cids(&GCM_LIKE, b"", b"four");
    let record = seal(&mut plain, b"data");
    assert_eq!(read_copy(&mut reader, &record), discarded(DiscardReason::MissingConnectionId));
    // It cost the key nothing, and took no place in the window.
    let record = seal_inner(&GCM_LIKE, 0, b"four", &[b'x', DATA.0]);
    assert_eq!(read_copy(&mut reader, &record), opened(b"x"));
}

/// CID-12, CID-11: the other way round: no record has one where none was agreed on.
#[test]
fn a_connection_id_that_was_not_agreed_on_is_discarded() {
    let (mut writer, _) = pair_with_cids(&GCM_LIKE, b"", b"four");
    let (_, mut reader) = pair(&GCM_LIKE);
    let record = seal(&mut writer, b"data");
    let seen = read_copy(&mut reader, &record);
    assert!(seen.iter().all(|seen| matches!(seen, Seen::Discarded(_))), "{seen:?}");
}

/// CID-13, CID-18: another's, or one cut short, is dropped unopened; what follows is read.
#[test]
fn a_record_with_another_id_is_discarded_untouched() {
    let (mut writer, mut reader) = pair_with_cids(&GCM_LIKE, b"", b"four");
    let good = seal(&mut writer, b"data");
    for at in 11..15 {
        let mut other = good.clone();
        other[at] ^= 1;
        let expected = [discarded(DiscardReason::WrongConnectionId), opened(b"data")].concat();
        let (mut writer, _) = pair_with_cids(&GCM_LIKE, b"", b"four");
        let (_, mut fresh) = pair_with_cids(&GCM_LIKE, b"", b"four");
        assert_eq!(read_copy(&mut fresh, &[other, seal(&mut writer, b"data")].concat()), expected);
    }
    for len in 1..good.len() {
        assert_eq!(read_copy(&mut reader, &good[..len]), discarded(DiscardReason::TruncatedRecord));
    }
    assert_eq!(read_copy(&mut reader, &good), opened(b"data"));
    assert_eq!(read_copy(&mut reader, &good), discarded(DiscardReason::Replayed));
}

/// CID-18: any bit of a record with a connection ID, and the association goes on.
#[test]
fn a_record_with_an_id_and_any_bit_flipped_does_not_open() {
    for suite in SUITES {
        let (mut writer, mut reader) = pair_with_cids(suite, b"", b"four");
        let record = seal(&mut writer, b"data");
        for bit in 0..record.len() * 8 {
            let mut forged = record.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let seen = read_copy(&mut reader, &forged);
            assert!(!seen.iter().any(|seen| matches!(seen, Seen::Opened(..))), "bit {bit}: {seen:?}");
        }
        assert_eq!(read_copy(&mut reader, &record), opened(b"data"));
    }
}

/// CID-14, REC-29: what a record costs is exact, so that a payload which is said to fit does.
#[test]
fn expansion_is_constant_with_a_connection_id_as_well() {
    for suite in SUITES {
        for len in [1, 8, 255] {
            let (mut writer, _) = pair_with_cids(suite, b"", &vec![1; len]);
            let plain = RecordHeader::LEN + protection(suite, 1).expansion();
            assert_eq!(writer.overhead(1), Some(plain + len + 1));
            assert_eq!(writer.overhead(0), Some(RecordHeader::LEN));
            for payload in [0, 1, 100] {
                assert_eq!(seal(&mut writer, &vec![5; payload]).len(), plain + len + 1 + payload);
            }
        }
    }
}
