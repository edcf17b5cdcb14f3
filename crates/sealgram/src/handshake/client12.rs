//! The client's side of a DTLS 1.2 handshake, from the top of RFC 6347 Figure 1 to its bottom.
//!
//! ```text
//!   client                                             server
//!
//!   ClientHello              ------------------------>          start
//!                            <--------   HelloVerifyRequest     AwaitServerHello
//!   ClientHello (cookie)     ------------------------>
//!                            <--------          ServerHello     AwaitServerHello
//!                            <--------          Certificate     AwaitCertificate
//!                            <--------   [CertificateStatus]    AwaitCertificateStatus
//!                            <--------    ServerKeyExchange     AwaitServerKeyExchange
//!                            <--------  [CertificateRequest]    AwaitCertificateRequest
//!                            <--------      ServerHelloDone     AwaitServerHelloDone, then see answer.rs
//!   [Certificate]
//!   ClientKeyExchange
//!   [CertificateVerify]
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//!                            <--------  [ChangeCipherSpec]
//!                            <--------             Finished     AwaitFinished
//!
//!   application data         <----------------------->          Connected
//! ```

mod answer;
mod preshared_key;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;

use self::answer::{AwaitIdentity, AwaitSignature, AwaitVerdict, ServerFlight};
use self::preshared_key::{AwaitEcdhePskKeyExchange, AwaitPskKeyExchange, AwaitPskServerHelloDone, PskExchange};
use super::certificate_type::CertificateTypes;
use super::credential::{Certificate, PeerCredential, RawPublicKey};
use super::negotiate::{self, ClientOffer, ServerAnswer, ServerChoice};
use super::resume::{ClientKeep, Offered, SessionReference};
use super::{
    Connected, Cx, Keys, Refusal, ServerHelloDone, State as AnyState, doubt, refuse_hello, step, unexpected,
    verify_finished,
};
use crate::cid::{ConnectionId, ConnectionIds};
use crate::code::{CertificateType, HandshakeType, NamedGroup, SignatureScheme};
use crate::config::{ClientConfig, ClientIdentityRequest};
use crate::crypto::{KeyAlgorithm, KeyBlock, KeyExchange, MasterSecret, Randoms, Transcript, VERIFY_DATA_LEN};
use crate::decision::Answer;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::proof::PeerProof;
use crate::resumption::SavedSession;
use crate::role::Role;
use crate::session::Session;
use crate::verify::PeerVerifier;
use crate::wire::certificate::CertificateRequest;
use crate::wire::certificate_status::CertificateStatus;
use crate::wire::finished::Finished;
use crate::wire::hello::{HelloVerifyRequest, ServerHello};
use crate::wire::key_exchange::{ServerKeyExchange, SignedKey};
use crate::wire::ticket::NewSessionTicket;

type Negotiated = negotiate::Negotiated<ClientKeep>;

/// Which message, or which decision, the client waits for.
pub(crate) enum State {
    ServerHello(Box<AwaitServerHello>),
    Certificate(Box<AwaitCertificate>),
    CertificateStatus(Box<AwaitCertificateStatus>),
    ServerKeyExchange(Box<AwaitServerKeyExchange>),
    CertificateRequest(Box<AwaitCertificateRequest>),
    ServerHelloDone(Box<AwaitServerHelloDone>),
    Verdict(Box<AwaitVerdict>),
    Identity(Box<AwaitIdentity>),
    Signature(Box<AwaitSignature>),
    PskKeyExchange(Box<AwaitPskKeyExchange>),
    EcdhePskKeyExchange(Box<AwaitEcdhePskKeyExchange>),
    PskServerHelloDone(Box<AwaitPskServerHelloDone>),
    NewSessionTicket(Box<AwaitNewSessionTicket>),
    Finished(Box<AwaitFinished>),
}

impl State {
    pub(super) fn on_message(self, message: &Message, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        match self {
            Self::ServerHello(state) if message.msg_type == HandshakeType::HELLO_VERIFY_REQUEST => {
                step(state, message, cx, AwaitServerHello::on_hello_verify_request)
            }
            Self::ServerHello(state) => step(state, message, cx, AwaitServerHello::on_server_hello),
            Self::Certificate(state) if state.opened.certificate_types.server == CertificateType::RAW_PUBLIC_KEY => {
                step::<_, RawPublicKey<'_>, _>(state, message, cx, AwaitCertificate::on_credential)
            }
            Self::Certificate(state) => {
                step::<_, Certificate<'_>, _>(state, message, cx, AwaitCertificate::on_credential)
            }
            Self::CertificateStatus(state) if message.msg_type == HandshakeType::CERTIFICATE_STATUS => {
                step(state, message, cx, AwaitCertificateStatus::on_certificate_status)
            }
            Self::CertificateStatus(state) => step(state, message, cx, AwaitCertificateStatus::on_server_key_exchange),
            Self::ServerKeyExchange(state) => step(state, message, cx, AwaitServerKeyExchange::on_server_key_exchange),
            Self::CertificateRequest(state) if message.msg_type == HandshakeType::CERTIFICATE_REQUEST => {
                step(state, message, cx, AwaitCertificateRequest::on_certificate_request)
            }
            Self::CertificateRequest(state) => step(state, message, cx, AwaitCertificateRequest::on_server_hello_done),
            Self::ServerHelloDone(state) => step(state, message, cx, AwaitServerHelloDone::on_server_hello_done),
            // Messages wait while a decision is open.
            Self::Verdict(_) | Self::Identity(_) | Self::Signature(_) => Err(Refusal::Ignore(AnyState::Client12(self))),
            // RFC 5246 section 7.4.4: who shows no certificate asks for none.
            Self::PskKeyExchange(_) | Self::EcdhePskKeyExchange(_) | Self::PskServerHelloDone(_)
                if message.msg_type == HandshakeType::CERTIFICATE_REQUEST =>
            {
                let error = PeerMisbehaved::CertificateRequestWithoutCertificate;
                Err(doubt(AnyState::Client12(self), message, error.into()))
            }
            Self::PskKeyExchange(state) if message.msg_type == HandshakeType::SERVER_KEY_EXCHANGE => {
                step(state, message, cx, AwaitPskKeyExchange::on_server_key_exchange)
            }
            Self::PskKeyExchange(state) => step(state, message, cx, AwaitPskKeyExchange::on_server_hello_done),
            Self::EcdhePskKeyExchange(state) => {
                step(state, message, cx, AwaitEcdhePskKeyExchange::on_server_key_exchange)
            }
            Self::PskServerHelloDone(state) => step(state, message, cx, AwaitPskServerHelloDone::on_server_hello_done),
            Self::NewSessionTicket(state) => step(state, message, cx, AwaitNewSessionTicket::on_new_session_ticket),
            Self::Finished(state) => step(state, message, cx, AwaitFinished::on_finished),
        }
    }

    pub(super) fn on_answer(self, answer: Answer, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        match (self, answer) {
            (Self::Verdict(state), Answer::Peer(verdict)) => Ok((*state).on_verdict(verdict, cx)?),
            (Self::Identity(state), Answer::Identity(identity)) => Ok((*state).on_identity(identity, cx)?),
            (Self::Signature(state), Answer::Signature(signature)) => Ok((*state).on_signature(signature, cx)?),
            (state, _) => Err(Refusal::Misuse(AnyState::Client12(state))),
        }
    }

    pub(super) const fn relies_on_psk(&self) -> bool {
        matches!(self, Self::Finished(state) if matches!(state.ending.proof, PeerProof::Psk))
    }

    pub(super) const fn expected(&self) -> HandshakeType {
        match self {
            Self::ServerHello(_) => HandshakeType::SERVER_HELLO,
            Self::Certificate(_) => HandshakeType::CERTIFICATE,
            Self::CertificateStatus(_) | Self::ServerKeyExchange(_) | Self::EcdhePskKeyExchange(_) => {
                HandshakeType::SERVER_KEY_EXCHANGE
            }
            Self::CertificateRequest(_)
            | Self::ServerHelloDone(_)
            | Self::PskKeyExchange(_)
            | Self::PskServerHelloDone(_) => HandshakeType::SERVER_HELLO_DONE,
            Self::NewSessionTicket(_) => HandshakeType::NEW_SESSION_TICKET,
            Self::Verdict(_) | Self::Identity(_) | Self::Signature(_) | Self::Finished(_) => HandshakeType::FINISHED,
        }
    }
}

/// Sends the first ClientHello.
///
/// # Errors
///
/// [`Error::Crypto`] if the configuration makes a hello that is too long to encode.
pub(crate) fn start(
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    cx: &mut Cx<'_>,
) -> Result<AnyState, Error> {
    let random = cx.seed.next(b"client random");
    let offered = Offered::choose(&config, &server_name, cx.now, cx.seed);
    if let (Some(_), Some(sessions)) = (&offered.session, &config.sessions) {
        cx.remember(SessionReference::Client(sessions.clone(), Box::new(server_name.clone())));
    }
    let generator = config.common.connection_ids.as_deref();
    let connection_id = generator.map(|generator| ConnectionId::generate(generator, cx.seed));
    if let Some(ours) = &connection_id {
        // The server's first records with it may overtake its ServerHello.
        cx.use_connection_ids(ConnectionIds::new(ours.clone(), ConnectionId::EMPTY));
    }
    let offer = ClientOffer::new(&config, &server_name, random, offered, connection_id)?;
    let hello = offer.encode(&[])?;
    cx.begin_flight();
    cx.send_unrecorded(HandshakeType::CLIENT_HELLO, hello.clone());
    let hellos = Vec::from([SentHello { cookie: Vec::new(), body: hello }]);
    Ok(Box::new(AwaitServerHello { config, server_name, offer, hellos }).into())
}

/// The hello is out; the server answers with a cookie or with its choice.
pub(crate) struct AwaitServerHello {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    offer: ClientOffer,
    /// Every hello sent; the place in the list is the message_seq.
    hellos: Vec<SentHello>,
}

struct SentHello {
    cookie: Vec<u8>,
    body: Vec<u8>,
}

impl AwaitServerHello {
    /// Answers a new cookie with the same hello and that cookie (RFC 6347 section 4.2.1).
    fn on_hello_verify_request(
        mut self: Box<Self>,
        request: HelloVerifyRequest<'_>,
        _: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // The version in a HelloVerifyRequest says nothing (HVR-05). A cookie that was answered before is a repeat; the
        // first hello answers none, not even an empty one.
        let answered = self.hellos.iter().skip(1).any(|hello| hello.cookie == request.cookie);
        if answered || self.hellos.len() > MAX_COOKIES {
            return Err(Refusal::Ignore(self.into()));
        }
        let body = self.offer.encode(request.cookie)?;
        cx.begin_flight();
        cx.send_unrecorded(HandshakeType::CLIENT_HELLO, body.clone());
        self.hellos.push(SentHello { cookie: request.cookie.into(), body });
        Ok(self.into())
    }

    fn on_server_hello(
        self: Box<Self>,
        hello: ServerHello<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let ServerAnswer { choice, certificate_types, may_staple } = match self.offer.check(&hello, &self.config) {
            Ok(answer) => answer,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        // A session is taken up again as it was (RFC 5246 section 7.4.1.3, RFC 7627 section 5.3).
        let resumed = self.offer.offered.accepted(hello.session_id).cloned();
        if let Some(saved) = &resumed {
            if saved.suite != choice.suite.code {
                return Err(PeerMisbehaved::ServerChangedResumedSuite(choice.suite.code).into());
            }
            if !choice.extended_master_secret {
                return Err(PeerIncompatible::ExtendedMasterSecretRequired.into());
            }
        }
        cx.use_terms(&choice.terms);
        let keep = ClientKeep {
            config: self.config.clone(),
            server_name: self.server_name.clone(),
            created: resumed.as_ref().map_or(cx.now.as_secs(), |saved| saved.created),
            // What is taken up again by its id is kept already.
            session_id: if resumed.is_none() { hello.session_id.to_vec() } else { Vec::new() },
            expects_ticket: hello.extensions.session_ticket().is_some(),
            ticket: None,
        };
        // The transcript starts with the ClientHello that the server answered: it mirrors its message_seq (RFC 6347
        // section 4.2.2). Hellos answered by HelloVerifyRequest stay out (section 4.2.6).
        let answered = message.message_seq.min(self.last_message_seq());
        let may_sign = choice.suite.key_exchange.authentication().is_some() && self.config.may_show();
        let mut transcript = Transcript::new();
        if let Some(sent) = self.hellos.get(usize::from(answered)) {
            transcript.add(HandshakeType::CLIENT_HELLO, answered, &sent.body);
        }
        // A server without state never learned of the hellos after the one it answered, and counts on from that one.
        *cx.next_message_seq = answered.saturating_add(1);
        transcript.add(HandshakeType::SERVER_HELLO, message.message_seq, &message.body);
        // A CertificateVerify signs the messages themselves (RFC 5246 section 7.4.8).
        if !may_sign {
            transcript.commit(choice.suite.hash);
        }
        let negotiated = Negotiated {
            suite: choice.suite,
            randoms: Randoms { client: self.offer.random, server: hello.random },
            extended_master_secret: choice.extended_master_secret,
            transcript,
            key_log: self.config.common.key_log.clone(),
            keep,
        };
        if let Some(saved) = resumed {
            return Ok(take_up(saved, choice, negotiated, cx));
        }
        let Self { config, server_name, .. } = *self;
        let suite = choice.suite;
        Ok(match (suite.key_exchange, &config.verifier, &config.preshared_key) {
            (KeyExchange::Ecdhe(_), Some(verifier), _) => {
                let verifier = verifier.clone();
                let opened = Opened { config, server_name, verifier, choice, certificate_types, negotiated };
                Box::new(AwaitCertificate { opened, may_staple }).into()
            }
            (KeyExchange::EcdhePsk, _, Some(key)) => {
                let exchange = PskExchange { key: key.clone(), choice, negotiated };
                Box::new(AwaitEcdhePskKeyExchange { config, exchange }).into()
            }
            (KeyExchange::Psk, _, Some(key)) => {
                Box::new(AwaitPskKeyExchange { exchange: PskExchange { key: key.clone(), choice, negotiated } }).into()
            }
            // It is not offered without what it takes.
            _ => return Err(PeerMisbehaved::ServerSelectedUnofferedSuite(suite.code).into()),
        })
    }

    /// The message_seq of the latest hello.
    fn last_message_seq(&self) -> u16 {
        u16::try_from(self.hellos.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }
}

/// A handshake in which the server shows something, as ServerHello left it.
struct Opened {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    verifier: Arc<dyn PeerVerifier>,
    choice: ServerChoice,
    certificate_types: CertificateTypes,
    negotiated: Negotiated,
}

/// The server has chosen; its certificate or its raw public key comes next.
pub(crate) struct AwaitCertificate {
    opened: Opened,
    /// Whether the server said that an OCSP response may follow.
    may_staple: bool,
}

impl AwaitCertificate {
    fn on_credential(
        self: Box<Self>,
        shown: impl Into<Option<PeerCredential>>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // RFC 5246 section 7.4.2: the server's list is never empty.
        let peer = shown.into().ok_or(PeerMisbehaved::EmptyCertificateList)?;
        let Self { mut opened, may_staple } = *self;
        opened.negotiated.record(message);
        // To a raw public key nothing is stapled: there is no issuer who could revoke it.
        Ok(if may_staple && opened.certificate_types.server == CertificateType::X509 {
            Box::new(AwaitCertificateStatus { opened, peer }).into()
        } else {
            Box::new(AwaitServerKeyExchange { opened, peer }).into()
        })
    }
}

/// The server may staple an OCSP response to its certificate, or go on without, though it said it would (RFC 6066
/// section 8).
pub(crate) struct AwaitCertificateStatus {
    opened: Opened,
    peer: PeerCredential,
}

impl AwaitCertificateStatus {
    fn on_certificate_status(
        self: Box<Self>,
        status: CertificateStatus<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { mut opened, mut peer } = *self;
        peer.staple(status.ocsp_response);
        opened.negotiated.record(message);
        Ok(Box::new(AwaitServerKeyExchange { opened, peer }).into())
    }

    fn on_server_key_exchange(
        self: Box<Self>,
        exchange: ServerKeyExchange<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { opened, peer } = *self;
        Box::new(AwaitServerKeyExchange { opened, peer }).on_server_key_exchange(exchange, message, cx)
    }
}

/// The server's signed ephemeral key comes next.
pub(crate) struct AwaitServerKeyExchange {
    opened: Opened,
    peer: PeerCredential,
}

impl AwaitServerKeyExchange {
    fn on_server_key_exchange(
        self: Box<Self>,
        exchange: ServerKeyExchange<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { mut opened, peer } = *self;
        let server_key = SignedServerKey::check(&exchange, &opened.config, &opened.negotiated)?;
        opened.negotiated.record(message);
        Ok(Box::new(AwaitCertificateRequest { flight: ServerFlight { opened, peer, server_key } }).into())
    }
}

/// The server's ephemeral key, of a group that we offered, under a scheme that we offered and that fits the suite. The
/// signature itself is checked when the flight is complete.
struct SignedServerKey {
    group: NamedGroup,
    public_key: Vec<u8>,
    scheme: SignatureScheme,
    signature: Vec<u8>,
    /// What was signed: both randoms and the parameters as they were sent (RFC 5246 section 7.4.3).
    signed: Vec<u8>,
}

impl SignedServerKey {
    fn check(exchange: &ServerKeyExchange<'_>, config: &ClientConfig, negotiated: &Negotiated) -> Result<Self, Error> {
        let ServerKeyExchange::Named(SignedKey { params, group, public_key, scheme, signature }) = *exchange else {
            return Err(PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup.into());
        };
        let provider = config.common.provider;
        if provider.group(group).is_none() {
            return Err(PeerMisbehaved::ServerSelectedUnofferedGroup(group).into());
        }
        if !provider.signatures.iter().any(|(offered, _)| *offered == scheme) {
            return Err(PeerMisbehaved::UnofferedSignatureScheme(scheme).into());
        }
        if KeyAlgorithm::of(scheme) != negotiated.suite.key_exchange.authentication() {
            return Err(PeerMisbehaved::UnsuitableSignatureScheme(scheme).into());
        }
        let signed = negotiate::signed_params(&negotiated.randoms, params);
        Ok(Self { group, public_key: public_key.into(), scheme, signature: signature.into(), signed })
    }
}

/// The server may ask for a certificate, or end its flight.
pub(crate) struct AwaitCertificateRequest {
    flight: ServerFlight,
}

impl AwaitCertificateRequest {
    fn on_certificate_request(
        mut self: Box<Self>,
        request: CertificateRequest<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Opened { server_name, certificate_types, negotiated, .. } = &mut self.flight.opened;
        negotiated.record(message);
        let request = negotiate::client_identity_request(&request, certificate_types.client, server_name);
        Ok(Box::new(AwaitServerHelloDone { flight: self.flight, request }).into())
    }

    fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.flight.judge(None, message, cx)?)
    }
}

/// The server asked for a certificate; its flight ends next.
pub(crate) struct AwaitServerHelloDone {
    flight: ServerFlight,
    request: ClientIdentityRequest,
}

impl AwaitServerHelloDone {
    fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.flight.judge(Some(self.request), message, cx)?)
    }
}

/// ChangeCipherSpec and Finished, under the new keys.
fn finish_flight(
    mut negotiated: Negotiated,
    master: MasterSecret,
    session: Session,
    proof: PeerProof,
    cx: &mut Cx<'_>,
) -> AnyState {
    let block = master.key_block(negotiated.suite, &negotiated.randoms);
    let finished = negotiated.finished(&master, Role::Client);
    cx.change_cipher_spec(Keys { suite: negotiated.suite, block: block.clone(), writer: Role::Client });
    cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);
    let ending = Ending { negotiated, master, block, session, proof, order: Order::ClientFirst };
    ending.await_the_server(cx)
}

/// The server takes the session up again, and has the next word.
fn take_up(saved: SavedSession, choice: ServerChoice, mut negotiated: Negotiated, cx: &mut Cx<'_>) -> AnyState {
    negotiated.transcript.commit(negotiated.suite.hash);
    let master = saved.master.clone();
    negotiated.log(&master);
    let block = master.key_block(negotiated.suite, &negotiated.randoms);
    let mut session = saved.into_session();
    choice.terms.enter(&mut session);
    let ending = Ending { negotiated, master, block, session, proof: PeerProof::Resumed, order: Order::ServerFirst };
    ending.await_the_server(cx)
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
    master: MasterSecret,
    block: KeyBlock,
    session: Session,
    proof: PeerProof,
    order: Order,
}

impl Ending {
    /// NewSessionTicket is in plaintext, and so is read before the keys are changed.
    fn await_the_server(self, cx: &mut Cx<'_>) -> AnyState {
        if self.negotiated.keep.expects_ticket {
            Box::new(AwaitNewSessionTicket { ending: self }).into()
        } else {
            self.await_finished(cx)
        }
    }

    /// From here on what the server says is under its keys.
    fn await_finished(self, cx: &mut Cx<'_>) -> AnyState {
        let block = self.block.clone();
        cx.install_read(Keys { suite: self.negotiated.suite, block, writer: Role::Server });
        let expected = self.negotiated.finished(&self.master, Role::Server).verify_data;
        Box::new(AwaitFinished { ending: self, expected }).into()
    }
}

/// The server has promised a ticket, which comes before its ChangeCipherSpec (RFC 5077 section 3.3).
pub(crate) struct AwaitNewSessionTicket {
    ending: Ending,
}

impl AwaitNewSessionTicket {
    fn on_new_session_ticket(
        mut self: Box<Self>,
        ticket: NewSessionTicket<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.ending.negotiated.record(message);
        self.ending.negotiated.keep.ticket = Some((ticket.ticket.to_vec(), ticket.lifetime_hint));
        Ok(self.ending.await_finished(cx))
    }
}

/// The server's Finished comes next: it ends the handshake, or calls for ours.
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
        let Ending { mut negotiated, master, block, session, proof, order } = self.ending;
        if order == Order::ServerFirst {
            negotiated.record(message);
            let finished = negotiated.finished(&master, Role::Client);
            cx.begin_flight();
            cx.change_cipher_spec(Keys { suite: negotiated.suite, block, writer: Role::Client });
            cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);
        }
        let kept_master = master.clone();
        let (exporter, keep) = negotiated.into_exporter(master);
        if let Some(sessions) = &keep.config.sessions {
            cx.remember(SessionReference::Client(sessions.clone(), Box::new(keep.server_name.clone())));
        }
        keep.keep(&session, &kept_master);
        Ok(AnyState::Connected(Connected::new(session, exporter, verified, proof)))
    }
}

/// How many different cookies a client answers. Servers change their secret now and then; one that does it more often
/// than this within one handshake is not one.
const MAX_COOKIES: usize = 5;

into_state! { Client12:
    ServerHello(AwaitServerHello),
    Certificate(AwaitCertificate),
    CertificateStatus(AwaitCertificateStatus),
    ServerKeyExchange(AwaitServerKeyExchange),
    CertificateRequest(AwaitCertificateRequest),
    ServerHelloDone(AwaitServerHelloDone),
    Verdict(AwaitVerdict),
    Identity(AwaitIdentity),
    Signature(AwaitSignature),
    PskKeyExchange(AwaitPskKeyExchange),
    EcdhePskKeyExchange(AwaitEcdhePskKeyExchange),
    PskServerHelloDone(AwaitPskServerHelloDone),
    NewSessionTicket(AwaitNewSessionTicket),
    Finished(AwaitFinished),
}
