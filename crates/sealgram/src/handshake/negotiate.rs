//! What the two hellos agree on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;

use super::certificate_type::{CertificateTypes, CredentialRequest, OfferedTypes};
use super::resume::Offered;
use super::terms::Terms;
use crate::cid::ConnectionId;
use crate::code::{
    CertificateType, CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme, is_grease,
};
use crate::config::{ClientConfig, ClientIdentityRequest, Common, Identity, ServerConfig, ServerIdentityRequest};
use crate::crypto::{
    Exporter, KeyAlgorithm, KeyExchange, KeyExchangeGroup, MasterSecret, Randoms, Seed, Suite, Transcript,
};
use crate::error::{CryptoError, Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::key_log::{CLIENT_RANDOM, KeyLog};
use crate::psk::PresharedKeys;
use crate::role::Role;
use crate::session::Session;
use crate::wire::certificate::{CertificateRequest, encode_authorities};
use crate::wire::codes::Codes;
use crate::wire::extension::{ExtensionBlock, ExtensionWriter, Extensions};
use crate::wire::extension_data::{POINT_FORMAT_UNCOMPRESSED, ProtocolNames};
use crate::wire::finished::Finished;
use crate::wire::hello::{ClientHello, ServerHello};

/// What both hellos fixed, built once at ServerHello. `K` is what will be done with the session.
pub(crate) struct Negotiated<K> {
    pub(crate) suite: &'static Suite,
    pub(crate) randoms: Randoms,
    pub(crate) extended_master_secret: bool,
    pub(crate) transcript: Transcript,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) keep: K,
}

impl<K> Negotiated<K> {
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
        self.log(&master);
        master
    }

    /// Tells the key log, if there is one.
    pub(crate) fn log(&self, master: &MasterSecret) {
        if let Some(key_log) = &self.key_log {
            key_log.log(CLIENT_RANDOM, &self.randoms.client, master.expose());
        }
    }

    /// The Finished of `role` over the transcript so far (RFC 5246 section 7.4.9).
    pub(crate) fn finished(&self, master: &MasterSecret, role: Role) -> Finished {
        let hash = self.suite.hash;
        Finished { verify_data: master.verify_data(hash, role, self.transcript.hash(hash).as_ref()) }
    }

    /// What is left of the handshake once it is over.
    pub(crate) fn into_exporter(self, master: MasterSecret) -> (Exporter, K) {
        let Self { suite, randoms, extended_master_secret, keep, .. } = self;
        (Exporter::new(suite.hash, master, randoms, extended_master_secret), keep)
    }
}

/// What the server asks for: the kinds of keys count by the schemes that they sign with.
pub(crate) fn client_identity_request(
    request: &CertificateRequest<'_>,
    certificate_type: CertificateType,
    server_name: &ServerName<'static>,
) -> ClientIdentityRequest {
    let is_kind_wanted = |scheme: &SignatureScheme| {
        KeyAlgorithm::of(*scheme)
            .is_some_and(|algorithm| request.certificate_types.contains(&algorithm.client_certificate_type().0))
    };
    ClientIdentityRequest {
        server_name: server_name.clone(),
        certificate_type,
        signature_schemes: request.signature_algorithms.iter().filter(is_kind_wanted).collect(),
        authorities: request.authorities().map(Vec::from).collect(),
    }
}

/// What a server asks its clients to show: keys that can sign with one of its schemes, from the issuers that its
/// verifier names (RFC 5246 section 7.4.4); raw public keys have no issuers.
pub(crate) fn certificate_request(
    CredentialRequest { certificate_type, verifier }: CredentialRequest<'_>,
    config: &ServerConfig,
) -> Result<Vec<u8>, CryptoError> {
    let schemes: Vec<SignatureScheme> = config.common.provider.signatures.iter().map(|(scheme, _)| *scheme).collect();
    let mut types = Vec::new();
    for algorithm in schemes.iter().filter_map(|scheme| KeyAlgorithm::of(*scheme)) {
        let code = algorithm.client_certificate_type().0;
        if !types.contains(&code) {
            types.push(code);
        }
    }
    let names = if certificate_type == CertificateType::X509 { verifier.authorities() } else { &[] };
    let len: usize = names.iter().map(|name| name.len() + 2).sum();
    let names = if len <= MAX_AUTHORITIES_LEN { names } else { &[] };
    let authorities = encode_authorities(names.iter().map(Vec::as_slice))?;
    CertificateRequest {
        certificate_types: &types,
        signature_algorithms: Codes::from(&*schemes),
        authorities: &authorities,
    }
    .encode()
}

/// How many bytes of issuers a server names at most. A system's whole store would make a flight of a dozen datagrams,
/// and says no more than none at all.
const MAX_AUTHORITIES_LEN: usize = 4096;

/// What the server's key exchange signs: both randoms, then the parameters as they were sent (RFC 5246 section 7.4.3).
pub(crate) fn signed_params(randoms: &Randoms, params: &[u8]) -> Vec<u8> {
    [&randoms.client[..], &randoms.server[..], params].concat()
}

/// What a client offers: everything of its hello but the cookie.
pub(crate) struct ClientOffer {
    pub(crate) random: [u8; 32],
    pub(crate) offered: Offered,
    /// What we want to find in the server's records, if we offer connection IDs.
    pub(crate) connection_id: Option<ConnectionId>,
    suites: Vec<CipherSuite>,
    extensions: ExtensionBlock,
}

impl ClientOffer {
    /// # Errors
    ///
    /// [`CryptoError::MessageTooLong`] if the configured lists do not fit a hello.
    pub(crate) fn new(
        config: &ClientConfig,
        name: &ServerName<'_>,
        random: [u8; 32],
        offered: Offered,
        connection_id: Option<ConnectionId>,
    ) -> Result<Self, CryptoError> {
        let provider = config.common.provider;
        let in_use = &config.common.suites;
        let suites = in_use.iter().map(|suite| suite.code).collect();
        let groups: Vec<NamedGroup> = provider.groups.iter().map(|group| group.code()).collect();
        let schemes: Vec<SignatureScheme> = provider.signatures.iter().map(|(scheme, _)| *scheme).collect();

        let mut extensions = ExtensionWriter::new();
        if let (true, ServerName::DnsName(name)) = (config.send_server_name, name) {
            extensions.server_name(name);
        }
        extensions.empty(ExtensionType::EXTENDED_MASTER_SECRET);
        extensions.renegotiation_info(&[]);
        if in_use.iter().any(|suite| suite.key_exchange.is_ephemeral()) {
            extensions.supported_groups(&groups);
            extensions.ec_point_formats();
        }
        if in_use.iter().any(|suite| suite.key_exchange.authentication().is_some()) {
            extensions.signature_algorithms(&schemes);
            CertificateTypes::offer(config, &mut extensions);
            if config.verifier.as_ref().is_some_and(|verifier| verifier.wants_ocsp_response()) {
                extensions.ocsp_request();
            }
        }
        Terms::offer(&config.common, connection_id.as_ref(), &mut extensions);
        if let Some(ticket) = &offered.ticket {
            extensions.session_ticket(ticket);
        }
        Ok(Self { random, offered, connection_id, suites, extensions: extensions.finish()? })
    }

    /// The hello with this cookie; nothing else in it ever changes (RFC 6347 section 4.2.1).
    pub(crate) fn encode(&self, cookie: &[u8]) -> Result<Vec<u8>, CryptoError> {
        ClientHello {
            version: ProtocolVersion::DTLS_1_2,
            random: self.random,
            session_id: &self.offered.session_id,
            cookie,
            cipher_suites: Codes::from(&*self.suites),
            compression_methods: &[NULL_COMPRESSION],
            extensions: self.extensions.as_extensions(),
        }
        .encode()
    }

    /// Holds the server's answer against the offer (RFC 5246 section 7.4.1.3).
    pub(crate) fn check(&self, hello: &ServerHello<'_>, config: &ClientConfig) -> Result<ServerAnswer, Error> {
        if hello.version != ProtocolVersion::DTLS_1_2 {
            return Err(PeerIncompatible::NoCommonVersion(hello.version).into());
        }
        let suite = config.common.suite(hello.cipher_suite);
        let suite = suite.ok_or(PeerMisbehaved::ServerSelectedUnofferedSuite(hello.cipher_suite))?;
        if hello.compression_method != NULL_COMPRESSION {
            return Err(PeerMisbehaved::ServerSelectedCompression.into());
        }
        self.check_extensions(&hello.extensions)?;
        check_secure_renegotiation(&hello.extensions, config)?;
        let choice = ServerChoice {
            suite,
            extended_master_secret: check_extended_master_secret(&hello.extensions, &config.common)?,
            terms: Terms::check(&hello.extensions, &config.common, self.connection_id.as_ref())?,
            server_name: self.extensions.as_extensions().server_name()?.map(Box::from),
        };
        // Where a session is taken up again, nobody shows anything.
        let is_resumed = self.offered.accepted(hello.session_id).is_some();
        let is_shown = !is_resumed && suite.key_exchange.authentication().is_some();
        let certificate_types = CertificateTypes::check(is_shown, &self.extensions.as_extensions(), &hello.extensions)?;
        let may_staple = hello.extensions.has_empty(ExtensionType::STATUS_REQUEST)?;
        Ok(ServerAnswer { choice, certificate_types, may_staple })
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

/// What the server's hello says.
pub(crate) struct ServerAnswer {
    pub(crate) choice: ServerChoice,
    pub(crate) certificate_types: CertificateTypes,
    /// Whether an OCSP response may come, which it need not (RFC 6066 section 8).
    pub(crate) may_staple: bool,
}

/// What the server's hello chose out of the offer.
pub(crate) struct ServerChoice {
    pub(crate) suite: &'static Suite,
    pub(crate) extended_master_secret: bool,
    pub(crate) terms: Terms,
    pub(crate) server_name: Option<Box<str>>,
}

impl ServerChoice {
    /// The facts of the session, once the rest is known.
    pub(crate) fn into_session(self, group: Option<NamedGroup>) -> Session {
        Session {
            version: ProtocolVersion::DTLS_1_2,
            cipher_suite: self.suite.code,
            group,
            application_protocol: self.terms.application_protocol,
            srtp: self.terms.srtp,
            server_name: self.server_name,
            peer_certificates: Vec::new(),
            peer_raw_public_key: None,
            psk_identity: None,
            connection_ids: self.terms.connection_ids,
            resumed: false,
            extended_master_secret: self.extended_master_secret,
        }
    }
}

/// What a server chooses out of a client's offer.
pub(crate) struct Selection<'c> {
    pub(crate) choice: ServerChoice,
    pub(crate) key_exchange: ServerKeyExchangeChoice<'c>,
    /// The extensions of ServerHello.
    pub(crate) extensions: ExtensionBlock,
}

/// How the server's keys come about.
pub(crate) enum ServerKeyExchangeChoice<'c> {
    /// An ephemeral key, signed with the key of a certificate.
    Signed(SignedExchange<'c>),
    /// An ephemeral key, and a key shared beforehand.
    EcdhePsk { group: &'static dyn KeyExchangeGroup, keys: &'c Arc<dyn PresharedKeys> },
    /// A key shared beforehand.
    Psk { keys: &'c Arc<dyn PresharedKeys> },
}

/// An ephemeral key, who signs it, and what the client is asked for in return.
pub(crate) struct SignedExchange<'c> {
    pub(crate) group: &'static dyn KeyExchangeGroup,
    pub(crate) identity: &'c Identity,
    pub(crate) scheme: SignatureScheme,
    pub(crate) request: Option<CredentialRequest<'c>>,
    /// What is stapled to the certificate, as the client asks for it.
    pub(crate) ocsp_response: Option<&'c [u8]>,
}

/// Who a server may be for one client.
#[derive(Clone, Copy)]
pub(crate) enum Identities<'c> {
    /// One of those that stand in the configuration.
    Configured(&'c [Arc<Identity>]),
    /// The one that was chosen for this client, if any was: for its name, whatever names it is for.
    Chosen(Option<&'c Arc<Identity>>),
}

impl<'c> Identities<'c> {
    /// Those that serve a client which asks for `name`.
    fn candidates(self, name: Option<&str>, config: &ServerConfig) -> Vec<&'c Identity> {
        match self {
            Self::Chosen(identity) => identity.into_iter().map(|identity| &**identity).collect(),
            Self::Configured(identities) => {
                let is_for = |identity: &&Identity| match name {
                    Some(name) if config.require_known_name => identity.is_for(name) == Some(true),
                    _ => true,
                };
                identities.iter().map(|identity| &**identity).filter(is_for).collect()
            }
        }
    }
}

/// What a client says that helps to choose who to be; `None` if no certificate can be used with it. That this can be read
/// says that the whole hello can.
pub(crate) fn server_identity_request(
    hello: &ClientHello<'_>,
    config: &ServerConfig,
) -> Result<Option<ServerIdentityRequest>, Error> {
    let offer = CryptoOffer::read(hello)?;
    let application_protocols = hello.extensions.application_protocols()?;
    let is_usable = |scheme: &SignatureScheme| {
        let algorithm = KeyAlgorithm::of(*scheme);
        let suites = config.common.suites.iter().filter(|suite| offer.suites.contains(suite.code));
        algorithm.is_some() && suites.into_iter().any(|suite| suite.key_exchange.authentication() == algorithm)
    };
    let signature_schemes: Vec<_> = offer.schemes.iter().flat_map(Codes::iter).filter(is_usable).collect();
    if signature_schemes.is_empty() {
        return Ok(None);
    }
    Ok(Some(ServerIdentityRequest {
        server_name: offer.server_name.map(Box::from),
        signature_schemes,
        certificate_types: offer.certificate_types.of_server(),
        application_protocols: application_protocols.iter().flat_map(ProtocolNames::iter).map(Box::from).collect(),
        wants_ocsp_response: offer.wants_ocsp_response,
        groups: offer.groups.map(|groups| groups.iter().collect()),
    }))
}

/// What a hello must have, whatever it offers.
pub(crate) struct Basics {
    extended_master_secret: bool,
    secure_renegotiation: bool,
}

/// Looks at what comes before every choice.
pub(crate) fn check(hello: &ClientHello<'_>, config: &ServerConfig) -> Result<Basics, Error> {
    check_version(hello)?;
    if !hello.compression_methods.contains(&NULL_COMPRESSION) {
        return Err(PeerMisbehaved::ClientOffersNoNullCompression.into());
    }
    let extended_master_secret = check_extended_master_secret(&hello.extensions, &config.common)?;
    Ok(Basics { extended_master_secret, secure_renegotiation: offers_secure_renegotiation(hello)? })
}

/// Chooses for a server; its own order of preference rules.
pub(crate) fn select<'c>(
    hello: &ClientHello<'_>,
    basics: &Basics,
    promises_ticket: bool,
    identities: Identities<'c>,
    config: &'c ServerConfig,
    seed: &mut Seed,
) -> Result<Selection<'c>, Error> {
    // 1. Suite, group, certificate and scheme, which depend on one another.
    let offer = CryptoOffer::read(hello)?;
    let (suite, key_exchange) = offer.select(identities, config)?;

    // 2. What the application cares for.
    let server_name = hello.extensions.server_name()?.map(Box::from);
    let terms = Terms::select(&hello.extensions, &config.common, seed)?;

    // 3. The answer holds only what was asked.
    let mut extensions = ExtensionWriter::new();
    if basics.secure_renegotiation {
        extensions.renegotiation_info(&[]);
    }
    // RFC 6066 section 3: the answer says that the name was used. Some clients fail on it, so that it is not given for
    // nothing: pion/dtls 2.2.6 takes it for a list of names without content.
    let chose_identity = |name: &str| match &key_exchange {
        ServerKeyExchangeChoice::Signed(SignedExchange { identity, .. }) => identity.is_for(name) == Some(true),
        ServerKeyExchangeChoice::EcdhePsk { .. } | ServerKeyExchangeChoice::Psk { .. } => false,
    };
    if server_name.as_deref().is_some_and(chose_identity) {
        extensions.empty(ExtensionType::SERVER_NAME);
    }
    if hello.extensions.find(ExtensionType::EC_POINT_FORMATS).is_some() {
        extensions.ec_point_formats();
    }
    write_answer(&mut extensions, basics, &terms, promises_ticket);
    if let ServerKeyExchangeChoice::Signed(SignedExchange { identity, request, ocsp_response, .. }) = &key_exchange {
        if ocsp_response.is_some() {
            extensions.empty(ExtensionType::STATUS_REQUEST);
        }
        let asked_for = request.map(|request| request.certificate_type);
        offer.certificate_types.answer(identity.certificate_type(), asked_for, &mut extensions);
    }
    let extended_master_secret = basics.extended_master_secret;
    let choice = ServerChoice { suite, extended_master_secret, terms, server_name };
    Ok(Selection { choice, key_exchange, extensions: extensions.finish()? })
}

/// What a server says anew where it takes a session up.
pub(crate) struct ResumptionAnswer {
    pub(crate) terms: Terms,
    pub(crate) extensions: ExtensionBlock,
}

/// What a server answers that takes a session up again: what belongs to a connection is negotiated for each. The
/// server_name is that of the session, and is not acknowledged (RFC 6066 section 3).
pub(crate) fn answer_resumption(
    hello: &ClientHello<'_>,
    basics: &Basics,
    promises_ticket: bool,
    config: &ServerConfig,
    seed: &mut Seed,
) -> Result<ResumptionAnswer, Error> {
    let terms = Terms::select(&hello.extensions, &config.common, seed)?;
    let mut extensions = ExtensionWriter::new();
    if basics.secure_renegotiation {
        extensions.renegotiation_info(&[]);
    }
    write_answer(&mut extensions, basics, &terms, promises_ticket);
    Ok(ResumptionAnswer { terms, extensions: extensions.finish()? })
}

/// The end of both answers.
fn write_answer(extensions: &mut ExtensionWriter, basics: &Basics, terms: &Terms, promises_ticket: bool) {
    if basics.extended_master_secret {
        extensions.empty(ExtensionType::EXTENDED_MASTER_SECRET);
    }
    terms.answer(extensions);
    if promises_ticket {
        extensions.session_ticket(&[]);
    }
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
    certificate_types: OfferedTypes<'a>,
    wants_ocsp_response: bool,
    server_name: Option<&'a str>,
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
            certificate_types: OfferedTypes::read(&hello.extensions)?,
            wants_ocsp_response: hello.extensions.requests_ocsp_response()?,
            server_name: hello.extensions.server_name()?,
        })
    }

    /// The first suite of ours that the client offers and that can be used with it. Where it wants to see a certificate,
    /// the best one decides which suites come into question.
    fn select<'c>(
        &self,
        identities: Identities<'c>,
        config: &'c ServerConfig,
    ) -> Result<(&'static Suite, ServerKeyExchangeChoice<'c>), Error> {
        let group = config.common.provider.groups.iter().copied().find(|group| self.offers_group(group.code()));
        let candidates = identities.candidates(self.server_name, config);
        let is_unknown = config.require_known_name && self.server_name.is_some() && candidates.is_empty();
        if is_unknown && group.is_some() && config.preshared_keys.is_none() {
            return Err(PeerIncompatible::UnrecognizedName.into());
        }
        let certificate = group.and_then(|_| self.select_certificate(&candidates, config));
        for suite in config.common.suites.iter().copied().filter(|suite| self.suites.contains(suite.code)) {
            let choice = match (suite.key_exchange, group, &config.preshared_keys) {
                (KeyExchange::Ecdhe(_), Some(group), _) => match certificate {
                    Some((chosen, identity, scheme)) if chosen.code == suite.code => {
                        let request = self.certificate_types.request(&config.client_certificate)?;
                        let ocsp_response = identity.ocsp_response().filter(|_| self.wants_ocsp_response);
                        let exchange = SignedExchange { group, identity, scheme, request, ocsp_response };
                        Some(ServerKeyExchangeChoice::Signed(exchange))
                    }
                    _ => None,
                },
                (KeyExchange::EcdhePsk, Some(group), Some(keys)) => {
                    Some(ServerKeyExchangeChoice::EcdhePsk { group, keys })
                }
                (KeyExchange::Psk, _, Some(keys)) => Some(ServerKeyExchangeChoice::Psk { keys }),
                _ => None,
            };
            if let Some(choice) = choice {
                return Ok((suite, choice));
            }
        }
        let needs_group = config.common.suites.iter().any(|suite| suite.key_exchange.is_ephemeral());
        Err(match group {
            None if needs_group => PeerIncompatible::NoCommonGroup.into(),
            _ if self.lacks_type_only(&candidates, config) => PeerIncompatible::NoCommonCertificateType.into(),
            _ => PeerIncompatible::NoCommonCipherSuite.into(),
        })
    }

    /// Whether the client wants to see a certificate, and there are some, but none of a type that it can judge (RFC 7250
    /// section 4.2).
    fn lacks_type_only(&self, candidates: &[&Identity], config: &ServerConfig) -> bool {
        let certificate_suites =
            config.common.suites.iter().filter(|suite| suite.key_exchange.authentication().is_some());
        let wants_one = certificate_suites.into_iter().any(|suite| self.suites.contains(suite.code));
        wants_one && !candidates.is_empty() && !candidates.iter().any(|identity| self.allows(identity))
    }

    fn allows(&self, identity: &Identity) -> bool {
        self.certificate_types.allows_server(identity.certificate_type())
    }

    /// The best certificate for the client, and with it the first suite of ours that the client offers and for which a
    /// signature scheme is there as well (RFC 8422 section 5.1, RFC 5246 section 7.4.3); `None` if no suite with
    /// certificates can be used.
    fn select_certificate<'c>(
        &self,
        candidates: &[&'c Identity],
        config: &ServerConfig,
    ) -> Option<(&'static Suite, &'c Identity, SignatureScheme)> {
        let mut candidates: Vec<&'c Identity> =
            candidates.iter().copied().filter(|identity| self.allows(identity)).collect();
        // The sort is stable: among equals the order of the configuration stands.
        candidates.sort_by_key(|identity| self.rank(identity));
        // The right name, and a chain that can be checked, count for more than the best suite.
        for equals in candidates.chunk_by(|one, other| self.rank(one) == self.rank(other)) {
            for suite in config.common.suites.iter().copied().filter(|suite| self.suites.contains(suite.code)) {
                let has_key =
                    |identity: &&&Identity| Some(identity.key.algorithm()) == suite.key_exchange.authentication();
                for identity in equals.iter().filter(has_key) {
                    if let Some(scheme) = self.scheme_for(identity) {
                        return Some((suite, identity, scheme));
                    }
                }
            }
        }
        None
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
        (name, !identity.is_signed_by_any(offered))
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
