//! SHA-256 and SHA-384, and HMAC over them.

use core::fmt;

use hmac::{KeyInit, Mac};
use sha2::{Digest as _, Sha256, Sha384};
use zeroize::Zeroize;

/// The hash of a cipher suite's PRF, transcript and Finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256: 32 bytes.
    Sha256,
    /// SHA-384: 48 bytes.
    Sha384,
}

impl HashAlgorithm {
    /// The length of its output in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// A hash that input can be fed to piece by piece.
    pub(crate) fn start(self) -> RunningHash {
        match self {
            Self::Sha256 => RunningHash::Sha256(Sha256::new()),
            Self::Sha384 => RunningHash::Sha384(Sha384::new()),
        }
    }

    /// The hash of one piece of input.
    pub(crate) fn hash(self, input: &[u8]) -> Digest {
        let mut hash = self.start();
        hash.update(input);
        hash.finish()
    }
}

/// A hash in the middle of its input.
#[derive(Clone)]
pub(crate) enum RunningHash {
    Sha256(Sha256),
    Sha384(Sha384),
}

impl RunningHash {
    pub(crate) fn update(&mut self, input: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(input),
            Self::Sha384(hash) => hash.update(input),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hash) => Digest::new(&hash.finalize()),
            Self::Sha384(hash) => Digest::new(&hash.finalize()),
        }
    }
}

/// The output of a hash or an HMAC; zeroized when dropped, as the latter may be a secret.
#[derive(Clone)]
pub(crate) struct Digest {
    bytes: [u8; 48],
    len: usize,
}

impl Digest {
    fn new(output: &[u8]) -> Self {
        let mut bytes = [0; 48];
        let len = output.len().min(bytes.len());
        for (to, from) in bytes.iter_mut().zip(output) {
            *to = *from;
        }
        Self { bytes, len }
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

/// HMAC (RFC 2104) with a key that is set up once and may be used many times.
#[derive(Clone)]
pub(crate) enum Hmac {
    Sha256(hmac::Hmac<Sha256>),
    Sha384(hmac::Hmac<Sha384>),
}

impl Hmac {
    /// A key of any length.
    #[expect(
        clippy::expect_used,
        reason = "the type of the library allows for MACs that want a key length; HMAC has none"
    )]
    pub(crate) fn new(hash: HashAlgorithm, key: &[u8]) -> Self {
        match hash {
            HashAlgorithm::Sha256 => Self::Sha256(KeyInit::new_from_slice(key).expect("HMAC takes keys of any length")),
            HashAlgorithm::Sha384 => Self::Sha384(KeyInit::new_from_slice(key).expect("HMAC takes keys of any length")),
        }
    }

    /// The MAC of the concatenation of `parts`.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Digest {
        self.mac_of(parts.iter().copied())
    }

    /// The same of parts that stand in no list.
    pub(crate) fn mac_of<'p>(&self, parts: impl Iterator<Item = &'p [u8]>) -> Digest {
        match self.clone() {
            Self::Sha256(mut mac) => {
                parts.for_each(|part| mac.update(part));
                Digest::new(&mac.finalize().into_bytes())
            }
            Self::Sha384(mut mac) => {
                parts.for_each(|part| mac.update(part));
                Digest::new(&mac.finalize().into_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_published_one() {
        // FIPS 180-4, the example of one block.
        let expected = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert_eq!(HashAlgorithm::Sha256.hash(b"abc").as_ref()[..8], expected);
        let expected = [0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b];
        assert_eq!(HashAlgorithm::Sha384.hash(b"abc").as_ref()[..8], expected);
    }

    #[test]
    fn a_mac_of_parts_is_the_mac_of_the_whole() {
        let hmac = Hmac::new(HashAlgorithm::Sha256, b"Jefe");
        // RFC 4231 section 4.3.
        let expected = [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e];
        assert_eq!(hmac.mac(&[b"what do ya want ", b"for nothing?"]).as_ref()[..8], expected);
        assert_eq!(hmac.mac(&[b"what do ya want for nothing?"]).as_ref()[..8], expected);
    }
}
