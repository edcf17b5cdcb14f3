//! Who one side is: a certificate chain or a raw public key, the private key, the names it is for.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::{CertificateDer, DnsName, SubjectPublicKeyInfoDer};

use super::{ConfigError, TransportOptions};
use crate::code::{CertificateType, SignatureScheme};
use crate::crypto::SigningKey;
use crate::error::CryptoError;
use crate::wire::certificate::{encode_chain, encode_raw_public_key};

/// A certificate chain and the private key of its first certificate; or a private key and its public half, without any
/// certificate (RFC 7250).
#[derive(Clone, Debug)]
pub struct Identity {
    credential: Credential,
    pub(crate) key: Arc<dyn SigningKey>,
    names: Vec<Box<str>>,
}

/// What is shown to the peer.
#[derive(Clone, Debug)]
enum Credential {
    X509(CertificateChain),
    RawPublicKey(SubjectPublicKeyInfoDer<'static>),
}

#[derive(Clone, Debug)]
struct CertificateChain {
    /// At least one.
    certificates: Vec<CertificateDer<'static>>,
    /// How they are signed, those that are their own issuer left out: nobody checks these. `None` stands for a scheme
    /// that this library does not know.
    schemes: Vec<Option<SignatureScheme>>,
    /// The distinguished names in DER of those who issued them.
    issuers: Vec<Vec<u8>>,
    /// In DER; empty if there is none.
    ocsp_response: Vec<u8>,
}

impl Identity {
    /// Puts a chain and a key together. The peer's own certificate comes first, each next one certifies the one
    /// before it; the root may be left out (RFC 5246 section 7.4.2). The whole chain is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyChain`]; [`ConfigError::ChainTooLong`] if it does not fit a handshake message; with the
    /// feature `x509` also [`ConfigError::UnreadableCertificate`] and [`ConfigError::KeyDoesNotFit`] if the key is not
    /// that of the first certificate.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: Arc<dyn SigningKey>) -> Result<Self, ConfigError> {
        let Some(end_entity) = chain.first() else { return Err(ConfigError::EmptyChain) };
        let encoded_len: usize = chain.iter().map(|certificate| certificate.len() + 3).sum();
        if encoded_len > MAX_CHAIN_LEN {
            return Err(ConfigError::ChainTooLong);
        }
        check_key(end_entity, &*key)?;
        let (schemes, issuers) = (chain_schemes(&chain)?, issuers(&chain)?);
        let credential =
            Credential::X509(CertificateChain { certificates: chain, schemes, issuers, ocsp_response: Vec::new() });
        Ok(Self { credential, key, names: Vec::new() })
    }

    /// An identity without a certificate: its public key is all that the peer sees, and has to know beforehand (RFC
    /// 7250; [`RawPublicKeys`](crate::verify::RawPublicKeys) at the other end). Only peers that take raw public keys
    /// are shown it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::PublicKeyUnknown`] if `key` does not know its public half.
    pub fn raw_public_key(key: Arc<dyn SigningKey>) -> Result<Self, ConfigError> {
        let public_key = key.public_key().ok_or(ConfigError::PublicKeyUnknown)?;
        Ok(Self { credential: Credential::RawPublicKey(public_key), key, names: Vec::new() })
    }

    /// Says which names this identity is for (RFC 6066 section 3): DNS names, of which the left-most label may be `*`
    /// as a whole. Clients that ask for one of them see this certificate rather than another.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidServerName`] if one of them is no DNS name.
    pub fn for_names(mut self, names: &[&str]) -> Result<Self, ConfigError> {
        for name in names {
            let host = name.strip_prefix("*.").unwrap_or(name);
            DnsName::try_from(host).map_err(|_| ConfigError::InvalidServerName)?;
            self.names.push(Box::from(*name));
        }
        Ok(self)
    }

    /// Whether it is for this name; `None` if it is for no name in particular.
    pub(crate) fn is_for(&self, name: &str) -> Option<bool> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let matches = |own: &str| match own.strip_prefix("*.") {
            Some(own_parent) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(own_parent)),
            None => own.eq_ignore_ascii_case(name),
        };
        (!self.names.is_empty()).then(|| self.names.iter().any(|own| matches(own)))
    }

    /// An OCSP response for the first certificate of the chain, in DER: a server staples it to the certificate for clients
    /// that ask (RFC 6066 section 8). It is sent as it is; getting a fresh one in time, and a new configuration with it,
    /// is up to the caller.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidOcspResponse`] if it is empty or too long for a handshake message, or if there is no
    /// certificate that it could be for.
    pub fn with_ocsp_response(mut self, response: Vec<u8>) -> Result<Self, ConfigError> {
        match &mut self.credential {
            Credential::X509(chain) if (1..=MAX_CHAIN_LEN).contains(&response.len()) => {
                chain.ocsp_response = response;
                Ok(self)
            }
            _ => Err(ConfigError::InvalidOcspResponse),
        }
    }

    /// What can be stapled, if there is something.
    pub(crate) fn ocsp_response(&self) -> Option<&[u8]> {
        match &self.credential {
            Credential::X509(chain) if !chain.ocsp_response.is_empty() => Some(&chain.ocsp_response),
            _ => None,
        }
    }

    /// What it has to show.
    pub(crate) const fn certificate_type(&self) -> CertificateType {
        match self.credential {
            Credential::X509(_) => CertificateType::X509,
            Credential::RawPublicKey(_) => CertificateType::RAW_PUBLIC_KEY,
        }
    }

    /// The body of the Certificate message that shows it.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        match &self.credential {
            Credential::X509(chain) => encode_chain(&chain.certificates),
            Credential::RawPublicKey(key) => encode_raw_public_key(Some(key)),
        }
    }

    /// Whether a peer that checks these schemes can check all signatures of the chain. Without a chain there are none.
    pub(crate) fn is_signed_by_any(&self, checks: impl Fn(SignatureScheme) -> bool) -> bool {
        match &self.credential {
            Credential::X509(chain) => chain.schemes.iter().all(|scheme| scheme.is_some_and(&checks)),
            Credential::RawPublicKey(_) => true,
        }
    }

    /// Whether one of these distinguished names, in DER, is the issuer of a certificate of the chain. A raw public key
    /// has no issuer, so names of issuers say nothing about it.
    pub(crate) fn is_issued_by_any<'n>(&self, mut names: impl Iterator<Item = &'n [u8]>) -> bool {
        match &self.credential {
            Credential::X509(chain) => names.any(|name| chain.issuers.iter().any(|issuer| issuer == name)),
            Credential::RawPublicKey(_) => true,
        }
    }
}

#[cfg(test)]
impl Identity {
    /// Its certificates; none for a raw public key.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        match &self.credential {
            Credential::X509(chain) => &chain.certificates,
            Credential::RawPublicKey(_) => &[],
        }
    }
}

/// The longest chain that an [`Identity`] takes, in bytes: what a peer with our own default limit still accepts.
const MAX_CHAIN_LEN: usize = TransportOptions::DEFAULT.max_message_len as usize - 3;

#[cfg(feature = "x509")]
fn check_key(end_entity: &CertificateDer<'_>, key: &dyn SigningKey) -> Result<(), ConfigError> {
    let unreadable = |_| ConfigError::UnreadableCertificate;
    let algorithm = crate::x509::key_algorithm(end_entity).map_err(unreadable)?;
    let fits = match key.public_key() {
        Some(public_key) => crate::x509::certificate_fits_key(end_entity, &public_key).map_err(unreadable)?,
        None => algorithm == key.algorithm(),
    };
    if fits { Ok(()) } else { Err(ConfigError::KeyDoesNotFit) }
}

#[cfg(feature = "x509")]
fn chain_schemes(chain: &[CertificateDer<'_>]) -> Result<Vec<Option<SignatureScheme>>, ConfigError> {
    let schemes: Result<Vec<_>, _> = chain.iter().map(crate::x509::issuer_scheme).collect();
    Ok(schemes.map_err(|_| ConfigError::UnreadableCertificate)?.into_iter().flatten().collect())
}

#[cfg(feature = "x509")]
fn issuers(chain: &[CertificateDer<'_>]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let issuers: Result<Vec<_>, _> = chain.iter().map(crate::x509::issuer_name).collect();
    issuers.map_err(|_| ConfigError::UnreadableCertificate)
}

#[cfg(not(feature = "x509"))]
fn issuers(_: &[CertificateDer<'_>]) -> Result<Vec<Vec<u8>>, ConfigError> {
    Ok(Vec::new())
}

#[cfg(not(feature = "x509"))]
fn chain_schemes(_: &[CertificateDer<'_>]) -> Result<Vec<Option<SignatureScheme>>, ConfigError> {
    Ok(Vec::new())
}

#[cfg(not(feature = "x509"))]
fn check_key(_: &CertificateDer<'_>, _: &dyn SigningKey) -> Result<(), ConfigError> {
    Ok(())
}
