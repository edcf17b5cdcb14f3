//! What weakens security. Nothing here belongs in a product.

use crate::error::{CertificateError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::verify::{PeerChain, PeerVerifier, SignedByPeer};

/// Accepts every certificate, so that anyone on the path can pose as the peer.
///
/// The handshake signature is still checked: the peer must hold the key of whatever certificate it shows. So a caller
/// may look at the certificate after the handshake and decide then, as on the first contact with an unknown host.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to configure")]
pub struct AcceptAnyCertificate;

impl PeerVerifier for AcceptAnyCertificate {
    fn verify_chain(&self, _chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        Ok(PeerVerified::assertion())
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        super::key::verify_signature(signed)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::SigningKey as _;

    use super::*;
    use crate::code::SignatureScheme;
    use crate::error::PeerMisbehaved;
    use crate::role::Role;
    use crate::x509::testing::{ALGORITHMS, NOW, self_signed};

    #[test]
    fn any_certificate_passes_but_its_key_must_have_signed() {
        let peer = self_signed("anyone.example");
        let chain = PeerChain::new(Role::Server, &peer.der, &[], None, NOW, ALGORITHMS);
        assert!(AcceptAnyCertificate.verify_chain(&chain).is_ok());

        let signature = peer.key.sign(b"message").unwrap();
        let scheme = SignatureScheme::ECDSA_SHA256;
        let verify = |message| {
            AcceptAnyCertificate
                .verify_signature(&SignedByPeer::new(&peer.der, scheme, message, &signature, ALGORITHMS))
        };
        assert!(verify(b"message").is_ok());
        assert_eq!(verify(b"another").unwrap_err(), PeerMisbehaved::BadSignature.into());
    }
}
