//! The little DER that has to be written: fixed wrappings around what *ring* reads and writes. None is ever read here.

use alloc::vec::Vec;

use pki_types::{AlgorithmIdentifier, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

/// The public key in the form that certificates carry (RFC 5280 section 4.1): *ring* knows only the bits inside.
///
/// ```text
/// SEQUENCE { SEQUENCE { algorithm }, BIT STRING { 00, key } }      00: no unused bits
/// ```
pub(super) fn subject_public_key_info(algorithm: AlgorithmIdentifier, key: &[u8]) -> SubjectPublicKeyInfoDer<'static> {
    let algorithm = element(SEQUENCE, &[&algorithm]);
    let bits = element(BIT_STRING, &[&[0], key]);
    SubjectPublicKeyInfoDer::from(element(SEQUENCE, &[&algorithm, &bits]))
}

/// A SEC1 key inside PKCS#8 (RFC 5958 section 2), the only form in which *ring* reads EC keys. All that is put around
/// it is the name of the curve.
///
/// ```text
/// SEQUENCE { INTEGER { 00 }, SEQUENCE { algorithm }, OCTET STRING { sec1 } }
/// ```
pub(super) fn pkcs8_from_sec1(algorithm: AlgorithmIdentifier, sec1: &[u8]) -> Zeroizing<Vec<u8>> {
    let version = element(INTEGER, &[&[0]]);
    let algorithm = element(SEQUENCE, &[&algorithm]);
    let key = Zeroizing::new(element(OCTET_STRING, &[sec1]));
    Zeroizing::new(element(SEQUENCE, &[&version, &algorithm, &key]))
}

/// Tag, length and content, in one allocation: a buffer that grew would leave a copy of the key behind.
fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
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

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

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
}
