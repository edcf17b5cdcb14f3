//! Certificates for the tests of this module.

use core::time::Duration;
use std::string::String;
use std::vec::Vec;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use webpki::ring;

use crate::code::SignatureScheme;
use crate::crypto::SignatureAlgorithms;

/// 1 January 2030, noon: within the dates of everything made here.
pub(super) const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_499_200));

pub(super) static ALGORITHMS: SignatureAlgorithms = &[
    (SignatureScheme::ECDSA_SHA256, &[ring::ECDSA_P256_SHA256, ring::ECDSA_P384_SHA256]),
    (SignatureScheme::ECDSA_SHA384, &[ring::ECDSA_P256_SHA384, ring::ECDSA_P384_SHA384]),
    (SignatureScheme::ED25519, &[ring::ED25519]),
    (SignatureScheme::RSA_PSS_RSAE_SHA256, &[ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
    (SignatureScheme::RSA_PKCS1_SHA256, &[ring::RSA_PKCS1_2048_8192_SHA256]),
];

/// A certificate with its key.
pub(super) struct Identity {
    pub(super) der: CertificateDer<'static>,
    pub(super) key: KeyPair,
}

/// A certificate authority.
pub(super) struct Authority {
    pub(super) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// An end entity with a key of its own.
    pub(super) fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        self.issue_for(params, &KeyPair::generate().unwrap())
    }

    pub(super) fn issue_for(&self, params: &CertificateParams, key: &impl PublicKeyData) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    /// A list of what it revoked.
    pub(super) fn revoke(&self, params: &CertificateRevocationListParams) -> CertificateRevocationListDer<'static> {
        params.signed_by(&self.issuer).unwrap().der().clone()
    }

    /// An authority below this one.
    pub(super) fn subordinate(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = self.issue_for(&params, &key);
        Self { der, issuer: Issuer::new(params, key) }
    }
}

/// A root with a P-256 key.
pub(super) fn authority(name: &str) -> Authority {
    authority_with(authority_params(name), KeyPair::generate().unwrap())
}

pub(super) fn authority_with(params: CertificateParams, key: KeyPair) -> Authority {
    let der = params.self_signed(&key).unwrap().der().clone();
    Authority { der, issuer: Issuer::new(params, key) }
}

pub(super) fn authority_params(name: &str) -> CertificateParams {
    let mut params = named(name, Vec::new());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = Vec::from([KeyUsagePurpose::KeyCertSign]);
    params
}

/// The certificate of an end entity: `name`, an address or a DNS name, is an alternative name.
pub(super) fn leaf(name: &str) -> CertificateParams {
    named("leaf", Vec::from([String::from(name)]))
}

/// The certificate of an end entity that has no alternative name.
pub(super) fn leaf_without_alternative_name(common_name: &str) -> CertificateParams {
    named(common_name, Vec::new())
}

fn named(common_name: &str, alternative_names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(alternative_names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2029, 1, 1);
    params.not_after = date_time_ymd(2031, 1, 1);
    params
}

/// As `openssl req -x509` makes them: an authority that vouches for itself and has a name like an end entity's.
pub(super) fn self_signed(name: &str) -> Identity {
    let mut params = leaf(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    Identity { der: params.self_signed(&key).unwrap().der().clone(), key }
}

/// A self-signed certificate of version 1 with the common name `old.example`, made by `openssl x509 -req -signkey`.
pub(super) fn v1() -> Identity {
    Identity {
        der: CertificateDer::from_pem_slice(include_bytes!("testdata/v1.cert.pem")).unwrap(),
        key: KeyPair::from_pem(include_str!("testdata/v1.key.pem")).unwrap(),
    }
}

/// An RSA key of 2048 bits, which signs with PKCS #1 and SHA-256. The generator of the other keys makes no RSA keys.
pub(super) fn rsa_key() -> KeyPair {
    KeyPair::from_pem(include_str!("testdata/rsa2048.key.pem")).unwrap()
}

/// The public half of an RSA key of 1024 bits.
pub(super) struct WeakRsaKey;

impl PublicKeyData for WeakRsaKey {
    fn der_bytes(&self) -> &[u8] {
        include_bytes!("testdata/rsa1024.public.der")
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// Its holder is a fraud: what it signs never verifies.
impl rcgen::SigningKey for WeakRsaKey {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::from([1; 128]))
    }
}
