//! Makes the connections that the options describe, and has what outlives them.

use core::time::Duration;
use std::sync::Arc;

use getrandom::SysRng;
use sealgram::pki_types::{ServerName, UnixTime};
use sealgram::provider::ring;
use sealgram::rand_core::UnwrapErr;
use sealgram::verify::{PeerChain, PeerVerifier};
use sealgram::{
    AddressValidated, Answer, ClientConfig, ClientConfigBuilder, Connection, Decision, Identity, Instant, PresharedKey,
    ServerConfig, ServerConfigBuilder, TransportOptions, WallClock,
};

use crate::algorithms;
use crate::credentials;
use crate::failure::Failure;
use crate::options::Options;
use crate::seen::{Seen, lock};
use crate::stores::{ClientStore, OneKey, ServerStore, TicketStore};
use crate::verdict::Verdict;

/// One side of all connections of the process.
pub(crate) struct Ends {
    /// What can be learned of the latest connection from outside of it.
    pub(crate) seen: Arc<Seen>,
    client_sessions: Arc<ClientStore>,
    server_sessions: Arc<ServerStore>,
    tickets: Arc<TicketStore>,
    verdict: Option<Arc<Verdict>>,
    /// With what it was made of: a client takes up no session under another configuration's identities.
    client: Option<(Options, Arc<ClientConfig>)>,
    psk: Option<Arc<OneKey>>,
}

impl Ends {
    pub(crate) fn new() -> Result<Self, Failure> {
        let seen = Arc::new(Seen::default());
        Ok(Self {
            client_sessions: Arc::new(ClientStore::new(&seen)),
            server_sessions: Arc::new(ServerStore::new(&seen)),
            tickets: Arc::new(TicketStore::new()?),
            verdict: None,
            client: None,
            psk: None,
            seen,
        })
    }

    /// A connection before its first datagram.
    pub(crate) fn connection(&mut self, options: &Options) -> Result<Connection, Failure> {
        self.seen.begin();
        if options.server { self.server(options) } else { self.client(options) }
    }

    /// What is decided where that was to be done later: the same as would have been at once.
    pub(crate) fn decide(&self, decision: &Decision) -> Result<Answer, Failure> {
        let unasked = || Failure::Unexpected(format!("decision {decision:?}"));
        match (decision, &self.psk) {
            (Decision::PresharedKey { identity }, Some(key)) => Ok(Answer::PresharedKey(key.look_up(identity))),
            (Decision::Session { id }, _) => Ok(Answer::Session(self.server_sessions.look_up(id))),
            (Decision::PeerCertificates { peer, end_entity, intermediates, name, ocsp_response }, _) => {
                let verdict = self.verdict.as_ref().ok_or_else(unasked)?;
                let algorithms = ring::provider().signatures;
                let chain =
                    PeerChain::new(*peer, end_entity, intermediates, name.as_ref(), UnixTime::now(), algorithms);
                Ok(Answer::Peer(verdict.verify_chain(&chain.with_ocsp_response(ocsp_response))))
            }
            (Decision::Signature { scheme, message, .. }, _) => {
                let key = lock(&self.seen.signing).take().ok_or_else(unasked)?;
                Ok(Answer::Signature(key.sign(*scheme, message, &mut UnwrapErr(SysRng))))
            }
            _ => Err(unasked()),
        }
    }

    fn client(&mut self, options: &Options) -> Result<Connection, Failure> {
        let config = match self.client.take() {
            Some((same, config)) if same.configure_like(options) => config,
            _ => self.client_config(options)?,
        };
        self.client = Some((options.clone(), Arc::clone(&config)));
        // Without a name of the flags there still is one; it is not sent, and nobody looks at it.
        let name = options.server_name.clone().unwrap_or_else(|| "runner".into());
        let name = ServerName::try_from(name).map_err(|_| Failure::Usage("-host-name is no name".into()))?;
        Ok(Connection::client(config, name, wall_clock(), &mut UnwrapErr(SysRng))?)
    }

    fn client_config(&mut self, options: &Options) -> Result<Arc<ClientConfig>, Failure> {
        let protocols: Vec<&[u8]> = options.application_protocols.iter().map(Vec::as_slice).collect();
        let mut builder = ClientConfig::builder(algorithms::provider(options), self.verdict(options))
            .transport(transport(options))
            .application_protocols(&protocols)
            .srtp(&options.srtp_profiles)
            .sessions(self.client_sessions.clone())
            .send_server_name(options.server_name.is_some())
            .danger()
            .trust_path()
            .danger()
            .allow_legacy_master_secret();
        if let Some(key) = &options.psk {
            builder = builder.preshared_key(&options.psk_identity, PresharedKey::new(key)?);
        }
        if !options.requires_renegotiation_info {
            builder = builder.danger().allow_missing_renegotiation_info();
        }
        let identities = credentials::identities(options, &self.seen)?.into_iter();
        Ok(identities.fold(builder, ClientConfigBuilder::identity).build()?)
    }

    fn server(&mut self, options: &Options) -> Result<Connection, Failure> {
        let mut builder = self.server_builder(options)?;
        if options.verify_peer {
            builder = builder.request_client_certificate(self.verdict(options));
        } else if options.require_certificate {
            builder = builder.require_client_certificate(self.verdict(options));
        }
        if !options.no_ticket {
            self.tickets.follow(options.ticket_policy);
            builder = builder.tickets(self.tickets.clone());
        }
        self.server_sessions.answer_later(options.answers_later);
        let protocols: Vec<&[u8]> = match options.reject_protocols {
            true => vec![b"none that a client offers"],
            false => options.application_protocols.iter().map(Vec::as_slice).collect(),
        };
        let config = builder
            .sessions(self.server_sessions.clone())
            .transport(transport(options))
            .application_protocols(&protocols)
            .srtp(&options.srtp_profiles)
            .danger()
            .trust_path()
            .danger()
            .allow_legacy_master_secret()
            .build()?;
        // The runner answers a HelloVerifyRequest like any client; the tests are about what comes after it.
        let address = AddressValidated::assured_by_transport();
        Ok(Connection::server(config, address, wall_clock(), &mut UnwrapErr(SysRng)))
    }

    /// Begins with what the server has to authenticate with.
    fn server_builder(&mut self, options: &Options) -> Result<ServerConfigBuilder, Failure> {
        if options.ocsp_callback.fails() {
            return Err(Failure::NotImplemented("a hook that fails for want of an OCSP response".into()));
        }
        self.psk = None;
        let provider = algorithms::provider(options);
        let mut identities = server_identities(options, &self.seen)?.into_iter();
        if let Some(key) = &options.psk {
            let (identity, key) = (options.psk_identity.clone(), PresharedKey::new(key)?);
            let key = Arc::new(OneKey { identity, key, answers_later: options.answers_later });
            self.psk = Some(Arc::clone(&key));
            let builder = ServerConfig::builder_with_psk(provider, key).psk_identity_hint(&options.psk_identity);
            return Ok(identities.fold(builder, ServerConfigBuilder::identity));
        }
        let first =
            identities.next().ok_or_else(|| Failure::NotImplemented("a server without a certificate".into()))?;
        Ok(identities.fold(ServerConfig::builder(provider, first), ServerConfigBuilder::identity))
    }

    /// The judge of earlier connections, as long as it can be.
    fn verdict(&mut self, options: &Options) -> Arc<Verdict> {
        let verdict = match self.verdict.take() {
            Some(verdict) if verdict.suits(options) => verdict,
            _ => Arc::new(Verdict::new(options, &self.seen)),
        };
        verdict.follow(options);
        self.verdict = Some(Arc::clone(&verdict));
        verdict
    }
}

/// The identities of the flags, which are for the name that the runner is to ask for.
fn server_identities(options: &Options, seen: &Arc<Seen>) -> Result<Vec<Identity>, Failure> {
    let identities = credentials::identities(options, seen)?;
    match &options.expected.server_name {
        Some(name) if !options.no_server_name_ack => {
            let named = identities.into_iter().map(|identity| identity.for_names(&[name]));
            Ok(named.collect::<Result<_, _>>()?)
        }
        _ => Ok(identities),
    }
}

/// The runner's schedule: 400 ms, doubled up to a minute, twelve times; without jitter, as it compares to the
/// microsecond.
fn transport(options: &Options) -> TransportOptions {
    let transport = TransportOptions::default()
        .mtu(options.mtu.unwrap_or(DEFAULT_MTU))
        .initial_timeout(options.initial_timeout.unwrap_or(INITIAL_TIMEOUT))
        .max_timeout(Duration::from_secs(60))
        .max_resends(12)
        .handshake_deadline(HANDSHAKE_DEADLINE)
        .jitter(false);
    match options.max_message_len {
        Some(bytes) => transport.max_message_len(bytes),
        None => transport,
    }
}

/// The runner makes its certificates as it starts.
fn wall_clock() -> WallClock {
    WallClock::new(Instant::ORIGIN, UnixTime::now())
}

/// What the runner expects where it says nothing: Ethernet's 1500 bytes without the headers of IPv4 and UDP.
const DEFAULT_MTU: usize = 1472;

/// The first timeout that the runner expects where it says nothing.
const INITIAL_TIMEOUT: Duration = Duration::from_millis(400);

/// The runner knows no deadline for the whole handshake: this one is never met.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(365 * 86400);
