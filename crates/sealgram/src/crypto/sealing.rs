//! A key for what this side seals for itself and reads again later: sessions in tickets, connections in snapshots.
//!
//! ```text
//!  0      h        h + 12                      h + 12 + n
//! +------+---------+--------------------------+----------+
//! | head |  nonce  | content, encrypted       |   tag    |
//! +------+---------+--------------------------+----------+
//! ```
//!
//! The head is whatever the caller wants to read before it opens the rest. It is bound to what is sealed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{AeadKey, CryptoProvider, NONCE_LEN};
use crate::code::CipherSuite;

/// A key of AES-256-GCM. Nonces are random: fewer than 2^32 are to be drawn for one key (NIST SP 800-38D section 8.3).
pub(crate) struct SealingKey(Box<dyn AeadKey>);

impl SealingKey {
    /// `None` if the provider has no AES-256-GCM.
    pub(crate) fn new(provider: &CryptoProvider, secret: &[u8; Self::LEN]) -> Option<Self> {
        // By name: other ciphers have keys, nonces and tags of these lengths too, and machines that share their keys
        // must not choose differently because their providers have another order.
        let suite = AES_256_GCM.iter().find_map(|code| provider.suite(*code))?;
        suite.aead.key(secret).ok().map(Self)
    }

    /// How many bytes sealing adds to head and content.
    pub(crate) const EXPANSION: usize = NONCE_LEN + TAG_LEN;

    /// How many bytes a key has.
    pub(crate) const LEN: usize = 32;

    /// All of the above in one piece. The content is copied once, to where it is encrypted.
    pub(crate) fn seal(&self, head: &[u8], content: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(head.len() + content.len() + Self::EXPANSION);
        sealed.extend_from_slice(head);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let mut tag = [0; TAG_LEN];
        let in_out = sealed.get_mut(head.len() + NONCE_LEN..)?;
        if self.0.seal(&nonce, head, in_out, &mut tag).is_err() {
            // Whatever it has left there may be a secret still.
            in_out.zeroize();
            return None;
        }
        sealed.extend_from_slice(&tag);
        Some(sealed)
    }

    /// The content of what stands behind `head`.
    pub(crate) fn open(&self, head: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk()?;
        let len = sealed.len().checked_sub(TAG_LEN)?;
        let mut content = Zeroizing::new(sealed.to_vec());
        self.0.open(nonce, head, &mut content).ok()?;
        content.truncate(len);
        Some(content)
    }
}

/// The suites whose records AES-256-GCM protects: a provider that has one of them has the cipher.
const AES_256_GCM: [CipherSuite; 4] = [
    CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384,
    CipherSuite::PSK_WITH_AES_256_GCM_SHA384,
];

const TAG_LEN: usize = 16;
