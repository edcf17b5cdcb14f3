//! Keys shared beforehand (RFC 4279).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::config::ConfigError;
use crate::crypto::Seed;
use crate::decision::Reply;
use crate::wire::key_exchange::MAX_PSK_IDENTITY_LEN;

/// A key that both sides know before they meet.
///
/// It authenticates whoever has it: give each pair of peers its own, and let one side only ever be the client (RFC 9257
/// section 4). A key that a human can remember can be guessed from one recorded handshake with the plain PSK suites, and
/// from one attempt to connect with the others: use 16 random bytes or more.
#[derive(Clone)]
pub struct PresharedKey(Zeroizing<Vec<u8>>);

impl PresharedKey {
    /// Takes the bytes of the key, 1 to 512.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidPresharedKey`] for another length.
    pub fn new(bytes: &[u8]) -> Result<Self, ConfigError> {
        if (1..=MAX_KEY_LEN).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(ConfigError::InvalidPresharedKey)
        }
    }

    /// A key that nobody has, in place of one that is not known.
    pub(crate) fn unknown(seed: &mut Seed) -> Self {
        Self(Zeroizing::new(seed.next(b"unknown preshared key").to_vec()))
    }

    /// The premaster secret of the plain PSK suites: as many zeros as the key has bytes, then the key, each behind its
    /// length (RFC 4279 section 2).
    pub(crate) fn premaster(&self) -> Zeroizing<Vec<u8>> {
        let zeros = [0; MAX_KEY_LEN];
        self.premaster_with(zeros.get(..self.0.len()).unwrap_or(&zeros))
    }

    /// The premaster secret of the ECDHE_PSK suites: what the ephemeral keys agree on, then the key, each behind its
    /// length (RFC 5489 section 2).
    pub(crate) fn premaster_with(&self, agreed: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut premaster = Zeroizing::new(Vec::with_capacity(4 + agreed.len() + self.0.len()));
        for part in [agreed, &self.0] {
            // Both are far shorter than what 16 bits can say.
            let [.., high, low] = part.len().to_be_bytes();
            premaster.extend_from_slice(&[high, low]);
            premaster.extend_from_slice(part);
        }
        premaster
    }
}

/// The key itself is not shown.
impl fmt::Debug for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresharedKey").finish_non_exhaustive()
    }
}

/// Where a server finds the key of a client.
pub trait PresharedKeys: fmt::Debug + Send + Sync {
    /// The key that belongs to this identity: bytes as they came, of any kind, up to 1024 of them. `None` if there is
    /// none; what the client then sees is for the configuration to say.
    ///
    /// [`Reply::Later`] lets the handshake wait for [`Connection::resume`](crate::Connection::resume).
    fn find(&self, identity: &[u8]) -> Reply<Option<PresharedKey>>;
}

/// Keys by identity, in memory.
impl PresharedKeys for BTreeMap<Vec<u8>, PresharedKey> {
    fn find(&self, identity: &[u8]) -> Reply<Option<PresharedKey>> {
        Reply::Now(self.get(identity).cloned())
    }
}

/// What a client calls itself, and the key that proves it.
#[derive(Clone, Debug)]
pub(crate) struct ClientPsk {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: PresharedKey,
}

impl ClientPsk {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.identity.len() <= MAX_PSK_IDENTITY_LEN { Ok(()) } else { Err(ConfigError::InvalidPresharedKey) }
    }
}

/// The longest key, in bytes. RFC 4279 section 5.3 asks for 64.
const MAX_KEY_LEN: usize = 512;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const KEY: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

    /// PSK-01: the vector of wire.md section 11.
    #[test]
    fn a_plain_premaster_has_zeros_for_what_was_not_agreed() {
        let premaster = PresharedKey::new(&KEY).unwrap().premaster();
        assert_eq!(**premaster, [0, 4, 0, 0, 0, 0, 0, 4, 0x1a, 0x2b, 0x3c, 0x4d]);
    }

    /// PSK-02: the vector of wire.md section 11.
    #[test]
    fn an_ephemeral_premaster_begins_with_what_was_agreed() {
        let agreed: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let premaster = PresharedKey::new(&KEY).unwrap().premaster_with(&agreed);
        assert_eq!(**premaster, [&[0, 32], &agreed[..], &[0, 4], &KEY].concat());
    }

    /// PSK-06: keys of 64 bytes and more.
    #[test]
    fn a_key_has_1_to_512_bytes() {
        for len in [1, 16, 64, 512] {
            let key = PresharedKey::new(&alloc::vec![7; len]).unwrap();
            assert_eq!(key.premaster().len(), 4 + 2 * len);
        }
        for len in [0, 513] {
            assert_eq!(PresharedKey::new(&alloc::vec![7; len]).unwrap_err(), ConfigError::InvalidPresharedKey);
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", PresharedKey::new(&KEY).unwrap()), "PresharedKey { .. }");
    }
}
