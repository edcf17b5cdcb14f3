//! What a connection is configured with: built once, validated when it is built, shared by [`Arc`].

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::cid::{ConnectionId, ConnectionIdGenerator};
use crate::code::{CipherSuite, SrtpProfile};
use crate::crypto::{CryptoProvider, KeyExchange, Suite};
use crate::key_log::KeyLog;
use crate::psk::{ClientPsk, PresharedKey, PresharedKeys};
use crate::resumption::{ClientSessions, MAX_LIFETIME_SECONDS, ServerSessions, Tickets};
use crate::verify::PeerVerifier;

mod error;
mod identities;
mod identity;
mod media;
mod transport;

pub use error::ConfigError;
pub use identities::{ClientIdentities, ClientIdentityRequest, ServerIdentities, ServerIdentityRequest};
pub use identity::Identity;
pub(crate) use media::Media;
pub(crate) use transport::MIN_RECORD_SIZE_LIMIT;
pub use transport::{MIN_MTU, MIN_SHORT_TAG_FORGERIES, MaxFragmentLength, TransportOptions};

/// How a client connects. Make one with [`ClientConfig::builder`].
pub struct ClientConfig {
    pub(crate) common: Common,
    /// The judge of server certificates; without one, none is accepted.
    pub(crate) verifier: Option<Arc<dyn PeerVerifier>>,
    pub(crate) preshared_key: Option<ClientPsk>,
    /// What it may show a server that asks, unless somebody chooses.
    pub(crate) identities: Vec<Arc<Identity>>,
    /// Who chooses what to show, if somebody does.
    pub(crate) identities_by: Option<Arc<dyn ClientIdentities>>,
    /// Where sessions are kept, if they are.
    pub(crate) sessions: Option<Arc<dyn ClientSessions>>,
    pub(crate) send_server_name: bool,
    pub(crate) require_renegotiation_info: bool,
}

/// How a server answers. Make one with [`ServerConfig::builder`].
pub struct ServerConfig {
    pub(crate) common: Common,
    /// Who it may be, unless somebody chooses.
    pub(crate) identities: Vec<Arc<Identity>>,
    /// Who chooses who to be, if somebody does.
    pub(crate) identities_by: Option<Arc<dyn ServerIdentities>>,
    pub(crate) require_known_name: bool,
    pub(crate) client_certificate: ClientCertificate,
    pub(crate) preshared_keys: Option<Arc<dyn PresharedKeys>>,
    /// Sent with a PSK key exchange, unless it is empty.
    pub(crate) psk_hint: Vec<u8>,
    pub(crate) reveal_unknown_identity: bool,
    /// Where sessions are kept, if they are.
    pub(crate) sessions: Option<Arc<dyn ServerSessions>>,
    /// What seals sessions for clients to keep, if anything.
    pub(crate) tickets: Option<Arc<dyn Tickets>>,
    /// For how long a session may be taken up again.
    pub(crate) session_lifetime_seconds: u32,
}

/// Whether a server wants to see a certificate of its clients.
#[derive(Clone, Debug)]
pub(crate) enum ClientCertificate {
    /// It does not ask.
    NotRequested,
    /// It asks, and serves clients that show none as well.
    Requested(Arc<dyn PeerVerifier>),
    /// It asks, and serves no client that shows none.
    Required(Arc<dyn PeerVerifier>),
}

/// What both roles have.
pub(crate) struct Common {
    pub(crate) provider: &'static CryptoProvider,
    /// The cipher suites in use, best first.
    pub(crate) suites: Vec<&'static Suite>,
    /// Those that the configuration names, if it does.
    named_suites: Option<Vec<CipherSuite>>,
    pub(crate) transport: TransportOptions,
    pub(crate) application_protocols: Vec<Box<[u8]>>,
    pub(crate) media: Media,
    pub(crate) require_extended_master_secret: bool,
    pub(crate) trust_path: bool,
    /// Who makes our connection IDs, if they are used.
    pub(crate) connection_ids: Option<Arc<dyn ConnectionIdGenerator>>,
    /// Whoever reads it reads the traffic: there is none but by a switch under [`danger`].
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

impl ClientConfig {
    /// Starts a configuration from the algorithms it may use and the judge of server certificates.
    pub fn builder(provider: &'static CryptoProvider, verifier: Arc<dyn PeerVerifier>) -> ClientConfigBuilder {
        ClientConfigBuilder { config: Self { verifier: Some(verifier), ..Self::new(provider) } }
    }

    /// Starts a configuration from the algorithms it may use, and a key that it shares with the server (RFC 4279) under
    /// the name `identity`: up to 1024 bytes of any kind. Server certificates are not accepted then;
    /// [`ClientConfigBuilder::preshared_key`] is for clients that take either.
    pub fn builder_with_psk(
        provider: &'static CryptoProvider,
        identity: &[u8],
        key: PresharedKey,
    ) -> ClientConfigBuilder {
        ClientConfigBuilder { config: Self::new(provider) }.preshared_key(identity, key)
    }

    /// Whether connections send their flights by themselves, and send them again, rather than leave that to the application
    /// ([`TransportOptions::external_retransmission`]). An adapter that knows nothing of flights needs this.
    #[must_use]
    pub const fn sends_flights(&self) -> bool {
        !self.common.transport.external_retransmission
    }

    const fn new(provider: &'static CryptoProvider) -> Self {
        Self {
            common: Common::new(provider),
            verifier: None,
            preshared_key: None,
            identities: Vec::new(),
            identities_by: None,
            sessions: None,
            send_server_name: true,
            require_renegotiation_info: true,
        }
    }
}

impl ServerConfig {
    /// Starts a configuration from the algorithms it may use and who the server is.
    pub fn builder(provider: &'static CryptoProvider, identity: Identity) -> ServerConfigBuilder {
        ServerConfigBuilder { config: Self::new(provider) }.identity(identity)
    }

    /// Starts a configuration from the algorithms it may use, and the keys that the server shares with its clients (RFC
    /// 4279). Clients that want to see a certificate are not served then, unless one is added.
    pub fn builder_with_psk(provider: &'static CryptoProvider, keys: Arc<dyn PresharedKeys>) -> ServerConfigBuilder {
        ServerConfigBuilder { config: Self::new(provider) }.preshared_keys(keys)
    }

    /// Starts a configuration from the algorithms it may use and who chooses, for each client, who the server is.
    pub fn builder_with_identities(
        provider: &'static CryptoProvider,
        identities: Arc<dyn ServerIdentities>,
    ) -> ServerConfigBuilder {
        ServerConfigBuilder { config: Self::new(provider) }.identities(identities)
    }

    /// Whether connections send their flights by themselves, and send them again, rather than leave that to the application
    /// ([`TransportOptions::external_retransmission`]). An adapter that knows nothing of flights needs this.
    #[must_use]
    pub const fn sends_flights(&self) -> bool {
        !self.common.transport.external_retransmission
    }

    const fn new(provider: &'static CryptoProvider) -> Self {
        Self {
            common: Common::new(provider),
            identities: Vec::new(),
            identities_by: None,
            require_known_name: false,
            client_certificate: ClientCertificate::NotRequested,
            preshared_keys: None,
            psk_hint: Vec::new(),
            reveal_unknown_identity: false,
            sessions: None,
            tickets: None,
            session_lifetime_seconds: MAX_LIFETIME_SECONDS,
        }
    }
}

impl ClientCertificate {
    /// The judge, if there is anything to judge.
    pub(crate) const fn verifier(&self) -> Option<&Arc<dyn PeerVerifier>> {
        match self {
            Self::NotRequested => None,
            Self::Requested(verifier) | Self::Required(verifier) => Some(verifier),
        }
    }
}

/// What there is to authenticate with, on either side.
#[derive(Clone, Copy)]
struct Usable {
    certificates: bool,
    preshared_keys: bool,
}

impl Usable {
    const fn allows(self, key_exchange: KeyExchange) -> bool {
        match key_exchange {
            KeyExchange::Ecdhe(_) => self.certificates,
            KeyExchange::EcdhePsk | KeyExchange::Psk => self.preshared_keys,
        }
    }
}

impl Common {
    const fn new(provider: &'static CryptoProvider) -> Self {
        Self {
            provider,
            suites: Vec::new(),
            named_suites: None,
            transport: TransportOptions::DEFAULT,
            application_protocols: Vec::new(),
            media: Media::NONE,
            require_extended_master_secret: true,
            trust_path: false,
            connection_ids: None,
            key_log: None,
        }
    }

    /// How long our connection IDs are; 0 if there are none.
    pub(crate) fn id_len(&self) -> usize {
        self.connection_ids.as_ref().map_or(0, |ids| ids.id_len().min(ConnectionId::MAX_LEN))
    }

    fn set_application_protocols(&mut self, names: &[&[u8]]) {
        self.application_protocols = names.iter().map(|name| Box::from(*name)).collect();
    }

    /// Settles which suites are used: those that are named, else those that need not be; of them, the ones that are
    /// usable.
    fn settle_suites(&mut self, usable: Usable) -> Result<(), ConfigError> {
        let named: Result<Vec<_>, _> = match &self.named_suites {
            Some(codes) => {
                let find =
                    |code: &CipherSuite| self.provider.suite(*code).ok_or(ConfigError::UnknownCipherSuite(*code));
                codes.iter().map(find).collect()
            }
            None => Ok(self.provider.suites.iter().copied().filter(|suite| !suite.by_name_only).collect()),
        };
        self.suites = named?;
        self.suites.retain(|suite| usable.allows(suite.key_exchange));
        Ok(())
    }

    /// The suite with this code, if it is in use.
    pub(crate) fn suite(&self, code: CipherSuite) -> Option<&'static Suite> {
        self.suites.iter().copied().find(|suite| suite.code == code)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.transport.validate()?;
        self.media.validate()?;
        if self.suites.is_empty() {
            return Err(ConfigError::NoCipherSuites);
        }
        let any_needs = |need: fn(KeyExchange) -> bool| self.suites.iter().any(|suite| need(suite.key_exchange));
        if self.provider.groups.is_empty() && any_needs(KeyExchange::is_ephemeral) {
            return Err(ConfigError::NoGroups);
        }
        if self.provider.signatures.is_empty() && any_needs(|exchange| exchange.authentication().is_some()) {
            return Err(ConfigError::NoSignatureSchemes);
        }
        // RFC 7301 section 3.1: a name has 1 to 255 bytes, and the list fits its 16-bit length.
        let names_fit = self.application_protocols.iter().all(|name| (1..=255).contains(&name.len()));
        let list_len: usize = self.application_protocols.iter().map(|name| name.len() + 1).sum();
        if !names_fit || list_len > usize::from(u16::MAX) {
            return Err(ConfigError::InvalidApplicationProtocol);
        }
        Ok(())
    }
}

/// Builds a [`ClientConfig`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientConfigBuilder {
    config: ClientConfig,
}

impl ClientConfigBuilder {
    /// Application protocols to offer (RFC 7301), best first. Default: none, and no ALPN extension.
    pub fn application_protocols(mut self, names: &[&[u8]]) -> Self {
        self.config.common.set_application_protocols(names);
        self
    }

    /// How media may be protected with keys from this handshake (RFC 5764), best first; for WebRTC
    /// [`SrtpProfile::WEBRTC`]. [`Session::srtp`](crate::Session::srtp) says what was agreed on, if anything. Default: none,
    /// and no use_srtp extension.
    pub fn srtp(mut self, profiles: &[SrtpProfile]) -> Self {
        self.config.common.media.profiles = profiles.to_vec();
        self
    }

    /// A master key identifier to offer for every media packet: up to 255 bytes. Default: none, as WebRTC wants it (RFC
    /// 8827 section 6.5).
    pub fn srtp_mki(mut self, mki: &[u8]) -> Self {
        self.config.common.media.mki = mki.to_vec();
        self
    }

    /// Talks only to servers that agree on one of the profiles of [`srtp`](Self::srtp). Default: the association is made
    /// without.
    pub const fn require_srtp(mut self) -> Self {
        self.config.common.media.is_required = true;
        self
    }

    /// Timers, sizes and limits. Default: [`TransportOptions::default`].
    pub const fn transport(mut self, transport: TransportOptions) -> Self {
        self.config.common.transport = transport;
        self
    }

    /// The cipher suites to use, best first, out of those of the provider. Suites that are weak in one way or another
    /// ([`Suite::by_name_only`]) are used only if they stand here. Those that the configuration has no key for are left
    /// out. Default: all others of the provider, in its order.
    ///
    /// CoAP (RFC 7252 section 9.1.3) wants short tags, which are among the weak ones:
    /// `.cipher_suites(&[CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8, CipherSuite::PSK_WITH_AES_128_CCM_8])`.
    pub fn cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.config.common.named_suites = Some(suites.to_vec());
        self
    }

    /// A key shared with the server (RFC 4279), and the name that the server knows it by: up to 1024 bytes of any kind,
    /// sent in the clear. Default: none.
    pub fn preshared_key(mut self, identity: &[u8], key: PresharedKey) -> Self {
        self.config.preshared_key = Some(ClientPsk { identity: identity.to_vec(), key });
        self
    }

    /// A certificate to show a server that asks for one (RFC 5246 section 7.4.6). Of several, the first is shown whose
    /// key and issuers are what the server asks for; if none is, the client says so, and the server decides. Default:
    /// none.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.config.identities.push(Arc::new(identity));
        self
    }

    /// Who chooses what to show a server that asks, in place of what was added by [`identity`](Self::identity): by what
    /// the server asks for, now or later. Default: nobody does.
    ///
    /// A session is taken up again as whoever the client was when it was made.
    pub fn identities(mut self, identities: Arc<dyn ClientIdentities>) -> Self {
        self.config.identities_by = Some(identities);
        self
    }

    /// Where to keep sessions, so that the next connection to the same server takes one up again, without certificates
    /// and key exchange: by session id (RFC 5246 section 7.3) or by ticket (RFC 5077). Default: none are kept.
    pub fn sessions(mut self, sessions: Arc<dyn ClientSessions>) -> Self {
        self.config.sessions = Some(sessions);
        self
    }

    /// Offers connection IDs (RFC 9146), with which an association outlives a change of address: `ids` makes those that
    /// the server is to put into its records for us. A client that only moves itself wants none for its own part, and
    /// takes `RandomIds::of_len(0)`. Default: they are not offered, and no record carries one.
    ///
    /// They let whoever watches link the paths of an association (RFC 9146 section 8).
    pub fn connection_ids(mut self, ids: Arc<dyn ConnectionIdGenerator>) -> Self {
        self.config.common.connection_ids = Some(ids);
        self
    }

    /// Whether the server's name is sent in the clear (RFC 6066 section 3). Default: it is, if it is a DNS name.
    pub const fn send_server_name(mut self, send: bool) -> Self {
        self.config.send_server_name = send;
        self
    }

    /// Settings that weaken the protection, for those who know why they want them.
    pub const fn danger(self) -> danger::DangerousClient {
        danger::DangerousClient { builder: self }
    }

    /// Validates the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that does not work.
    pub fn build(self) -> Result<Arc<ClientConfig>, ConfigError> {
        let Self { mut config } = self;
        let usable = Usable { certificates: config.verifier.is_some(), preshared_keys: config.preshared_key.is_some() };
        config.common.settle_suites(usable)?;
        config.common.validate()?;
        config.preshared_key.as_ref().map_or(Ok(()), ClientPsk::validate)?;
        Ok(Arc::new(config))
    }
}

/// Builds a [`ServerConfig`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ServerConfigBuilder {
    config: ServerConfig,
}

impl ServerConfigBuilder {
    /// Another certificate that the server may show: for another name ([`Identity::for_names`]), or an RSA one beside
    /// an ECDSA one for clients that know only one of the two, or a raw public key beside either
    /// ([`Identity::raw_public_key`]).
    ///
    /// Of those that suit the client's certificate types, cipher suites, groups and signature schemes, those for the name it asks for come
    /// first, then those for no name in particular, then the rest; and among equals those whose chain is signed the way
    /// the client asks for, then those that were added first.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.config.identities.push(Arc::new(identity));
        self
    }

    /// Who chooses who to be, in place of what was added by [`identity`](Self::identity): by the name that a client asks
    /// for and what else it says, now or later, for each full handshake that may need a certificate. The OCSP response of
    /// the identity it chooses is that of this connection alone. Default: nobody does.
    pub fn identities(mut self, identities: Arc<dyn ServerIdentities>) -> Self {
        self.config.identities_by = Some(identities);
        self
    }

    /// Whether a client that asks for a name which no identity is for is refused with the alert unrecognized_name (RFC
    /// 6066 section 3), instead of being shown another certificate. Identities for no name in particular do not serve
    /// it then, and clients that ask for no name are served as ever. Where somebody chooses ([`Self::identities`]), a name
    /// is known if an identity is chosen for it; sessions for names are then not taken up again, as nobody is asked.
    /// Default: it is not refused.
    pub const fn require_known_name(mut self, require: bool) -> Self {
        self.config.require_known_name = require;
        self
    }

    /// The cipher suites to use, best first, out of those of the provider. Suites that are weak in one way or another
    /// ([`Suite::by_name_only`]) are used only if they stand here. Those that the configuration has no key for are left
    /// out. Default: all others of the provider, in its order.
    ///
    /// CoAP (RFC 7252 section 9.1.3) wants short tags, which are among the weak ones:
    /// `.cipher_suites(&[CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8, CipherSuite::PSK_WITH_AES_128_CCM_8])`.
    pub fn cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.config.common.named_suites = Some(suites.to_vec());
        self
    }

    /// Where the keys are that the server shares with its clients (RFC 4279). Default: there are none.
    pub fn preshared_keys(mut self, keys: Arc<dyn PresharedKeys>) -> Self {
        self.config.preshared_keys = Some(keys);
        self
    }

    /// What may help clients to choose among identities, up to 65535 bytes. RFC 4279 section 5.2 advises against it
    /// unless an application profile defines it. Default: none.
    pub fn psk_identity_hint(mut self, hint: &[u8]) -> Self {
        self.config.psk_hint = hint.to_vec();
        self
    }

    /// Whether a client whose PSK identity is not known is told so, with the alert unknown_psk_identity. Default: it is
    /// not; to the client, and to whoever probes for identities, it looks like a wrong key (RFC 4279 section 2, RFC 7925
    /// section 6).
    pub const fn reveal_unknown_identity(mut self, reveal: bool) -> Self {
        self.config.reveal_unknown_identity = reveal;
        self
    }

    /// Asks clients for a certificate, which `verifier` judges, and serves those that show none as well:
    /// [`crate::Session::peer_certificates`] tells them apart. Default: the server does not ask.
    pub fn request_client_certificate(mut self, verifier: Arc<dyn PeerVerifier>) -> Self {
        self.config.client_certificate = ClientCertificate::Requested(verifier);
        self
    }

    /// Asks clients for a certificate, which `verifier` judges, and refuses those that show none with the alert
    /// handshake_failure (RFC 5246 section 7.4.6). Default: the server does not ask.
    pub fn require_client_certificate(mut self, verifier: Arc<dyn PeerVerifier>) -> Self {
        self.config.client_certificate = ClientCertificate::Required(verifier);
        self
    }

    /// Where to keep sessions, so that clients can take them up again by their id (RFC 5246 section 7.3). Default: none
    /// are kept.
    ///
    /// A session is not taken up where the configuration would not grant today what it granted then: another server
    /// name, a cipher suite that is not used any more, a client certificate that is now required or refused, a preshared
    /// key that is gone.
    pub fn sessions(mut self, sessions: Arc<dyn ServerSessions>) -> Self {
        self.config.sessions = Some(sessions);
        self
    }

    /// What seals sessions into tickets that the clients keep (RFC 5077): the server itself then keeps nothing. Clients
    /// that do not know tickets get a session id, if there are [`sessions`](Self::sessions). Default: nothing does.
    pub fn tickets(mut self, tickets: Arc<dyn Tickets>) -> Self {
        self.config.tickets = Some(tickets);
        self
    }

    /// For how long after its full handshake a session may be taken up again: whole seconds, up to a day. Default: a
    /// day.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        self.config.session_lifetime_seconds = seconds.min(MAX_LIFETIME_SECONDS);
        self
    }

    /// Agrees on connection IDs (RFC 9146) with clients that offer them, so that the association outlives a change of
    /// their address: `ids` makes those that clients are to put into their records. An [`Endpoint`](crate::Endpoint)
    /// finds the association by them. Default: they are not used.
    pub fn connection_ids(mut self, ids: Arc<dyn ConnectionIdGenerator>) -> Self {
        self.config.common.connection_ids = Some(ids);
        self
    }

    /// Application protocols to accept (RFC 7301), best first. A client that offers some, but none of these, is
    /// refused. Default: none, and the client's offer is ignored.
    pub fn application_protocols(mut self, names: &[&[u8]]) -> Self {
        self.config.common.set_application_protocols(names);
        self
    }

    /// How media may be protected with keys from this handshake (RFC 5764), best first; for WebRTC
    /// [`SrtpProfile::WEBRTC`]. The first that the client offers is agreed on, and stands in
    /// [`Session::srtp`](crate::Session::srtp). Default: none, and the client's offer is ignored.
    pub fn srtp(mut self, profiles: &[SrtpProfile]) -> Self {
        self.config.common.media.profiles = profiles.to_vec();
        self
    }

    /// Agrees to the master key identifier that a client offers, which every media packet then carries. Default: the
    /// server declines it, which is its right (RFC 5764 section 4.1.3).
    pub const fn accept_srtp_mki(mut self) -> Self {
        self.config.common.media.accepts_mki = true;
        self
    }

    /// Refuses clients that offer none of the profiles of [`srtp`](Self::srtp). Default: the association is made without.
    pub const fn require_srtp(mut self) -> Self {
        self.config.common.media.is_required = true;
        self
    }

    /// Timers, sizes and limits. Default: [`TransportOptions::default`].
    pub const fn transport(mut self, transport: TransportOptions) -> Self {
        self.config.common.transport = transport;
        self
    }

    /// Settings that weaken the protection, for those who know why they want them.
    pub const fn danger(self) -> danger::DangerousServer {
        danger::DangerousServer { builder: self }
    }

    /// Validates the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that does not work.
    pub fn build(self) -> Result<Arc<ServerConfig>, ConfigError> {
        let Self { mut config } = self;
        let (certificates, preshared_keys) = (config.may_show(), config.preshared_keys.is_some());
        config.common.settle_suites(Usable { certificates, preshared_keys })?;
        config.common.validate()?;
        if config.psk_hint.len() > usize::from(u16::MAX) {
            return Err(ConfigError::InvalidPresharedKey);
        }
        Ok(Arc::new(config))
    }
}

/// Settings that weaken the protection.
pub mod danger {
    use alloc::sync::Arc;

    use super::{ClientConfigBuilder, KeyLog, ServerConfigBuilder};

    /// Weakens a [`super::ClientConfig`].
    #[derive(Debug)]
    #[must_use = "a builder does nothing until it is built"]
    pub struct DangerousClient {
        pub(super) builder: ClientConfigBuilder,
    }

    /// Weakens a [`super::ServerConfig`].
    #[derive(Debug)]
    #[must_use = "a builder does nothing until it is built"]
    pub struct DangerousServer {
        pub(super) builder: ServerConfigBuilder,
    }

    impl DangerousClient {
        /// Lets a plaintext alert, and a plaintext message that makes no sense, end the handshake at once. On an open
        /// network anyone can forge either; on a path that nobody else writes to, failures show sooner.
        pub fn trust_path(mut self) -> ClientConfigBuilder {
            self.builder.config.common.trust_path = true;
            self.builder
        }

        /// Writes down the master secret of every connection. Whoever reads that reads all that these connections say,
        /// and can speak in their name: see [`KeyLog`].
        pub fn key_log(mut self, key_log: Arc<dyn KeyLog>) -> ClientConfigBuilder {
            self.builder.config.common.key_log = Some(key_log);
            self.builder
        }

        /// Talks to servers without the extended master secret (RFC 7627). Exporters are then not available.
        pub fn allow_legacy_master_secret(mut self) -> ClientConfigBuilder {
            self.builder.config.common.require_extended_master_secret = false;
            self.builder
        }

        /// Talks to servers without renegotiation_info, which are open to a splice of another's handshake before ours
        /// (RFC 5746 section 4.1).
        pub fn allow_missing_renegotiation_info(mut self) -> ClientConfigBuilder {
            self.builder.config.require_renegotiation_info = false;
            self.builder
        }
    }

    impl DangerousServer {
        /// As [`DangerousClient::trust_path`].
        pub fn trust_path(mut self) -> ServerConfigBuilder {
            self.builder.config.common.trust_path = true;
            self.builder
        }

        /// As [`DangerousClient::key_log`].
        pub fn key_log(mut self, key_log: Arc<dyn KeyLog>) -> ServerConfigBuilder {
            self.builder.config.common.key_log = Some(key_log);
            self.builder
        }

        /// As [`DangerousClient::allow_legacy_master_secret`].
        pub fn allow_legacy_master_secret(mut self) -> ServerConfigBuilder {
            self.builder.config.common.require_extended_master_secret = false;
            self.builder
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").field("identities", &self.identities.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ring")]
    #[test]
    fn a_provider_that_lacks_something_is_refused() {
        use crate::crypto::CryptoProvider;

        let whole = *crate::provider::ring::provider();
        for (provider, error) in [
            (CryptoProvider { suites: &[], ..whole }, ConfigError::NoCipherSuites),
            (CryptoProvider { groups: &[], ..whole }, ConfigError::NoGroups),
            (CryptoProvider { signatures: &[], ..whole }, ConfigError::NoSignatureSchemes),
        ] {
            let provider = Box::leak(Box::new(provider));
            let mut common = Common::new(provider);
            let all = Usable { certificates: true, preshared_keys: true };
            assert_eq!(common.settle_suites(all).and_then(|()| common.validate()), Err(error));
        }
    }
}
