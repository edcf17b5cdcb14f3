//! The wrapping in which *ring* reads EC keys.

use alloc::vec::Vec;

use pki_types::AlgorithmIdentifier;
use zeroize::Zeroizing;

use crate::crypto::der::{SEQUENCE, element};

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

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
