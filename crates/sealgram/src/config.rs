//! What a connection is configured with: built once, validated when it is built, shared by [`Arc`].

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use pki_types::{CertificateDer, DnsName};

use crate::code::SignatureScheme;
use crate::crypto::{CryptoProvider, SigningKey};
use crate::key_log::KeyLog;
use crate::verify::PeerVerifier;

/// The smallest MTU that a configuration accepts, in bytes of UDP payload.
///
/// A handshake fragment must make progress in it: 13 bytes of record header, 8 of nonce, 16 of tag, 12 of fragment
/// header, and a few of content.
pub const MIN_MTU: usize = 64;

/// How a client connects. Make one with [`ClientConfig::builder`].
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) verifier: Arc<dyn PeerVerifier>,
    pub(crate) send_server_name: bool,
    pub(crate) require_renegotiation_info: bool,
}

/// How a server answers. Make one with [`ServerConfig::builder`].
pub struct ServerConfig {
    pub(crate) common: Common,
    pub(crate) identities: Vec<Identity>,
    pub(crate) require_known_name: bool,
}

/// What both roles have.
pub(crate) struct Common {
    pub(crate) provider: &'static CryptoProvider,
    pub(crate) transport: TransportOptions,
    pub(crate) application_protocols: Vec<Box<[u8]>>,
    pub(crate) require_extended_master_secret: bool,
    pub(crate) trust_path: bool,
    /// Whoever reads it reads the traffic: there is none but by a switch under [`danger`].
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

impl ClientConfig {
    /// Starts a configuration from the algorithms it may use and the judge of server certificates.
    pub fn builder(provider: &'static CryptoProvider, verifier: Arc<dyn PeerVerifier>) -> ClientConfigBuilder {
        ClientConfigBuilder {
            config: Self {
                common: Common::new(provider),
                verifier,
                send_server_name: true,
                require_renegotiation_info: true,
            },
        }
    }
}

impl ServerConfig {
    /// Starts a configuration from the algorithms it may use and who the server is.
    pub fn builder(provider: &'static CryptoProvider, identity: Identity) -> ServerConfigBuilder {
        ServerConfigBuilder {
            config: Self {
                common: Common::new(provider),
                identities: Vec::from([identity]),
                require_known_name: false,
            },
        }
    }
}

impl Common {
    const fn new(provider: &'static CryptoProvider) -> Self {
        Self {
            provider,
            transport: TransportOptions::DEFAULT,
            application_protocols: Vec::new(),
            require_extended_master_secret: true,
            trust_path: false,
            key_log: None,
        }
    }

    fn set_application_protocols(&mut self, names: &[&[u8]]) {
        self.application_protocols = names.iter().map(|name| Box::from(*name)).collect();
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.transport.validate()?;
        if self.provider.suites.is_empty() {
            return Err(ConfigError::NoCipherSuites);
        }
        if self.provider.groups.is_empty() {
            return Err(ConfigError::NoGroups);
        }
        if self.provider.signatures.is_empty() {
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

    /// Timers, sizes and limits. Default: [`TransportOptions::default`].
    pub const fn transport(mut self, transport: TransportOptions) -> Self {
        self.config.common.transport = transport;
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
        self.config.common.validate()?;
        Ok(Arc::new(self.config))
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
    /// an ECDSA one for clients that know only one of the two.
    ///
    /// Of those that suit the client's cipher suites, groups and signature schemes, those for the name it asks for come
    /// first, then those for no name in particular, then the rest; and among equals those whose chain is signed the way
    /// the client asks for, then those that were added first.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.config.identities.push(identity);
        self
    }

    /// Whether a client that asks for a name which no identity is for is refused with the alert unrecognized_name (RFC
    /// 6066 section 3), instead of being shown another certificate. Identities for no name in particular do not serve
    /// it then, and clients that ask for no name are served as ever. Default: it is not refused.
    pub const fn require_known_name(mut self, require: bool) -> Self {
        self.config.require_known_name = require;
        self
    }

    /// Application protocols to accept (RFC 7301), best first. A client that offers some, but none of these, is
    /// refused. Default: none, and the client's offer is ignored.
    pub fn application_protocols(mut self, names: &[&[u8]]) -> Self {
        self.config.common.set_application_protocols(names);
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
        self.config.common.validate()?;
        Ok(Arc::new(self.config))
    }
}

/// A certificate chain and the private key of its first certificate.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<dyn SigningKey>,
    names: Vec<Box<str>>,
    /// How the certificates of the chain are signed, those that are their own issuer left out: nobody checks these.
    /// `None` stands for a scheme that this library does not know.
    pub(crate) chain_schemes: Vec<Option<SignatureScheme>>,
}

impl Identity {
    /// Puts a chain and a key together. The peer's own certificate comes first, each next one certifies the one
    /// before it; the root may be left out (RFC 5246 section 7.4.2). The whole chain is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyChain`]; [`ConfigError::ChainTooLong`] if it does not fit a handshake message; with the
    /// feature `x509` also [`ConfigError::UnreadableCertificate`] and [`ConfigError::KeyDoesNotFit`] if the key is not
    /// that of the first certificate.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: Arc<dyn SigningKey>) -> Result<Self, ConfigError> {
        let Some(end_entity) = chain.first() else { return Err(ConfigError::EmptyChain) };
        let encoded_len: usize = chain.iter().map(|certificate| certificate.len() + 3).sum();
        if encoded_len > MAX_CHAIN_LEN {
            return Err(ConfigError::ChainTooLong);
        }
        check_key(end_entity, &*key)?;
        let chain_schemes = chain_schemes(&chain)?;
        Ok(Self { chain, key, names: Vec::new(), chain_schemes })
    }

    /// Says which names this identity is for (RFC 6066 section 3): DNS names, of which the left-most label may be `*`
    /// as a whole. Clients that ask for one of them see this certificate rather than another.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidServerName`] if one of them is no DNS name.
    pub fn for_names(mut self, names: &[&str]) -> Result<Self, ConfigError> {
        for name in names {
            let host = name.strip_prefix("*.").unwrap_or(name);
            DnsName::try_from(host).map_err(|_| ConfigError::InvalidServerName)?;
            self.names.push(Box::from(*name));
        }
        Ok(self)
    }

    /// Whether it is for this name; `None` if it is for no name in particular.
    pub(crate) fn is_for(&self, name: &str) -> Option<bool> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let matches = |own: &str| match own.strip_prefix("*.") {
            Some(own_parent) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(own_parent)),
            None => own.eq_ignore_ascii_case(name),
        };
        (!self.names.is_empty()).then(|| self.names.iter().any(|own| matches(own)))
    }
}

/// The longest chain that an [`Identity`] takes, in bytes: what a peer with our own default limit still accepts.
const MAX_CHAIN_LEN: usize = TransportOptions::DEFAULT.max_message_len as usize - 3;

#[cfg(feature = "x509")]
fn check_key(end_entity: &CertificateDer<'_>, key: &dyn SigningKey) -> Result<(), ConfigError> {
    let unreadable = |_| ConfigError::UnreadableCertificate;
    let algorithm = crate::x509::key_algorithm(end_entity).map_err(unreadable)?;
    let fits = match key.public_key() {
        Some(public_key) => crate::x509::certificate_fits_key(end_entity, &public_key).map_err(unreadable)?,
        None => algorithm == key.algorithm(),
    };
    if fits { Ok(()) } else { Err(ConfigError::KeyDoesNotFit) }
}

#[cfg(feature = "x509")]
fn chain_schemes(chain: &[CertificateDer<'_>]) -> Result<Vec<Option<SignatureScheme>>, ConfigError> {
    let schemes: Result<Vec<_>, _> = chain.iter().map(crate::x509::issuer_scheme).collect();
    Ok(schemes.map_err(|_| ConfigError::UnreadableCertificate)?.into_iter().flatten().collect())
}

#[cfg(not(feature = "x509"))]
fn chain_schemes(_: &[CertificateDer<'_>]) -> Result<Vec<Option<SignatureScheme>>, ConfigError> {
    Ok(Vec::new())
}

#[cfg(not(feature = "x509"))]
fn check_key(_: &CertificateDer<'_>, _: &dyn SigningKey) -> Result<(), ConfigError> {
    Ok(())
}

/// Timers, sizes and limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct TransportOptions {
    pub(crate) mtu: usize,
    pub(crate) initial_timeout: Duration,
    pub(crate) max_timeout: Duration,
    pub(crate) max_resends: u32,
    pub(crate) handshake_deadline: Duration,
    pub(crate) jitter: bool,
    pub(crate) stash_len: usize,
    pub(crate) max_message_len: u32,
}

impl TransportOptions {
    const DEFAULT: Self = Self {
        mtu: 1200,
        initial_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(60),
        max_resends: u32::MAX,
        handshake_deadline: Duration::from_secs(60),
        jitter: true,
        stash_len: 4096,
        max_message_len: 65_536,
    };

    /// The longest datagram to send, in bytes of UDP payload. Default 1200, which crosses nearly every path; at least
    /// [`MIN_MTU`]. The handshake lowers it by itself where nothing comes back (RFC 6347 section 4.1.1.1).
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// How long to wait before a flight is sent again the first time; doubled each time after that, up to
    /// [`max_timeout`](Self::max_timeout) (RFC 6347 section 4.2.4.1). Default 1 s; 1 ms to 60 s. RFC 9147 section 5.8.2
    /// suggests 400 ms for media, RFC 7925 section 11 suggests 9 s for constrained networks.
    pub const fn initial_timeout(mut self, timeout: Duration) -> Self {
        self.initial_timeout = timeout;
        self
    }

    /// What the doubling of the timeout stops at. Default 60 s, the least that RFC 6347 section 4.2.4.1 recommends; from
    /// the initial timeout to an hour.
    pub const fn max_timeout(mut self, timeout: Duration) -> Self {
        self.max_timeout = timeout;
        self
    }

    /// How many timeouts in a row may send a flight again; the one after them ends the handshake, as its deadline would.
    /// Default: the deadline alone ends it. Any number; 0 gives up at the first timeout.
    pub const fn max_resends(mut self, times: u32) -> Self {
        self.max_resends = times;
        self
    }

    /// How long a handshake may take in all. Default 60 s; not below the initial timeout.
    pub const fn handshake_deadline(mut self, deadline: Duration) -> Self {
        self.handshake_deadline = deadline;
        self
    }

    /// Whether each timeout is lengthened by a random part of up to an eighth, so that peers who started together do
    /// not stay together. Default: it is.
    pub const fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// How many bytes of records that arrive ahead of the peer's Finished are kept, instead of dropped. Default 4096;
    /// 0 keeps none.
    pub const fn stash_len(mut self, bytes: usize) -> Self {
        self.stash_len = bytes;
        self
    }

    /// The longest handshake message to accept, in bytes: in practice the longest certificate chain. Default 65536;
    /// 2048 to 1048576.
    pub const fn max_message_len(mut self, bytes: u32) -> Self {
        self.max_message_len = bytes;
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        if self.mtu < MIN_MTU {
            return Err(ConfigError::MtuTooSmall { least: MIN_MTU });
        }
        let timeouts = Duration::from_millis(1)..=Duration::from_secs(60);
        let max_timeouts = self.initial_timeout..=Duration::from_secs(3600);
        if !timeouts.contains(&self.initial_timeout)
            || !max_timeouts.contains(&self.max_timeout)
            || self.handshake_deadline < self.initial_timeout
        {
            return Err(ConfigError::InvalidTimeout);
        }
        if !(2048..=1 << 20).contains(&self.max_message_len) {
            return Err(ConfigError::InvalidMessageLimit);
        }
        Ok(())
    }
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self::DEFAULT
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

/// A setting that does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The chain does not fit a handshake message that peers accept.
    ChainTooLong,
    /// An identity needs at least one certificate.
    EmptyChain,
    /// The configured lists make a ClientHello that is too long to encode.
    HelloTooLong,
    /// An application protocol must have 1 to 255 bytes, and all of them together fewer than 65536.
    InvalidApplicationProtocol,
    /// A name that an identity is for is no DNS name.
    InvalidServerName,
    /// The limit for handshake messages must be 2048 to 1048576 bytes.
    InvalidMessageLimit,
    /// The initial timeout must be 1 ms to 60 s, and not above the handshake deadline; the longest timeout must be from
    /// the initial one to an hour.
    InvalidTimeout,
    /// The private key is not that of the first certificate of the chain.
    KeyDoesNotFit,
    /// The MTU leaves no room for the handshake.
    MtuTooSmall {
        /// The smallest that works, in bytes.
        least: usize,
    },
    /// The provider has no cipher suite.
    NoCipherSuites,
    /// The provider has no group.
    NoGroups,
    /// The provider verifies no signature.
    NoSignatureSchemes,
    /// The first certificate of the chain does not parse.
    UnreadableCertificate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChainTooLong => f.write_str("the certificate chain is too long for a handshake message"),
            Self::EmptyChain => f.write_str("an identity needs at least one certificate"),
            Self::HelloTooLong => f.write_str("the configured lists make a ClientHello that is too long to encode"),
            Self::InvalidApplicationProtocol => f.write_str("an application protocol must have 1 to 255 bytes"),
            Self::InvalidMessageLimit => f.write_str("the handshake message limit must be 2048 to 1048576 bytes"),
            Self::InvalidServerName => f.write_str("a name that an identity is for is no DNS name"),
            Self::InvalidTimeout => f.write_str(
                "the initial timeout must be 1 ms to 60 s and not above the deadline or the longest timeout",
            ),
            Self::KeyDoesNotFit => f.write_str("the private key does not belong to the certificate"),
            Self::MtuTooSmall { least } => write!(f, "the MTU must be at least {least} bytes"),
            Self::NoCipherSuites => f.write_str("the provider has no cipher suite"),
            Self::NoGroups => f.write_str("the provider has no key exchange group"),
            Self::NoSignatureSchemes => f.write_str("the provider verifies no signature scheme"),
            Self::UnreadableCertificate => f.write_str("the certificate does not parse"),
        }
    }
}

impl core::error::Error for ConfigError {}

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

    /// MTU-06: an MTU without room for a fragment is refused when the configuration is built.
    #[test]
    fn an_mtu_without_room_for_a_fragment_is_refused() {
        for mtu in [0, 25, 50, MIN_MTU - 1] {
            let refused = TransportOptions::default().mtu(mtu).validate();
            assert_eq!(refused, Err(ConfigError::MtuTooSmall { least: MIN_MTU }));
        }
        assert_eq!(TransportOptions::default().mtu(MIN_MTU).validate(), Ok(()));
    }

    #[test]
    fn timeouts_out_of_range_are_refused() {
        let options = TransportOptions::default();
        for bad in [
            options.initial_timeout(Duration::ZERO),
            options.initial_timeout(Duration::from_secs(61)),
            options.initial_timeout(Duration::from_secs(9)).handshake_deadline(Duration::from_secs(8)),
            options.initial_timeout(Duration::from_secs(9)).max_timeout(Duration::from_secs(8)),
            options.max_timeout(Duration::from_secs(3601)),
        ] {
            assert_eq!(bad.validate(), Err(ConfigError::InvalidTimeout));
        }
        assert_eq!(options.max_message_len(100).validate(), Err(ConfigError::InvalidMessageLimit));
    }
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
            assert_eq!(Common::new(provider).validate(), Err(error));
        }
    }

    /// What a person reads when a setting does not work differs from setting to setting.
    #[test]
    fn each_refused_setting_has_a_text_of_its_own() {
        let errors = [
            ConfigError::ChainTooLong,
            ConfigError::EmptyChain,
            ConfigError::HelloTooLong,
            ConfigError::InvalidApplicationProtocol,
            ConfigError::InvalidServerName,
            ConfigError::InvalidMessageLimit,
            ConfigError::InvalidTimeout,
            ConfigError::KeyDoesNotFit,
            ConfigError::MtuTooSmall { least: MIN_MTU },
            ConfigError::NoCipherSuites,
            ConfigError::NoGroups,
            ConfigError::NoSignatureSchemes,
            ConfigError::UnreadableCertificate,
        ];
        let texts: alloc::collections::BTreeSet<_> = errors.iter().map(alloc::string::ToString::to_string).collect();
        assert_eq!(texts.len(), errors.len());
    }
}
