//! Certificates for tests: who the server is, and whom the client believes.

use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SignatureAlgorithm,
};
use sealgram::Identity;
use sealgram::crypto::SigningKey;
use sealgram::pki_types::pem::PemObject;
use sealgram::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sealgram::provider::ring;
use sealgram::verify::{PeerVerifier, RawPublicKeys};
use sealgram::x509::CertificateVerifier;

use crate::toy::ToySigningKey;

/// The name in every certificate here.
pub const SERVER_NAME: &str = "server.test";

/// What the server's certificate is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests go through them all")]
pub enum CertificateKind {
    /// A P-256 key, certified by a root.
    EcdsaP256,
    /// A P-384 key, certified by a root.
    EcdsaP384,
    /// An Ed25519 key, certified by a root.
    Ed25519,
    /// A P-256 key, an intermediate, a root.
    EcdsaChain,
    /// A P-256 key and four intermediates: five certificates of two kilobytes each.
    LongChain,
    /// An RSA key of 2048 bits, certified by a root.
    Rsa2048,
    /// An RSA key of 2048 bits, an intermediate, a root.
    RsaChain,
}

/// An identity, and by what a peer believes in it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "parts that belong together")]
pub struct Credentials {
    /// Chain and key.
    pub identity: Identity,
    /// The key alone.
    pub key: Arc<dyn SigningKey>,
    /// The root of the chain.
    pub root: CertificateDer<'static>,
    /// Trusts the root.
    pub verifier: Arc<dyn PeerVerifier>,
}

impl Credentials {
    fn new(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>, root: CertificateDer<'static>) -> Self {
        let key = ring::provider().key_loader.load(key).expect("ring loads the key");
        let identity = Identity::new(chain, key.clone()).expect("key and certificate belong together");
        let verifier = CertificateVerifier::builder(vec![root.clone()]).build().expect("a root makes a verifier");
        Self { identity, key, root, verifier: Arc::new(verifier) }
    }

    /// The same key without its certificates, and who trusts it.
    pub(crate) fn raw_public_key(&self) -> (Identity, Arc<dyn PeerVerifier>) {
        let identity = Identity::raw_public_key(self.key.clone()).expect("keys of ring know their public half");
        (identity, Arc::new(RawPublicKeys::new(self.key.public_key())))
    }
}

impl CertificateKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Ed25519,
        Self::EcdsaChain,
        Self::LongChain,
        Self::Rsa2048,
        Self::RsaChain,
    ];

    /// Whether it goes with the ECDHE_RSA suites; else with the ECDHE_ECDSA ones.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::RsaChain)
    }

    /// The credentials of this kind: the same ones throughout a process.
    #[must_use]
    pub fn credentials(self) -> &'static Credentials {
        static CREDENTIALS: [OnceLock<Credentials>; CertificateKind::ALL.len()] =
            [const { OnceLock::new() }; CertificateKind::ALL.len()];
        CREDENTIALS[self as usize].get_or_init(|| match self {
            Self::EcdsaP256 => generated(&rcgen::PKCS_ECDSA_P256_SHA256, 0, 0),
            Self::EcdsaP384 => generated(&rcgen::PKCS_ECDSA_P384_SHA384, 0, 0),
            Self::Ed25519 => generated(&rcgen::PKCS_ED25519, 0, 0),
            Self::EcdsaChain => generated(&rcgen::PKCS_ECDSA_P256_SHA256, 1, 0),
            Self::LongChain => generated(&rcgen::PKCS_ECDSA_P256_SHA256, 4, 1_700),
            Self::Rsa2048 => stored(RSA_SINGLE, RSA_SINGLE_KEY),
            Self::RsaChain => stored(RSA_CHAIN, RSA_CHAIN_KEY),
        })
    }
}

/// The identity that goes with the toy provider: a certificate whose bytes never change, and a key that is not its own.
#[must_use]
pub fn toy_identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| toy_identity_of(1, Arc::new(ToySigningKey))).clone()
}

/// The same with so many certificates, all alike, and a key: who verifies with a toy does not look at them.
pub(crate) fn toy_identity_of(certificates_in_chain: usize, key: Arc<dyn SigningKey>) -> Identity {
    let chain = certificates(ECDSA_FIXED).into_iter().cycle().take(certificates_in_chain).collect();
    Identity::new(chain, key).expect("the certificate is of an ECDSA key")
}

/// A leaf, so many intermediates and a root; all but the root carry `padding` bytes that mean nothing.
fn generated(algorithm: &'static SignatureAlgorithm, intermediates: usize, padding: usize) -> Credentials {
    let root = CertifiedIssuer::self_signed(authority("test root"), key_pair(algorithm)).expect("a root");
    let root_certificate = root.der().clone();
    let (mut chain, mut issuer) = (Vec::new(), root);
    for number in 0..intermediates {
        let params = padded(authority(&format!("test intermediate {number}")), padding);
        issuer = CertifiedIssuer::signed_by(params, key_pair(algorithm), &issuer).expect("an intermediate");
        chain.insert(0, issuer.der().clone());
    }
    let leaf_key = key_pair(algorithm);
    let leaf = padded(CertificateParams::new([SERVER_NAME.to_owned()]).expect("a DNS name"), padding);
    chain.insert(0, leaf.signed_by(&leaf_key, &issuer).expect("a certificate").der().clone());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    Credentials::new(chain, &key, root_certificate)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn padded(mut params: CertificateParams, len: usize) -> CertificateParams {
    if len > 0 {
        params.custom_extensions.push(CustomExtension::from_oid_content(UNKNOWN_EXTENSION, vec![0; len]));
    }
    params
}

/// Of the arc that is kept for examples (ITU-T X.660).
const UNKNOWN_EXTENSION: &[u64] = &[2, 999, 1];

fn key_pair(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).expect("ring generates keys of this kind")
}

/// rcgen over ring makes no RSA keys, so these come from a file; `testdata/README.md` says how they were made.
fn stored(chain: &[u8], key: &[u8]) -> Credentials {
    let key = PrivateKeyDer::from_pem_slice(key).expect("a private key in PEM");
    let root = certificates(RSA_ROOT).pop().expect("a root");
    Credentials::new(certificates(chain), &key, root)
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(|certificate| certificate.expect("a certificate in PEM")).collect()
}

const RSA_ROOT: &[u8] = include_bytes!("../testdata/rsa-root.pem");
const RSA_SINGLE: &[u8] = include_bytes!("../testdata/rsa-single.pem");
const RSA_SINGLE_KEY: &[u8] = include_bytes!("../testdata/rsa-single.key.pem");
const RSA_CHAIN: &[u8] = include_bytes!("../testdata/rsa-chain.pem");
const RSA_CHAIN_KEY: &[u8] = include_bytes!("../testdata/rsa-chain.key.pem");
const ECDSA_FIXED: &[u8] = include_bytes!("../testdata/ecdsa-fixed.pem");
