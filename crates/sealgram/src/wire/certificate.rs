//! Certificate, CertificateRequest and CertificateVerify (RFC 5246 sections 7.4.2, 7.4.4 and 7.4.8).
//!
//! Certificates are opaque here: a list of byte strings, or the one public key in place of it (RFC 7250 section 3). What
//! is in them is for the verifier.

use alloc::vec::Vec;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use super::codes::Codes;
use super::reader::Reader;
use super::writer::Writer;
use crate::code::SignatureScheme;
use crate::error::{CryptoError, DecodeError};

/// Reads a Certificate message. An empty list is a list: for a client it says "I have none", and for a server it is
/// the caller's to refuse.
pub(crate) fn decode_chain(body: &[u8]) -> Result<Vec<CertificateDer<'_>>, DecodeError> {
    let mut list = Reader::new(Reader::whole(body, |reader| reader.vec24(0..=MAX_VEC24))?);
    let mut chain = Vec::new();
    while !list.is_empty() {
        if chain.len() == MAX_CERTIFICATES {
            return Err(DecodeError::TooLong);
        }
        chain.push(CertificateDer::from(list.vec24(1..=MAX_VEC24)?));
    }
    Ok(chain)
}

/// Writes a Certificate message: the sender's own certificate first, each followed by the one that certifies it.
pub(crate) fn encode_chain(chain: &[CertificateDer<'_>]) -> Result<Vec<u8>, CryptoError> {
    let mut writer = Writer::new();
    writer.vec24(|w| chain.iter().for_each(|certificate| w.vec24(|w| w.bytes(certificate))));
    writer.finish()
}

/// Reads a Certificate message that holds a raw public key: a SubjectPublicKeyInfo, with no list around it (RFC 7250
/// section 3). `None` is what a client says that has none: the same bytes as an empty list (RFC 5246 section 7.4.6).
pub(crate) fn decode_raw_public_key(body: &[u8]) -> Result<Option<SubjectPublicKeyInfoDer<'_>>, DecodeError> {
    let key = Reader::whole(body, |reader| reader.vec24(0..=MAX_VEC24))?;
    Ok((!key.is_empty()).then(|| SubjectPublicKeyInfoDer::from(key)))
}

/// Writes a Certificate message that holds a raw public key.
pub(crate) fn encode_raw_public_key(key: Option<&SubjectPublicKeyInfoDer<'_>>) -> Result<Vec<u8>, CryptoError> {
    let mut writer = Writer::new();
    writer.vec24(|w| w.bytes(key.map_or(&[], AsRef::as_ref)));
    writer.finish()
}

/// The server asks the client for a certificate, and says which would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CertificateRequest<'a> {
    /// Kinds of keys: rsa_sign is 1, ecdsa_sign is 64.
    pub(crate) certificate_types: &'a [u8],
    pub(crate) signature_algorithms: Codes<'a, SignatureScheme>,
    /// The distinguished names of issuers that the server knows, or none if it does not want to say: DER, each behind
    /// a length of two bytes.
    pub(crate) authorities: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let request = Reader::whole(body, |reader| {
            Ok(Self {
                certificate_types: reader.vec8(1..=255)?,
                signature_algorithms: Codes::decode(reader.vec16(2..=0xfffe)?)?,
                authorities: reader.vec16(0..=0xffff)?,
            })
        })?;
        let mut authorities = Reader::new(request.authorities);
        while !authorities.is_empty() {
            authorities.vec16(1..=0xffff)?;
        }
        Ok(request)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec8(|w| w.bytes(self.certificate_types));
        writer.vec16(|w| self.signature_algorithms.encode(w));
        writer.vec16(|w| w.bytes(self.authorities));
        writer.finish()
    }

    /// The distinguished names of the issuers, each in DER.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut authorities = Reader::new(self.authorities);
        core::iter::from_fn(move || authorities.vec16(1..=0xffff).ok())
    }
}

/// What stands in [`CertificateRequest::authorities`] for these names.
pub(crate) fn encode_authorities<'n>(names: impl IntoIterator<Item = &'n [u8]>) -> Result<Vec<u8>, CryptoError> {
    let mut writer = Writer::new();
    names.into_iter().for_each(|name| writer.vec16(|w| w.bytes(name)));
    writer.finish()
}

/// The client's proof that it holds the key of its certificate: a signature over all handshake messages before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CertificateVerify<'a> {
    pub(crate) scheme: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| {
            Ok(Self { scheme: SignatureScheme(reader.u16()?), signature: reader.vec16(0..=0xffff)? })
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u16(self.scheme.0);
        writer.vec16(|w| w.bytes(self.signature));
        writer.finish()
    }
}

/// Chains of more than four are rare; what is longer costs the verifier more than it can prove.
const MAX_CERTIFICATES: usize = 10;

const MAX_VEC24: usize = 0xff_ffff;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_chain_is_read_back_as_it_was_written() {
        let chain = [CertificateDer::from(&b"leaf"[..]), CertificateDer::from(&b"issuer"[..])];
        let body = encode_chain(&chain).unwrap();
        assert_eq!(body, b"\0\0\x10\0\0\x04leaf\0\0\x06issuer");
        assert_eq!(decode_chain(&body).unwrap(), chain);
    }

    /// CRT-02, CRT-12: an empty list is three zero bytes, and is told apart from everything malformed.
    #[test]
    fn an_empty_list_is_an_empty_chain() {
        assert_eq!(encode_chain(&[]).unwrap(), [0; 3]);
        assert_eq!(decode_chain(&[0; 3]), Ok(vec![]));
    }

    /// CRT-02: the lengths nest exactly.
    #[test]
    fn malformed_lists_are_refused() {
        assert_eq!(decode_chain(&[]), Err(DecodeError::Truncated));
        assert_eq!(decode_chain(&[0, 0]), Err(DecodeError::Truncated));
        assert_eq!(decode_chain(&[0, 0, 0, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(decode_chain(&[0, 0, 3, 0, 0, 0]), Err(DecodeError::Empty));
        assert_eq!(decode_chain(&[0, 0, 4, 0, 0, 2, 7]), Err(DecodeError::Truncated));
        assert_eq!(decode_chain(&[0, 0, 5, 0, 0, 2, 7]), Err(DecodeError::Truncated));
        assert_eq!(decode_chain(&[0, 0, 6, 0, 0, 1, 7, 0, 0]), Err(DecodeError::Truncated));
        assert_eq!(decode_chain(&[0, 0, 4, 0, 0, 1, 7, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(decode_chain(&[0xff; 7]), Err(DecodeError::Truncated));
    }

    /// CRT-24: three bytes of length, then the key: no list.
    #[test]
    fn a_raw_public_key_is_read_back_as_it_was_written() {
        let key = SubjectPublicKeyInfoDer::from(&b"key"[..]);
        let body = encode_raw_public_key(Some(&key)).unwrap();
        assert_eq!(body, b"\0\0\x03key");
        assert_eq!(decode_raw_public_key(&body), Ok(Some(key)));
        assert_eq!(encode_raw_public_key(None).unwrap(), [0; 3]);
        assert_eq!(decode_raw_public_key(&[0; 3]), Ok(None));
        assert_eq!(decode_raw_public_key(&body[..5]), Err(DecodeError::Truncated));
        assert_eq!(decode_raw_public_key(&[0, 0]), Err(DecodeError::Truncated));
        assert_eq!(decode_raw_public_key(b"\0\0\x03key!"), Err(DecodeError::TrailingBytes));
    }

    /// CRT-20: a list may be long in bytes, but not in certificates.
    #[test]
    fn a_chain_of_more_than_ten_is_refused() {
        let chain = vec![CertificateDer::from(&b"c"[..]); 11];
        assert_eq!(decode_chain(&encode_chain(&chain[..10]).unwrap()).unwrap().len(), 10);
        assert_eq!(decode_chain(&encode_chain(&chain).unwrap()), Err(DecodeError::TooLong));
    }

    /// CRT-10: types, schemes and issuers.
    #[test]
    fn a_certificate_request_is_read_back_as_it_was_written() {
        let schemes = [SignatureScheme::ECDSA_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256];
        let request = CertificateRequest {
            certificate_types: &[64, 1],
            signature_algorithms: schemes.as_slice().into(),
            authorities: &[0, 2, 0x30, 0x00, 0, 1, 7],
        };
        let body = request.encode().unwrap();
        assert_eq!(body, [2, 64, 1, 0, 4, 4, 3, 8, 4, 0, 7, 0, 2, 0x30, 0x00, 0, 1, 7]);
        assert_eq!(CertificateRequest::decode(&body), Ok(request));
    }

    /// CRT-19: the names of a list are read back one by one.
    #[test]
    fn authorities_are_read_back_as_they_were_written() {
        let names: [&[u8]; 2] = [b"\x30\x00", b"\x07"];
        let authorities = encode_authorities(names).unwrap();
        assert_eq!(authorities, [0, 2, 0x30, 0, 0, 1, 7]);
        let schemes = [SignatureScheme::ECDSA_SHA256];
        let (certificate_types, signature_algorithms) = (&[64][..], schemes.as_slice().into());
        let request = CertificateRequest { certificate_types, signature_algorithms, authorities: &authorities };
        assert!(request.authorities().eq(names));
        assert_eq!(encode_authorities([&[0; 0x1_0000][..]]), Err(CryptoError::MessageTooLong));
    }

    /// CRT-18: the scheme, then the signature.
    #[test]
    fn a_certificate_verify_is_read_back_as_it_was_written() {
        let message = CertificateVerify { scheme: SignatureScheme::ECDSA_SHA384, signature: &[7, 8] };
        let body = message.encode().unwrap();
        assert_eq!(body, [5, 3, 0, 2, 7, 8]);
        assert_eq!(CertificateVerify::decode(&body), Ok(message));
        for len in 0..body.len() {
            assert_eq!(CertificateVerify::decode(&body[..len]), Err(DecodeError::Truncated));
        }
        assert_eq!(CertificateVerify::decode(&[5, 3, 0, 0, 9]), Err(DecodeError::TrailingBytes));
    }

    /// CRT-10: issuers may be missing, types and schemes may not.
    #[test]
    fn malformed_certificate_requests_are_refused() {
        assert!(CertificateRequest::decode(&[1, 64, 0, 2, 4, 3, 0, 0]).is_ok());
        let cases: [(&[u8], DecodeError); 8] = [
            (&[], DecodeError::Truncated),
            (&[0, 0, 2, 4, 3, 0, 0], DecodeError::Empty),
            (&[1, 64, 0, 0, 0, 0], DecodeError::Empty),
            (&[1, 64, 0, 3, 4, 3, 4, 0, 0], DecodeError::OddLength),
            (&[1, 64, 0, 2, 4, 3], DecodeError::Truncated),
            (&[1, 64, 0, 2, 4, 3, 0, 2, 0, 0], DecodeError::Empty),
            (&[1, 64, 0, 2, 4, 3, 0, 3, 0, 2, 7], DecodeError::Truncated),
            (&[1, 64, 0, 2, 4, 3, 0, 0, 0], DecodeError::TrailingBytes),
        ];
        for (body, error) in cases {
            assert_eq!(CertificateRequest::decode(body), Err(error), "{body:?}");
        }
    }
}
