//! An established association that goes on in another process: what is taken along, and what is made anew.
//!
//! Keys are not taken along. They are derived again from the master secret and the randoms, and used from where their
//! counters stood: no record that opened before opens again, and no number that was written is written again.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use pki_types::ServerName;
use rand_core::CryptoRng;

use super::{Connection, protection, retransmit_options};
use crate::cid::ConnectionIds;
use crate::crypto::{Exporter, MasterSecret, Suite};
use crate::event::Status;
use crate::flight::reassembly::{Reassembly, Start};
use crate::flight::retransmit::Retransmit;
use crate::handshake::resume::SessionReference;
use crate::handshake::{Connected, Keys, State};
use crate::path::Path;
use crate::proof::{FinishedVerified, PeerProof};
use crate::record::{RecordLayer, Usage};
use crate::resumption::SavedSession;
use crate::role::Role;
use crate::session::Session;
use crate::snapshot::{Content, LastFlight, RestoreError, RoleConfig, Sealed, SnapshotError, SnapshotKey};
use crate::time::{Instant, WallClock};

impl Connection {
    /// Ends this connection here, without a word to the peer, and seals the association for another process to go on
    /// with: for a server that starts again, or a peer that is served by another machine from now on.
    ///
    /// It carries everything that the two sides agreed on, who the peer is, the secret that keys and exports are derived
    /// from, how far the keys are used, the MTU, and our last flight for as long as the peer may still ask for it.
    /// Configuration, clock and [`stats`](Self::stats) are given or begin anew; no event is told twice.
    ///
    /// Take the output and the events there are first. What the peer sends while the association is nowhere is lost, as
    /// datagrams may be. See [`Sealed`] for what must not be done with the result.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use sealgram::{Connection, Instant, RestoreError, Sealed, ServerConfig, SnapshotError, SnapshotKey, WallClock};
    /// # use sealgram::rand_core::CryptoRng;
    ///
    /// /// In the process that goes.
    /// fn hand_over(connection: Connection, secret: &[u8; 32]) -> Result<Vec<u8>, SnapshotError> {
    ///     let provider = sealgram::provider::ring::provider();
    ///     let key = SnapshotKey::new(provider, secret).map_err(|_| SnapshotError::NotSealed)?;
    ///     match connection.snapshot(&key) {
    ///         Ok(sealed) => Ok(sealed.as_bytes().to_vec()),
    ///         // The connection is as it was: it could be drained, or be told to close.
    ///         Err((_connection, error)) => Err(error),
    ///     }
    /// }
    ///
    /// /// In the process that comes.
    /// fn take_over(
    ///     bytes: &[u8],
    ///     key: &SnapshotKey,
    ///     config: Arc<ServerConfig>,
    ///     now: Instant,
    ///     wall_clock: WallClock,
    ///     rng: &mut dyn CryptoRng,
    /// ) -> Result<Connection, RestoreError> {
    ///     let sealed = Sealed::from_bytes(bytes)?;
    ///     // Here belongs a look at whether `sealed.id()` was restored before.
    ///     Connection::restore(&sealed, key, config, now, wall_clock, rng)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The connection, as it was, and why: see [`SnapshotError`].
    #[expect(clippy::result_large_err, reason = "whoever is refused goes on with the connection")]
    pub fn snapshot(mut self, key: &SnapshotKey) -> Result<Sealed, (Self, SnapshotError)> {
        match self.seal_snapshot(key, None) {
            // What was sealed must not be written with any more: the connection goes out of being here.
            Ok(sealed) => Ok(sealed),
            Err(error) => Err((self, error)),
        }
    }

    /// Goes on with an association that was sealed by [`snapshot`](Self::snapshot), under a configuration of the same
    /// role.
    ///
    /// The configuration is for what is yet to come, and its suites have to include that of the association. It need not
    /// be the same as before, and nobody can tell whether it is: what a handshake has settled stays settled. Above all, a
    /// verifier that is stricter than the former one is not asked about a peer that this one has accepted; `session`
    /// shows who it is.
    ///
    /// Records are written from a number on that lies 2^12 to 2^36 beyond the last one known, chosen at random. So nonces
    /// do not repeat although the former owner went on for up to 2^12 records after all, and hardly if a snapshot is
    /// restored twice. It costs a restored association 2^-12 of its 2^48 numbers at the most, and as many blocks of its
    /// key's limit as 2^12 records of full length have: with AES-GCM it can be moved 5,700 times. What was received before
    /// the snapshot is not accepted again; what was still under way then is.
    ///
    /// `rng` is read here alone: 32 bytes, and the number to begin at.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]; nothing has happened then, and the snapshot can be tried again.
    pub fn restore(
        sealed: &Sealed,
        key: &SnapshotKey,
        config: impl Into<RoleConfig>,
        now: Instant,
        wall_clock: WallClock,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, RestoreError> {
        Self::from_content(sealed.open(key)?, &config.into(), now, wall_clock, rng)
    }

    /// The association in a snapshot, with where the peer is, for a caller who then does away with the connection.
    pub(crate) fn seal_snapshot(&mut self, key: &SnapshotKey, path: Option<Path>) -> Result<Sealed, SnapshotError> {
        let content = self.content(path)?;
        let sealed = Sealed::seal(&content, key, &mut self.seed).ok_or(SnapshotError::NotSealed)?;
        self.trace.left();
        Ok(sealed)
    }

    /// What there is to seal. Every field is named: one that is new has to be thought of here.
    fn content(&self, path: Option<Path>) -> Result<Content, SnapshotError> {
        let Self {
            role,
            state,
            transport,
            now,
            records,
            reassembly,
            outgoing,
            retransmit,
            answered,
            session_kept,
            stats,
            // Nothing waits in these, or there would be output or events.
            events: _,
            alert: _,
            stash: _,
            burst: _,
            carried: _,
            // What they are for is over with the handshake. The random of the hello is kept with the others.
            trust_path: _,
            deadline: _,
            seed: _,
            next_message_seq: _,
            hello_sequence: _,
            hello_random: _,
            doubt: _,
            suspended: _,
            next_decision: _,
            unreadable_finished: _,
            former_session: _,
            started: _,
            // The configuration says it, or the MTU that is kept.
            flight_mtu: _,
            // They begin anew: a limit that was near is announced again, a check of a path is repeated.
            wall_clock: _,
            warnings_received: _,
            renegotiation_refused: _,
            key_limit_announced: _,
            path_checks: _,
            heard: _,
            trace: _,
        } = self;
        let connected = match (self.status(), state) {
            (Status::Connected, Ok(State::Connected(connected))) => connected,
            (Status::Connected | Status::Handshaking, _) => return Err(SnapshotError::Handshaking),
            (Status::Closing | Status::Closed, _) => return Err(SnapshotError::Closed),
        };
        if self.has_output() || self.has_events() || outgoing.has_unsent() {
            return Err(SnapshotError::Undrained);
        }
        let exporter = connected.exporter.as_ref().ok_or(SnapshotError::SecretDropped)?;
        let (master, randoms) = exporter.secrets();
        let session = &connected.session;
        Ok(Content {
            role: *role,
            session: facts(session, master),
            extended_master_secret: session.extended_master_secret,
            resumed: session.resumed,
            application_protocol: session.application_protocol.clone(),
            srtp: session.srtp.clone(),
            connection_ids: session.connection_ids.clone(),
            limits: records.limits(),
            randoms: randoms.clone(),
            usage: records.usage().ok_or(SnapshotError::Handshaking)?,
            mtu: u16::try_from(transport.mtu).unwrap_or(u16::MAX),
            handshake_nanos: stats.handshake_time.map_or(0, nanos),
            next_message_seq: reassembly.next_message_seq(),
            kept_under: session_kept.as_ref().and_then(kept_under),
            last_flight: answered.zip(retransmit.expires_at()).filter(|_| !outgoing.is_empty()).map(
                |(answered, until)| {
                    let left = until.saturating_since(now.unwrap_or(until));
                    let millis_left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
                    LastFlight { flight: outgoing.clone(), answered, millis_left }
                },
            ),
            path,
        })
    }

    /// The connection that goes on with it.
    pub(crate) fn from_content(
        content: Content,
        config: &RoleConfig,
        now: Instant,
        wall_clock: WallClock,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, RestoreError> {
        let (role, common) = (content.role, config.common());
        if config.role() != role {
            return Err(RestoreError::OtherRole { role });
        }
        let code = content.session.suite;
        let suite = common.suite(code).ok_or(RestoreError::SuiteNotInUse(code))?;
        let session = content.session();
        if common.require_extended_master_secret && !session.extended_master_secret {
            return Err(RestoreError::WithoutExtendedMasterSecret);
        }
        let mut connection = Self::new(role, common, wall_clock, rng);
        connection.resume_records(&content, suite, rng)?;
        let options = retransmit_options(role, &connection.transport);
        if let Some(LastFlight { flight, answered, millis_left }) = content.last_flight {
            connection.retransmit = Retransmit::resume(options, now, Some(Duration::from_millis(millis_left.into())));
            connection.answered = Some(answered);
            connection.outgoing = flight;
            // Where the application repeats it, it has to be sealed first.
            if connection.transport.external_retransmission {
                connection.outgoing.rewind();
            }
        } else {
            connection.retransmit = Retransmit::resume(options, now, None);
        }
        let expected = Start::At(content.next_message_seq);
        connection.reassembly = Reassembly::new(expected, connection.transport.max_message_len);
        if let Some(name) = &content.kept_under {
            connection.session_kept = session_reference(config, name)?;
        }
        connection.hello_random = (role == Role::Server).then_some(content.randoms.client);
        connection.now = Some(now);
        connection.started = Some(now);
        connection.heard = Some(now);
        connection.stats.handshake_time = Some(Duration::from_nanos(content.handshake_nanos));
        let is_bound = content.extended_master_secret;
        let exporter = Exporter::new(suite.hash, content.session.master, content.randoms, is_bound);
        let connected = Connected::new(session, exporter, FinishedVerified::by_snapshot(), PeerProof::Restored);
        connection.state = Ok(State::Connected(connected));
        connection.trace.restored(code);
        Ok(connection)
    }

    /// Derives the keys, and goes on where they were.
    fn resume_records(
        &mut self,
        content: &Content,
        suite: &'static Suite,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), RestoreError> {
        let block = content.session.master.key_block(suite, &content.randoms);
        let keys = |writer| Keys { suite, block: block.clone(), writer };
        let [read, write] = [self.role.peer(), self.role].map(|writer| protection(&keys(writer), &self.transport));
        let keys = [read.map_err(|_| RestoreError::Malformed)?, write.map_err(|_| RestoreError::Malformed)?];
        let mut jump = [0; 8];
        rng.fill_bytes(&mut jump);
        let usage = beyond(&content.usage, u64::from_be_bytes(jump));
        let records = RecordLayer::resume(keys, &usage, content.last_flight.is_some());
        self.records = records.ok_or(RestoreError::KeysUsedUp)?;
        self.records.set_connection_ids(content.connection_ids.clone().unwrap_or(ConnectionIds::NONE));
        self.records.set_limits(content.limits);
        self.set_mtu(content.mtu.into());
        Ok(())
    }
}

/// Where to go on writing, given any random number.
fn beyond(usage: &Usage, random: u64) -> Usage {
    let numbers = CERTAIN_JUMP + random % RANDOM_JUMP;
    Usage {
        plaintext_sequence: usage.plaintext_sequence.saturating_add(numbers),
        write: usage.write.skip(numbers, CERTAIN_JUMP),
        read: usage.read,
    }
}

/// What is kept of a session in other places too.
fn facts(session: &Session, master: &MasterSecret) -> SavedSession {
    SavedSession {
        suite: session.cipher_suite,
        master: master.clone(),
        created: 0,
        group: session.group,
        server_name: session.server_name.clone(),
        psk_identity: session.psk_identity.clone(),
        peer_certificates: session.peer_certificates.clone(),
        peer_raw_public_key: session.peer_raw_public_key.clone(),
    }
}

/// Under what the session stands in the store of its role.
fn kept_under(reference: &SessionReference) -> Option<Vec<u8>> {
    let name = match reference {
        SessionReference::Server(_, id) => return Some(id.to_vec()),
        SessionReference::Client(_, server) => server,
    };
    // As it is read again. There may be other names one day.
    match &**name {
        ServerName::DnsName(name) => Some(name.as_ref().as_bytes().to_vec()),
        ServerName::IpAddress(pki_types::IpAddr::V4(ip)) => Some(Ipv4Addr::from(*ip.as_ref()).to_string().into_bytes()),
        ServerName::IpAddress(pki_types::IpAddr::V6(ip)) => Some(Ipv6Addr::from(*ip.as_ref()).to_string().into_bytes()),
        _ => None,
    }
}

/// Where a session is that stands under this name: in the store that this process has, if it has one.
fn session_reference(config: &RoleConfig, name: &[u8]) -> Result<Option<SessionReference>, RestoreError> {
    let malformed = RestoreError::Malformed;
    Ok(match config {
        RoleConfig::Client(config) => {
            let server = core::str::from_utf8(name).ok().and_then(|name| ServerName::try_from(name).ok());
            let server = server.ok_or(malformed)?.to_owned();
            config.sessions.as_ref().map(|sessions| SessionReference::Client(sessions.clone(), server.into()))
        }
        RoleConfig::Server(config) => {
            let id = name.try_into().map_err(|_| malformed)?;
            config.sessions.as_ref().map(|sessions| SessionReference::Server(sessions.clone(), id))
        }
    })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How many numbers are skipped in any case: records that the former owner may have sealed after the snapshot without our
/// knowing. It is few, as a connection that was sealed is gone, and each counts in full towards the limit of the key.
const CERTAIN_JUMP: u64 = 1 << 12;

/// Below what the random part of the jump lies. Two restored connections of one snapshot, which must not be, repeat no
/// nonce while they are further apart than the records that they send: with a million records each, all but once in
/// 2^15.
const RANDOM_JUMP: u64 = 1 << 36;
