//! The server's side of a DTLS 1.2 handshake, from the top of RFC 6347 Figure 1 to its bottom.
//!
//! The cookie exchange is over before a server connection exists: the hello gate of the endpoint does it without
//! state, and the proof it makes is what a connection is built from.
//!
//! ```text
//!   client                                             server
//!
//!   ClientHello (cookie)     ------------------------>          AwaitClientHello, AwaitSession, AwaitIdentity
//!                            <--------          ServerHello
//!                                             [Certificate]
//!                                       [CertificateStatus]
//!                                       [ServerKeyExchange]     AwaitSignature
//!                                      [CertificateRequest]
//!                                           ServerHelloDone
//!   [Certificate]            ------------------------>          AwaitCertificate
//!   ClientKeyExchange        ------------------------>          AwaitClientKeyExchange
//!   [CertificateVerify]      ------------------------>          AwaitCertificateVerify, AwaitVerdict
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>          AwaitFinished
//!                            <--------   [ChangeCipherSpec]
//!                                                  Finished
//!
//!   application data         <----------------------->          Connected
//! ```
//!
//! `AwaitSession`, `AwaitIdentity`, `AwaitSignature`, `AwaitVerdict` and `AwaitPresharedKey` wait for a decision of the
//! application's, not for a message; where it is made at once they are passed through.

mod preshared_key;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::preshared_key::{AwaitEcdhePskKeyExchange, AwaitPresharedKey, AwaitPskKeyExchange};
use super::certificate_type::CredentialRequest;
use super::credential::{Certificate, ExpectedPeer, PeerCredential, RawPublicKey};
use super::negotiate::{
    self, Basics, Identities, ResumptionAnswer, Selection, ServerChoice, ServerKeyExchangeChoice, SignedExchange,
};
use super::resume::{self, Found, FoundSession, ServerKeep, SessionReference};
use super::{Connected, Cx, Keys, Refusal, State as AnyState, refuse_hello, step, unexpected, verify_finished};
use crate::code::{CertificateType, HandshakeType, ProtocolVersion, SignatureScheme};
use crate::config::{ClientCertificate, Identity, ServerConfig};
use crate::crypto::{
    EphemeralKey, KeyBlock, MasterSecret, Randoms, SignatureAlgorithms, Suite, Transcript, VERIFY_DATA_LEN,
};
use crate::decision::{Answer, Decision, Reply};
use crate::error::{CertificateError, CryptoError, Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::proof::{PeerProof, PeerVerified, SignatureVerified};
use crate::resumption::{ServerSession, SessionId};
use crate::role::Role;
use crate::session::Session;
use crate::verify::{HandshakeSignature, PeerVerifier};
use crate::wire::certificate::CertificateVerify;
use crate::wire::certificate_status::CertificateStatus;
use crate::wire::extension::ExtensionBlock;
use crate::wire::finished::Finished;
use crate::wire::hello::{ClientHello, HelloPrefix, ServerHello};
use crate::wire::key_exchange::{ClientKeyExchange, SignedKey};
use crate::wire::ticket::NewSessionTicket;

type Negotiated = negotiate::Negotiated<ServerKeep>;

/// Which message, or which decision, the server waits for.
pub(crate) enum State {
    ClientHello(Box<AwaitClientHello>),
    Session(Box<AwaitSession>),
    Identity(Box<AwaitIdentity>),
    Signature(Box<AwaitSignature>),
    Certificate(Box<AwaitCertificate>),
    ClientKeyExchange(Box<AwaitClientKeyExchange>),
    CertificateVerify(Box<AwaitCertificateVerify>),
    Verdict(Box<AwaitVerdict>),
    PskKeyExchange(Box<AwaitPskKeyExchange>),
    EcdhePskKeyExchange(Box<AwaitEcdhePskKeyExchange>),
    PresharedKey(Box<AwaitPresharedKey>),
    Finished(Box<AwaitFinished>),
}

impl State {
    pub(super) fn on_message(self, message: &Message, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        // A client that was sent several cookies has answered them all, and repeats the last hello until our answer to an
        // earlier one reaches it. It has the message_seq of a message that is due then or later, and means nothing.
        if self.client_random().is_some_and(|random| is_hello_with(message, random)) {
            return Err(Refusal::Ignore(AnyState::Server12(self)));
        }
        match self {
            Self::ClientHello(state) => step(state, message, cx, AwaitClientHello::on_client_hello),
            Self::Certificate(state) if state.certificate_type == CertificateType::RAW_PUBLIC_KEY => {
                step::<_, RawPublicKey<'_>, _>(state, message, cx, AwaitCertificate::on_credential)
            }
            Self::Certificate(state) => {
                step::<_, Certificate<'_>, _>(state, message, cx, AwaitCertificate::on_credential)
            }
            Self::ClientKeyExchange(state) => step(state, message, cx, AwaitClientKeyExchange::on_client_key_exchange),
            Self::CertificateVerify(state) => step(state, message, cx, AwaitCertificateVerify::on_certificate_verify),
            Self::PskKeyExchange(state) => step(state, message, cx, AwaitPskKeyExchange::on_client_key_exchange),
            Self::EcdhePskKeyExchange(state) => {
                step(state, message, cx, AwaitEcdhePskKeyExchange::on_client_key_exchange)
            }
            // Messages wait while a decision is open.
            Self::Session(_) | Self::Identity(_) | Self::Signature(_) | Self::Verdict(_) | Self::PresharedKey(_) => {
                Err(Refusal::Ignore(AnyState::Server12(self)))
            }
            Self::Finished(state) => step(state, message, cx, AwaitFinished::on_finished),
        }
    }

    pub(super) fn on_answer(self, answer: Answer, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        match (self, answer) {
            (Self::Session(state), Answer::Session(session)) => (*state).on_session(session, cx),
            (Self::Identity(state), Answer::Identity(identity)) => (*state).on_identity(identity.as_ref(), cx),
            (Self::Signature(state), Answer::Signature(signature)) => Ok((*state).on_signature(signature, cx)?),
            (Self::Verdict(state), Answer::Peer(verdict)) => (*state).on_verdict(verdict, cx),
            (Self::PresharedKey(state), Answer::PresharedKey(key)) => state.on_key(key, cx),
            (state, _) => Err(Refusal::Misuse(AnyState::Server12(state))),
        }
    }

    /// The random of the hello that was answered, while a plaintext message is due.
    const fn client_random(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Certificate(state) => Some(&state.negotiated.randoms.client),
            Self::ClientKeyExchange(state) => Some(&state.negotiated.randoms.client),
            Self::CertificateVerify(state) => Some(&state.agreed.negotiated.randoms.client),
            Self::PskKeyExchange(state) => Some(&state.psk.negotiated.randoms.client),
            Self::EcdhePskKeyExchange(state) => Some(&state.psk.negotiated.randoms.client),
            Self::ClientHello(_)
            | Self::Session(_)
            | Self::Identity(_)
            | Self::Signature(_)
            | Self::Verdict(_)
            | Self::PresharedKey(_)
            | Self::Finished(_) => None,
        }
    }

    pub(super) const fn relies_on_psk(&self) -> bool {
        matches!(self, Self::Finished(state) if matches!(state.ending.proof, PeerProof::Psk))
    }

    pub(super) const fn expected(&self) -> HandshakeType {
        match self {
            Self::ClientHello(_) => HandshakeType::CLIENT_HELLO,
            // What comes after a decision depends on it.
            Self::Session(_) | Self::Identity(_) | Self::Signature(_) | Self::Certificate(_) => {
                HandshakeType::CERTIFICATE
            }
            Self::ClientKeyExchange(_) | Self::PskKeyExchange(_) | Self::EcdhePskKeyExchange(_) => {
                HandshakeType::CLIENT_KEY_EXCHANGE
            }
            Self::CertificateVerify(_) => HandshakeType::CERTIFICATE_VERIFY,
            Self::Verdict(_) | Self::PresharedKey(_) | Self::Finished(_) => HandshakeType::FINISHED,
        }
    }
}

/// Waits for the hello of a client whose address is known to be real: the one with this random, if a cookie says so.
pub(crate) fn start(config: Arc<ServerConfig>, random: Option<[u8; 32]>) -> AnyState {
    Box::new(AwaitClientHello { config, random }).into()
}

/// The address is real; the hello itself comes next.
pub(crate) struct AwaitClientHello {
    config: Arc<ServerConfig>,
    /// The random of the hello whose cookie was good; `None` where the transport vouches for the address.
    random: Option<[u8; 32]>,
}

impl AwaitClientHello {
    fn on_client_hello(
        self: Box<Self>,
        hello: ClientHello<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // A hello with another random is not the one that the cookie vouches for.
        if self.random.is_some_and(|random| random != hello.random) {
            return Err(Refusal::Ignore(self.into()));
        }

        let basics = match negotiate::check(&hello, &self.config) {
            Ok(basics) => basics,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        match resume::find(&hello, &self.config) {
            Found::Nothing => self.answer(&hello, &basics, None, message, cx),
            Found::Session(found) => self.answer(&hello, &basics, Some(*found), message, cx),
            Found::Later(id) => {
                // What does not parse shows now, while a better hello may still come.
                if let Err(error) = negotiate::server_identity_request(&hello, &self.config) {
                    return Err(refuse_hello(self, message, error));
                }
                cx.suspend(Decision::Session { id });
                Ok(Box::new(AwaitSession { hello: self, id, message: message.clone() }).into())
            }
        }
    }

    /// Takes the session up again, if there is one and it may be; else begins a new one.
    fn answer(
        self: Box<Self>,
        hello: &ClientHello<'_>,
        basics: &Basics,
        found: Option<FoundSession>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        if let Some(found) = found {
            match resume::may_take_up(&found.saved, hello, &self.config, cx.now) {
                Ok(Some(suite)) => return self.take_up(hello, basics, found, suite, message, cx),
                Ok(None) => {}
                Err(error) => return Err(refuse_hello(self, message, error)),
            }
        }

        // Else a new one, for which it may have to be found out who to be.
        let Some(chooser) = &self.config.identities_by else {
            return self.begin(hello, basics, None, message, cx);
        };
        let chosen = match negotiate::server_identity_request(hello, &self.config) {
            Ok(Some(request)) => match chooser.choose(&request) {
                Reply::Now(identity) => identity,
                Reply::Later => {
                    cx.suspend(Decision::ServerIdentity(request));
                    return Ok(Box::new(AwaitIdentity { hello: self, message: message.clone() }).into());
                }
            },
            Ok(None) => None,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        self.begin(hello, basics, chosen.as_ref(), message, cx)
    }

    /// Begins a new session, as `chosen` if somebody chooses.
    fn begin(
        self: Box<Self>,
        hello: &ClientHello<'_>,
        basics: &Basics,
        chosen: Option<&Arc<Identity>>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // 1. Choose.
        let keep = ServerKeep::choose(hello, &self.config, cx.now, cx.seed);
        let promises_ticket = matches!(keep, ServerKeep::Ticket { .. });
        let identities = match &self.config.identities_by {
            Some(_) => Identities::Chosen(chosen),
            None => Identities::Configured(&self.config.identities),
        };
        let config = &self.config;
        let selection = match negotiate::select(hello, basics, promises_ticket, identities, config, cx.seed) {
            Ok(selection) => selection,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        let Selection { choice, key_exchange, extensions } = selection;
        if let ServerKeep::Id { sessions, id, .. } = &keep {
            cx.remember(SessionReference::Server(sessions.clone(), *id));
        }

        // 2. ServerHello.
        cx.use_terms(&choice.terms);
        let session_id = keep.session_id().to_vec();
        let extended_master_secret = choice.extended_master_secret;
        let hellos = Hellos { client: hello, message, suite: choice.suite, extended_master_secret, keep };
        let negotiated = hellos.answer(&self.config, &session_id, &extensions, cx)?;

        // 3. The rest of the flight depends on the key exchange.
        let opened = Opened { config: self.config.clone(), choice, negotiated };
        Ok(match key_exchange {
            ServerKeyExchangeChoice::Signed(exchange) => opened.show_certificate(&exchange, cx)?,
            ServerKeyExchangeChoice::EcdhePsk { group, keys } => opened.use_ephemeral_psk(group, keys.clone(), cx)?,
            ServerKeyExchangeChoice::Psk { keys } => opened.use_plain_psk(keys.clone(), cx)?,
        })
    }

    /// ServerHello with the client's id, perhaps NewSessionTicket, ChangeCipherSpec, Finished; the client's follows.
    fn take_up(
        self: Box<Self>,
        hello: &ClientHello<'_>,
        basics: &Basics,
        found: FoundSession,
        suite: &'static Suite,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let FoundSession { saved, keep, reference } = found;
        let promises_ticket = matches!(keep, ServerKeep::Ticket { .. });
        let answer = negotiate::answer_resumption(hello, basics, promises_ticket, &self.config, cx.seed);
        let ResumptionAnswer { terms, extensions } = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        if let Some(reference) = reference {
            cx.remember(reference);
        }
        cx.use_terms(&terms);
        let hellos = Hellos { client: hello, message, suite, extended_master_secret: true, keep };
        let mut negotiated = hellos.answer(&self.config, hello.session_id, &extensions, cx)?;
        negotiated.transcript.commit(suite.hash);

        let master = saved.master.clone();
        negotiated.log(&master);
        let mut session = saved.into_session();
        terms.enter(&mut session);
        give_ticket(&mut negotiated, &session, &master, cx)?;
        let block = master.key_block(suite, &negotiated.randoms);
        let finished = negotiated.finished(&master, Role::Server);
        cx.change_cipher_spec(Keys { suite, block: block.clone(), writer: Role::Server });
        cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);
        let (proof, order) = (PeerProof::Resumed, Order::ServerFirst);
        Ok(Ending { negotiated, session, master, block, proof, order }.await_finished(cx))
    }
}

/// The application looks for the session.
pub(crate) struct AwaitSession {
    hello: Box<AwaitClientHello>,
    id: SessionId,
    /// The hello, once more.
    message: Message,
}

impl AwaitSession {
    fn on_session(self, session: Option<ServerSession>, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        let Self { hello: state, id, message } = self;
        let hello = ClientHello::decode(&message.body).map_err(Error::from)?;
        let basics = negotiate::check(&hello, &state.config)?;
        let sessions = state.config.sessions.clone();
        let found =
            session.zip(sessions).map(|(ServerSession(saved), sessions)| FoundSession::by_id(saved, id, &sessions));
        state.answer(&hello, &basics, found, &message, cx)
    }
}

/// The application chooses who to be.
pub(crate) struct AwaitIdentity {
    hello: Box<AwaitClientHello>,
    /// The hello, once more.
    message: Message,
}

impl AwaitIdentity {
    fn on_identity(self, identity: Option<&Arc<Identity>>, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        let Self { hello: state, message } = self;
        let hello = ClientHello::decode(&message.body).map_err(Error::from)?;
        let basics = negotiate::check(&hello, &state.config)?;
        state.begin(&hello, &basics, identity, &message, cx)
    }
}

/// What a ServerHello answers, and with which choice.
struct Hellos<'a> {
    client: &'a ClientHello<'a>,
    message: &'a Message,
    suite: &'static Suite,
    extended_master_secret: bool,
    keep: ServerKeep,
}

impl Hellos<'_> {
    /// Begins the flight with ServerHello.
    fn answer(
        self,
        config: &ServerConfig,
        session_id: &[u8],
        extensions: &ExtensionBlock,
        cx: &mut Cx<'_>,
    ) -> Result<Negotiated, Error> {
        let Self { client, message, suite, extended_master_secret, keep } = self;
        let randoms = Randoms { client: client.random, server: cx.seed.next(b"server random") };
        let mut transcript = Transcript::new();
        transcript.add(HandshakeType::CLIENT_HELLO, message.message_seq, &message.body);
        // It has the message_seq of the hello it answers: there may have been HelloVerifyRequests, and nobody counted
        // them (RFC 6347 section 4.2.2).
        *cx.next_message_seq = message.message_seq;
        let hello = ServerHello {
            version: ProtocolVersion::DTLS_1_2,
            random: randoms.server,
            session_id,
            cipher_suite: suite.code,
            compression_method: 0,
            extensions: extensions.as_extensions(),
        };
        cx.begin_flight();
        cx.send(HandshakeType::SERVER_HELLO, hello.encode()?, &mut transcript);
        let key_log = config.common.key_log.clone();
        Ok(Negotiated { suite, randoms, extended_master_secret, transcript, key_log, keep })
    }
}

/// NewSessionTicket, if one was promised.
fn give_ticket(
    negotiated: &mut Negotiated,
    session: &Session,
    master: &MasterSecret,
    cx: &mut Cx<'_>,
) -> Result<(), Error> {
    if let Some((ticket, lifetime_hint)) = negotiated.keep.ticket(session, master, cx.seed) {
        let body = NewSessionTicket { lifetime_hint, ticket: &ticket }.encode()?;
        cx.send(HandshakeType::NEW_SESSION_TICKET, body, &mut negotiated.transcript);
    }
    Ok(())
}

/// ServerHello is said, and the rest of the flight is not.
struct Opened {
    config: Arc<ServerConfig>,
    choice: ServerChoice,
    negotiated: Negotiated,
}

impl Opened {
    /// Certificate, perhaps CertificateStatus, ServerKeyExchange, perhaps CertificateRequest, ServerHelloDone.
    fn show_certificate(self, exchange: &SignedExchange<'_>, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let Self { config, choice, mut negotiated } = self;
        let SignedExchange { group, identity, scheme, request, ocsp_response } = *exchange;
        // A CertificateVerify signs the messages themselves (RFC 5246 section 7.4.8).
        if request.is_none() {
            negotiated.transcript.commit(negotiated.suite.hash);
        }

        // 1. Certificate: the whole chain, or the raw public key. CertificateStatus right behind it (RFC 6066 section 8).
        cx.send(HandshakeType::CERTIFICATE, identity.encode()?, &mut negotiated.transcript);
        if let Some(ocsp_response) = ocsp_response {
            let status = CertificateStatus { ocsp_response }.encode()?;
            cx.send(HandshakeType::CERTIFICATE_STATUS, status, &mut negotiated.transcript);
        }

        // 2. ServerKeyExchange: a fresh key, signed.
        let key = group.generate(cx.seed)?;
        let params = SignedKey::encode_params(group.code(), key.public_key())?;
        let signed = negotiate::signed_params(&negotiated.randoms, &params);
        let signature = identity.key.sign_now_or_later(scheme, &signed, cx.seed);
        let session = choice.into_session(Some(group.code()));
        let asked_for = request.map(|request| request.certificate_type);
        let waiting = AwaitSignature { config, negotiated, session, key, params, scheme, asked_for };
        match signature {
            Reply::Now(signature) => waiting.on_signature(signature, cx),
            Reply::Later => {
                cx.suspend(Decision::Signature { public_key: identity.key.public_key(), scheme, message: signed });
                Ok(Box::new(waiting).into())
            }
        }
    }
}

/// ServerKeyExchange wants to be signed.
pub(crate) struct AwaitSignature {
    config: Arc<ServerConfig>,
    negotiated: Negotiated,
    session: Session,
    key: Box<dyn EphemeralKey>,
    /// What will be signed, but for the randoms.
    params: Vec<u8>,
    scheme: SignatureScheme,
    /// What the client will be asked for, if for anything.
    asked_for: Option<CertificateType>,
}

impl AwaitSignature {
    /// ServerKeyExchange, CertificateRequest if there is something to ask for, ServerHelloDone.
    fn on_signature(self, signature: Result<Vec<u8>, CryptoError>, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let Self { config, mut negotiated, session, key, params, scheme, asked_for } = self;
        let exchange = SignedKey::encode(&params, scheme, &signature?)?;
        cx.send(HandshakeType::SERVER_KEY_EXCHANGE, exchange, &mut negotiated.transcript);
        let request = asked_for.zip(config.client_certificate.verifier());
        if let Some((certificate_type, verifier)) = request {
            let request = CredentialRequest { certificate_type, verifier: &**verifier };
            let request = negotiate::certificate_request(request, &config)?;
            cx.send(HandshakeType::CERTIFICATE_REQUEST, request, &mut negotiated.transcript);
        }
        cx.send(HandshakeType::SERVER_HELLO_DONE, Vec::new(), &mut negotiated.transcript);
        Ok(match asked_for {
            Some(certificate_type) => {
                Box::new(AwaitCertificate { config, negotiated, session, key, certificate_type }).into()
            }
            None => {
                let client = ClientAuthentication::None;
                Box::new(AwaitClientKeyExchange { negotiated, session, key, client }).into()
            }
        })
    }
}

/// Our flight is out, and asks for a certificate or a raw public key; the client shows one, or none.
pub(crate) struct AwaitCertificate {
    config: Arc<ServerConfig>,
    negotiated: Negotiated,
    session: Session,
    key: Box<dyn EphemeralKey>,
    certificate_type: CertificateType,
}

impl AwaitCertificate {
    fn on_credential(
        self: Box<Self>,
        shown: impl Into<Option<PeerCredential>>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { config, mut negotiated, session, key, .. } = *self;
        negotiated.record(message);
        let client = match (shown.into(), &config.client_certificate) {
            // Without a certificate there is nothing to prove, and no CertificateVerify (RFC 5246 section 7.4.8).
            (None, ClientCertificate::Required(_)) => return Err(PeerIncompatible::ClientCertificateRequired.into()),
            (None, _) | (_, ClientCertificate::NotRequested) => {
                negotiated.transcript.commit(negotiated.suite.hash);
                ClientAuthentication::None
            }
            (Some(peer), ClientCertificate::Requested(verifier) | ClientCertificate::Required(verifier)) => {
                ClientAuthentication::Shown(ShownByClient {
                    peer,
                    verifier: verifier.clone(),
                    algorithms: config.common.provider.signatures,
                })
            }
        };
        Ok(Box::new(AwaitClientKeyExchange { negotiated, session, key, client }).into())
    }
}

/// What the client says of itself.
enum ClientAuthentication {
    /// Nothing: it was not asked, or has no certificate.
    None,
    /// A certificate or a raw public key, which it has to prove with a CertificateVerify.
    Shown(ShownByClient),
}

/// What the client showed, and what it is judged by.
struct ShownByClient {
    peer: PeerCredential,
    verifier: Arc<dyn PeerVerifier>,
    algorithms: SignatureAlgorithms,
}

/// The client's ephemeral key comes next.
pub(crate) struct AwaitClientKeyExchange {
    negotiated: Negotiated,
    session: Session,
    key: Box<dyn EphemeralKey>,
    client: ClientAuthentication,
}

impl AwaitClientKeyExchange {
    fn on_client_key_exchange(
        mut self: Box<Self>,
        exchange: ClientKeyExchange<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.negotiated.record(message);
        let Self { negotiated, session, key, client } = *self;
        let premaster = key.agree(exchange.public_key).map_err(|_| invalid_key(&session))?;
        // The session hash ends with ClientKeyExchange (RFC 7627 section 4).
        let master = negotiated.master_secret(&premaster);
        let agreed = Agreed { negotiated, session, master };
        Ok(match client {
            ClientAuthentication::None => agreed.await_finished(PeerProof::Anonymous, cx),
            ClientAuthentication::Shown(client) => Box::new(AwaitCertificateVerify { agreed, client }).into(),
        })
    }
}

/// What both sides know once the key exchange is over.
struct Agreed {
    negotiated: Negotiated,
    session: Session,
    master: MasterSecret,
}

impl Agreed {
    fn await_finished(self, proof: PeerProof, cx: &mut Cx<'_>) -> AnyState {
        let Self { negotiated, session, master } = self;
        let block = master.key_block(negotiated.suite, &negotiated.randoms);
        Ending { negotiated, session, master, block, proof, order: Order::ClientFirst }.await_finished(cx)
    }
}

/// The client showed a certificate; the proof that it holds the key comes next.
pub(crate) struct AwaitCertificateVerify {
    agreed: Agreed,
    client: ShownByClient,
}

impl AwaitCertificateVerify {
    fn on_certificate_verify(
        self: Box<Self>,
        verify: CertificateVerify<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { mut agreed, client: ShownByClient { peer, verifier, algorithms } } = *self;

        // 1. The client holds the key: it signed all messages before this one (RFC 5246 section 7.4.8).
        if !algorithms.iter().any(|(offered, _)| *offered == verify.scheme) {
            return Err(PeerMisbehaved::UnofferedSignatureScheme(verify.scheme).into());
        }
        let signed = HandshakeSignature {
            scheme: verify.scheme,
            message: agreed.negotiated.transcript.raw().unwrap_or_default(),
            signature: verify.signature,
            algorithms,
        };
        let signature = peer.verify_signature(&*verifier, signed)?;
        agreed.negotiated.record(message);
        agreed.negotiated.transcript.commit(agreed.negotiated.suite.hash);

        // 2. It is who it may be.
        let expected = ExpectedPeer { role: Role::Client, name: None, now: cx.now, algorithms };
        let verdict = peer.verify(&*verifier, &expected);
        let waiting = AwaitVerdict { agreed, peer, signature };
        match verdict {
            Reply::Now(verdict) => waiting.on_verdict(verdict, cx),
            Reply::Later => {
                cx.suspend(waiting.peer.decision(Role::Client, None));
                Ok(Box::new(waiting).into())
            }
        }
    }
}

/// The client holds the key of what it showed; the application judges who that is.
pub(crate) struct AwaitVerdict {
    agreed: Agreed,
    peer: PeerCredential,
    signature: SignatureVerified,
}

impl AwaitVerdict {
    fn on_verdict(self, verdict: Result<PeerVerified, CertificateError>, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        let Self { mut agreed, peer, signature } = self;
        let verified = verdict.map_err(Error::from)?;
        let proof = PeerProof::Certificate { _signature: signature, _peer: verified };
        peer.enter(&mut agreed.session);
        Ok(agreed.await_finished(proof, cx))
    }
}

/// The client's ephemeral key is none of the group's.
fn invalid_key(session: &Session) -> Error {
    match session.group {
        Some(group) => PeerMisbehaved::InvalidPublicKey(group).into(),
        None => CryptoError::KeyGeneration.into(),
    }
}

fn is_hello_with(message: &Message, random: &[u8; 32]) -> bool {
    message.msg_type == HandshakeType::CLIENT_HELLO
        && HelloPrefix::decode(&message.body).is_ok_and(|hello| hello.random == random)
}

/// Who sends its Finished first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// In a full handshake the client.
    ClientFirst,
    /// Where a session is taken up again, the server.
    ServerFirst,
}

/// All that the end of a handshake needs.
struct Ending {
    negotiated: Negotiated,
    session: Session,
    master: MasterSecret,
    /// The half of it that we write with may still be to be used.
    block: KeyBlock,
    proof: PeerProof,
    order: Order,
}

impl Ending {
    /// The client's Finished is the next message, and it is protected: from here on its plaintext says nothing.
    fn await_finished(self, cx: &mut Cx<'_>) -> AnyState {
        let expected = self.negotiated.finished(&self.master, Role::Client).verify_data;
        let block = self.block.clone();
        cx.install_read(Keys { suite: self.negotiated.suite, block, writer: Role::Client });
        Box::new(AwaitFinished { ending: self, expected }).into()
    }
}

/// The keys are agreed; the client's Finished comes next.
pub(crate) struct AwaitFinished {
    ending: Ending,
    expected: [u8; VERIFY_DATA_LEN],
}

impl AwaitFinished {
    fn on_finished(
        self: Box<Self>,
        finished: Finished,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // A Finished outside the new epoch proves nothing (FLT-20).
        if message.epoch == 0 {
            return Err(unexpected(self, message, HandshakeType::FINISHED));
        }
        let verified = verify_finished(finished, &self.expected)?;
        let Ending { mut negotiated, session, master, block, proof, order } = self.ending;

        // NewSessionTicket, ChangeCipherSpec and Finished: the last flight, which has no answer.
        if order == Order::ClientFirst {
            negotiated.record(message);
            cx.begin_flight();
            give_ticket(&mut negotiated, &session, &master, cx)?;
            let finished = negotiated.finished(&master, Role::Server);
            cx.change_cipher_spec(Keys { suite: negotiated.suite, block, writer: Role::Server });
            cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);
        }
        negotiated.keep.keep(&session, &master);
        let (exporter, _) = negotiated.into_exporter(master);
        Ok(AnyState::Connected(Connected::new(session, exporter, verified, proof)))
    }
}

into_state! { Server12:
    ClientHello(AwaitClientHello),
    Session(AwaitSession),
    Identity(AwaitIdentity),
    Signature(AwaitSignature),
    Certificate(AwaitCertificate),
    ClientKeyExchange(AwaitClientKeyExchange),
    CertificateVerify(AwaitCertificateVerify),
    Verdict(AwaitVerdict),
    PskKeyExchange(AwaitPskKeyExchange),
    EcdhePskKeyExchange(AwaitEcdhePskKeyExchange),
    PresharedKey(AwaitPresharedKey),
    Finished(AwaitFinished),
}
