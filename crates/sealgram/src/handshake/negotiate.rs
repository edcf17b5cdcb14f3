//! What the two hellos agree on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;

use crate::code::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme, is_grease};
use crate::config::{ClientConfig, Common, Identity, ServerConfig};
use crate::crypto::{Exporter, KeyExchangeGroup, MasterSecret, Randoms, Suite, Transcript};
use crate::error::{CryptoError, Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::key_log::{CLIENT_RANDOM, KeyLog};
use crate::role::Role;
use crate::session::Session;
use crate::wire::codes::Codes;
use crate::wire::extension::{ExtensionBlock, ExtensionWriter, Extensions};
use crate::wire::extension_data::POINT_FORMAT_UNCOMPRESSED;
use crate::wire::finished::Finished;
use crate::wire::hello::{ClientHello, ServerHello};

/// What both hellos fixed, built once at ServerHello.
pub(crate) struct Negotiated {
    pub(crate) suite: &'static Suite,
    pub(crate) randoms: Randoms,
    pub(crate) extended_master_secret: bool,
    pub(crate) transcript: Transcript,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

impl Negotiated {
    /// Adds a message of the peer's to the transcript.
    pub(crate) fn record(&mut self, message: &Message) {
        self.transcript.add(message.msg_type, message.message_seq, &message.body);
    }

    /// The master secret, once the transcript ends with ClientKeyExchange (RFC 7627 section 4). The key log, if there
    /// is one, is told.
    pub(crate) fn master_secret(&self, premaster: &[u8]) -> MasterSecret {
        let hash = self.suite.hash;
        let master = if self.extended_master_secret {
            MasterSecret::extended(hash, premaster, self.transcript.hash(hash).as_ref())
        } else {
            MasterSecret::from_randoms(hash, premaster, &self.randoms)
        };
        if let Some(key_log) = &self.key_log {
            key_log.log(CLIENT_RANDOM, &self.randoms.client, master.expose());
        }
        master
    }

    /// The Finished of `role` over the transcript so far (RFC 5246 section 7.4.9).
    pub(crate) fn finished(&self, master: &MasterSecret, role: Role) -> Finished {
        let hash = self.suite.hash;
        Finished { verify_data: master.verify_data(hash, role, self.transcript.hash(hash).as_ref()) }
    }

    /// What is left of the handshake once it is over.
    pub(crate) fn into_exporter(self, master: MasterSecret) -> Option<Exporter> {
        self.extended_master_secret.then(|| Exporter::new(self.suite.hash, master, self.randoms))
    }
}

/// What the server's key exchange signs: both randoms, then the parameters as they were sent (RFC 5246 section 7.4.3).
pub(crate) fn signed_params(randoms: &Randoms, params: &[u8]) -> Vec<u8> {
    [&randoms.client[..], &randoms.server[..], params].concat()
}

/// What a client offers: everything of its hello but the cookie.
pub(crate) struct ClientOffer {
    pub(crate) random: [u8; 32],
    suites: Vec<CipherSuite>,
    extensions: ExtensionBlock,
}

impl ClientOffer {
    /// # Errors
    ///
    /// [`CryptoError::MessageTooLong`] if the configured lists do not fit a hello.
    pub(crate) fn new(config: &ClientConfig, name: &ServerName<'_>, random: [u8; 32]) -> Result<Self, CryptoError> {
        let provider = config.common.provider;
        let suites = provider.suites.iter().map(|suite| suite.code).collect();
        let groups: Vec<NamedGroup> = provider.groups.iter().map(|group| group.code()).collect();
        let schemes: Vec<SignatureScheme> = provider.signatures.iter().map(|(scheme, _)| *scheme).collect();

        let mut extensions = ExtensionWriter::new();
        if let (true, ServerName::DnsName(name)) = (config.send_server_name, name) {
            extensions.server_name(name);
        }
        extensions.empty(ExtensionType::EXTENDED_MASTER_SECRET);
        extensions.renegotiation_info(&[]);
        extensions.supported_groups(&groups);
        extensions.ec_point_formats();
        extensions.signature_algorithms(&schemes);
        if !config.common.application_protocols.is_empty() {
            extensions.application_protocols(&config.common.application_protocols);
        }
        Ok(Self { random, suites, extensions: extensions.finish()? })
    }

    /// The hello with this cookie; nothing else in it ever changes (RFC 6347 section 4.2.1).
    pub(crate) fn encode(&self, cookie: &[u8]) -> Result<Vec<u8>, CryptoError> {
        ClientHello {
            version: ProtocolVersion::DTLS_1_2,
            random: self.random,
            session_id: &[],
            cookie,
            cipher_suites: Codes::from(&*self.suites),
            compression_methods: &[NULL_COMPRESSION],
            extensions: self.extensions.as_extensions(),
        }
        .encode()
    }

    /// Holds the server's answer against the offer (RFC 5246 section 7.4.1.3).
    pub(crate) fn check(&self, hello: &ServerHello<'_>, config: &ClientConfig) -> Result<ServerChoice, Error> {
        if hello.version != ProtocolVersion::DTLS_1_2 {
            return Err(PeerIncompatible::NoCommonVersion(hello.version).into());
        }
        let offered = self.suites.contains(&hello.cipher_suite);
        let suite = config.common.provider.suite(hello.cipher_suite).filter(|_| offered);
        let suite = suite.ok_or(PeerMisbehaved::ServerSelectedUnofferedSuite(hello.cipher_suite))?;
        if hello.compression_method != NULL_COMPRESSION {
            return Err(PeerMisbehaved::ServerSelectedCompression.into());
        }
        self.check_extensions(&hello.extensions)?;
        check_secure_renegotiation(&hello.extensions, config)?;
        Ok(ServerChoice {
            suite,
            extended_master_secret: check_extended_master_secret(&hello.extensions, &config.common)?,
            application_protocol: check_application_protocol(&hello.extensions, config)?,
            server_name: self.extensions.as_extensions().server_name()?.map(Box::from),
        })
    }

    /// Nothing may be answered that was not asked (RFC 5246 section 7.4.1.4).
    fn check_extensions(&self, answer: &Extensions<'_>) -> Result<(), Error> {
        let offer = self.extensions.as_extensions();
        if let Some((extension, _)) = answer.iter().find(|(extension, _)| offer.find(*extension).is_none()) {
            return Err(PeerMisbehaved::ServerSentUnofferedExtension(extension).into());
        }
        answer.has_empty(ExtensionType::SERVER_NAME)?;
        match answer.ec_point_formats()? {
            Some(formats) if !formats.contains(&POINT_FORMAT_UNCOMPRESSED) => {
                Err(PeerMisbehaved::ServerSelectedNoUncompressedPoints.into())
            }
            _ => Ok(()),
        }
    }
}

/// What the server's hello chose out of the offer.
pub(crate) struct ServerChoice {
    pub(crate) suite: &'static Suite,
    pub(crate) extended_master_secret: bool,
    pub(crate) application_protocol: Option<Box<[u8]>>,
    pub(crate) server_name: Option<Box<str>>,
}

impl ServerChoice {
    /// The facts of the session, once the rest is known.
    pub(crate) fn into_session(
        self,
        group: NamedGroup,
        peer_certificates: Vec<pki_types::CertificateDer<'static>>,
    ) -> Session {
        Session {
            version: ProtocolVersion::DTLS_1_2,
            cipher_suite: self.suite.code,
            group,
            application_protocol: self.application_protocol,
            server_name: self.server_name,
            peer_certificates,
            extended_master_secret: self.extended_master_secret,
        }
    }
}

/// What a server chooses out of a client's offer.
pub(crate) struct Selection<'c> {
    pub(crate) choice: ServerChoice,
    pub(crate) group: &'static dyn KeyExchangeGroup,
    pub(crate) identity: &'c Identity,
    pub(crate) scheme: SignatureScheme,
    /// The extensions of ServerHello.
    pub(crate) extensions: ExtensionBlock,
}

/// Chooses for a server; its own order of preference rules.
pub(crate) fn select<'c>(hello: &ClientHello<'_>, config: &'c ServerConfig) -> Result<Selection<'c>, Error> {
    // 1. What the hello must have, whatever it offers.
    check_version(hello)?;
    if !hello.compression_methods.contains(&NULL_COMPRESSION) {
        return Err(PeerMisbehaved::ClientOffersNoNullCompression.into());
    }
    let extended_master_secret = check_extended_master_secret(&hello.extensions, &config.common)?;
    let secure_renegotiation = offers_secure_renegotiation(hello)?;

    // 2. Suite, group, certificate and scheme, which depend on one another.
    let offer = CryptoOffer::read(hello)?;
    let Crypto { suite, group, identity, scheme } = offer.select(config)?;

    // 3. What the application cares for.
    let server_name = hello.extensions.server_name()?.map(Box::from);
    let application_protocol = select_application_protocol(&hello.extensions, &config.common)?;

    // 4. The answer holds only what was asked.
    let mut extensions = ExtensionWriter::new();
    if secure_renegotiation {
        extensions.renegotiation_info(&[]);
    }
    // RFC 6066 section 3: the answer says that the name was used. Some clients fail on it, so that it is not given for
    // nothing: pion/dtls 2.2.6 takes it for a list of names without content.
    if server_name.as_deref().is_some_and(|name: &str| identity.is_for(name) == Some(true)) {
        extensions.empty(ExtensionType::SERVER_NAME);
    }
    if hello.extensions.find(ExtensionType::EC_POINT_FORMATS).is_some() {
        extensions.ec_point_formats();
    }
    if extended_master_secret {
        extensions.empty(ExtensionType::EXTENDED_MASTER_SECRET);
    }
    if let Some(name) = &application_protocol {
        extensions.application_protocols([name]);
    }
    let choice = ServerChoice { suite, extended_master_secret, application_protocol, server_name };
    Ok(Selection { choice, group, identity, scheme, extensions: extensions.finish()? })
}

/// The one place that chooses a version: DTLS 1.2 is all there is.
fn check_version(hello: &ClientHello<'_>) -> Result<(), Error> {
    let best = match hello.extensions.supported_versions()? {
        Some(versions) if versions.contains(ProtocolVersion::DTLS_1_2) => return Ok(()),
        // RFC 8446 section 4.2.1: where there is a list, the field of the hello does not count.
        Some(versions) => versions.iter().find(|version| !is_grease(version.0)).unwrap_or(hello.version),
        None if is_dtls_1_2_or_newer(hello.version) => return Ok(()),
        None => hello.version,
    };
    // RFC 7507 section 3: a client that says it fell back had no reason to.
    if hello.cipher_suites.contains(CipherSuite::FALLBACK_SCSV) && best.is_older_than(ProtocolVersion::DTLS_1_2) {
        return Err(PeerMisbehaved::InappropriateFallback.into());
    }
    Err(PeerIncompatible::NoCommonVersion(best).into())
}

/// RFC 5246 appendix E.1: a client that can do more than the server knows gets the server's best. Versions of DTLS count
/// down from the top of the range, those of TLS count up from its bottom (RFC 4347 section 4.1): the halves tell them
/// apart, whatever DTLS may come to.
fn is_dtls_1_2_or_newer(version: ProtocolVersion) -> bool {
    version.0 >= 0x8000 && !version.is_older_than(ProtocolVersion::DTLS_1_2)
}

/// RFC 7627 section 5.2: both sides have it, or the configuration allows to go without.
fn check_extended_master_secret(extensions: &Extensions<'_>, common: &Common) -> Result<bool, Error> {
    let present = extensions.has_empty(ExtensionType::EXTENDED_MASTER_SECRET)?;
    if present || !common.require_extended_master_secret {
        Ok(present)
    } else {
        Err(PeerIncompatible::ExtendedMasterSecretRequired.into())
    }
}

/// RFC 5746 section 3.4: the server has renegotiation_info, and it is empty in a first handshake.
fn check_secure_renegotiation(extensions: &Extensions<'_>, config: &ClientConfig) -> Result<(), Error> {
    match extensions.renegotiation_info()? {
        Some([]) => Ok(()),
        Some(_) => Err(PeerMisbehaved::ServerSentNonEmptyRenegotiationInfo.into()),
        None if config.require_renegotiation_info => Err(PeerIncompatible::RenegotiationInfoRequired.into()),
        None => Ok(()),
    }
}

/// RFC 5746 section 3.6: the client says so by an extension or by a suite that is none.
fn offers_secure_renegotiation(hello: &ClientHello<'_>) -> Result<bool, Error> {
    match hello.extensions.renegotiation_info()? {
        Some([]) => Ok(true),
        Some(_) => Err(PeerMisbehaved::ClientSentNonEmptyRenegotiationInfo.into()),
        None => Ok(hello.cipher_suites.contains(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV)),
    }
}

/// RFC 7301 section 3.1: exactly one name, and one of ours.
fn check_application_protocol(extensions: &Extensions<'_>, config: &ClientConfig) -> Result<Option<Box<[u8]>>, Error> {
    let Some(name) = extensions.selected_application_protocol()? else { return Ok(None) };
    match config.common.application_protocols.iter().find(|offered| &***offered == name) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(PeerMisbehaved::ServerSelectedUnofferedProtocol.into()),
    }
}

/// RFC 7301 section 3.2: the server's first choice among the client's.
fn select_application_protocol(extensions: &Extensions<'_>, common: &Common) -> Result<Option<Box<[u8]>>, Error> {
    let Some(offered) = extensions.application_protocols()? else { return Ok(None) };
    if common.application_protocols.is_empty() {
        return Ok(None);
    }
    match common.application_protocols.iter().find(|ours| offered.iter().any(|name| *name == ***ours)) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(PeerIncompatible::NoCommonApplicationProtocol.into()),
    }
}

/// What a client offers to choose from where suites, groups and certificates meet.
struct CryptoOffer<'a> {
    suites: Codes<'a, CipherSuite>,
    /// `None` if the client does not say: then it takes any (RFC 8422 section 4).
    groups: Option<Codes<'a, NamedGroup>>,
    /// `None` if the client does not say, which would mean SHA-1 (RFC 5246 section 7.4.1.4.1) and is refused (RFC
    /// 9155).
    schemes: Option<Codes<'a, SignatureScheme>>,
    /// What may sign the certificates, where that differs from what may sign the handshake (RFC 8446 section 4.2.3).
    chain_schemes: Option<Codes<'a, SignatureScheme>>,
    server_name: Option<&'a str>,
}

struct Crypto<'c> {
    suite: &'static Suite,
    group: &'static dyn KeyExchangeGroup,
    identity: &'c Identity,
    scheme: SignatureScheme,
}

impl<'a> CryptoOffer<'a> {
    fn read(hello: &ClientHello<'a>) -> Result<Self, Error> {
        // RFC 8422 section 5.1.2.
        let formats = hello.extensions.ec_point_formats()?;
        if formats.is_some_and(|formats| !formats.contains(&POINT_FORMAT_UNCOMPRESSED)) {
            return Err(PeerMisbehaved::ClientOffersNoUncompressedPoints.into());
        }
        let schemes = hello.extensions.signature_algorithms()?;
        Ok(Self {
            suites: hello.cipher_suites,
            groups: hello.extensions.supported_groups()?,
            schemes,
            chain_schemes: hello.extensions.signature_algorithms_cert()?.or(schemes),
            server_name: hello.extensions.server_name()?,
        })
    }

    /// The best certificate for the client, and with it the first suite of ours that the client offers and for which a
    /// group and a signature scheme are there as well (RFC 8422 section 5.1, RFC 5246 section 7.4.3).
    fn select<'c>(&self, config: &'c ServerConfig) -> Result<Crypto<'c>, Error> {
        let provider = config.common.provider;
        let group = provider.groups.iter().copied().find(|group| self.offers_group(group.code()));
        let group = group.ok_or(PeerIncompatible::NoCommonGroup)?;
        let mut candidates: Vec<&Identity> = config.identities.iter().collect();
        if let (true, Some(name)) = (config.require_known_name, self.server_name) {
            candidates.retain(|identity| identity.is_for(name) == Some(true));
            if candidates.is_empty() {
                return Err(PeerIncompatible::UnrecognizedName.into());
            }
        }
        // The sort is stable: among equals the order of the configuration stands.
        candidates.sort_by_key(|identity| self.rank(identity));
        // The right name, and a chain that can be checked, count for more than the best suite.
        for equals in candidates.chunk_by(|one, other| self.rank(one) == self.rank(other)) {
            for suite in provider.suites.iter().copied().filter(|suite| self.suites.contains(suite.code)) {
                for identity in equals.iter().filter(|identity| identity.key.algorithm() == suite.authentication) {
                    if let Some(scheme) = self.scheme_for(identity) {
                        return Ok(Crypto { suite, group, identity, scheme });
                    }
                }
            }
        }
        Err(PeerIncompatible::NoCommonCipherSuite.into())
    }

    /// Smaller is better. The name first: the one that is asked for, none in particular, another one. Then whether the
    /// client asks for chains that are signed like this one: that is a preference, as a chain that it did not ask for is
    /// better than none (RFC 8446 section 4.4.2.2), and a client that trusts the end entity itself checks no chain.
    fn rank(&self, identity: &Identity) -> (u8, bool) {
        let name = match self.server_name.and_then(|name| identity.is_for(name)) {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        let offered = |scheme: SignatureScheme| self.chain_schemes.is_none_or(|schemes| schemes.contains(scheme));
        let may_check_chain = identity.chain_schemes.iter().all(|scheme| scheme.is_some_and(offered));
        (name, !may_check_chain)
    }

    fn offers_group(&self, group: NamedGroup) -> bool {
        self.groups.is_none_or(|groups| groups.contains(group))
    }

    /// A scheme that the key has and the client knows; for an ECDSA key the client has to know its curve as well (RFC
    /// 8422 section 5.1).
    fn scheme_for(&self, identity: &Identity) -> Option<SignatureScheme> {
        let offered = self.schemes?;
        let knows_curve = identity.key.curve().is_none_or(|curve| self.offers_group(curve));
        identity.key.schemes().iter().copied().find(|scheme| knows_curve && offered.contains(*scheme))
    }
}

/// "No compression" (RFC 5246 section 7.4.1.2).
const NULL_COMPRESSION: u8 = 0;
