//! Certificates and keys from the runner's files.

use core::sync::atomic::{AtomicI32, Ordering};
use std::path::Path;
use std::sync::Arc;

use sealgram::Identity;
use sealgram::code::{NamedGroup, SignatureScheme};
use sealgram::crypto::{KeyAlgorithm, SigningKey};
use sealgram::error::CryptoError;
use sealgram::pki_types::pem::PemObject;
use sealgram::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use sealgram::provider::ring;
use sealgram::rand_core::CryptoRng;

use crate::failure::Failure;
use crate::options::{Credential, Credentials};

/// Which credential signed last, by the runner's count; [`NONE_SIGNED`] before one did.
pub(crate) type Signer = Arc<AtomicI32>;

pub(crate) const NONE_SIGNED: i32 = i32::MIN;

/// The identities of the flags: those that were added come before the one that needs no flag to begin.
pub(crate) fn identities(credentials: &Credentials, signer: &Signer) -> Result<Vec<Identity>, Failure> {
    let added = (0..).zip(&credentials.added);
    let default = [(-1, &credentials.default)];
    let given = added.chain(default).filter(|(_, credential)| credential.chain.is_some() || credential.key.is_some());
    given.map(|(number, credential)| identity(number, credential, signer)).collect()
}

fn identity(number: i32, credential: &Credential, signer: &Signer) -> Result<Identity, Failure> {
    let (Some(chain), Some(key)) = (&credential.chain, &credential.key) else {
        return Err(Failure::Usage("a credential lacks its chain or its key".into()));
    };
    let inner = private_key(key)?;
    let all = inner.schemes().iter().copied();
    let schemes = if credential.schemes.is_empty() {
        all.collect()
    } else {
        credential.schemes.iter().copied().filter(|scheme| inner.schemes().contains(scheme)).collect()
    };
    let key = Arc::new(NotedKey { inner, schemes, number, signer: Arc::clone(signer) });
    Ok(Identity::new(certificates(chain)?, key)?)
}

/// The certificates of a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&std::fs::read(path)?).collect();
    parsed.map_err(|error| Failure::File(format!("{}: {error}", path.display())))
}

fn private_key(path: &Path) -> Result<Arc<dyn SigningKey>, Failure> {
    let unusable = |error: &dyn core::fmt::Display| Failure::File(format!("{}: {error}", path.display()));
    let key = PrivateKeyDer::from_pem_slice(&std::fs::read(path)?).map_err(|error| unusable(&error))?;
    ring::provider().key_loader.load(&key).map_err(|error| unusable(&error))
}

/// A key that notes when it signs, and signs under fewer schemes than it could.
#[derive(Debug)]
struct NotedKey {
    inner: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
    number: i32,
    signer: Signer,
}

impl SigningKey for NotedKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.inner.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn curve(&self) -> Option<NamedGroup> {
        self.inner.curve()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        self.signer.store(self.number, Ordering::Relaxed);
        self.inner.sign(scheme, message, rng)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        self.inner.public_key()
    }
}
