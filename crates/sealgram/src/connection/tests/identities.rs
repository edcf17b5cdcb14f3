//! Who the servers of these tests are: one identity for each kind of key, all for the name `localhost`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::LazyLock;

use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{CertificateParams, KeyPair};

use crate::config::Identity;
use crate::provider::ring;
use crate::x509::CertificateVerifier;

pub(super) static P256: LazyLock<Identity> = LazyLock::new(|| identity(&KeyPair::generate().unwrap()));

pub(super) static P384: LazyLock<Identity> =
    LazyLock::new(|| identity(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()));

pub(super) static ED25519: LazyLock<Identity> =
    LazyLock::new(|| identity(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()));

/// The generator of the other keys makes no RSA keys.
pub(super) static RSA: LazyLock<Identity> =
    LazyLock::new(|| identity(&KeyPair::from_pem(include_str!("../../x509/testdata/rsa2048.key.pem")).unwrap()));

fn identity(key: &KeyPair) -> Identity {
    let certificate = CertificateParams::new(["localhost".into()]).unwrap().self_signed(key).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    Identity::new(Vec::from([certificate.der().clone()]), ring::provider().key_loader.load(&key).unwrap()).unwrap()
}

/// Trusts each of them.
pub(super) fn verifier() -> Arc<CertificateVerifier> {
    static ROOTS: LazyLock<Vec<CertificateDer<'static>>> =
        LazyLock::new(|| [&P256, &P384, &ED25519, &RSA].map(|identity| identity.chain()[0].clone()).to_vec());
    Arc::new(CertificateVerifier::builder(ROOTS.clone()).build().unwrap())
}
