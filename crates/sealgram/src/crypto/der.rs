//! The little DER that has to be written: fixed wrappings around keys. None is ever read here.

use alloc::vec::Vec;

use pki_types::{AlgorithmIdentifier, SubjectPublicKeyInfoDer};

/// The public key in the form that certificates carry (RFC 5280 section 4.1): algorithms know only the bits inside.
///
/// ```text
/// SEQUENCE { SEQUENCE { algorithm }, BIT STRING { 00, key } }      00: no unused bits
/// ```
pub(crate) fn subject_public_key_info(algorithm: AlgorithmIdentifier, key: &[u8]) -> SubjectPublicKeyInfoDer<'static> {
    let algorithm = element(SEQUENCE, &[&algorithm]);
    let bits = element(BIT_STRING, &[&[0], key]);
    SubjectPublicKeyInfoDer::from(element(SEQUENCE, &[&algorithm, &bits]))
}

/// The key inside, if it is one of this algorithm.
///
/// DER has one form for each value: so the key is the end of `spki` that makes the same bytes when it is wrapped. What
/// is written in any other way is not found.
pub(crate) fn public_key<'k>(
    spki: &'k SubjectPublicKeyInfoDer<'_>,
    algorithm: AlgorithmIdentifier,
) -> Option<&'k [u8]> {
    let shortest_wrapping = subject_public_key_info(algorithm, &[]).len();
    (shortest_wrapping..=shortest_wrapping + LONGER_LENGTHS).find_map(|wrapping| {
        let key = spki.get(wrapping..)?;
        (subject_public_key_info(algorithm, key) == *spki).then_some(key)
    })
}

/// Whether this is one SEQUENCE and nothing behind it, as every public key in this form is.
pub(crate) fn is_sequence(der: &[u8]) -> bool {
    let is_its_content = |content| element(SEQUENCE, &[content]) == der;
    (SHORTEST_HEADER..=SHORTEST_HEADER + 3).any(|header| der.get(header..).is_some_and(is_its_content))
}

/// Tag, length and content, in one allocation: a buffer that grew would leave a copy of a private key behind.
pub(crate) fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let len: usize = content.iter().map(|part| part.len()).sum();
    let mut der = Vec::with_capacity(1 + 1 + size_of::<usize>() + len);
    der.push(tag);
    let digits = len.to_be_bytes();
    match digits {
        // The short form is the length itself; the long form counts the bytes that say it.
        [.., short] if len < 0x80 => der.push(short),
        _ => {
            let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
            let [count, ..] = digits.len().to_le_bytes();
            der.push(0x80 | count);
            der.extend_from_slice(&digits);
        }
    }
    content.iter().for_each(|part| der.extend_from_slice(part));
    der
}

pub(crate) const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// A tag and a length of one byte; no message is so long that its length takes more than three bytes more.
const SHORTEST_HEADER: usize = 2;

/// By how many bytes the lengths of a key, and of what it stands in, are longer than those of an empty one: two lengths
/// of at most 1 + 3 bytes instead of one, as no message is longer.
const LONGER_LENGTHS: usize = 2 * 3;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use pki_types::alg_id;

    use super::*;

    #[test]
    fn a_sequence_is_known_by_its_ends() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let mut der = element(SEQUENCE, &[&vec![0xaa; len]]);
            assert!(is_sequence(&der), "{len}");
            der.push(0);
            assert!(!is_sequence(&der), "{len} and a byte behind it");
        }
        // A length in more bytes than it takes, another tag, a tag alone.
        for other in [&[0x30, 0x81, 1, 0][..], &[0x31, 1, 0], &[0x30], &[]] {
            assert!(!is_sequence(other), "{other:?}");
        }
    }

    /// X.690 section 10.1: the shortest form of a length, and no other.
    #[test]
    fn lengths_have_their_shortest_form() {
        let header = |len: usize| {
            let der = element(SEQUENCE, &[&vec![0xaa; len]]);
            assert!(der.ends_with(&vec![0xaa; len]));
            der[..der.len() - len].to_vec()
        };
        assert_eq!(header(0), [0x30, 0]);
        assert_eq!(header(0x7f), [0x30, 0x7f]);
        assert_eq!(header(0x80), [0x30, 0x81, 0x80]);
        assert_eq!(header(0xff), [0x30, 0x81, 0xff]);
        assert_eq!(header(0x100), [0x30, 0x82, 1, 0]);
        assert_eq!(header(0x1_0000), [0x30, 0x83, 1, 0, 0]);
    }

    /// CRT-24: whatever its length.
    #[test]
    fn a_key_is_found_in_what_was_made_of_it() {
        for len in [0, 1, 32, 65, 97, 125, 126, 127, 128, 240, 253, 254, 255, 270, 526, 0xffff, 0x1_0000] {
            let key = vec![0x30; len];
            let spki = subject_public_key_info(alg_id::RSA_ENCRYPTION, &key);
            assert_eq!(public_key(&spki, alg_id::RSA_ENCRYPTION), Some(&*key), "{len}");
            assert_eq!(public_key(&spki, alg_id::ED25519), None);
        }
    }

    /// CRT-24: one bit less, one byte more, another curve, a length that is longer than it must be.
    #[test]
    fn a_key_in_another_form_is_not_found() {
        let spki = subject_public_key_info(alg_id::ECDSA_P256, &[4; 65]);
        assert_eq!(public_key(&spki, alg_id::ECDSA_P384), None);
        let found = |der: &[u8]| public_key(&SubjectPublicKeyInfoDer::from(der), alg_id::ECDSA_P256).is_some();
        assert!(found(&spki));
        for at in 0..spki.len() - 65 {
            let mut spoiled = spki.to_vec();
            spoiled[at] ^= 1;
            assert!(!found(&spoiled), "byte {at}");
        }
        assert!(!found(&[&spki[..], &[0]].concat()));
        assert!(!found(&spki[..spki.len() - 1]));
        assert!(!found(&[&[0x30, 0x81, 89], &spki[2..]].concat()));
        assert!(!found(&[]));
    }
}
