//! ServerKeyExchange, ServerHelloDone and ClientKeyExchange of the ECDHE suites (RFC 8422 sections 5.4 and 5.7, RFC
//! 5246 section 7.4.5), and their forms in the PSK suites (RFC 4279 section 2, RFC 5489 section 2).

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

/// The server's part of a plain PSK key exchange: something that may help a client to choose its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PskServerKeyExchange<'a> {
    pub(crate) hint: &'a [u8],
}

/// The server's part of an ECDHE_PSK key exchange: the hint, and an ephemeral key without a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EcdhePskServerKeyExchange<'a> {
    pub(crate) hint: &'a [u8],
    pub(crate) key: UnsignedKey<'a>,
}

/// An ephemeral key that nobody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnsignedKey<'a> {
    Named {
        group: NamedGroup,
        public_key: &'a [u8],
    },
    /// As in [`ServerKeyExchange`].
    OtherCurveType(u8),
}

/// The client's part of a plain PSK key exchange: what it calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PskClientKeyExchange<'a> {
    pub(crate) identity: &'a [u8],
}

/// The client's part of an ECDHE_PSK key exchange: what it calls itself, and its ephemeral key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EcdhePskClientKeyExchange<'a> {
    pub(crate) identity: &'a [u8],
    pub(crate) public_key: &'a [u8],
}

impl<'a> PskServerKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { hint: reader.vec16(0..=0xffff)? }))
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec16(|w| w.bytes(self.hint));
        writer.finish()
    }
}

impl<'a> EcdhePskServerKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let hint = reader.vec16(0..=0xffff)?;
        let key = match reader.u8()? {
            CURVE_TYPE_NAMED => {
                let (group, public_key) = (NamedGroup(reader.u16()?), reader.vec8(1..=255)?);
                reader.finish()?;
                UnsignedKey::Named { group, public_key }
            }
            other => UnsignedKey::OtherCurveType(other),
        };
        Ok(Self { hint, key })
    }

    pub(crate) fn encode(hint: &[u8], group: NamedGroup, public_key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec16(|w| w.bytes(hint));
        writer.bytes(&SignedKey::encode_params(group, public_key)?);
        writer.finish()
    }
}

impl<'a> PskClientKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { identity: identity(reader)? }))
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec16(|w| w.bytes(self.identity));
        writer.finish()
    }
}

impl<'a> EcdhePskClientKeyExchange<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { identity: identity(reader)?, public_key: reader.vec8(1..=255)? }))
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.vec16(|w| w.bytes(self.identity));
        writer.vec8(|w| w.bytes(self.public_key));
        writer.finish()
    }
}

/// What a client calls itself: any bytes, also none, and not more than a store wants to be asked for.
fn identity<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    reader.vec16(0..=MAX_PSK_IDENTITY_LEN)
}

/// The longest identity that is read, in bytes. RFC 4279 section 5.3 asks for 128.
pub(crate) const MAX_PSK_IDENTITY_LEN: usize = 1024;

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

    /// PSK-03, PSK-04: the hint and the identity have two bytes of length, the key has one, and nothing is signed.
    #[test]
    fn psk_messages_are_read_back_as_they_were_written() {
        let hint = PskServerKeyExchange { hint: b"hint" };
        assert_eq!(hint.encode().unwrap(), b"\0\x04hint");
        assert_eq!(PskServerKeyExchange::decode(b"\0\x04hint"), Ok(hint));

        let body = EcdhePskServerKeyExchange::encode(b"", NamedGroup::X25519, &KEY).unwrap();
        assert_eq!(body, [0, 0, 3, 0, 0x1d, 4, 4, 1, 2, 3]);
        let key = UnsignedKey::Named { group: NamedGroup::X25519, public_key: &KEY };
        assert_eq!(EcdhePskServerKeyExchange::decode(&body), Ok(EcdhePskServerKeyExchange { hint: b"", key }));
        let described = EcdhePskServerKeyExchange { hint: b"", key: UnsignedKey::OtherCurveType(1) };
        assert_eq!(EcdhePskServerKeyExchange::decode(&[0, 0, 1, 7, 7]), Ok(described));

        let name = PskClientKeyExchange { identity: b"me" };
        assert_eq!(name.encode().unwrap(), b"\0\x02me");
        assert_eq!(PskClientKeyExchange::decode(b"\0\x02me"), Ok(name));

        let both = EcdhePskClientKeyExchange { identity: b"me", public_key: &KEY };
        assert_eq!(both.encode().unwrap(), b"\0\x02me\x04\x04\x01\x02\x03");
        assert_eq!(EcdhePskClientKeyExchange::decode(&both.encode().unwrap()), Ok(both));
    }

    /// PSK-06, PSK-10: identities of 128 bytes and more, of none, and not too many.
    #[test]
    fn identities_are_read_exactly() {
        for (len, expected) in [(0, Ok(())), (128, Ok(())), (1024, Ok(())), (1025, Err(DecodeError::TooLong))] {
            let name = alloc::vec![0xff; len];
            let body = PskClientKeyExchange { identity: &name }.encode().unwrap();
            assert_eq!(PskClientKeyExchange::decode(&body).map(|_| ()), expected, "{len}");
        }
        assert_eq!(PskClientKeyExchange::decode(&[0]), Err(DecodeError::Truncated));
        assert_eq!(PskClientKeyExchange::decode(&[0, 2, 7]), Err(DecodeError::Truncated));
        assert_eq!(PskClientKeyExchange::decode(&[0, 1, 7, 7]), Err(DecodeError::TrailingBytes));
        assert_eq!(EcdhePskClientKeyExchange::decode(&[0, 1, 7, 0]), Err(DecodeError::Empty));
        assert_eq!(EcdhePskClientKeyExchange::decode(&[0, 1, 7, 1, 7, 7]), Err(DecodeError::TrailingBytes));
        assert_eq!(PskServerKeyExchange::decode(&[0, 0, 1]), Err(DecodeError::TrailingBytes));
        assert_eq!(EcdhePskServerKeyExchange::decode(&[0, 0, 3, 0, 0x1d, 1, 7, 7]), Err(DecodeError::TrailingBytes));
    }

    /// KEX-15: a ServerHelloDone says nothing.
    #[test]
    fn a_server_hello_done_is_empty() {
        assert_eq!(decode_server_hello_done(&[]), Ok(()));
        assert_eq!(decode_server_hello_done(&[0]), Err(DecodeError::TrailingBytes));
    }
}
