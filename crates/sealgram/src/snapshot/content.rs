//! What is sealed in a snapshot, and its form in bytes.
//!
//! No instant is in it: the clock of another process has another origin. What must end by itself says how long it has
//! left.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use zeroize::Zeroizing;

use crate::cid::{ConnectionId, ConnectionIds};
use crate::code::{HandshakeType, SrtpProfile};
use crate::crypto::Randoms;
use crate::error::DecodeError;
use crate::flight::outgoing::{MessageView, Outgoing};
use crate::path::Path;
use crate::record::{ReadUsage, SizeLimits, Usage, WriteUsage};
use crate::resumption::{SavedSession, read_optional, write_optional};
use crate::role::Role;
use crate::session::Session;
use crate::srtp::Srtp;
use crate::wire::reader::Reader;
use crate::wire::writer::Writer;

/// Everything that it takes to go on with an established association.
pub(crate) struct Content {
    pub(crate) role: Role,
    /// The suite, the master secret, and who the peer is. When the session was made does not matter here: it is 0.
    pub(crate) session: SavedSession,
    pub(crate) extended_master_secret: bool,
    pub(crate) resumed: bool,
    pub(crate) application_protocol: Option<Box<[u8]>>,
    pub(crate) srtp: Option<Srtp>,
    pub(crate) connection_ids: Option<ConnectionIds>,
    /// How long records may be.
    pub(crate) limits: SizeLimits,
    pub(crate) randoms: Randoms,
    pub(crate) usage: Usage,
    /// The longest datagram to send.
    pub(crate) mtu: u16,
    /// How long the handshake took.
    pub(crate) handshake_nanos: u64,
    /// The message_seq that the peer's next message would have, if there were one.
    pub(crate) next_message_seq: u16,
    /// Under which name or id the session is kept that must not be taken up again if the association fails.
    pub(crate) kept_under: Option<Vec<u8>>,
    pub(crate) last_flight: Option<LastFlight>,
    /// Where the peer is, if an endpoint knows.
    pub(crate) path: Option<Path>,
}

/// Our last flight, which the peer may still ask for (RFC 6347 section 4.2.4).
pub(crate) struct LastFlight {
    pub(crate) flight: Outgoing,
    /// The message of the peer's that it answers.
    pub(crate) answered: u16,
    /// For how long it is still kept.
    pub(crate) millis_left: u32,
}

impl Content {
    /// What the two sides agreed on.
    pub(crate) fn session(&self) -> Session {
        Session {
            application_protocol: self.application_protocol.clone(),
            srtp: self.srtp.clone(),
            connection_ids: self.connection_ids.clone(),
            extended_master_secret: self.extended_master_secret,
            resumed: self.resumed,
            ..self.session.clone().into_session()
        }
    }

    /// `None` if a part is too long for its field.
    pub(crate) fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        // The one part with a secret in it; what it is joined with is not longer than it says, so that no copy is left.
        let session = self.session.encode()?;
        let rest = self.encode_rest()?;
        let session_len = u32::try_from(session.len()).ok()?;
        Some(Zeroizing::new([&session_len.to_be_bytes(), &**session, &rest].concat()))
    }

    fn encode_rest(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::new();
        writer.u8(match self.role {
            Role::Client => 0,
            Role::Server => 1,
        });
        writer.u8(self.extended_master_secret.into());
        writer.u8(self.resumed.into());
        write_optional(&mut writer, self.application_protocol.as_deref());
        write_srtp(&mut writer, self.srtp.as_ref());
        write_connection_ids(&mut writer, self.connection_ids.as_ref());
        let SizeLimits { content, written, read } = self.limits;
        for limit in [content, written, read] {
            writer.u16(u16::try_from(limit).ok()?);
        }
        writer.bytes(&self.randoms.client);
        writer.bytes(&self.randoms.server);
        write_usage(&mut writer, &self.usage);
        writer.u16(self.mtu);
        write_u64(&mut writer, self.handshake_nanos);
        writer.u16(self.next_message_seq);
        write_optional(&mut writer, self.kept_under.as_deref());
        writer.u8(self.last_flight.is_some().into());
        if let Some(flight) = &self.last_flight {
            write_last_flight(&mut writer, flight);
        }
        write_path(&mut writer, self.path.as_ref());
        writer.finish().ok()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| {
            let session_len = usize::try_from(reader.u32()?).map_err(|_| DecodeError::TooLong)?;
            Ok(Self {
                session: SavedSession::decode(reader.take(session_len)?)?,
                role: if read_bool(reader)? { Role::Server } else { Role::Client },
                extended_master_secret: read_bool(reader)?,
                resumed: read_bool(reader)?,
                application_protocol: read_optional(reader)?.map(Box::from),
                srtp: read_srtp(reader)?,
                connection_ids: read_connection_ids(reader)?,
                limits: SizeLimits {
                    content: reader.u16()?.into(),
                    written: reader.u16()?.into(),
                    read: reader.u16()?.into(),
                },
                randoms: Randoms { client: *reader.array()?, server: *reader.array()? },
                usage: read_usage(reader)?,
                mtu: reader.u16()?,
                handshake_nanos: read_u64(reader)?,
                next_message_seq: reader.u16()?,
                kept_under: read_optional(reader)?.map(Vec::from),
                last_flight: if read_bool(reader)? { Some(read_last_flight(reader)?) } else { None },
                path: read_path(reader)?,
            })
        })
    }
}

fn read_bool(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::InvalidValue),
    }
}

fn write_u64(writer: &mut Writer, value: u64) {
    writer.bytes(&value.to_be_bytes());
}

fn read_u64(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    reader.array().map(|bytes| u64::from_be_bytes(*bytes))
}

fn write_usage(writer: &mut Writer, usage: &Usage) {
    let Usage { plaintext_sequence, write, read } = *usage;
    let WriteUsage { next_sequence, blocks_protected } = write;
    let ReadUsage { window_end, window_seen, failed_openings } = read;
    for count in [plaintext_sequence, next_sequence, blocks_protected, window_end, window_seen, failed_openings] {
        write_u64(writer, count);
    }
}

fn read_usage(reader: &mut Reader<'_>) -> Result<Usage, DecodeError> {
    Ok(Usage {
        plaintext_sequence: read_u64(reader)?,
        write: WriteUsage { next_sequence: read_u64(reader)?, blocks_protected: read_u64(reader)? },
        read: ReadUsage {
            window_end: read_u64(reader)?,
            window_seen: read_u64(reader)?,
            failed_openings: read_u64(reader)?,
        },
    })
}

fn write_srtp(writer: &mut Writer, srtp: Option<&Srtp>) {
    writer.u8(srtp.is_some().into());
    if let Some(Srtp { profile, mki }) = srtp {
        writer.u16(profile.0);
        writer.vec8(|w| w.bytes(mki));
    }
}

fn read_srtp(reader: &mut Reader<'_>) -> Result<Option<Srtp>, DecodeError> {
    if !read_bool(reader)? {
        return Ok(None);
    }
    Ok(Some(Srtp { profile: SrtpProfile(reader.u16()?), mki: reader.vec8(0..=255)?.into() }))
}

fn write_connection_ids(writer: &mut Writer, ids: Option<&ConnectionIds>) {
    writer.u8(ids.is_some().into());
    if let Some(ids) = ids {
        writer.vec8(|w| w.bytes(ids.ours.as_bytes()));
        writer.vec8(|w| w.bytes(ids.peer.as_bytes()));
        writer.u8(ids.path_checks.into());
    }
}

fn read_connection_ids(reader: &mut Reader<'_>) -> Result<Option<ConnectionIds>, DecodeError> {
    if !read_bool(reader)? {
        return Ok(None);
    }
    let mut id = || ConnectionId::new(reader.vec8(0..=ConnectionId::MAX_LEN)?).ok_or(DecodeError::TooLong);
    let ids = ConnectionIds::new(id()?, id()?);
    Ok(Some(ids.checking_paths(read_bool(reader)?)))
}

fn write_last_flight(writer: &mut Writer, last: &LastFlight) {
    writer.u16(last.answered);
    writer.u32(last.millis_left);
    writer.vec24(|w| {
        for (epoch, message) in last.flight.items() {
            // There are two epochs in a handshake of DTLS 1.2.
            w.u8(u8::from(epoch > 0));
            w.u8(message.is_some().into());
            if let Some(MessageView { msg_type, message_seq, body }) = message {
                w.u8(msg_type.0);
                w.u16(message_seq);
                w.vec24(|w| w.bytes(body));
            }
        }
    });
}

fn read_last_flight(reader: &mut Reader<'_>) -> Result<LastFlight, DecodeError> {
    let (answered, millis_left) = (reader.u16()?, reader.u32()?);
    let mut items = Reader::new(reader.vec24(1..=0xff_ffff)?);
    let mut flight = Outgoing::default();
    while !items.is_empty() {
        let epoch = u64::from(read_bool(&mut items)?);
        if read_bool(&mut items)? {
            let (msg_type, message_seq) = (HandshakeType(items.u8()?), items.u16()?);
            flight.push_message(epoch, msg_type, message_seq, items.vec24(0..=0xff_ffff)?.to_vec());
        } else {
            flight.push_change_cipher_spec(epoch);
        }
    }
    flight.set_sent();
    Ok(LastFlight { flight, answered, millis_left })
}

fn write_path(writer: &mut Writer, path: Option<&Path>) {
    writer.u8(path.is_some().into());
    if let Some(path) = path {
        let peer = path.peer();
        write_address(writer, Some(peer.ip()));
        writer.u16(peer.port());
        writer.u32(scope(&peer));
        write_address(writer, path.local());
    }
}

fn read_path(reader: &mut Reader<'_>) -> Result<Option<Path>, DecodeError> {
    if !read_bool(reader)? {
        return Ok(None);
    }
    let ip = read_address(reader)?.ok_or(DecodeError::InvalidValue)?;
    let (port, scope_id) = (reader.u16()?, reader.u32()?);
    let local = read_address(reader)?;
    let peer = match ip {
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope_id).into(),
        IpAddr::V4(_) => SocketAddr::new(ip, port),
    };
    let path = Path::new(peer, local);
    // It has one form.
    let is_canonical = (path.peer(), path.local(), scope(&peer)) == (peer, local, scope_id);
    if is_canonical { Ok(Some(path)) } else { Err(DecodeError::InvalidValue) }
}

const fn scope(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V6(address) => address.scope_id(),
        SocketAddr::V4(_) => 0,
    }
}

fn write_address(writer: &mut Writer, address: Option<IpAddr>) {
    match address {
        None => writer.u8(0),
        Some(IpAddr::V4(address)) => {
            writer.u8(4);
            writer.bytes(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            writer.u8(6);
            writer.bytes(&address.octets());
        }
    }
}

fn read_address(reader: &mut Reader<'_>) -> Result<Option<IpAddr>, DecodeError> {
    Ok(match reader.u8()? {
        0 => None,
        4 => Some(Ipv4Addr::from(*reader.array::<4>()?).into()),
        6 => Some(Ipv6Addr::from(*reader.array::<16>()?).into()),
        _ => return Err(DecodeError::InvalidValue),
    })
}
