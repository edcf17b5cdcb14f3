//! Certificates and keys from the runner's files.

use core::sync::atomic::Ordering;
use std::path::Path;
use std::sync::Arc;

use sealgram::code::{CertificateType, NamedGroup, SignatureScheme};
use sealgram::crypto::{KeyAlgorithm, SigningKey};
use sealgram::error::CryptoError;
use sealgram::pki_types::pem::PemObject;
use sealgram::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use sealgram::provider::ring;
use sealgram::rand_core::CryptoRng;
use sealgram::{Identity, Reply};

use crate::failure::Failure;
use crate::options::{Credential, Options};
use crate::seen::{NONE_SIGNED, Seen, lock};

/// The identities of the flags: those that were added come before the one that needs no flag to begin.
pub(crate) fn identities(options: &Options, seen: &Arc<Seen>) -> Result<Vec<Identity>, Failure> {
    let added = (0..).zip(&options.credentials.added);
    let default = [(NONE_SIGNED, &options.credentials.default)];
    let given = added.chain(default).filter(|(_, credential)| credential.chain.is_some() || credential.key.is_some());
    let mut given: Vec<_> = given.map(|(number, credential)| (type_of(credential), number, credential)).collect();
    if !options.own_types.is_empty() {
        // What a client lists are the types of its identities, in their order.
        let rank = |wanted: CertificateType| options.own_types.iter().position(|listed| *listed == wanted);
        given.retain(|(own, ..)| rank(*own).is_some());
        given.sort_by_key(|(own, ..)| rank(*own));
    }
    given.into_iter().map(|(_, number, credential)| identity(number, credential, options, seen)).collect()
}

const fn type_of(credential: &Credential) -> CertificateType {
    if credential.is_raw { CertificateType::RAW_PUBLIC_KEY } else { CertificateType::X509 }
}

fn identity(number: i32, credential: &Credential, options: &Options, seen: &Arc<Seen>) -> Result<Identity, Failure> {
    let key = credential.key.as_deref().ok_or_else(|| Failure::Usage("a credential lacks its key".into()))?;
    let inner = private_key(key)?;
    let all = inner.schemes().iter().copied();
    let schemes = if credential.schemes.is_empty() {
        all.collect()
    } else {
        credential.schemes.iter().copied().filter(|scheme| inner.schemes().contains(scheme)).collect()
    };
    let signs_later = options.answers_later;
    let key = Arc::new(NotedKey { inner, schemes, number, signs_later, seen: Arc::clone(seen) });
    if credential.is_raw {
        return Ok(Identity::raw_public_key(key)?);
    }
    let chain = credential.chain.as_deref().ok_or_else(|| Failure::Usage("a credential lacks its chain".into()))?;
    let identity = Identity::new(certificates(chain)?, key)?;
    // A hook that sets the response says the same as a configuration that has it.
    if credential.ocsp_response.is_empty() || options.ocsp_callback.declines() {
        Ok(identity)
    } else {
        Ok(identity.with_ocsp_response(credential.ocsp_response.clone())?)
    }
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

/// A key that notes when it signs, signs under fewer schemes than it could, and perhaps not at once.
#[derive(Debug)]
struct NotedKey {
    inner: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
    number: i32,
    signs_later: bool,
    seen: Arc<Seen>,
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
        self.seen.signer.store(self.number, Ordering::Relaxed);
        self.inner.sign(scheme, message, rng)
    }

    fn sign_now_or_later(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Reply<Result<Vec<u8>, CryptoError>> {
        if !self.signs_later {
            return Reply::Now(self.sign(scheme, message, rng));
        }
        self.seen.signer.store(self.number, Ordering::Relaxed);
        *lock(&self.seen.signing) = Some(Arc::clone(&self.inner));
        Reply::Later
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        self.inner.public_key()
    }
}
