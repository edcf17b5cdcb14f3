//! What each extension says: the data of the extensions that this library reads and writes.
//!
//! Reading one that is absent gives `None`; reading one whose syntax is wrong is an error, even where another
//! extension would already have decided the matter.

use core::mem;

use pki_types::DnsName;

use super::certificate_status::STATUS_TYPE_OCSP;
use super::codes::{Code16, Codes};
use super::extension::{ExtensionWriter, Extensions};
use super::reader::Reader;
use super::writer::Writer;
use crate::cid::ConnectionId;
use crate::code::{CertificateType, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile};
use crate::error::{DecodeError, Error, PeerMisbehaved};

/// The names of application protocols (RFC 7301 section 3.1), in order of preference. None of them is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProtocolNames<'a> {
    list: &'a [u8],
}

/// What use_srtp says: a client's offer, or a server's choice (RFC 5764 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UseSrtp<'a> {
    pub(crate) profiles: Codes<'a, SrtpProfile>,
    /// The master key identifier, empty for none.
    pub(crate) mki: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// The host that the client wants to talk to (RFC 6066 section 3): ASCII, as it was sent.
    ///
    /// Whether there is such a host is for the configuration to say. Names of types other than host_name are passed
    /// over: section 3 has them begin with a length like this one's, so that they can be.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::InvalidServerName`] for two names of one type, or a host that can't be one.
    pub(crate) fn server_name(&self) -> Result<Option<&'a str>, Error> {
        let list = self.data(ExtensionType::SERVER_NAME, |reader| reader.vec16(1..=0xffff))?;
        let Some(mut list) = list.map(Reader::new) else { return Ok(None) };
        let mut seen = [false; 256];
        let mut host = None;
        while !list.is_empty() {
            let name_type = list.u8()?;
            let name = list.vec16(1..=0xffff)?;
            if seen.get_mut(usize::from(name_type)).is_some_and(|seen| mem::replace(seen, true)) {
                return Err(PeerMisbehaved::InvalidServerName.into());
            }
            if name_type == NAME_TYPE_HOST_NAME {
                host = Some(host_name(name)?);
            }
        }
        Ok(host)
    }

    /// Whether a client asks for the OCSP response of the server's certificate (RFC 6066 section 8). Which responders it
    /// trusts is read and passed over: a server has one response or none. So is a request of another kind.
    pub(crate) fn requests_ocsp_response(&self) -> Result<bool, DecodeError> {
        let asks = self.data(ExtensionType::STATUS_REQUEST, |reader| {
            if reader.u8()? != STATUS_TYPE_OCSP {
                reader.take(reader.rest().len())?;
                return Ok(false);
            }
            let mut responders = Reader::new(reader.vec16(0..=0xffff)?);
            while !responders.is_empty() {
                responders.vec16(1..=0xffff)?;
            }
            reader.vec16(0..=0xffff)?;
            Ok(true)
        })?;
        Ok(asks.unwrap_or(false))
    }

    /// RFC 8422 section 5.1.1.
    pub(crate) fn supported_groups(&self) -> Result<Option<Codes<'a, NamedGroup>>, DecodeError> {
        self.data(ExtensionType::SUPPORTED_GROUPS, |reader| Codes::decode(reader.vec16(2..=0xffff)?))
    }

    /// RFC 8422 section 5.1.2; 0 is "uncompressed".
    pub(crate) fn ec_point_formats(&self) -> Result<Option<&'a [u8]>, DecodeError> {
        self.data(ExtensionType::EC_POINT_FORMATS, |reader| reader.vec8(1..=255))
    }

    /// RFC 5246 section 7.4.1.4.1.
    pub(crate) fn signature_algorithms(&self) -> Result<Option<Codes<'a, SignatureScheme>>, DecodeError> {
        self.data(ExtensionType::SIGNATURE_ALGORITHMS, signature_schemes)
    }

    /// What may sign certificates, where that differs (RFC 8446 section 4.2.3).
    pub(crate) fn signature_algorithms_cert(&self) -> Result<Option<Codes<'a, SignatureScheme>>, DecodeError> {
        self.data(ExtensionType::SIGNATURE_ALGORITHMS_CERT, signature_schemes)
    }

    /// The application protocols that a client offers (RFC 7301 section 3.1).
    pub(crate) fn application_protocols(&self) -> Result<Option<ProtocolNames<'a>>, DecodeError> {
        self.data(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |reader| {
            ProtocolNames::decode(reader.vec16(2..=0xffff)?)
        })
    }

    /// The application protocol that a server chose: the only one in its list (RFC 7301 section 3.1).
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::ServerAnsweredSeveralProtocols`] for more than one.
    pub(crate) fn selected_application_protocol(&self) -> Result<Option<&'a [u8]>, Error> {
        let Some(names) = self.application_protocols()? else { return Ok(None) };
        let mut names = names.iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(Some(name)),
            _ => Err(PeerMisbehaved::ServerAnsweredSeveralProtocols.into()),
        }
    }

    /// The certificate types that a client lists in `extension`, one byte each, best first: in client_certificate_type
    /// those it can show, in server_certificate_type those it can judge (RFC 7250 section 4.1).
    pub(crate) fn certificate_types(&self, extension: ExtensionType) -> Result<Option<&'a [u8]>, DecodeError> {
        self.data(extension, |reader| reader.vec8(1..=255))
    }

    /// The one certificate type that a server answers in `extension` (RFC 7250 section 4.2).
    pub(crate) fn selected_certificate_type(
        &self,
        extension: ExtensionType,
    ) -> Result<Option<CertificateType>, DecodeError> {
        self.data(extension, |reader| reader.u8().map(CertificateType))
    }

    /// The versions that a client offers, if it can do more than its hello's version says (RFC 8446 section 4.2.1).
    pub(crate) fn supported_versions(&self) -> Result<Option<Codes<'a, ProtocolVersion>>, DecodeError> {
        self.data(ExtensionType::SUPPORTED_VERSIONS, |reader| Codes::decode(reader.vec8(2..=254)?))
    }

    /// The code of the longest record content that a client wants, or that a server agrees to (RFC 6066 section 4).
    pub(crate) fn max_fragment_length(&self) -> Result<Option<u8>, DecodeError> {
        self.data(ExtensionType::MAX_FRAGMENT_LENGTH, Reader::u8)
    }

    /// The longest content of a protected record that the sender takes (RFC 8449 section 4).
    pub(crate) fn record_size_limit(&self) -> Result<Option<u16>, DecodeError> {
        self.data(ExtensionType::RECORD_SIZE_LIMIT, Reader::u16)
    }

    /// What there is to say about media. That the list is not empty is for the reader to see: what an empty one means
    /// depends on who sent it.
    pub(crate) fn use_srtp(&self) -> Result<Option<UseSrtp<'a>>, DecodeError> {
        self.data(ExtensionType::USE_SRTP, |reader| {
            Ok(UseSrtp { profiles: Codes::decode(reader.vec16(0..=0xffff)?)?, mki: reader.vec8(0..=255)? })
        })
    }

    /// verify_data of the handshake before: empty in a first handshake (RFC 5746 section 3.2).
    pub(crate) fn renegotiation_info(&self) -> Result<Option<&'a [u8]>, DecodeError> {
        self.data(ExtensionType::RENEGOTIATION_INFO, |reader| reader.vec8(0..=255))
    }

    /// A ticket, or nothing where one is wanted or promised: the bytes themselves, without a length of their own (RFC
    /// 5077 section 3.2).
    pub(crate) fn session_ticket(&self) -> Option<&'a [u8]> {
        self.find(ExtensionType::SESSION_TICKET)
    }

    /// What the sender wants to find in the records it receives; empty if nothing (RFC 9146 section 3).
    pub(crate) fn connection_id(&self) -> Result<Option<ConnectionId>, DecodeError> {
        let id = self.data(ExtensionType::CONNECTION_ID, |reader| reader.vec8(0..=255))?;
        Ok(id.and_then(ConnectionId::new))
    }

    fn data<T>(
        &self,
        extension: ExtensionType,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.find(extension).map(|data| Reader::whole(data, read)).transpose()
    }
}

impl ExtensionWriter {
    /// The host that a client wants to talk to (RFC 6066 section 3): one name, without the dot that may end it.
    /// Addresses have no place here, and are no [`DnsName`].
    pub(crate) fn server_name(&mut self, host: &DnsName<'_>) {
        let host = host.as_ref();
        let host = host.strip_suffix('.').unwrap_or(host);
        self.add(ExtensionType::SERVER_NAME, |w| {
            w.vec16(|w| {
                w.u8(NAME_TYPE_HOST_NAME);
                w.vec16(|w| w.bytes(host.as_bytes()));
            });
        });
    }

    /// Asks for an OCSP response: of any responder, without extensions (RFC 6066 section 8).
    pub(crate) fn ocsp_request(&mut self) {
        self.add(ExtensionType::STATUS_REQUEST, |w| {
            w.u8(STATUS_TYPE_OCSP);
            w.vec16(|_| {});
            w.vec16(|_| {});
        });
    }

    pub(crate) fn supported_groups(&mut self, groups: &[NamedGroup]) {
        self.codes(ExtensionType::SUPPORTED_GROUPS, groups);
    }

    /// "Uncompressed only": the only list that anyone may send (RFC 8422 section 5.1.2).
    pub(crate) fn ec_point_formats(&mut self) {
        self.add(ExtensionType::EC_POINT_FORMATS, |w| w.vec8(|w| w.u8(POINT_FORMAT_UNCOMPRESSED)));
    }

    pub(crate) fn signature_algorithms(&mut self, schemes: &[SignatureScheme]) {
        self.codes(ExtensionType::SIGNATURE_ALGORITHMS, schemes);
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn signature_algorithms_cert(&mut self, schemes: &[SignatureScheme]) {
        self.codes(ExtensionType::SIGNATURE_ALGORITHMS_CERT, schemes);
    }

    /// A client's offer, or a server's choice: then a list of one. The names come from a configuration that refuses
    /// empty ones.
    pub(crate) fn application_protocols(&mut self, names: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.add(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, |w| {
            w.vec16(|w| names.into_iter().for_each(|name| w.vec8(|w| w.bytes(name.as_ref()))));
        });
    }

    /// A client's list in `extension`, best first.
    pub(crate) fn certificate_types(&mut self, extension: ExtensionType, types: &[CertificateType]) {
        self.add(extension, |w| w.vec8(|w| types.iter().for_each(|certificate_type| w.u8(certificate_type.0))));
    }

    /// A server's answer in `extension`.
    pub(crate) fn selected_certificate_type(&mut self, extension: ExtensionType, selected: CertificateType) {
        self.add(extension, |w| w.u8(selected.0));
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn supported_versions(&mut self, versions: &[ProtocolVersion]) {
        self.add(ExtensionType::SUPPORTED_VERSIONS, |w| w.vec8(|w| Codes::from(versions).encode(w)));
    }

    pub(crate) fn use_srtp(&mut self, profiles: &[SrtpProfile], mki: &[u8]) {
        self.add(ExtensionType::USE_SRTP, |w| {
            w.vec16(|w| Codes::from(profiles).encode(w));
            w.vec8(|w| w.bytes(mki));
        });
    }

    pub(crate) fn max_fragment_length(&mut self, code: u8) {
        self.add(ExtensionType::MAX_FRAGMENT_LENGTH, |w| w.u8(code));
    }

    pub(crate) fn record_size_limit(&mut self, bytes: u16) {
        self.add(ExtensionType::RECORD_SIZE_LIMIT, |w| w.u16(bytes));
    }

    pub(crate) fn renegotiation_info(&mut self, verify_data: &[u8]) {
        self.add(ExtensionType::RENEGOTIATION_INFO, |w| w.vec8(|w| w.bytes(verify_data)));
    }

    /// What we want to find in the records that we receive; empty if nothing.
    pub(crate) fn connection_id(&mut self, id: &ConnectionId) {
        self.add(ExtensionType::CONNECTION_ID, |w| w.vec8(|w| w.bytes(id.as_bytes())));
    }

    /// A ticket to show, or an empty one to ask for one.
    pub(crate) fn session_ticket(&mut self, ticket: &[u8]) {
        self.add(ExtensionType::SESSION_TICKET, |w| w.bytes(ticket));
    }

    fn codes<C: Code16>(&mut self, extension: ExtensionType, codes: &[C]) {
        self.add(extension, |w: &mut Writer| w.vec16(|w| Codes::from(codes).encode(w)));
    }
}

impl<'a> ProtocolNames<'a> {
    /// Reads the content of the list.
    fn decode(list: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(list);
        while !reader.is_empty() {
            reader.vec8(1..=255)?;
        }
        Ok(Self { list })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.list);
        core::iter::from_fn(move || reader.vec8(1..=255).ok())
    }
}

fn signature_schemes<'a>(reader: &mut Reader<'a>) -> Result<Codes<'a, SignatureScheme>, DecodeError> {
    Codes::decode(reader.vec16(2..=0xfffe)?)
}

/// A host as text. What passes is safe to compare, to look up and to print; whether it is a name that DNS allows is
/// left to the lookup, which knows names that it does not.
fn host_name(name: &[u8]) -> Result<&str, PeerMisbehaved> {
    match core::str::from_utf8(name) {
        Ok(host) if host.len() <= MAX_HOST_NAME_LEN && host.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(host),
        _ => Err(PeerMisbehaved::InvalidServerName),
    }
}

/// RFC 6066 section 3: `NameType.host_name`.
const NAME_TYPE_HOST_NAME: u8 = 0;

/// RFC 1035 section 2.3.4.
const MAX_HOST_NAME_LEN: usize = 255;

/// RFC 8422 section 5.1.2: `ECPointFormat.uncompressed`.
pub(crate) const POINT_FORMAT_UNCOMPRESSED: u8 = 0;

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::code::is_grease;
    use crate::wire::extension::ExtensionBlock;

    fn written(write: impl FnOnce(&mut ExtensionWriter)) -> ExtensionBlock {
        let mut writer = ExtensionWriter::new();
        write(&mut writer);
        writer.finish().unwrap()
    }

    fn with(extension: ExtensionType, data: &[u8]) -> ExtensionBlock {
        written(|w| w.add(extension, |w| w.bytes(data)))
    }

    fn data_of(block: &ExtensionBlock, extension: ExtensionType) -> &[u8] {
        block.as_extensions().find(extension).unwrap()
    }

    /// EXP-28: responders and extensions may be listed; other kinds of status are not ours to understand.
    #[test]
    fn a_status_request_asks_for_ocsp_or_for_nothing_that_we_know() {
        let request = written(ExtensionWriter::ocsp_request);
        assert_eq!(data_of(&request, ExtensionType::STATUS_REQUEST), [1, 0, 0, 0, 0]);
        assert_eq!(request.as_extensions().requests_ocsp_response(), Ok(true));
        assert_eq!(Extensions::ABSENT.requests_ocsp_response(), Ok(false));
        let asks = |data| with(ExtensionType::STATUS_REQUEST, data).as_extensions().requests_ocsp_response();
        assert_eq!(asks(&[1, 0, 3, 0, 1, 7, 0, 2, 0x30, 0]), Ok(true));
        assert_eq!(asks(&[2, 9, 9, 9]), Ok(false));
        assert_eq!(asks(&[]), Err(DecodeError::Truncated));
        assert_eq!(asks(&[1, 0, 0, 0]), Err(DecodeError::Truncated));
        assert_eq!(asks(&[1, 0, 2, 0, 0, 0, 0]), Err(DecodeError::Empty));
        assert_eq!(asks(&[1, 0, 0, 0, 0, 0]), Err(DecodeError::TrailingBytes));
    }

    /// CRT-21: a list in ClientHello, one value in ServerHello.
    #[test]
    fn certificate_types_are_a_list_and_then_one() {
        for extension in [ExtensionType::CLIENT_CERTIFICATE_TYPE, ExtensionType::SERVER_CERTIFICATE_TYPE] {
            let offer =
                written(|w| w.certificate_types(extension, &[CertificateType::RAW_PUBLIC_KEY, CertificateType::X509]));
            assert_eq!(data_of(&offer, extension), [2, 2, 0]);
            assert_eq!(offer.as_extensions().certificate_types(extension), Ok(Some(&[2, 0][..])));
            let offered = |data| with(extension, data).as_extensions().certificate_types(extension).map(|_| ());
            assert_eq!(offered(&[0]), Err(DecodeError::Empty));
            assert_eq!(offered(&[2, 0]), Err(DecodeError::Truncated));
            assert_eq!(offered(&[1, 0, 2]), Err(DecodeError::TrailingBytes));

            let answer = written(|w| w.selected_certificate_type(extension, CertificateType::RAW_PUBLIC_KEY));
            assert_eq!(data_of(&answer, extension), [2]);
            let selected = |data| with(extension, data).as_extensions().selected_certificate_type(extension);
            assert_eq!(selected(&[2]), Ok(Some(CertificateType::RAW_PUBLIC_KEY)));
            assert_eq!(selected(&[]), Err(DecodeError::Truncated));
            assert_eq!(selected(&[1, 2]), Err(DecodeError::TrailingBytes));
        }
    }

    #[test]
    fn what_is_absent_is_none() {
        let none = Extensions::ABSENT;
        assert_eq!(none.certificate_types(ExtensionType::CLIENT_CERTIFICATE_TYPE), Ok(None));
        assert_eq!(none.selected_certificate_type(ExtensionType::SERVER_CERTIFICATE_TYPE), Ok(None));
        assert_eq!(none.server_name(), Ok(None));
        assert_eq!(none.supported_groups(), Ok(None));
        assert_eq!(none.ec_point_formats(), Ok(None));
        assert_eq!(none.signature_algorithms(), Ok(None));
        assert_eq!(none.signature_algorithms_cert(), Ok(None));
        assert_eq!(none.application_protocols(), Ok(None));
        assert_eq!(none.selected_application_protocol(), Ok(None));
        assert_eq!(none.supported_versions(), Ok(None));
        assert_eq!(none.renegotiation_info(), Ok(None));
    }

    /// EXP-18: one host_name, without its final dot.
    #[test]
    fn a_server_name_is_one_host() {
        let expected = b"\x00\x0e\x00\x00\x0bexample.org";
        for name in ["example.org", "example.org."] {
            let block = written(|w| w.server_name(&DnsName::try_from(name).unwrap()));
            assert_eq!(data_of(&block, ExtensionType::SERVER_NAME), expected);
            assert_eq!(block.as_extensions().server_name(), Ok(Some("example.org")));
        }
        assert!(DnsName::try_from("192.0.2.1").is_err(), "an address can't be passed as a name");
    }

    /// EXP-21: lengths that lie are syntax, two names of one type are not.
    #[test]
    fn malformed_server_names_are_refused() {
        let read = |data: &[u8]| with(ExtensionType::SERVER_NAME, data).as_extensions().server_name().map(|_| ());
        let invalid = Err(PeerMisbehaved::InvalidServerName.into());
        assert_eq!(read(b""), Err(DecodeError::Truncated.into()));
        assert_eq!(read(b"\0\0"), Err(DecodeError::Empty.into()));
        assert_eq!(read(b"\0\x03\0\0\0"), Err(DecodeError::Empty.into()));
        assert_eq!(read(b"\0\x04\0\0\x02a"), Err(DecodeError::Truncated.into()));
        assert_eq!(read(b"\0\x05\0\0\x01a\0"), Err(DecodeError::Truncated.into()));
        assert_eq!(read(b"\0\x04\0\0\x01a\0"), Err(DecodeError::TrailingBytes.into()));
        assert_eq!(read(b"\xff\xff\0\xff\xffa"), Err(DecodeError::Truncated.into()));
        assert_eq!(read(b"\0\x08\0\0\x01a\0\0\x01b"), invalid);
        assert_eq!(read(b"\0\x08\x07\0\x01a\x07\0\x01b"), invalid);
        assert_eq!(read(b"\0\x05\0\0\x02a\0"), invalid);
        assert_eq!(read(b"\0\x05\0\0\x02\xc3\xa9"), invalid);
    }

    /// EXP-21: no length makes a name longer than a name.
    #[test]
    fn a_host_of_any_length_is_read_or_refused() {
        for len in [1, 254, 255, 256, 0xfff0] {
            let block = written(|w| {
                w.add(ExtensionType::SERVER_NAME, |w| {
                    w.vec16(|w| {
                        w.u8(0);
                        w.vec16(|w| w.bytes(&vec![b'a'; len]));
                    });
                });
            });
            assert_eq!(block.as_extensions().server_name().is_ok(), len <= 255, "{len}");
        }
    }

    #[test]
    fn a_name_of_an_unknown_type_is_passed_over() {
        let block = with(ExtensionType::SERVER_NAME, b"\0\x08\x07\0\x01?\0\0\x01a");
        assert_eq!(block.as_extensions().server_name(), Ok(Some("a")));
        let block = with(ExtensionType::SERVER_NAME, b"\0\x04\x07\0\x01?");
        assert_eq!(block.as_extensions().server_name(), Ok(None));
    }

    #[test]
    fn groups_are_written_and_read_in_order() {
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        let block = written(|w| w.supported_groups(&groups));
        assert_eq!(data_of(&block, ExtensionType::SUPPORTED_GROUPS), [0, 4, 0, 0x1d, 0, 0x17]);
        assert_eq!(block.as_extensions().supported_groups(), Ok(Some(groups.as_slice().into())));
    }

    /// NEG-05: GREASE in a list stands beside what is known.
    #[test]
    fn grease_groups_and_schemes_are_read_like_others() {
        let block = written(|w| {
            w.supported_groups(&[NamedGroup(0x1a1a), NamedGroup::SECP256R1]);
            w.signature_algorithms(&[SignatureScheme(0xfafa), SignatureScheme::ECDSA_SHA256]);
        });
        let groups = block.as_extensions().supported_groups().unwrap().unwrap();
        assert!(groups.iter().any(|group| is_grease(group.0)));
        assert!(groups.contains(NamedGroup::SECP256R1));
        let schemes = block.as_extensions().signature_algorithms().unwrap().unwrap();
        assert!(schemes.contains(SignatureScheme::ECDSA_SHA256));
    }

    #[test]
    fn malformed_code_lists_are_refused() {
        let cases: [(&[u8], DecodeError); 6] = [
            (&[], DecodeError::Truncated),
            (&[0, 0], DecodeError::Empty),
            (&[0, 1, 0], DecodeError::OddLength),
            (&[0, 3, 0, 23, 0], DecodeError::OddLength),
            (&[0, 4, 0, 23], DecodeError::Truncated),
            (&[0, 2, 0, 23, 0], DecodeError::TrailingBytes),
        ];
        for (data, error) in cases {
            let block = with(ExtensionType::SUPPORTED_GROUPS, data);
            assert_eq!(block.as_extensions().supported_groups(), Err(error));
            let block = with(ExtensionType::SIGNATURE_ALGORITHMS, data);
            assert_eq!(block.as_extensions().signature_algorithms(), Err(error));
            let block = with(ExtensionType::SIGNATURE_ALGORITHMS_CERT, data);
            assert_eq!(block.as_extensions().signature_algorithms_cert(), Err(error));
        }
    }

    /// NEG-17: there is one list to send.
    #[test]
    fn only_uncompressed_points_are_announced() {
        let block = written(ExtensionWriter::ec_point_formats);
        assert_eq!(data_of(&block, ExtensionType::EC_POINT_FORMATS), [1, 0]);
    }

    /// NEG-18: the formats are read as they are; whether the uncompressed one is among them is the handshake's question.
    #[test]
    fn point_formats_are_read_whatever_they_are() {
        let read = |data: &[u8]| {
            let block = with(ExtensionType::EC_POINT_FORMATS, data);
            block.as_extensions().ec_point_formats().map(|formats| formats.map(<[u8]>::to_vec))
        };
        assert_eq!(read(&[1, 1]), Ok(Some(vec![1])));
        assert_eq!(read(&[2, 1, 0]), Ok(Some(vec![1, 0])));
        assert_eq!(read(&[0]), Err(DecodeError::Empty));
        assert_eq!(read(&[1]), Err(DecodeError::Truncated));
        assert_eq!(read(&[1, 0, 0]), Err(DecodeError::TrailingBytes));
    }

    /// EXP-14: names in order of preference, each with its length.
    #[test]
    fn application_protocols_are_written_and_read_in_order() {
        let names = ["h3", "webrtc"];
        let block = written(|w| w.application_protocols(names));
        let data = data_of(&block, ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
        assert_eq!(data, b"\0\x0a\x02h3\x06webrtc");
        let read: Vec<_> = block.as_extensions().application_protocols().unwrap().unwrap().iter().collect();
        assert_eq!(read, [b"h3".as_slice(), b"webrtc"]);
    }

    /// EXP-17: empty lists, empty names and lengths that lie.
    #[test]
    fn malformed_application_protocols_are_refused() {
        let cases: [(&[u8], DecodeError); 7] = [
            (b"", DecodeError::Truncated),
            (b"\0\0", DecodeError::Empty),
            (b"\0\x01\0", DecodeError::OddLength),
            (b"\0\x04\x01a\0\0", DecodeError::Empty),
            (b"\0\x03\x01a\x01", DecodeError::Truncated),
            (b"\0\x03\x03ab", DecodeError::Truncated),
            (b"\0\x02\x01ab", DecodeError::TrailingBytes),
        ];
        for (data, error) in cases {
            let block = with(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, data);
            assert_eq!(block.as_extensions().application_protocols(), Err(error), "{data:?}");
            assert_eq!(block.as_extensions().selected_application_protocol(), Err(error.into()), "{data:?}");
        }
    }

    /// EXP-16: the answer is one name.
    #[test]
    fn a_server_selects_one_application_protocol() {
        let block = written(|w| w.application_protocols(["h3"]));
        assert_eq!(block.as_extensions().selected_application_protocol(), Ok(Some(&b"h3"[..])));
        let block = written(|w| w.application_protocols(["h3", "webrtc"]));
        assert_eq!(
            block.as_extensions().selected_application_protocol(),
            Err(PeerMisbehaved::ServerAnsweredSeveralProtocols.into())
        );
    }

    /// EXP-05: a list behind a length of two bytes, an identifier behind one of one byte.
    #[test]
    fn srtp_profiles_are_written_and_read_in_order() {
        let profiles = [SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];
        let block = written(|w| w.use_srtp(&profiles, b""));
        assert_eq!(data_of(&block, ExtensionType::USE_SRTP), [0, 4, 0, 7, 0, 1, 0]);
        let block = written(|w| w.use_srtp(&profiles, b"key"));
        assert_eq!(data_of(&block, ExtensionType::USE_SRTP), [0, 4, 0, 7, 0, 1, 3, b'k', b'e', b'y']);
        let read = UseSrtp { profiles: profiles.as_slice().into(), mki: b"key" };
        assert_eq!(block.as_extensions().use_srtp(), Ok(Some(read)));
    }

    /// EXP-07: lengths that lie.
    #[test]
    fn malformed_srtp_profiles_are_refused() {
        let cases: [(&[u8], DecodeError); 7] = [
            (&[], DecodeError::Truncated),
            (&[0, 2, 0], DecodeError::Truncated),
            (&[0, 2, 0, 1], DecodeError::Truncated),
            (&[0, 3, 0, 1, 0, 0], DecodeError::OddLength),
            (&[0, 2, 0, 1, 1], DecodeError::Truncated),
            (&[0, 2, 0, 1, 0, 0], DecodeError::TrailingBytes),
            (&[0xff, 0xff, 0, 1, 0], DecodeError::Truncated),
        ];
        for (data, error) in cases {
            let block = with(ExtensionType::USE_SRTP, data);
            assert_eq!(block.as_extensions().use_srtp(), Err(error), "{data:?}");
        }
    }

    /// VER-05: the list holds versions of any age, and values that are none.
    #[test]
    fn supported_versions_are_read_with_their_grease() {
        let versions = [ProtocolVersion(0x7a7a), ProtocolVersion::DTLS_1_3, ProtocolVersion::DTLS_1_2];
        let block = written(|w| w.supported_versions(&versions));
        assert_eq!(data_of(&block, ExtensionType::SUPPORTED_VERSIONS), [6, 0x7a, 0x7a, 0xfe, 0xfc, 0xfe, 0xfd]);
        let read = block.as_extensions().supported_versions().unwrap().unwrap();
        assert_eq!(read, versions.as_slice().into());
        assert!(read.contains(ProtocolVersion::DTLS_1_2));

        let refused = |data: &[u8]| {
            with(ExtensionType::SUPPORTED_VERSIONS, data).as_extensions().supported_versions().map(|_| ())
        };
        assert_eq!(refused(&[0]), Err(DecodeError::Empty));
        assert_eq!(refused(&[3, 0xfe, 0xfd, 0xfe]), Err(DecodeError::OddLength));
        assert_eq!(refused(&[255]), Err(DecodeError::TooLong));
        assert_eq!(refused(&[2, 0xfe, 0xfd, 0]), Err(DecodeError::TrailingBytes));
    }

    /// RNG-02, RNG-04: empty in a first handshake, and read when it is not.
    #[test]
    fn renegotiation_info_carries_verify_data() {
        let block = written(|w| w.renegotiation_info(&[]));
        assert_eq!(data_of(&block, ExtensionType::RENEGOTIATION_INFO), [0]);
        assert_eq!(block.as_extensions().renegotiation_info(), Ok(Some(&[][..])));
        let block = with(ExtensionType::RENEGOTIATION_INFO, &[1, 7]);
        assert_eq!(block.as_extensions().renegotiation_info(), Ok(Some(&[7][..])));
        for (data, error) in
            [(&[][..], DecodeError::Truncated), (&[1], DecodeError::Truncated), (&[0, 0], DecodeError::TrailingBytes)]
        {
            let block = with(ExtensionType::RENEGOTIATION_INFO, data);
            assert_eq!(block.as_extensions().renegotiation_info(), Err(error));
        }
    }
}
