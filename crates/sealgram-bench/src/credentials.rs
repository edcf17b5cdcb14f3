//! Who the server is in every measurement: one P-256 certificate by one root, the same bytes in every run.

use std::sync::Arc;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};

/// The server's certificate.
#[must_use]
pub fn leaf() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("../testdata/leaf.pem")).expect("a certificate")
}

/// The root that issued it.
#[must_use]
pub fn root() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("../testdata/root.pem")).expect("a certificate")
}

/// The server's private key.
#[must_use]
pub fn key() -> PrivatePkcs8KeyDer<'static> {
    PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("../testdata/leaf.key.pem")).expect("a private key")
}

/// The name in the certificate.
#[must_use]
pub fn name() -> ServerName<'static> {
    ServerName::try_from("bench.test").expect("a DNS name")
}

/// Chain and key, loaded once, as a server does.
#[must_use]
pub fn identity() -> sealgram::Identity {
    let provider = sealgram::provider::ring::provider();
    let key = provider.key_loader.load(&PrivateKeyDer::Pkcs8(key())).expect("ring loads the key");
    sealgram::Identity::new(vec![leaf()], key).expect("key and certificate belong together")
}

/// A verifier that trusts the root.
#[must_use]
pub fn verifier() -> Arc<dyn sealgram::verify::PeerVerifier> {
    Arc::new(sealgram::x509::CertificateVerifier::builder(vec![root()]).build().expect("a root makes a verifier"))
}
