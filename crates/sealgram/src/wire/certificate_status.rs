//! CertificateStatus: the OCSP response that a server staples to its certificate (RFC 6066 section 8).
//!
//! The response is opaque here. What it says is for the verifier.

use alloc::vec::Vec;

use super::reader::Reader;
use super::writer::Writer;
use crate::error::{CryptoError, DecodeError};

/// What an OCSP responder says of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateStatus<'a> {
    /// An OCSPResponse in DER, at least one byte.
    pub(crate) ocsp_response: &'a [u8],
}

impl<'a> CertificateStatus<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| match reader.u8()? {
            STATUS_TYPE_OCSP => Ok(Self { ocsp_response: reader.vec24(1..=MAX_RESPONSE_LEN)? }),
            // There is no other kind that could have been asked for.
            _ => Err(DecodeError::InvalidValue),
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u8(STATUS_TYPE_OCSP);
        writer.vec24(|w| w.bytes(self.ocsp_response));
        writer.finish()
    }
}

/// RFC 6066 section 8: `CertificateStatusType.ocsp`.
pub(super) const STATUS_TYPE_OCSP: u8 = 1;

const MAX_RESPONSE_LEN: usize = 0xff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    /// EXP-28: one response, behind its kind and its length.
    #[test]
    fn a_response_is_read_back_as_it_was_written() {
        let status = CertificateStatus { ocsp_response: b"good" };
        let body = status.encode().unwrap();
        assert_eq!(body, b"\x01\0\0\x04good");
        assert_eq!(CertificateStatus::decode(&body), Ok(status));
        assert_eq!(CertificateStatus::decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(CertificateStatus::decode(&body[..7]), Err(DecodeError::Truncated));
        assert_eq!(CertificateStatus::decode(&[1, 0, 0, 0]), Err(DecodeError::Empty));
        assert_eq!(CertificateStatus::decode(&[1, 0, 0, 1, 7, 7]), Err(DecodeError::TrailingBytes));
        assert_eq!(CertificateStatus::decode(&[2, 0, 0, 1, 7]), Err(DecodeError::InvalidValue));
    }
}
