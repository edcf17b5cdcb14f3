//! ClientHello, HelloVerifyRequest and ServerHello (RFC 5246 section 7.4.1, RFC 6347 section 4.2.1).

use alloc::vec::Vec;

use super::codes::Codes;
use super::extension::Extensions;
use super::reader::Reader;
use super::writer::Writer;
use crate::code::{CipherSuite, ProtocolVersion};
use crate::error::{CryptoError, DecodeError};

/// The client's opening: what it can do, and the cookie that proves its address.
///
/// A hello that answers a HelloVerifyRequest is `ClientHello { cookie, ..first }`: nothing else may change (RFC 6347
/// section 4.2.1), and extensions are carried as the bytes they were sent in, so that they don't either.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClientHello<'a> {
    /// The best version of a client without the supported_versions extension.
    pub(crate) version: ProtocolVersion,
    pub(crate) random: [u8; 32],
    /// At most 32 bytes; empty if no session is offered.
    pub(crate) session_id: &'a [u8],
    /// At most 255 bytes; empty in a first hello.
    pub(crate) cookie: &'a [u8],
    /// At least one.
    pub(crate) cipher_suites: Codes<'a, CipherSuite>,
    /// At least one; 0 is "no compression".
    pub(crate) compression_methods: &'a [u8],
    pub(crate) extensions: Extensions<'a>,
}

/// A ClientHello as far as the end of its cookie: all that a server needs to answer without state.
///
/// The first fragment of a large hello may hold no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloPrefix<'a> {
    pub(crate) version: ProtocolVersion,
    pub(crate) random: &'a [u8; 32],
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
}

/// The server's stateless answer to a hello without a valid cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloVerifyRequest<'a> {
    /// Says nothing about the version of the connection (RFC 6347 section 4.2.1).
    pub(crate) version: ProtocolVersion,
    /// At most 255 bytes. An empty one is legal, and as good as none.
    pub(crate) cookie: &'a [u8],
}

/// The server's choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ServerHello<'a> {
    pub(crate) version: ProtocolVersion,
    pub(crate) random: [u8; 32],
    /// At most 32 bytes; empty if the session can't be resumed.
    pub(crate) session_id: &'a [u8],
    pub(crate) cipher_suite: CipherSuite,
    /// 0 is "no compression".
    pub(crate) compression_method: u8,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| {
            let HelloPrefix { version, random, session_id, cookie } = HelloPrefix::read(reader)?;
            Ok(Self {
                version,
                random: *random,
                session_id,
                cookie,
                cipher_suites: Codes::decode(reader.vec16(2..=MAX_CIPHER_SUITES_BYTES)?)?,
                compression_methods: reader.vec8(1..=255)?,
                extensions: Extensions::read(reader)?,
            })
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u16(self.version.0);
        writer.bytes(&self.random);
        writer.vec8(|w| w.bytes(self.session_id));
        writer.vec8(|w| w.bytes(self.cookie));
        writer.vec16(|w| self.cipher_suites.encode(w));
        writer.vec8(|w| w.bytes(self.compression_methods));
        self.extensions.write(&mut writer);
        writer.finish()
    }
}

impl<'a> HelloPrefix<'a> {
    /// Reads the first bytes of the body of a ClientHello, and ignores what follows the cookie.
    pub(crate) fn decode(body_start: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(body_start))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: ProtocolVersion(reader.u16()?),
            random: reader.array()?,
            session_id: reader.vec8(0..=MAX_SESSION_ID_LEN)?,
            cookie: reader.vec8(0..=255)?,
        })
    }
}

impl<'a> HelloVerifyRequest<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| {
            Ok(Self { version: ProtocolVersion(reader.u16()?), cookie: reader.vec8(0..=255)? })
        })
    }

    /// The hello gate writes its request without this: it allocates nothing.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u16(self.version.0);
        writer.vec8(|w| w.bytes(self.cookie));
        writer.finish()
    }
}

impl<'a> ServerHello<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| {
            Ok(Self {
                version: ProtocolVersion(reader.u16()?),
                random: *reader.array()?,
                session_id: reader.vec8(0..=MAX_SESSION_ID_LEN)?,
                cipher_suite: CipherSuite(reader.u16()?),
                compression_method: reader.u8()?,
                extensions: Extensions::read(reader)?,
            })
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u16(self.version.0);
        writer.bytes(&self.random);
        writer.vec8(|w| w.bytes(self.session_id));
        writer.u16(self.cipher_suite.0);
        writer.u8(self.compression_method);
        self.extensions.write(&mut writer);
        writer.finish()
    }
}

/// RFC 5246 section 7.4.1.2: `opaque SessionID<0..32>`.
const MAX_SESSION_ID_LEN: usize = 32;

/// RFC 5246 section 7.4.1.2: `CipherSuite cipher_suites<2..2^16-2>`.
const MAX_CIPHER_SUITES_BYTES: usize = 0xfffe;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::code::{ExtensionType, NamedGroup};
    use crate::wire::extension::ExtensionWriter;

    const SUITES: [CipherSuite; 2] =
        [CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV];

    fn minimal() -> ClientHello<'static> {
        ClientHello {
            version: ProtocolVersion::DTLS_1_2,
            random: [0x5a; 32],
            session_id: &[],
            cookie: &[],
            cipher_suites: SUITES.as_slice().into(),
            compression_methods: &[0],
            extensions: Extensions::ABSENT,
        }
    }

    /// The body of [`minimal`], with places to spoil.
    fn body(session_id_len: u8, cookie_len: u8, suites: &[u8], compression: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([0x5a; 32]);
        body.push(session_id_len);
        body.extend(vec![0x11; usize::from(session_id_len)]);
        body.push(cookie_len);
        body.extend(vec![0x22; usize::from(cookie_len)]);
        body.extend(suites);
        body.extend(compression);
        body.extend(extensions);
        body
    }

    /// NEG-03: a hello without an extension block is legal, and is not the same as one with an empty block.
    #[test]
    fn a_hello_without_extensions_is_legal() {
        let without = body(0, 0, &[0, 4, 0xc0, 0x2b, 0x00, 0xff], &[1, 0], &[]);
        assert_eq!(minimal().encode().unwrap(), without);
        assert_eq!(ClientHello::decode(&without), Ok(minimal()));

        let with_empty_block = body(0, 0, &[0, 4, 0xc0, 0x2b, 0x00, 0xff], &[1, 0], &[0, 0]);
        let hello = ClientHello::decode(&with_empty_block).unwrap();
        assert_eq!(hello.extensions.iter().count(), 0);
        assert_eq!(hello.encode().unwrap(), with_empty_block);
    }

    /// NEG-02: each field is held to its range, and nothing may follow.
    #[test]
    fn malformed_client_hellos_are_refused() {
        let suites: &[u8] = &[0, 2, 0xc0, 0x2b];
        let null: &[u8] = &[1, 0];
        let decode = |body: &[u8]| ClientHello::decode(body).map(|_| ()).unwrap_err();

        assert_eq!(decode(&body(33, 0, suites, null, &[])), DecodeError::TooLong);
        assert_eq!(decode(&body(0, 0, &[0, 0], null, &[])), DecodeError::Empty);
        assert_eq!(decode(&body(0, 0, &[0, 1, 0xc0], null, &[])), DecodeError::OddLength);
        assert_eq!(decode(&body(0, 0, &[0, 3, 0xc0, 0x2b, 0xc0], null, &[])), DecodeError::OddLength);
        assert_eq!(decode(&body(0, 0, &[0xff, 0xff], null, &[])), DecodeError::TooLong);
        assert_eq!(decode(&body(0, 0, suites, &[0], &[])), DecodeError::Empty);
        assert_eq!(decode(&body(0, 0, suites, null, &[0])), DecodeError::Truncated);
        assert_eq!(decode(&body(0, 0, suites, null, &[0, 1])), DecodeError::Truncated);
        assert_eq!(decode(&body(0, 0, suites, null, &[0, 0, 0])), DecodeError::TrailingBytes);
        assert_eq!(decode(&body(0, 0, suites, null, &[0, 3, 0, 23, 0])), DecodeError::Truncated);
        assert_eq!(decode(&body(0, 0, suites, null, &[0, 4, 0, 23, 0, 1])), DecodeError::Truncated);
    }

    #[test]
    fn the_longest_session_id_and_cookie_are_read() {
        let body = body(32, 255, &[0, 2, 0xc0, 0x2b], &[2, 1, 0], &[]);
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!(hello.session_id, [0x11; 32]);
        assert_eq!(hello.cookie, [0x22; 255]);
        assert_eq!(hello.compression_methods, [1, 0]);
        assert_eq!(hello.encode().unwrap(), body);
    }

    /// NEG-10: in either hello.
    #[test]
    fn a_hello_with_an_extension_twice_is_refused() {
        let twice = [0, 8, 0, 23, 0, 0, 0, 23, 0, 0];
        let client = body(0, 0, &[0, 2, 0xc0, 0x2b], &[1, 0], &twice);
        let error = DecodeError::DuplicateExtension(ExtensionType::EXTENDED_MASTER_SECRET);
        assert_eq!(ClientHello::decode(&client), Err(error));

        let mut server = vec![0xfe, 0xfd];
        server.extend([0x5a; 32]);
        server.extend([0, 0xc0, 0x2b, 0]);
        server.extend(twice);
        assert_eq!(ServerHello::decode(&server), Err(error));
    }

    /// HVR-02, HVR-03: the second hello differs from the first in the cookie and in nothing else.
    #[test]
    fn answering_a_cookie_changes_the_cookie_only() {
        let mut extensions = ExtensionWriter::new();
        extensions.empty(ExtensionType::EXTENDED_MASTER_SECRET);
        extensions.supported_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]);
        let extensions = extensions.finish().unwrap();
        let first = ClientHello { session_id: &[7; 32], extensions: extensions.as_extensions(), ..minimal() };
        let second = ClientHello { cookie: &[0xc0; 32], ..first };
        let (first, second) = (first.encode().unwrap(), second.encode().unwrap());

        let cookie_at = 2 + 32 + 1 + 32;
        assert_eq!(first[..cookie_at], second[..cookie_at]);
        assert_eq!(first[cookie_at], 0);
        assert_eq!(second[cookie_at], 32);
        assert_eq!(second[cookie_at + 1..][..32], [0xc0; 32]);
        assert_eq!(first[cookie_at + 1..], second[cookie_at + 33..]);
        assert_eq!(ClientHello::decode(&second).unwrap().extensions, extensions.as_extensions());
    }

    /// FRG-19: the first fragment of a hello may stop right behind the cookie.
    #[test]
    fn the_prefix_of_a_hello_ends_with_its_cookie() {
        let body = body(3, 5, &[0, 2, 0xc0, 0x2b], &[1, 0], &[]);
        let prefix_len = 2 + 32 + 1 + 3 + 1 + 5;
        let prefix = HelloPrefix {
            version: ProtocolVersion::DTLS_1_2,
            random: &[0x5a; 32],
            session_id: &[0x11; 3],
            cookie: &[0x22; 5],
        };
        for len in 0..=body.len() {
            let expected = if len < prefix_len { Err(DecodeError::Truncated) } else { Ok(prefix) };
            assert_eq!(HelloPrefix::decode(&body[..len]), expected, "{len} bytes");
        }
    }

    /// HVR-22: the cookie's length is believed only as far as there are bytes.
    #[test]
    fn a_cookie_longer_than_the_hello_is_refused() {
        let mut short = body(0, 0, &[], &[], &[]);
        *short.last_mut().unwrap() = 255;
        short.extend([0x22; 254]);
        assert_eq!(HelloPrefix::decode(&short), Err(DecodeError::Truncated));
        assert_eq!(ClientHello::decode(&short), Err(DecodeError::Truncated));
        short.push(0x22);
        assert_eq!(HelloPrefix::decode(&short).map(|prefix| prefix.cookie.len()), Ok(255));
    }

    /// HVR-08: any cookie length is read, and the body ends with the cookie.
    #[test]
    fn a_hello_verify_request_is_a_version_and_a_cookie() {
        for len in 0..=255u8 {
            let mut body = vec![0xfe, 0xff, len];
            body.extend(vec![0x33; usize::from(len)]);
            let request = HelloVerifyRequest::decode(&body).unwrap();
            assert_eq!(request.version, ProtocolVersion::DTLS_1_0);
            assert_eq!(request.cookie, vec![0x33; usize::from(len)]);
            assert_eq!(request.encode().unwrap(), body);

            for short in 0..body.len() {
                assert_eq!(HelloVerifyRequest::decode(&body[..short]), Err(DecodeError::Truncated));
            }
            body.push(0);
            assert_eq!(HelloVerifyRequest::decode(&body), Err(DecodeError::TrailingBytes));
        }
    }

    #[test]
    fn a_server_hello_is_read_back_as_it_was_written() {
        let mut extensions = ExtensionWriter::new();
        extensions.renegotiation_info(&[]);
        let extensions = extensions.finish().unwrap();
        let hello = ServerHello {
            version: ProtocolVersion::DTLS_1_2,
            random: [9; 32],
            session_id: &[4; 32],
            cipher_suite: CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            compression_method: 0,
            extensions: extensions.as_extensions(),
        };
        let body = hello.encode().unwrap();
        assert_eq!(body.len(), 2 + 32 + 33 + 2 + 1 + 2 + 5);
        assert_eq!(ServerHello::decode(&body), Ok(hello));
        let without = ServerHello { extensions: Extensions::ABSENT, ..hello }.encode().unwrap();
        assert_eq!(without, body[..body.len() - 7]);
        assert_eq!(ServerHello::decode(&without).unwrap().extensions, Extensions::ABSENT);
    }

    #[test]
    fn a_server_hello_with_a_long_session_id_is_refused() {
        let mut body = vec![0xfe, 0xfd];
        body.extend([0x5a; 32]);
        body.push(33);
        body.extend([0; 33]);
        body.extend([0xc0, 0x2b, 0]);
        assert_eq!(ServerHello::decode(&body), Err(DecodeError::TooLong));
    }
}
