//! ServerKeyExchange, ServerHelloDone and ClientKeyExchange of the ECDHE suites (RFC 8422 sections 5.4 and 5.7, RFC
//! 5246 section 7.4.5).

use alloc::vec::Vec;

use super::reader::Reader;
use super::writer::Writer;
use crate::code::{NamedGroup, SignatureScheme};
use crate::error::{CryptoError, DecodeError};

/// The server's ephemeral key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKeyExchange<'a> {
    Named(SignedKey<'a>),
    /// A curve that is not named but described, or of a type that does not exist: it is told apart from a message that
    /// does not parse, and what follows is not looked at (RFC 8422 section 5.4 leaves no other type than named_curve).
    OtherCurveType(u8),
}

/// An ephemeral key of a named group, and the signature that ties it to the hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedKey<'a> {
    /// What the signature covers, after the two randoms: from the curve type to the end of the key, as it was sent.
    pub(crate) params: &'a [u8],
    pub(crate) group: NamedGroup,
    /// Not empty; whether it is a key of the group is for the group to say.
    pub(crate) public_key: &'a [u8],
    pub(crate) scheme: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

/// The client's ephemeral key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientKeyExchange<'a> {
    /// Not empty; whether it is a key of the group is for the group to say.
    pub(crate) public_key: &'a [u8],
}

impl<'a> ServerKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        match Reader::new(body).u8()? {
            CURVE_TYPE_NAMED => SignedKey::decode(body).map(Self::Named),
            other => Ok(Self::OtherCurveType(other)),
        }
    }
}

impl<'a> SignedKey<'a> {
    /// What the server signs after the two randoms, and sends.
    pub(crate) fn encode_params(group: NamedGroup, public_key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u8(CURVE_TYPE_NAMED);
        writer.u16(group.0);
        writer.vec8(|w| w.bytes(public_key));
        writer.finish()
    }

    /// The message: the parameters that were signed, and the signature.
    pub(crate) fn encode(params: &[u8], scheme: SignatureScheme, signature: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.bytes(params);
        writer.u16(scheme.0);
        writer.vec16(|w| w.bytes(signature));
        writer.finish()
    }

    fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| {
            let _curve_type = reader.u8()?;
            let group = NamedGroup(reader.u16()?);
            let public_key = reader.vec8(1..=255)?;
            let params_len = body.len().saturating_sub(reader.rest().len());
            Ok(Self {
                params: Reader::new(body).take(params_len)?,
                group,
                public_key,
                scheme: SignatureScheme(reader.u16()?),
                signature: reader.vec16(0..=0xffff)?,
            })
        })
    }
}

impl<'a> ClientKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { public_key: reader.vec8(1..=255)? }))
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec8(|w| w.bytes(self.public_key));
        writer.finish()
    }
}

/// Reads a ServerHelloDone, which has no content.
pub(crate) const fn decode_server_hello_done(body: &[u8]) -> Result<(), DecodeError> {
    Reader::new(body).finish()
}

/// RFC 8422 section 5.4: `ECCurveType.named_curve`.
const CURVE_TYPE_NAMED: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x04, 1, 2, 3];

    fn message() -> Vec<u8> {
        let params = SignedKey::encode_params(NamedGroup::SECP256R1, &KEY).unwrap();
        SignedKey::encode(&params, SignatureScheme::ECDSA_SHA256, b"sig").unwrap()
    }

    #[test]
    fn a_server_key_is_read_back_as_it_was_written() {
        let message = message();
        assert_eq!(message, [3, 0, 0x17, 4, 4, 1, 2, 3, 4, 3, 0, 3, b's', b'i', b'g']);
        let expected = SignedKey {
            params: &[3, 0, 0x17, 4, 4, 1, 2, 3],
            group: NamedGroup::SECP256R1,
            public_key: &KEY,
            scheme: SignatureScheme::ECDSA_SHA256,
            signature: b"sig",
        };
        assert_eq!(ServerKeyExchange::decode(&message), Ok(ServerKeyExchange::Named(expected)));
    }

    /// KEX-01: a curve that is not named is another mistake than a message that does not parse.
    #[test]
    fn curve_types_other_than_named_are_told_apart() {
        let mut message = message();
        for curve_type in (0..=255).filter(|curve_type| *curve_type != 3) {
            message[0] = curve_type;
            assert_eq!(ServerKeyExchange::decode(&message), Ok(ServerKeyExchange::OtherCurveType(curve_type)));
        }
        assert_eq!(ServerKeyExchange::decode(&[1]), Ok(ServerKeyExchange::OtherCurveType(1)));
        assert_eq!(ServerKeyExchange::decode(&[]), Err(DecodeError::Truncated));
    }

    /// KEX-02: a point has at least one byte; how many is right depends on the group.
    #[test]
    fn malformed_server_keys_are_refused() {
        let message = message();
        for len in 0..message.len() {
            assert_eq!(ServerKeyExchange::decode(&message[..len]), Err(DecodeError::Truncated), "{len} bytes");
        }
        let longer = [message.as_slice(), &[0]].concat();
        assert_eq!(ServerKeyExchange::decode(&longer), Err(DecodeError::TrailingBytes));
        assert_eq!(ServerKeyExchange::decode(&[3, 0, 0x17, 0, 4, 3, 0, 0]), Err(DecodeError::Empty));
        assert!(ServerKeyExchange::decode(&[3, 0, 0x17, 1, 2, 4, 3, 0, 0]).is_ok());
    }

    /// KEX-14: one point with its length, and nothing else.
    #[test]
    fn a_client_key_is_one_point() {
        let message = ClientKeyExchange { public_key: &KEY };
        let body = message.encode().unwrap();
        assert_eq!(body, [4, 4, 1, 2, 3]);
        assert_eq!(ClientKeyExchange::decode(&body), Ok(message));
        assert_eq!(ClientKeyExchange::decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(ClientKeyExchange::decode(&[0]), Err(DecodeError::Empty));
        assert_eq!(ClientKeyExchange::decode(&[2, 7]), Err(DecodeError::Truncated));
        assert_eq!(ClientKeyExchange::decode(&[1, 7, 7]), Err(DecodeError::TrailingBytes));
        assert_eq!(ClientKeyExchange { public_key: &[7; 256] }.encode(), Err(CryptoError::MessageTooLong));
    }

    /// KEX-15: a ServerHelloDone says nothing.
    #[test]
    fn a_server_hello_done_is_empty() {
        assert_eq!(decode_server_hello_done(&[]), Ok(()));
        assert_eq!(decode_server_hello_done(&[0]), Err(DecodeError::TrailingBytes));
    }
}
