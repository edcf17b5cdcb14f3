//! The key schedule of DTLS 1.2: the PRF and what is derived with it.
//!
//! It knows neither messages nor states: whoever calls it says which hash, which role and which randoms.

use alloc::vec;
use alloc::vec::Vec;
use core::{fmt, iter};

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::hash::{Digest, HashAlgorithm, Hmac};
use crate::crypto::suite::Suite;
use crate::role::Role;

/// The randoms of the two hellos.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Randoms {
    /// ClientHello.random.
    pub(crate) client: [u8; 32],
    /// ServerHello.random.
    pub(crate) server: [u8; 32],
}

/// The secret from which an association's keys, its Finished messages and its exports are derived.
#[derive(Clone)]
pub(crate) struct MasterSecret(Zeroizing<[u8; MASTER_SECRET_LEN]>);

impl MasterSecret {
    /// Bound to the whole handshake so far, by the hash of everything from ClientHello to ClientKeyExchange (RFC 7627
    /// section 4).
    pub(crate) fn extended(hash: HashAlgorithm, premaster: &[u8], session_hash: &[u8]) -> Self {
        Self::derive(hash, premaster, EXTENDED_MASTER_SECRET, &[session_hash])
    }

    /// For peers without the extended master secret: bound to the randoms alone (RFC 5246 section 8.1).
    pub(crate) fn from_randoms(hash: HashAlgorithm, premaster: &[u8], randoms: &Randoms) -> Self {
        Self::derive(hash, premaster, MASTER_SECRET, &[&randoms.client, &randoms.server])
    }

    fn derive(hash: HashAlgorithm, premaster: &[u8], label: &[u8], seed: &[&[u8]]) -> Self {
        let mut secret = Zeroizing::new([0; MASTER_SECRET_LEN]);
        prf(hash, premaster, label, seed, &mut *secret);
        Self(secret)
    }

    /// What the Finished message of `role` carries, given the hash of all handshake messages before it (RFC 5246
    /// section 7.4.9).
    pub(crate) fn verify_data(&self, hash: HashAlgorithm, role: Role, transcript_hash: &[u8]) -> [u8; VERIFY_DATA_LEN] {
        let label = match role {
            Role::Client => CLIENT_FINISHED,
            Role::Server => SERVER_FINISHED,
        };
        let mut verify_data = [0; VERIFY_DATA_LEN];
        self.expand(hash, label, &[transcript_hash], &mut verify_data);
        verify_data
    }

    /// The keys and IVs of both directions (RFC 5246 section 6.3).
    pub(crate) fn key_block(&self, suite: &Suite, randoms: &Randoms) -> KeyBlock {
        let (key_len, iv_len) = (suite.aead.key_len(), suite.nonce.iv_len());
        let mut bytes = Zeroizing::new(vec![0; 2 * (key_len + iv_len)]);
        // Here, and only here, the server's random comes first.
        self.expand(suite.hash, KEY_EXPANSION, &[&randoms.server, &randoms.client], &mut bytes);
        KeyBlock { bytes, key_len, iv_len }
    }

    /// The secret itself, for a key log and for what is kept of a session.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The secret of a session that is taken up again.
    pub(crate) fn restore(secret: &[u8; MASTER_SECRET_LEN]) -> Self {
        Self(Zeroizing::new(*secret))
    }

    /// The PRF under this secret.
    pub(crate) fn expand(&self, hash: HashAlgorithm, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        prf(hash, self.0.as_slice(), label, seed, out);
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
impl From<[u8; MASTER_SECRET_LEN]> for MasterSecret {
    /// Vectors start from a given secret; the protocol always derives it.
    fn from(secret: [u8; MASTER_SECRET_LEN]) -> Self {
        Self(Zeroizing::new(secret))
    }
}

/// The keys and IVs of one epoch, both directions. An AEAD suite has no MAC keys, so they come first.
///
/// ```text
/// client_write_key | server_write_key | client_write_IV | server_write_IV
/// ```
#[derive(Clone)]
pub(crate) struct KeyBlock {
    /// Always `2 * (key_len + iv_len)` long.
    bytes: Zeroizing<Vec<u8>>,
    key_len: usize,
    iv_len: usize,
}

impl KeyBlock {
    /// What `role` writes with, and what its peer reads with.
    pub(crate) fn write_keys(&self, role: Role) -> WriteKeys<'_> {
        let (keys, ivs) = self.bytes.split_at(2 * self.key_len);
        let (client_key, server_key) = keys.split_at(self.key_len);
        let (client_iv, server_iv) = ivs.split_at(self.iv_len);
        match role {
            Role::Client => WriteKeys { key: client_key, iv: client_iv },
            Role::Server => WriteKeys { key: server_key, iv: server_iv },
        }
    }
}

impl fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBlock").finish_non_exhaustive()
    }
}

/// One direction's part of a [`KeyBlock`].
pub(crate) struct WriteKeys<'a> {
    /// The AEAD key.
    pub(crate) key: &'a [u8],
    /// The part of the nonce that no record carries.
    pub(crate) iv: &'a [u8],
}

/// The PRF of TLS 1.2 (RFC 5246 section 5): fills `out` with P_hash(secret, label + seed), where `seed` comes in parts.
pub(crate) fn prf(hash: HashAlgorithm, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let hmac = Hmac::new(hash, secret);
    let seed = || iter::once(label).chain(seed.iter().copied());
    // A(0) = seed, A(i) = HMAC(secret, A(i-1)). Each A(i) is made when it is needed, so that none is made in vain.
    let mut a: Option<Digest> = None;
    for chunk in out.chunks_mut(hash.output_len()) {
        let next = a.map_or_else(|| hmac.mac_of(seed()), |a| hmac.mac(&[a.as_ref()]));
        let block = hmac.mac_of(iter::once(next.as_ref()).chain(seed()));
        chunk.iter_mut().zip(block.as_ref()).for_each(|(to, from)| *to = *from);
        a = Some(next);
    }
}

/// The length of verify_data in bytes, in every suite of this library (RFC 5246 section 7.4.9).
pub(crate) const VERIFY_DATA_LEN: usize = 12;

/// The length of the master secret in bytes (RFC 5246 section 8.1).
const MASTER_SECRET_LEN: usize = 48;

/// The labels that the protocol itself uses. An exporter must refuse them (RFC 5705 section 4).
pub(super) const RESERVED_LABELS: [&[u8]; 5] =
    [CLIENT_FINISHED, SERVER_FINISHED, MASTER_SECRET, EXTENDED_MASTER_SECRET, KEY_EXPANSION];

const CLIENT_FINISHED: &[u8] = b"client finished";
const SERVER_FINISHED: &[u8] = b"server finished";
const MASTER_SECRET: &[u8] = b"master secret";
const EXTENDED_MASTER_SECRET: &[u8] = b"extended master secret";
const KEY_EXPANSION: &[u8] = b"key expansion";

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const RANDOMS: Randoms = Randoms { client: [1; 32], server: [2; 32] };

    /// RFC 5246 section 5: output is a stream, so that a shorter request is a prefix of a longer one.
    #[test]
    fn every_length_is_a_prefix_of_the_longest() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let mut longest = [0; 150];
            prf(hash, b"secret", b"label", &[b"seed"], &mut longest);
            for len in 0..longest.len() {
                let mut out = vec![0xaa; len];
                prf(hash, b"secret", b"label", &[b"seed"], &mut out);
                assert_eq!(out, longest[..len]);
            }
        }
    }

    #[test]
    fn a_seed_in_parts_is_the_seed_as_a_whole() {
        let (mut parts, mut whole) = ([0; 32], [0; 32]);
        prf(HashAlgorithm::Sha256, b"secret", b"label", &[b"se", b"", b"ed"], &mut parts);
        prf(HashAlgorithm::Sha256, b"secret", b"label", &[b"seed"], &mut whole);
        assert_eq!(parts, whole);
    }

    /// FIN-01: an attacker who reflects our Finished must not pass for the peer.
    #[test]
    fn the_two_sides_have_different_verify_data() {
        let master = MasterSecret::from_randoms(HashAlgorithm::Sha256, b"premaster", &RANDOMS);
        assert_ne!(
            master.verify_data(HashAlgorithm::Sha256, Role::Client, &[7; 32]),
            master.verify_data(HashAlgorithm::Sha256, Role::Server, &[7; 32]),
        );
    }

    /// I11.
    #[test]
    fn debug_output_shows_no_secret() {
        let master = MasterSecret::extended(HashAlgorithm::Sha256, b"premaster", &[7; 32]);
        assert_eq!(format!("{master:?}"), "MasterSecret { .. }");
    }
}
