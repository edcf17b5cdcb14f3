//! Certificates known by their SHA-256 fingerprint (RFC 8122 section 5).

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::error::{CertificateError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::verify::{PeerChain, PeerVerifier, SignedByPeer};

/// Accepts exactly the certificates whose fingerprints it holds, whoever signed them and whatever they say.
///
/// This is the mode of WebRTC and of devices that were introduced to each other beforehand: the fingerprint came over
/// a channel that is trusted, so names, dates, key usage and issuers do not matter, and neither does the rest of the
/// chain. The handshake signature is checked as always.
///
/// The comparison needs no X.509, but that signature does: its key is inside the certificate. Therefore this verifier
/// exists only with the feature `x509`.
///
/// ```
/// use sealgram::x509::{Fingerprint, Fingerprints};
///
/// let printed = "D2:9B:AE:F4:1C:61:E8:0B:7F:05:3A:9E:44:10:CF:83:\
///                12:6D:B0:57:EE:99:21:48:3C:F6:70:0A:8D:B5:E3:64";
/// let verifier = Fingerprints::new([printed.parse::<Fingerprint>()?]);
/// # Ok::<(), sealgram::x509::ParseFingerprintError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fingerprints {
    pinned: Vec<Fingerprint>,
}

impl Fingerprints {
    /// Pins `fingerprints`. Without any, every peer is refused.
    #[must_use]
    pub fn new(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        Self { pinned: fingerprints.into_iter().collect() }
    }
}

impl PeerVerifier for Fingerprints {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        let peer = Fingerprint::of(chain.end_entity);
        let matches = self.pinned.iter().fold(Choice::from(0), |found, pinned| found | pinned.0.ct_eq(&peer.0));
        if bool::from(matches) { Ok(PeerVerified::assertion()) } else { Err(CertificateError::FingerprintMismatch) }
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        super::key::verify_signature(signed)
    }
}

/// The SHA-256 hash of a certificate.
///
/// As text it is 32 pairs of hexadecimal digits. They are printed in upper case with colons between them, as RFC 8122
/// section 5 wants them; colons and case do not matter when they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of `certificate`.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, ParseFingerprintError> {
        let mut bytes = [0; 32];
        let mut rest = text.as_bytes();
        for (index, byte) in bytes.iter_mut().enumerate() {
            if index > 0 {
                rest = rest.strip_prefix(b":").unwrap_or(rest);
            }
            let [high, low, after @ ..] = rest else {
                return Err(ParseFingerprintError(()));
            };
            *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
            rest = after;
        }
        if rest.is_empty() { Ok(Self(bytes)) } else { Err(ParseFingerprintError(())) }
    }
}

fn hex_digit(digit: u8) -> Result<u8, ParseFingerprintError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseFingerprintError(())),
    }
}

/// A text that is not a SHA-256 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseFingerprintError(());

impl fmt::Display for ParseFingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 fingerprint is 32 pairs of hexadecimal digits, with or without colons between them")
    }
}

impl core::error::Error for ParseFingerprintError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use rcgen::SigningKey as _;

    use super::*;
    use crate::code::SignatureScheme;
    use crate::error::PeerMisbehaved;
    use crate::role::Role;
    use crate::x509::testing::{ALGORITHMS, NOW, self_signed};

    fn verdict(verifier: &Fingerprints, certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let chain = PeerChain::new(Role::Server, certificate, &[], None, NOW, ALGORITHMS);
        verifier.verify_chain(&chain).map(|_| ())
    }

    /// CRT-08: a pinned self-signed certificate is accepted, any other is not.
    #[test]
    fn only_pinned_certificates_are_accepted() {
        let [first, second, other] = ["a.example", "b.example", "a.example"].map(self_signed);
        let verifier = Fingerprints::new([Fingerprint::of(&first.der), Fingerprint::of(&second.der)]);
        assert_eq!(verdict(&verifier, &first.der), Ok(()));
        assert_eq!(verdict(&verifier, &second.der), Ok(()));
        assert_eq!(verdict(&verifier, &other.der), Err(CertificateError::FingerprintMismatch));
        assert_eq!(verdict(&Fingerprints::new([]), &first.der), Err(CertificateError::FingerprintMismatch));
    }

    /// CRT-08: every bit of the fingerprint counts.
    #[test]
    fn one_wrong_bit_is_a_mismatch() {
        let peer = self_signed("a.example");
        for bit in 0..256 {
            let mut bytes = *Fingerprint::of(&peer.der).as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verifier = Fingerprints::new([bytes.into()]);
            assert_eq!(verdict(&verifier, &peer.der), Err(CertificateError::FingerprintMismatch), "bit {bit}");
        }
    }

    /// CRT-08: a certificate is public; only its key proves the peer.
    #[test]
    fn a_pinned_certificate_without_its_key_is_refused() {
        let [peer, thief] = ["a.example", "a.example"].map(self_signed);
        let verifier = Fingerprints::new([Fingerprint::of(&peer.der)]);
        let verify = |signature: &[u8]| {
            let scheme = SignatureScheme::ECDSA_SHA256;
            verifier.verify_signature(&SignedByPeer::new(&peer.der, scheme, b"message", signature, ALGORITHMS))
        };
        assert!(verify(&peer.key.sign(b"message").unwrap()).is_ok());
        let error = verify(&thief.key.sign(b"message").unwrap()).unwrap_err();
        assert_eq!(error, PeerMisbehaved::BadSignature.into());
    }

    #[test]
    fn text_round_trips_in_any_case_with_or_without_colons() {
        let fingerprint = Fingerprint::of(&self_signed("a.example").der);
        let text = fingerprint.to_string();
        assert_eq!((text.len(), text.matches(':').count()), (95, 31));
        for text in [text.clone(), text.to_lowercase(), text.replace(':', "")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        let good = Fingerprint::from([0xab; 32]).to_string();
        for text in [
            "",
            ":",
            &good[..good.len() - 1],
            &good[..good.len() - 3],
            &good.replacen("AB", "AG", 1),
            &good.replacen(':', "::", 1),
            &good.replacen(':', " ", 1),
            &good.replacen("AB", "+B", 1),
            &std::format!("{good}:"),
            &std::format!(":{good}"),
            &std::format!("{good}AB"),
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
