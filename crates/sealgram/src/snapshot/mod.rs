//! Moving an established association to another process: what is sealed, how, and under which key.
//!
//! ```text
//!  0     3         4      20                                          n
//! +-----+---------+------+-------+------------------------+----------+
//! | sgs | version |  id  | nonce | content, encrypted     |   tag    |
//! +-----+---------+------+-------+------------------------+----------+
//! ```
//!
//! What stands before the nonce can be read without the key, and is bound to the rest. What the content is stands in
//! `content.rs`; how a connection becomes one and the other way round, beside the connection.

mod content;
mod error;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::config::{ClientConfig, Common, ConfigError, ServerConfig};
use crate::crypto::{CryptoProvider, HashAlgorithm, Hmac, SealingKey};
use crate::role::Role;

pub(crate) use self::content::{Content, LastFlight};
pub use self::error::{RestoreError, SnapshotError};

/// An established association, sealed: bytes to hand to another process, which goes on with it by
/// [`Connection::restore`](crate::Connection::restore) or [`Endpoint::restore`](crate::Endpoint::restore).
///
/// Whoever has these bytes and the [`SnapshotKey`] can read and speak in the association. Without the key they tell how
/// long the peer's certificates are, about, and no more.
///
/// **Restore each at most once.** Two connections from one snapshot write different data under the same keys. Each
/// begins at a number of its own that is drawn at random, so that a repeated nonce is improbable; it is not impossible,
/// and nothing keeps what the one has received from being accepted by the other as well. [`id`](Self::id) is for keeping
/// a list of what was restored.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// What tells one snapshot from all others: 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId([u8; ID_LEN]);

/// The key that snapshots are sealed under: AES-256-GCM, of the caller's secret.
///
/// It has to be as well kept as the traffic is to be: it opens every snapshot that was made under it, and with those
/// what was recorded of these associations before and after. A secret of its own for each hand-over, thrown away by both
/// processes once it is done, is best. Fewer than 2^32 snapshots are to be sealed under one.
pub struct SnapshotKey(SealingKey);

/// The configuration that a restored connection goes on under, of the role that it had.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are two roles")]
pub enum RoleConfig {
    /// For what was a client.
    Client(Arc<ClientConfig>),
    /// For what was a server.
    Server(Arc<ServerConfig>),
}

impl Sealed {
    /// No snapshot is longer than this, in bytes. Most are a few hundred bytes longer than the certificates that the peer
    /// has shown.
    pub const MAX_LEN: usize = 2 << 20;

    /// Takes up bytes that were a snapshot's.
    ///
    /// # Errors
    ///
    /// [`RestoreError::NotASnapshot`] and [`RestoreError::UnknownVersion`]. Whether it is authentic shows when it is
    /// restored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let version = match bytes.split_first_chunk() {
            Some((MAGIC, [version, ..])) => *version,
            _ => return Err(RestoreError::NotASnapshot),
        };
        if version != VERSION {
            return Err(RestoreError::UnknownVersion(version));
        }
        if !(HEAD_LEN + SealingKey::EXPANSION..=Self::MAX_LEN).contains(&bytes.len()) {
            return Err(RestoreError::NotASnapshot);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes to hand over.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Which snapshot this is. A caller who keeps the ids of all that were restored, where all who may restore can see
    /// them, can refuse the second time. It is authentic only if restoring succeeds.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        // Made or checked to be long enough.
        let id = self.0.get(HEAD_LEN - ID_LEN..).and_then(<[u8]>::first_chunk);
        SnapshotId(id.copied().unwrap_or_default())
    }

    /// Seals a content; `None` if it is too long, or the provider refuses.
    pub(crate) fn seal(content: &Content, key: &SnapshotKey, rng: &mut dyn CryptoRng) -> Option<Self> {
        let mut head = [0; HEAD_LEN];
        let (form, id) = head.split_at_mut(HEAD_LEN - ID_LEN);
        form.copy_from_slice(&[MAGIC.as_slice(), &[VERSION]].concat());
        rng.fill_bytes(id);
        let bytes = key.0.seal(&head, &content.encode()?, rng)?;
        (bytes.len() <= Self::MAX_LEN).then_some(Self(bytes))
    }

    /// Opens it.
    pub(crate) fn open(&self, key: &SnapshotKey) -> Result<Content, RestoreError> {
        let (head, sealed) = self.0.split_at_checked(HEAD_LEN).ok_or(RestoreError::NotASnapshot)?;
        let content = key.0.open(head, sealed).ok_or(RestoreError::NotAuthentic)?;
        Content::decode(&content).map_err(|_| RestoreError::Malformed)
    }
}

impl SnapshotId {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
        &self.0
    }
}

impl SnapshotKey {
    /// The key of this secret, the same wherever the secret is: in the process that seals and in the one that restores.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTicketCipher`] if the provider has no AES-256-GCM.
    pub fn new(provider: &CryptoProvider, secret: &[u8; 32]) -> Result<Self, ConfigError> {
        let mut key = Zeroizing::new([0; SealingKey::LEN]);
        // Not the secret itself: whoever uses it for another purpose too makes no two keys that are the same.
        let mac = Hmac::new(HashAlgorithm::Sha256, secret).mac(&[KEY_LABEL]);
        key.iter_mut().zip(mac.as_ref()).for_each(|(to, from)| *to = *from);
        SealingKey::new(provider, &key).map(Self).ok_or(ConfigError::NoTicketCipher)
    }
}

impl RoleConfig {
    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Client(_) => Role::Client,
            Self::Server(_) => Role::Server,
        }
    }

    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Client(config) => &config.common,
            Self::Server(config) => &config.common,
        }
    }
}

impl From<Arc<ClientConfig>> for RoleConfig {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self::Client(config)
    }
}

impl From<Arc<ServerConfig>> for RoleConfig {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::Server(config)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotKey").finish_non_exhaustive()
    }
}

/// What every snapshot begins with.
const MAGIC: &[u8; 3] = b"sgs";

/// The form of the content. Whatever changes there takes the next number: an association is worth too much to be read as
/// something else.
const VERSION: u8 = 1;

const ID_LEN: usize = 16;
const HEAD_LEN: usize = MAGIC.len() + 1 + ID_LEN;
const KEY_LABEL: &[u8] = b"sealgram snapshot key";
