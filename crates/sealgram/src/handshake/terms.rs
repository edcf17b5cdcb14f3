//! What every connection settles for itself in its hellos, whether its session is new or taken up again.
//!
//! Who the peer is and which suite protects the records belong to the session; what stands here does not.

use alloc::boxed::Box;

use crate::cid::{ConnectionId, ConnectionIds};
use crate::code::ExtensionType;
use crate::config::{Common, MIN_RECORD_SIZE_LIMIT, MaxFragmentLength, Media, TransportOptions};
use crate::crypto::Seed;
use crate::error::{DecodeError, Error, PeerIncompatible, PeerMisbehaved};
use crate::session::Session;
use crate::srtp::Srtp;
use crate::wire::extension::{ExtensionWriter, Extensions};
use crate::wire::extension_data::UseSrtp;

/// What both hellos say about this connection.
pub(crate) struct Terms {
    pub(crate) application_protocol: Option<Box<[u8]>>,
    pub(crate) srtp: Option<Srtp>,
    pub(crate) record_sizes: RecordSizes,
    pub(crate) connection_ids: Option<ConnectionIds>,
}

impl Terms {
    /// What a client asks for; `ours` is the connection ID that it wants to find in what it receives, if it does that.
    pub(crate) fn offer(common: &Common, ours: Option<&ConnectionId>, extensions: &mut ExtensionWriter) {
        if !common.application_protocols.is_empty() {
            extensions.application_protocols(&common.application_protocols);
        }
        if !common.media.profiles.is_empty() {
            extensions.use_srtp(&common.media.profiles, &common.media.mki);
        }
        RecordSizes::offer(&common.transport, extensions);
        if let Some(ours) = ours {
            // RFC 9853 section 3: who offers the one offers the other.
            write_connection_id(ours, true, extensions);
        }
    }

    /// What a server answered, held against the offer. What was not offered at all is refused before.
    pub(crate) fn check(answer: &Extensions<'_>, common: &Common, ours: Option<&ConnectionId>) -> Result<Self, Error> {
        Ok(Self {
            application_protocol: check_application_protocol(answer, common)?,
            srtp: check_srtp(answer, &common.media)?,
            record_sizes: RecordSizes::check(answer, &common.transport)?,
            connection_ids: pair_connection_ids(answer, || ours.cloned())?,
        })
    }

    /// What a server makes of the offer.
    pub(crate) fn select(offer: &Extensions<'_>, common: &Common, seed: &mut Seed) -> Result<Self, Error> {
        let generator = common.connection_ids.as_deref();
        Ok(Self {
            application_protocol: select_application_protocol(offer, common)?,
            srtp: select_srtp(offer, &common.media)?,
            record_sizes: RecordSizes::select(offer, &common.transport)?,
            connection_ids: pair_connection_ids(offer, || Some(ConnectionId::generate(generator?, seed)))?,
        })
    }

    /// What a server answers: only what was asked.
    pub(crate) fn answer(&self, extensions: &mut ExtensionWriter) {
        if let Some(name) = &self.application_protocol {
            extensions.application_protocols([name]);
        }
        if let Some(Srtp { profile, mki }) = &self.srtp {
            extensions.use_srtp(&[*profile], mki);
        }
        self.record_sizes.answer(extensions);
        if let Some(ConnectionIds { ours, path_checks, .. }) = &self.connection_ids {
            write_connection_id(ours, *path_checks, extensions);
        }
    }

    /// Says in a session that is taken up again what was settled for this connection.
    pub(crate) fn enter(self, session: &mut Session) {
        let Self { application_protocol, srtp, record_sizes: _, connection_ids } = self;
        session.application_protocol = application_protocol;
        session.srtp = srtp;
        session.connection_ids = connection_ids;
    }
}

/// RFC 7301 section 3.1: exactly one name, and one of ours.
fn check_application_protocol(answer: &Extensions<'_>, common: &Common) -> Result<Option<Box<[u8]>>, Error> {
    let Some(name) = answer.selected_application_protocol()? else { return Ok(None) };
    match common.application_protocols.iter().find(|offered| &***offered == name) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(PeerMisbehaved::ServerSelectedUnofferedProtocol.into()),
    }
}

/// RFC 7301 section 3.2: the server's first choice among the client's.
fn select_application_protocol(offer: &Extensions<'_>, common: &Common) -> Result<Option<Box<[u8]>>, Error> {
    let Some(offered) = offer.application_protocols()? else { return Ok(None) };
    if common.application_protocols.is_empty() {
        return Ok(None);
    }
    match common.application_protocols.iter().find(|ours| offered.iter().any(|name| *name == ***ours)) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(PeerIncompatible::NoCommonApplicationProtocol.into()),
    }
}

/// RFC 5764 sections 4.1.1 and 4.1.3: exactly one profile, and one of ours; our identifier, or none.
fn check_srtp(answer: &Extensions<'_>, media: &Media) -> Result<Option<Srtp>, Error> {
    let Some(UseSrtp { profiles, mki }) = answer.use_srtp()? else { return without_srtp(media) };
    let mut profiles = profiles.iter();
    let (Some(profile), None) = (profiles.next(), profiles.next()) else {
        return Err(PeerMisbehaved::ServerAnsweredSeveralSrtpProfiles.into());
    };
    if !media.profiles.contains(&profile) {
        return Err(PeerMisbehaved::ServerSelectedUnofferedSrtpProfile(profile).into());
    }
    if !mki.is_empty() && mki != media.mki {
        return Err(PeerMisbehaved::ServerChangedSrtpMki.into());
    }
    Ok(Some(Srtp { profile, mki: mki.into() }))
}

/// RFC 5764 section 4.1.1: the server's first choice among the client's; without one in common, no answer.
fn select_srtp(offer: &Extensions<'_>, media: &Media) -> Result<Option<Srtp>, Error> {
    let Some(UseSrtp { profiles, mki }) = offer.use_srtp()? else { return without_srtp(media) };
    if profiles.iter().next().is_none() {
        return Err(DecodeError::Empty.into());
    }
    match media.profiles.iter().find(|ours| profiles.contains(**ours)) {
        Some(profile) => {
            let mki = if media.accepts_mki { mki.into() } else { Box::default() };
            Ok(Some(Srtp { profile: *profile, mki }))
        }
        None => without_srtp(media),
    }
}

fn without_srtp(media: &Media) -> Result<Option<Srtp>, Error> {
    if media.is_required { Err(PeerIncompatible::NoCommonSrtpProfile.into()) } else { Ok(None) }
}

fn write_connection_id(ours: &ConnectionId, path_checks: bool, extensions: &mut ExtensionWriter) {
    extensions.connection_id(ours);
    if path_checks {
        extensions.empty(ExtensionType::RETURN_ROUTABILITY_CHECK);
    }
}

/// RFC 9146 section 3: each side says which one it wants to find, and there are none unless both do. A server makes its
/// own only then.
fn pair_connection_ids(
    peers: &Extensions<'_>,
    ours: impl FnOnce() -> Option<ConnectionId>,
) -> Result<Option<ConnectionIds>, Error> {
    let path_checks = peers.has_empty(ExtensionType::RETURN_ROUTABILITY_CHECK)?;
    let Some(peer) = peers.connection_id()? else { return Ok(None) };
    Ok(ours().map(|ours| ConnectionIds::new(ours, peer).checking_paths(path_checks)))
}

/// How long the content of records may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordSizes {
    /// As long as a record carries.
    Unlimited,
    /// record_size_limit (RFC 8449): each side says how much it takes of what is encrypted at once.
    Limited { ours: u16, peers: u16 },
    /// max_fragment_length (RFC 6066 section 4): the same content for both sides, and for all that follows the hellos.
    Fragments(MaxFragmentLength),
}

impl RecordSizes {
    fn offer(transport: &TransportOptions, extensions: &mut ExtensionWriter) {
        if let Some(length) = transport.max_fragment_length {
            extensions.max_fragment_length(length.code());
        }
        extensions.record_size_limit(transport.offered_record_size_limit());
    }

    fn check(answer: &Extensions<'_>, transport: &TransportOptions) -> Result<Self, Error> {
        match (read_limit(answer)?, answer.max_fragment_length()?) {
            (Some(_), Some(_)) => Err(PeerMisbehaved::ServerLimitedRecordsTwice.into()),
            (Some(peers), None) => Ok(Self::Limited { ours: transport.offered_record_size_limit(), peers }),
            (None, Some(code)) => match transport.max_fragment_length.filter(|length| length.code() == code) {
                Some(length) => Ok(Self::Fragments(length)),
                None => Err(PeerMisbehaved::ServerChangedMaxFragmentLength(code).into()),
            },
            (None, None) => Ok(Self::Unlimited),
        }
    }

    fn select(offer: &Extensions<'_>, transport: &TransportOptions) -> Result<Self, Error> {
        match (read_limit(offer)?, offer.max_fragment_length()?) {
            // RFC 8449 section 5: the other one is passed over then, whatever it says.
            (Some(peers), _) => Ok(Self::Limited { ours: transport.record_size_limit, peers }),
            (None, Some(code)) => match MaxFragmentLength::from_code(code) {
                Some(length) => Ok(Self::Fragments(length)),
                None => Err(PeerMisbehaved::InvalidMaxFragmentLength(code).into()),
            },
            (None, None) => Ok(Self::Unlimited),
        }
    }

    fn answer(self, extensions: &mut ExtensionWriter) {
        match self {
            Self::Unlimited => {}
            Self::Limited { ours, .. } => extensions.record_size_limit(ours),
            Self::Fragments(length) => extensions.max_fragment_length(length.code()),
        }
    }
}

/// A limit above what records carry is none: it may be meant for a version or an extension that is not in use (RFC 8449
/// section 4).
fn read_limit(extensions: &Extensions<'_>) -> Result<Option<u16>, Error> {
    match extensions.record_size_limit()? {
        Some(bytes) if bytes < MIN_RECORD_SIZE_LIMIT => Err(PeerMisbehaved::InvalidRecordSizeLimit(bytes).into()),
        limit => Ok(limit),
    }
}
