//! Who a server is: certificates and keys from PEM files, or made on the spot.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use pki_types::pem::{self, PemObject};
use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, UnixTime};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use sealgram::crypto::SigningKey;
use sealgram::provider::ring;
use sealgram::{ConfigError, Identity};

use crate::failure::{Failure, Reason, Result};

/// The names of a server that is only there for this machine.
pub(crate) const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Reads the certificates of a PEM file: at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(path)?;
    let parsed: core::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match parsed {
        Ok(certificates) if certificates.is_empty() => {
            Err(Failure::because(format!("{} has no certificate in PEM (-----BEGIN CERTIFICATE-----)", path.display())))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(Failure::because(format!("{} is not PEM: {}", path.display(), explain(&error)))),
    }
}

/// Reads a chain and the key of its first certificate.
pub(crate) fn from_files(chain_path: &Path, key_path: &Path) -> Result<Identity> {
    let chain = certificates(chain_path)?;
    Identity::new(chain, signing_key(key_path)?).map_err(|error| match error {
        ConfigError::KeyDoesNotFit => Failure::because(format!(
            "the private key in {} does not belong to the first certificate in {}",
            key_path.display(),
            chain_path.display()
        )),
        other => Failure::because(format!("cannot use {}: {other}", chain_path.display())),
    })
}

/// Reads a private key, to be known by its public half alone (RFC 7250).
pub(crate) fn raw_public_key(key_path: &Path) -> Result<Identity> {
    Identity::raw_public_key(signing_key(key_path)?)
        .map_err(|error| Failure::because(format!("cannot use {}: {error}", key_path.display())))
}

/// Reads a public key.
pub(crate) fn public_key(path: &Path) -> Result<SubjectPublicKeyInfoDer<'static>> {
    SubjectPublicKeyInfoDer::from_pem_slice(&read(path)?).map_err(|error| {
        let reason = match error {
            pem::Error::NoItemsFound => {
                "it has no public key in PEM (-----BEGIN PUBLIC KEY-----), as 'openssl pkey -pubout' writes"
            }
            other => explain(&other),
        };
        Failure::because(format!("cannot use {}: {reason}", path.display()))
    })
}

fn signing_key(path: &Path) -> Result<Arc<dyn SigningKey>> {
    let key = private_key(path)?;
    let loaded = ring::provider().key_loader.load(&key);
    loaded.map_err(|error| Failure::because(format!("cannot use {}: {error}", path.display())))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_encrypted = text.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED.as_bytes());
        let reason = match error {
            pem::Error::NoItemsFound if is_encrypted => {
                "its private key is encrypted; decrypt it first, for instance with 'openssl pkey'".to_owned()
            }
            pem::Error::NoItemsFound => "it has no private key in PEM (-----BEGIN PRIVATE KEY-----)".to_owned(),
            other => format!("it is not PEM: {}", explain(&other)),
        };
        Failure::because(format!("cannot use {}: {reason}", path.display()))
    })
}

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::because(format!("cannot read {}: {}", path.display(), Reason(&error))))
}

/// What is wrong with a PEM file. The errors' own texts print lines as lists of numbers.
fn explain(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins with a malformed line",
        pem::Error::Base64Decode(_) => "a section is not base64",
        pem::Error::SectionTooLarge => "a section is too long",
        _ => "it does not parse",
    }
}

/// A key pair and a certificate that it signed itself.
pub(crate) struct SelfSigned {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    key: KeyPair,
}

impl SelfSigned {
    /// Makes an ECDSA P-256 key and a certificate for `names`, valid for `days` from now.
    pub(crate) fn generate(names: &[String], days: u32) -> Result<Self> {
        let failed = |error| Failure::because(format!("cannot make a certificate: {error}"));
        let mut params = CertificateParams::new(names).map_err(failed)?;
        let common_name = names.first().map_or("sealgram", String::as_str);
        params.distinguished_name.push(DnType::CommonName, common_name);
        // The clock of whoever checks it may be behind ours.
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(UnixTime::now().as_secs());
        params.not_before = now - HOUR;
        params.not_after = now + HOUR * 24 * days;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key })
    }

    /// The private key in PEM (PKCS#8).
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The two as a server's identity.
    pub(crate) fn identity(&self) -> Result<Identity> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = ring::provider().key_loader.load(&key).map_err(|error| Failure::because(error.to_string()))?;
        Identity::new(vec![self.certificate.clone()], key).map_err(|error| Failure::because(error.to_string()))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use sealgram::x509;

    use super::*;

    fn local_names() -> Vec<String> {
        LOCAL_NAMES.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_made_certificate_has_its_names_and_days() {
        let made = SelfSigned::generate(&local_names(), 10).unwrap();
        let summary = x509::summary(&made.certificate).unwrap();
        let names: Vec<String> = summary.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, LOCAL_NAMES);
        assert_eq!(summary.not_after.unix_seconds() - summary.not_before.unix_seconds(), (10 * 24 + 1) * 3600);
        assert_eq!(summary.key.to_string(), "ECDSA, 256 bits");
        assert!(made.identity().is_ok());
    }

    #[test]
    fn the_longest_validity_still_has_a_date() {
        assert!(SelfSigned::generate(&local_names(), 36_500).is_ok());
    }
}
