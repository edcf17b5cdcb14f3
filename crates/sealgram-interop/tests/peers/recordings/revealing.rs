//! A provider that tells what secret its key exchanges arrive at.

use std::sync::{Arc, Mutex, PoisonError};

use sealgram::code::NamedGroup;
use sealgram::crypto::{AgreementError, CryptoProvider, EphemeralKey, KeyExchangeGroup, SharedSecret};
use sealgram::error::CryptoError;
use sealgram::provider::ring;
use sealgram::rand_core::CryptoRng;

/// Where the secret goes.
type Told = Arc<Mutex<Option<Vec<u8>>>>;

/// The ring provider with one group, or with that and the curve of ECDSA certificates, and with what they tell.
///
/// A provider lives for ever, so that each leaks its few words of memory.
pub(super) struct Revealing {
    provider: &'static CryptoProvider,
    told: Told,
}

impl Revealing {
    pub(super) fn new(group: NamedGroup) -> Self {
        let told = Told::default();
        let groups = [group, NamedGroup::SECP256R1].into_iter().filter_map(|code| ring::provider().group(code));
        let groups = groups.map(|inner| -> &'static dyn KeyExchangeGroup {
            Box::leak(Box::new(RevealingGroup { inner, told: Arc::clone(&told) }))
        });
        let mut groups: Vec<_> = groups.collect();
        groups.dedup_by_key(|group| group.code());
        let provider = CryptoProvider { groups: Vec::leak(groups), ..*ring::provider() };
        Self { provider: Box::leak(Box::new(provider)), told }
    }

    pub(super) const fn provider(&self) -> &'static CryptoProvider {
        self.provider
    }

    /// The secret of the exchange, once it is over.
    pub(super) fn secret(&self) -> Option<Vec<u8>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct RevealingGroup {
    inner: &'static dyn KeyExchangeGroup,
    told: Told,
}

impl KeyExchangeGroup for RevealingGroup {
    fn code(&self) -> NamedGroup {
        self.inner.code()
    }

    fn generate(&self, rng: &mut dyn CryptoRng) -> Result<Box<dyn EphemeralKey>, CryptoError> {
        Ok(Box::new(RevealingKey { inner: self.inner.generate(rng)?, told: Arc::clone(&self.told) }))
    }
}

struct RevealingKey {
    inner: Box<dyn EphemeralKey>,
    told: Told,
}

impl EphemeralKey for RevealingKey {
    fn public_key(&self) -> &[u8] {
        self.inner.public_key()
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, AgreementError> {
        let secret = self.inner.agree(peer)?;
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.to_vec());
        Ok(secret)
    }
}
