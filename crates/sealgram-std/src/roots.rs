//! The certificate authorities that the system trusts.

use std::io;

use sealgram::pki_types::CertificateDer;

use crate::error::Error;

/// The certificates of the authorities that this machine trusts, for a verifier to start from.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's store. What does not load is left out, as long as there is
/// anything else.
///
/// # Errors
///
/// [`Error::Io`] if there is not a single certificate.
pub fn system_roots() -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut loaded = rustls_native_certs::load_native_certs();
    if !loaded.certs.is_empty() {
        return Ok(loaded.certs);
    }
    Err(Error::Io(match loaded.errors.pop() {
        Some(error) => io::Error::new(io::ErrorKind::NotFound, error),
        None => io::Error::new(io::ErrorKind::NotFound, "the system's certificate store is empty"),
    }))
}
