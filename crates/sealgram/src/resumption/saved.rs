//! What is kept of a session, and its form in bytes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

use crate::code::{CipherSuite, NamedGroup, ProtocolVersion};
use crate::crypto::MasterSecret;
use crate::error::DecodeError;
use crate::session::Session;
use crate::wire::reader::Reader;
use crate::wire::writer::Writer;

/// Everything that both sides need to take a session up again.
#[derive(Clone)]
pub(crate) struct SavedSession {
    pub(crate) suite: CipherSuite,
    pub(crate) master: MasterSecret,
    /// When its full handshake was, in seconds since 1970. Taking it up again does not make it younger.
    pub(crate) created: u64,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) psk_identity: Option<Box<[u8]>>,
    pub(crate) peer_certificates: Vec<CertificateDer<'static>>,
    pub(crate) peer_raw_public_key: Option<SubjectPublicKeyInfoDer<'static>>,
}

impl SavedSession {
    /// What to keep of a session; `None` if it must not be taken up again.
    pub(crate) fn of(session: &Session, master: &MasterSecret, created: u64) -> Option<Self> {
        session.extended_master_secret.then(|| Self {
            suite: session.cipher_suite,
            master: master.clone(),
            created,
            group: session.group,
            server_name: session.server_name.clone(),
            psk_identity: session.psk_identity.clone(),
            peer_certificates: session.peer_certificates.clone(),
            peer_raw_public_key: session.peer_raw_public_key.clone(),
        })
    }

    /// Whether it may still be taken up, given for how long that is allowed. A session from the future is as bad as an
    /// old one.
    pub(crate) const fn is_fresh(&self, now: u64, lifetime_seconds: u32) -> bool {
        self.created <= now.saturating_add(MAX_SKEW_SECONDS)
            && now.saturating_sub(self.created) < lifetime_seconds as u64
    }

    /// The facts of the session that takes it up, without what each connection settles for itself.
    pub(crate) fn into_session(self) -> Session {
        Session {
            version: ProtocolVersion::DTLS_1_2,
            cipher_suite: self.suite,
            group: self.group,
            application_protocol: None,
            srtp: None,
            server_name: self.server_name,
            peer_certificates: self.peer_certificates,
            peer_raw_public_key: self.peer_raw_public_key,
            psk_identity: self.psk_identity,
            connection_ids: None,
            extended_master_secret: true,
            resumed: true,
        }
    }

    /// `None` if it is too large to be worth keeping.
    pub(crate) fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut writer = Writer::with_capacity(self.encoded_len());
        writer.u8(FORM);
        writer.u16(self.suite.0);
        writer.bytes(self.master.expose());
        writer.bytes(&self.created.to_be_bytes());
        writer.u16(self.group.map_or(0, |group| group.0));
        let name = self.server_name.as_deref().map(str::as_bytes);
        let key = self.peer_raw_public_key.as_deref();
        for part in [name, self.psk_identity.as_deref(), key] {
            write_optional(&mut writer, part);
        }
        writer.vec24(|w| self.peer_certificates.iter().for_each(|certificate| w.vec24(|w| w.bytes(certificate))));
        writer.finish().ok().map(Zeroizing::new)
    }

    /// How many bytes it encodes to.
    fn encoded_len(&self) -> usize {
        let parts = [
            self.server_name.as_ref().map_or(0, |name| name.len()),
            self.psk_identity.as_ref().map_or(0, |identity| identity.len()),
            self.peer_raw_public_key.as_ref().map_or(0, |key| key.len()),
        ];
        let parts: usize = parts.iter().map(|len| 1 + 2 + len).sum();
        let certificates: usize = self.peer_certificates.iter().map(|certificate| 3 + certificate.len()).sum();
        1 + 2 + self.master.expose().len() + 8 + 2 + parts + 3 + certificates
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| {
            if reader.u8()? != FORM {
                return Err(DecodeError::InvalidValue);
            }
            let suite = CipherSuite(reader.u16()?);
            let master = MasterSecret::restore(reader.array()?);
            let created = u64::from_be_bytes(*reader.array()?);
            let group = Some(NamedGroup(reader.u16()?)).filter(|group| group.0 != 0);
            let name = read_optional(reader)?.map(core::str::from_utf8).transpose();
            let psk_identity = read_optional(reader)?.map(Box::from);
            let peer_raw_public_key = read_optional(reader)?.map(|key| key.to_vec().into());
            let mut list = Reader::new(reader.vec24(0..=0xff_ffff)?);
            let mut peer_certificates = Vec::new();
            while !list.is_empty() {
                peer_certificates.push(CertificateDer::from(list.vec24(1..=0xff_ffff)?.to_vec()));
            }
            let server_name = name.map_err(|_| DecodeError::InvalidValue)?.map(Box::from);
            Ok(Self {
                suite,
                master,
                created,
                group,
                server_name,
                psk_identity,
                peer_certificates,
                peer_raw_public_key,
            })
        })
    }
}

/// Something that may be absent, which is not the same as empty.
pub(crate) fn write_optional(writer: &mut Writer, part: Option<&[u8]>) {
    writer.u8(u8::from(part.is_some()));
    writer.vec16(|w| w.bytes(part.unwrap_or_default()));
}

/// What [`write_optional`] wrote.
pub(crate) fn read_optional<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DecodeError> {
    match (reader.u8()?, reader.vec16(0..=0xffff)?) {
        (0, []) => Ok(None),
        (1, content) => Ok(Some(content)),
        _ => Err(DecodeError::InvalidValue),
    }
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedSession").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// The form of the bytes. Another one is another number, and old bytes then mean a full handshake.
const FORM: u8 = 1;

/// By how much the clocks of servers that share sessions may differ, in seconds.
const MAX_SKEW_SECONDS: u64 = 60;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn sample() -> SavedSession {
        SavedSession {
            suite: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            master: MasterSecret::restore(&[7; 48]),
            created: 1000,
            group: Some(NamedGroup::X25519),
            server_name: Some("localhost".into()),
            psk_identity: None,
            peer_certificates: Vec::from([CertificateDer::from(&b"end entity"[..]), CertificateDer::from(&b"ca"[..])]),
            peer_raw_public_key: None,
        }
    }

    fn bytes(session: &SavedSession) -> Vec<u8> {
        session.encode().unwrap().to_vec()
    }

    #[test]
    fn a_session_is_read_back_as_it_was_written() {
        let anonymous = SavedSession {
            group: None,
            server_name: None,
            psk_identity: Some(Box::from(&b""[..])),
            peer_certificates: Vec::new(),
            ..sample()
        };
        let with_key = SavedSession {
            peer_certificates: Vec::new(),
            peer_raw_public_key: Some(SubjectPublicKeyInfoDer::from(&b"key"[..])),
            ..sample()
        };
        for session in [sample(), anonymous, with_key] {
            let bytes = bytes(&session);
            assert_eq!(bytes.len(), session.encoded_len());
            let again = SavedSession::decode(&bytes).unwrap();
            assert_eq!(self::bytes(&again), bytes);
            assert_eq!((again.suite, again.created, again.group), (session.suite, session.created, session.group));
            assert_eq!((again.server_name, again.psk_identity), (session.server_name, session.psk_identity));
            assert_eq!(again.peer_certificates, session.peer_certificates);
            assert_eq!(again.peer_raw_public_key, session.peer_raw_public_key);
        }
    }

    #[test]
    fn damaged_sessions_are_refused_or_say_what_they_say() {
        let bytes = bytes(&sample());
        for len in 0..bytes.len() {
            assert!(SavedSession::decode(&bytes[..len]).is_err());
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x81;
            if let Ok(session) = SavedSession::decode(&damaged) {
                assert_eq!(self::bytes(&session), damaged);
            }
        }
    }

    /// RES-09: neither old ones nor ones from the future.
    #[test]
    fn a_session_has_its_time() {
        let session = sample();
        assert!(session.is_fresh(1000, 10) && session.is_fresh(1009, 10) && session.is_fresh(940, 10));
        assert!(!session.is_fresh(1010, 10) && !session.is_fresh(939, 10));
    }
}
