//! Tickets: sessions that the client keeps for the server, sealed under a key of the server's (RFC 5077).
//!
//! ```text
//!  0          16        28                      28 + n       44 + n
//! +----------+---------+-----------------------+------------+
//! | key name |  nonce  | session, encrypted    |    tag     |
//! +----------+---------+-----------------------+------------+
//! ```
//!
//! The key name is bound to what is sealed. A ticket that does not open means a full handshake, and nothing else: not
//! even whether its key was known shows.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::SavedSession;
use crate::config::ConfigError;
use crate::crypto::{CryptoProvider, HashAlgorithm, Hmac, SealingKey};

/// Seals sessions into tickets and opens them.
pub trait Tickets: fmt::Debug + Send + Sync {
    /// Seals what belongs to a session, under a nonce that was never used before with the key; `None` if it cannot.
    fn seal(&self, session: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>>;

    /// Opens a ticket; `None` if it is none of ours.
    fn open(&self, ticket: &[u8]) -> Option<OpenedTicket>;
}

/// What was in a ticket.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "implementations of the trait make it")]
pub struct OpenedTicket {
    /// What was sealed.
    pub session: Zeroizing<Vec<u8>>,
    /// Whether the client should get another ticket, as the key of this one is about to go.
    pub is_stale: bool,
}

impl fmt::Debug for OpenedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedTicket").field("is_stale", &self.is_stale).finish_non_exhaustive()
    }
}

/// The keys of tickets, AES-256-GCM: a current one, and the one before it.
///
/// Tickets are made with the current key and opened with either. Change keys every few days (RFC 9325 section 3.4), and
/// keep a session no longer than half of that, so that a ticket outlives its key never.
///
/// Whoever learns a key can read all recorded connections that were resumed with its tickets or gave them out: keys are
/// zeroized when dropped, except inside the provider, and never printed.
pub struct TicketKeys {
    current: TicketKey,
    previous: Option<TicketKey>,
}

impl TicketKeys {
    /// A fresh key, for a server that shares its sessions with no other.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTicketCipher`] if the provider has no AES-256-GCM.
    pub fn generate(provider: &CryptoProvider, rng: &mut dyn CryptoRng) -> Result<Self, ConfigError> {
        Ok(Self { current: TicketKey::generate(provider, rng)?, previous: None })
    }

    /// The keys of one epoch, the same wherever `master` is the same: for processes and machines that take up one
    /// another's sessions, and for a server that starts again.
    ///
    /// `epoch` is a number that all of them count alike, such as the Unix time divided by a week. Tickets of the epoch
    /// before open too.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTicketCipher`] if the provider has no AES-256-GCM.
    pub fn derive(provider: &CryptoProvider, master: &[u8; 32], epoch: u64) -> Result<Self, ConfigError> {
        let key = |epoch: u64| TicketKey::derive(provider, master, epoch);
        Ok(Self { current: key(epoch)?, previous: epoch.checked_sub(1).map(key).transpose()? })
    }

    /// Makes a fresh key the current one, and the current one the previous one.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTicketCipher`] if the provider has no AES-256-GCM; nothing has changed then.
    pub fn rotate(&mut self, provider: &CryptoProvider, rng: &mut dyn CryptoRng) -> Result<(), ConfigError> {
        let next = TicketKey::generate(provider, rng)?;
        self.previous = Some(core::mem::replace(&mut self.current, next));
        Ok(())
    }
}

impl Tickets for TicketKeys {
    fn seal(&self, session: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        self.current.key.seal(&self.current.name, session, rng)
    }

    fn open(&self, ticket: &[u8]) -> Option<OpenedTicket> {
        let (name, sealed) = ticket.split_first_chunk()?;
        let keys = [(Some(&self.current), false), (self.previous.as_ref(), true)];
        let mut keys = keys.into_iter().filter_map(|(key, is_stale)| Some((key?, is_stale)));
        let (key, is_stale) = keys.find(|(key, _)| key.name == *name)?;
        Some(OpenedTicket { session: key.key.open(name, sealed)?, is_stale })
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

/// Keys that can be changed while configurations share them.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct RotatingTicketKeys {
    keys: std::sync::RwLock<TicketKeys>,
}

#[cfg(feature = "std")]
impl RotatingTicketKeys {
    /// Begins with these.
    #[must_use]
    pub const fn new(keys: TicketKeys) -> Self {
        Self { keys: std::sync::RwLock::new(keys) }
    }

    /// From now on these are used; the former ones are destroyed.
    pub fn set(&self, keys: TicketKeys) {
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
    }

    /// As [`TicketKeys::rotate`].
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTicketCipher`] if the provider has no AES-256-GCM; nothing has changed then.
    pub fn rotate(&self, provider: &CryptoProvider, rng: &mut dyn CryptoRng) -> Result<(), ConfigError> {
        self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner).rotate(provider, rng)
    }
}

#[cfg(feature = "std")]
impl Tickets for RotatingTicketKeys {
    fn seal(&self, session: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).seal(session, rng)
    }

    fn open(&self, ticket: &[u8]) -> Option<OpenedTicket> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).open(ticket)
    }
}

struct TicketKey {
    name: [u8; NAME_LEN],
    key: SealingKey,
}

impl TicketKey {
    fn generate(provider: &CryptoProvider, rng: &mut dyn CryptoRng) -> Result<Self, ConfigError> {
        let mut secret = Zeroizing::new([0; SealingKey::LEN]);
        rng.fill_bytes(&mut *secret);
        let mut name = [0; NAME_LEN];
        rng.fill_bytes(&mut name);
        Self::new(provider, name, &secret)
    }

    fn derive(provider: &CryptoProvider, master: &[u8; 32], epoch: u64) -> Result<Self, ConfigError> {
        let master = Hmac::new(HashAlgorithm::Sha256, master);
        let part = |label: &[u8]| {
            let mut bytes = Zeroizing::new([0; SealingKey::LEN]);
            let mac = master.mac(&[label, &epoch.to_be_bytes()]);
            bytes.iter_mut().zip(mac.as_ref()).for_each(|(to, from)| *to = *from);
            bytes
        };
        let mut name = [0; NAME_LEN];
        name.iter_mut().zip(part(NAME_LABEL).iter()).for_each(|(to, from)| *to = *from);
        Self::new(provider, name, &part(KEY_LABEL))
    }

    fn new(
        provider: &CryptoProvider,
        name: [u8; NAME_LEN],
        secret: &[u8; SealingKey::LEN],
    ) -> Result<Self, ConfigError> {
        let key = SealingKey::new(provider, secret).ok_or(ConfigError::NoTicketCipher)?;
        Ok(Self { name, key })
    }
}

/// A session as a ticket; `None` if it does not fit one.
pub(crate) fn seal(tickets: &dyn Tickets, session: &SavedSession, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
    let bytes = session.encode()?;
    // A ticket that makes every hello a long one costs more than it saves.
    if bytes.len() > MAX_SESSION_LEN { None } else { tickets.seal(&bytes, rng) }
}

/// The session in a ticket, and whether the ticket is stale.
pub(crate) fn open(tickets: &dyn Tickets, ticket: &[u8]) -> Option<(SavedSession, bool)> {
    let OpenedTicket { session, is_stale } = tickets.open(ticket)?;
    Some((SavedSession::decode(&session).ok()?, is_stale))
}

const NAME_LEN: usize = 16;

/// The longest session that is put into a ticket, in bytes: in practice, a client's certificate chain.
const MAX_SESSION_LEN: usize = 8192;

const NAME_LABEL: &[u8] = b"sealgram ticket key name";
const KEY_LABEL: &[u8] = b"sealgram ticket key";

#[cfg(all(test, feature = "ring"))]
mod tests {
    use alloc::boxed::Box;

    use super::super::saved::tests::sample;
    use super::*;
    use crate::code::CipherSuite;
    use crate::crypto::{AeadAlgorithm, AeadKey, Suite};
    use crate::error::CryptoError;
    use crate::provider::ring::provider;
    use crate::test_rng::TestRng;

    fn ticket(keys: &TicketKeys) -> Vec<u8> {
        seal(keys, &sample(), &mut TestRng::new(1)).unwrap()
    }

    /// RES-23: a rotation later it opens and is stale, two later it does not open.
    #[test]
    fn a_ticket_opens_until_its_key_is_gone() {
        let mut rng = TestRng::new(2);
        let mut keys = TicketKeys::generate(provider(), &mut rng).unwrap();
        let ticket = ticket(&keys);
        assert!(!open(&keys, &ticket).unwrap().1);
        keys.rotate(provider(), &mut rng).unwrap();
        assert!(open(&keys, &ticket).unwrap().1);
        keys.rotate(provider(), &mut rng).unwrap();
        assert!(open(&keys, &ticket).is_none());
    }

    /// RES-23, RES-20: every bit counts, and so does the end.
    #[test]
    fn a_damaged_ticket_does_not_open() {
        let keys = TicketKeys::generate(provider(), &mut TestRng::new(3)).unwrap();
        let ticket = ticket(&keys);
        for at in 0..ticket.len() {
            let mut damaged = ticket.clone();
            damaged[at] ^= 1;
            assert!(open(&keys, &damaged).is_none(), "byte {at}");
            assert!(open(&keys, &ticket[..at]).is_none(), "{at} bytes");
        }
        assert!(open(&keys, &[&*ticket, &[0]].concat()).is_none());
    }

    /// Machines that share a master key open one another's tickets, also those of the epoch before.
    #[test]
    fn keys_of_one_master_are_shared() {
        let derive = |epoch| TicketKeys::derive(provider(), &[5; 32], epoch).unwrap();
        let ticket = ticket(&derive(7));
        assert!(!open(&derive(7), &ticket).unwrap().1);
        assert!(open(&derive(8), &ticket).unwrap().1);
        assert!(open(&derive(9), &ticket).is_none() && open(&derive(6), &ticket).is_none());
        let other = TicketKeys::derive(provider(), &[6; 32], 7).unwrap();
        assert!(open(&other, &ticket).is_none());
    }

    /// RES-23: whatever else a provider has, and in whatever order: a cipher with keys and tags of the same lengths, as
    /// AES-256-CCM is, seals no ticket.
    #[test]
    fn tickets_are_sealed_by_aes_256_gcm_alone() {
        let gcm = provider().suite(CipherSuite::PSK_WITH_AES_256_GCM_SHA384).unwrap();
        let alike = Suite {
            code: CipherSuite(0xc0ad),
            key_exchange: gcm.key_exchange,
            hash: gcm.hash,
            aead: &Unusable,
            nonce: gcm.nonce,
            limits: gcm.limits,
            by_name_only: false,
        };
        let alike: &'static Suite = Box::leak(Box::new(alike));
        let derive = |suites: Vec<&'static Suite>| {
            TicketKeys::derive(&CryptoProvider { suites: suites.leak(), ..*provider() }, &[5; 32], 7)
        };
        let sealed = ticket(&derive([alike, gcm].to_vec()).unwrap());
        assert!(open(&derive([gcm].to_vec()).unwrap(), &sealed).is_some());
        assert_eq!(derive([alike].to_vec()).unwrap_err(), ConfigError::NoTicketCipher);
    }

    /// The lengths of AES-256-GCM, and no cipher.
    #[derive(Debug)]
    struct Unusable;

    impl AeadAlgorithm for Unusable {
        fn key_len(&self) -> usize {
            SealingKey::LEN
        }

        fn tag_len(&self) -> usize {
            16
        }

        fn key(&self, _: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
            panic!("a ticket is to be sealed by another cipher")
        }
    }

    /// RES-09: nothing of the session shows, and no two tickets are alike.
    #[test]
    fn a_ticket_says_nothing() {
        let keys = TicketKeys::generate(provider(), &mut TestRng::new(4)).unwrap();
        let mut rng = TestRng::new(5);
        let [one, other] = [(); 2].map(|()| seal(&keys, &sample(), &mut rng).unwrap());
        assert_ne!(one, other);
        for secret in [&b"localhost"[..], &[7; 8]] {
            assert!(!one.windows(secret.len()).any(|window| window == secret));
        }
    }
}
