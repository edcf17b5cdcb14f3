//! PRF, master secret, key block, verify_data, exporter and records.

use sealgram_vectors::{self as vectors, Section, hex, unhex};

use crate::crypto::{AeadAlgorithm, AeadKey, Exporter, HashAlgorithm, MasterSecret, NonceForm, Randoms, Suite, prf};
use crate::error::CryptoError;
use crate::role::Role;

fn hash(section: &mut Section) -> HashAlgorithm {
    match section.text("hash").as_str() {
        "SHA256" => HashAlgorithm::Sha256,
        "SHA384" => HashAlgorithm::Sha384,
        other => panic!("no test knows the hash {other}"),
    }
}

fn randoms(section: &mut Section) -> Randoms {
    Randoms { client: section.array("client_random"), server: section.array("server_random") }
}

fn master(section: &mut Section) -> MasterSecret {
    MasterSecret::from(section.array::<48>("master"))
}

/// EXP-01, EXP-10, FIN-01, KEX-17, EMS-03, AEA-08, AEA-09, AEA-10; of whole records AEA-01, AEA-02, AEA-03, AEA-06, AEA-07.
#[test]
fn every_vector_of_the_key_schedule_holds() {
    for mut section in ["tls12.txt", "nist/tls12-prf.txt"].into_iter().flat_map(vectors::sections) {
        match section.kind() {
            "prf" => check_prf(&mut section),
            "master-secret" | "extended-master-secret" => check_master_secret(&mut section),
            "key-block" => check_key_block(&mut section),
            "verify-data" => check_verify_data(&mut section),
            "exporter" => check_exporter(&mut section),
            #[cfg(all(feature = "ring", feature = "ccm"))]
            "record" => records::check(&mut section),
            #[cfg(not(all(feature = "ring", feature = "ccm")))]
            "record" => continue,
            // There is no PSK key exchange yet.
            "psk-premaster" | "ecdhe-psk-premaster" => continue,
            kind => panic!("no test reads [{kind}]"),
        }
        section.finish();
    }
}

fn check_prf(section: &mut Section) {
    let expected = section.bytes("output");
    let mut output = alloc::vec![0; expected.len()];
    let (secret, label, seed) = (section.bytes("secret"), section.text("label"), section.bytes("seed"));
    prf(hash(section), &secret, label.as_bytes(), &[&seed], &mut output);
    assert_eq!(hex(output), hex(expected));
}

/// The secret itself stays inside its type: it is the expected one if it expands to the same bytes.
fn check_master_secret(section: &mut Section) {
    let (hash, premaster) = (hash(section), section.bytes("premaster"));
    let master = match section.kind() {
        "master-secret" => MasterSecret::from_randoms(hash, &premaster, &randoms(section)),
        _ => MasterSecret::extended(hash, &premaster, &section.bytes("session_hash")),
    };
    let expected = MasterSecret::from(section.array::<48>("output"));
    let expand = |master: &MasterSecret| master.verify_data(hash, Role::Client, b"any");
    assert_eq!(expand(&master), expand(&expected));
}

fn check_key_block(section: &mut Section) {
    let (aead, nonce): (&'static dyn AeadAlgorithm, _) = match section.text("aead").as_str() {
        "AES_128_GCM" => (&KeyLength(16), NonceForm::Explicit),
        "AES_256_GCM" => (&KeyLength(32), NonceForm::Explicit),
        "CHACHA20_POLY1305" => (&KeyLength(32), NonceForm::Implicit),
        aead => panic!("no test knows the AEAD {aead}"),
    };
    let suite = Suite {
        code: crate::code::CipherSuite(0),
        key_exchange: crate::crypto::KeyExchange::Ecdhe(crate::crypto::KeyAlgorithm::Ecdsa),
        by_name_only: false,
        hash: hash(section),
        aead,
        nonce,
        limits: crate::crypto::AeadLimits::AES_GCM,
    };
    let key_block = master(section).key_block(&suite, &randoms(section));
    let (client, server) = (key_block.write_keys(Role::Client), key_block.write_keys(Role::Server));
    for (value, field) in
        [(client.key, "client_key"), (server.key, "server_key"), (client.iv, "client_iv"), (server.iv, "server_iv")]
    {
        assert_eq!(hex(value), section.text(field), "{field}");
    }
}

fn check_verify_data(section: &mut Section) {
    let role = match section.text("role").as_str() {
        "client" => Role::Client,
        "server" => Role::Server,
        role => panic!("no test knows the role {role}"),
    };
    let verify_data = master(section).verify_data(hash(section), role, &section.bytes("transcript_hash"));
    assert_eq!(hex(verify_data), section.text("output"));
}

fn check_exporter(section: &mut Section) {
    let exporter = Exporter::new(hash(section), master(section), randoms(section), true);
    let (label, context) = (section.text("label"), section.text("context"));
    let context = (context != "none").then(|| unhex(&context));
    let expected = section.bytes("output");
    let mut output = alloc::vec![0; expected.len()];
    exporter.export(label.as_bytes(), context.as_deref(), &mut output).unwrap();
    assert_eq!(hex(output), hex(expected));
}

/// All that a key block wants to know of an AEAD.
#[derive(Debug)]
struct KeyLength(usize);

impl AeadAlgorithm for KeyLength {
    fn key_len(&self) -> usize {
        self.0
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn key(&self, _: &[u8]) -> Result<alloc::boxed::Box<dyn AeadKey>, CryptoError> {
        Err(CryptoError::KeySetup)
    }
}

#[cfg(all(feature = "ring", feature = "ccm"))]
mod records {
    use alloc::vec::Vec;

    use super::*;
    use crate::cid::{ConnectionId, ConnectionIds};
    use crate::code::ContentType;
    use crate::provider::{ccm, ring};
    use crate::record::{Opening, Protection, RecordLayer};

    /// A whole record, made and read by the record layer; one with a connection ID is made by hand, as it is padded and
    /// we never pad.
    pub(super) fn check(section: &mut Section) {
        let (aead, key, iv) = (section.text("aead"), section.bytes("key"), section.bytes("iv"));
        let (plaintext, record) = (section.bytes("plaintext"), section.bytes("record"));
        let aad = section.text("aad");
        let suite = match aead.as_str() {
            "AES_128_GCM" => &ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            "CHACHA20_POLY1305" => &ring::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            "AES_128_CCM" => &ccm::ECDHE_ECDSA_WITH_AES_128_CCM,
            "AES_128_CCM_8" => &ccm::ECDHE_ECDSA_WITH_AES_128_CCM_8,
            aead => panic!("no test knows the AEAD {aead}"),
        };
        match ContentType(record[0]) {
            ContentType::APPLICATION_DATA => {
                check_frame(&record, plaintext.len(), iv.len(), &aad);
                check_layer(suite, || Protection::new(suite, &key, &iv).unwrap(), &plaintext, &record);
            }
            _ => {
                check_by_hand(suite, &key, &iv, &plaintext, &record, &aad);
                check_cid(|| Protection::new(suite, &key, &iv).unwrap(), &plaintext, &record);
            }
        }
    }

    /// The record is the sixth of epoch 1, and no other number can be had.
    fn check_layer(suite: &Suite, protection: impl Fn() -> Protection, plaintext: &[u8], record: &[u8]) {
        let mut writer = RecordLayer::new();
        writer.install_write(protection());
        let offset = writer.payload_offset(1).unwrap();
        let mut out = [0; 64];
        let mut len = 0;
        for _ in 0..=5 {
            out[offset..][..plaintext.len()].copy_from_slice(plaintext);
            len = writer.seal(1, ContentType::APPLICATION_DATA, &mut out, plaintext.len()).unwrap();
        }
        assert_eq!(hex(&out[..len]), hex(record), "{suite:?}");

        let mut reader = RecordLayer::new();
        reader.install_read(protection());
        let mut datagram = record.to_vec();
        let raw = RecordLayer::split(&datagram, 0, 0).unwrap().unwrap();
        let Opening::Opened(opened) = reader.open(&mut datagram, &raw) else { panic!("{suite:?} does not open") };
        assert_eq!((opened.epoch, opened.sequence), (1, 5));
        assert_eq!(hex(&datagram[opened.plaintext]), hex(plaintext));
    }

    /// CID-06, CID-07, CID-10: content, type and padding come apart as the vector puts them together.
    fn check_cid(protection: impl Fn() -> Protection, inner: &[u8], record: &[u8]) {
        let ours = ConnectionId::new(&record[11..15]).unwrap();
        let mut reader = RecordLayer::new();
        reader.install_read(protection());
        reader.set_connection_ids(ConnectionIds::new(ours, ConnectionId::EMPTY));
        let mut datagram = record.to_vec();
        let raw = RecordLayer::split(&datagram, 0, 4).unwrap().unwrap();
        let Opening::Opened(opened) = reader.open(&mut datagram, &raw) else { panic!("it does not open") };
        assert_eq!((opened.epoch, opened.sequence), (1, 5));
        let padded = [&datagram[opened.plaintext], &[opened.content_type.0]].concat();
        assert_eq!(hex(&padded), hex(&inner[..padded.len()]));
        assert!(inner[padded.len()..].iter().all(|byte| *byte == 0) && opened.content_type.0 == 23);
    }

    fn check_by_hand(suite: &Suite, key: &[u8], iv: &[u8], plaintext: &[u8], record: &[u8], aad: &str) {
        check_frame(record, plaintext.len(), iv.len(), aad);
        let (additional, explicit, sealed) = parse(record, plaintext.len(), iv.len());
        let key = suite.aead.key(key).unwrap();
        let nonce = match explicit {
            // RFC 7905 section 2: epoch and sequence number, padded to the left, combined with the IV.
            [] => core::array::from_fn(|at| iv[at] ^ [0, 0, 0, 0].iter().chain(&record[3..11]).nth(at).unwrap()),
            explicit => [iv, explicit].concat().try_into().unwrap(),
        };
        let (mut in_out, mut tag) = (plaintext.to_vec(), alloc::vec![0; suite.aead.tag_len()]);
        key.seal(&nonce, &additional, &mut in_out, &mut tag).unwrap();
        assert_eq!(hex([in_out, tag].concat()), hex(sealed));
        let mut in_out = sealed.to_vec();
        key.open(&nonce, &additional, &mut in_out).unwrap();
        assert_eq!(hex(&in_out[..plaintext.len()]), hex(plaintext));
    }

    /// The header of the record makes the additional data that the vector has.
    fn check_frame(record: &[u8], plaintext_len: usize, iv_len: usize, aad: &str) {
        let (additional, ..) = parse(record, plaintext_len, iv_len);
        assert_eq!(hex(additional), aad);
    }

    /// A record's additional data, explicit nonce, and ciphertext with tag.
    fn parse(record: &[u8], plaintext_len: usize, iv_len: usize) -> (Vec<u8>, &[u8], &[u8]) {
        let (content_type, version, number) = (&record[..1], &record[1..3], &record[3..11]);
        // The connection ID of the vectors has 4 bytes; 25 is tls12_cid (RFC 9146).
        let cid = if content_type == [25] { &record[11..15] } else { &[] };
        let (length, body) = record[11 + cid.len()..].split_at(2);
        assert_eq!(usize::from(u16::from_be_bytes([length[0], length[1]])), body.len());
        let plaintext_length = u16::try_from(plaintext_len).unwrap().to_be_bytes();
        let additional = match cid {
            [] => [number, content_type, version, &plaintext_length].concat(),
            _ => [&[0xff; 8][..], &[25, 4, 25], version, number, cid, &plaintext_length].concat(),
        };
        let (explicit, sealed) = body.split_at(if iv_len == 4 { 8 } else { 0 });
        // RFC 9325 section 7.2.1: the explicit nonce is epoch and sequence number.
        assert!(explicit.is_empty() || explicit == number);
        (additional, explicit, sealed)
    }
}
