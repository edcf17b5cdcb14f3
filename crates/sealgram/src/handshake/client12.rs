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
//!                            <--------    ServerKeyExchange     AwaitServerKeyExchange
//!                            <--------  [CertificateRequest]    AwaitCertificateRequest
//!                            <--------      ServerHelloDone     AwaitServerHelloDone
//!   [Certificate]
//!   ClientKeyExchange
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//!                            <--------  [ChangeCipherSpec]
//!                            <--------             Finished     AwaitFinished
//!
//!   application data         <----------------------->          Connected
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::{CertificateDer, ServerName};

use super::negotiate::{self, ClientOffer, Negotiated, ServerChoice};
use super::{
    Certificate, Connected, Cx, Keys, Refusal, ServerHelloDone, State as AnyState, refuse_hello, step, unexpected,
    verify_finished,
};
use crate::code::{HandshakeType, NamedGroup, SignatureScheme};
use crate::config::ClientConfig;
use crate::crypto::{KeyAlgorithm, MasterSecret, Randoms, Transcript, VERIFY_DATA_LEN};
use crate::error::{CertificateError, Error, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::proof::{PeerProof, PeerVerified, SignatureVerified};
use crate::role::Role;
use crate::session::Session;
use crate::verify::{PeerChain, SignedByPeer};
use crate::wire::certificate::{CertificateRequest, encode_chain};
use crate::wire::finished::Finished;
use crate::wire::hello::{HelloVerifyRequest, ServerHello};
use crate::wire::key_exchange::{ClientKeyExchange, ServerKeyExchange, SignedKey};

/// Which message the client waits for.
pub(crate) enum State {
    ServerHello(Box<AwaitServerHello>),
    Certificate(Box<AwaitCertificate>),
    ServerKeyExchange(Box<AwaitServerKeyExchange>),
    CertificateRequest(Box<AwaitCertificateRequest>),
    ServerHelloDone(Box<AwaitServerHelloDone>),
    Finished(Box<AwaitFinished>),
}

impl State {
    pub(super) fn on_message(self, message: &Message, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        match self {
            Self::ServerHello(state) if message.msg_type == HandshakeType::HELLO_VERIFY_REQUEST => {
                step(state, message, cx, AwaitServerHello::on_hello_verify_request)
            }
            Self::ServerHello(state) => step(state, message, cx, AwaitServerHello::on_server_hello),
            Self::Certificate(state) => step(state, message, cx, AwaitCertificate::on_certificate),
            Self::ServerKeyExchange(state) => step(state, message, cx, AwaitServerKeyExchange::on_server_key_exchange),
            Self::CertificateRequest(state) if message.msg_type == HandshakeType::CERTIFICATE_REQUEST => {
                step(state, message, cx, AwaitCertificateRequest::on_certificate_request)
            }
            Self::CertificateRequest(state) => step(state, message, cx, AwaitCertificateRequest::on_server_hello_done),
            Self::ServerHelloDone(state) => step(state, message, cx, AwaitServerHelloDone::on_server_hello_done),
            Self::Finished(state) => step(state, message, cx, AwaitFinished::on_finished),
        }
    }

    pub(super) const fn expected(&self) -> HandshakeType {
        match self {
            Self::ServerHello(_) => HandshakeType::SERVER_HELLO,
            Self::Certificate(_) => HandshakeType::CERTIFICATE,
            Self::ServerKeyExchange(_) => HandshakeType::SERVER_KEY_EXCHANGE,
            Self::CertificateRequest(_) | Self::ServerHelloDone(_) => HandshakeType::SERVER_HELLO_DONE,
            Self::Finished(_) => HandshakeType::FINISHED,
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
    let offer = ClientOffer::new(&config, &server_name, random)?;
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
        let choice = match self.offer.check(&hello, &self.config) {
            Ok(choice) => choice,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        // The transcript starts with the ClientHello that the server answered: it mirrors its message_seq (RFC 6347
        // section 4.2.2). Hellos answered by HelloVerifyRequest stay out (section 4.2.6).
        let answered = message.message_seq.min(self.last_message_seq());
        let mut transcript = Transcript::new();
        if let Some(sent) = self.hellos.get(usize::from(answered)) {
            transcript.add(HandshakeType::CLIENT_HELLO, answered, &sent.body);
        }
        // A server without state never learned of the hellos after the one it answered, and counts on from that one.
        *cx.next_message_seq = answered.saturating_add(1);
        transcript.add(HandshakeType::SERVER_HELLO, message.message_seq, &message.body);
        transcript.commit(choice.suite.hash);
        let negotiated = Negotiated {
            suite: choice.suite,
            randoms: Randoms { client: self.offer.random, server: hello.random },
            extended_master_secret: choice.extended_master_secret,
            transcript,
            key_log: self.config.common.key_log.clone(),
        };
        let Self { config, server_name, .. } = *self;
        Ok(Box::new(AwaitCertificate { config, server_name, choice, negotiated }).into())
    }

    /// The message_seq of the latest hello.
    fn last_message_seq(&self) -> u16 {
        u16::try_from(self.hellos.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }
}

/// The server has chosen; its certificate comes next.
pub(crate) struct AwaitCertificate {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    choice: ServerChoice,
    negotiated: Negotiated,
}

impl AwaitCertificate {
    fn on_certificate(
        mut self: Box<Self>,
        certificate: Certificate<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.negotiated.record(message);
        let mut chain = certificate.0.into_iter().map(CertificateDer::into_owned);
        // RFC 5246 section 7.4.2: the server's list is never empty.
        let Some(end_entity) = chain.next() else {
            return Err(PeerMisbehaved::EmptyCertificateList.into());
        };
        let peer = PeerCertificates { end_entity, intermediates: chain.collect() };
        let Self { config, server_name, choice, negotiated } = *self;
        Ok(Box::new(AwaitServerKeyExchange { config, server_name, choice, negotiated, peer }).into())
    }
}

struct PeerCertificates {
    end_entity: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

/// The server's signed ephemeral key comes next.
pub(crate) struct AwaitServerKeyExchange {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    choice: ServerChoice,
    negotiated: Negotiated,
    peer: PeerCertificates,
}

impl AwaitServerKeyExchange {
    fn on_server_key_exchange(
        mut self: Box<Self>,
        exchange: ServerKeyExchange<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let server_key = SignedServerKey::check(&exchange, &self.config, &self.negotiated)?;
        self.negotiated.record(message);
        let Self { config, server_name, choice, negotiated, peer } = *self;
        let flight = ServerFlight { config, server_name, choice, negotiated, peer, server_key };
        Ok(Box::new(AwaitCertificateRequest { flight }).into())
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
        if KeyAlgorithm::of(scheme) != Some(negotiated.suite.authentication) {
            return Err(PeerMisbehaved::UnsuitableSignatureScheme(scheme).into());
        }
        let signed = negotiate::signed_params(&negotiated.randoms, params);
        Ok(Self { group, public_key: public_key.into(), scheme, signature: signature.into(), signed })
    }
}

/// What the server has said, but for the end of its flight.
struct ServerFlight {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    choice: ServerChoice,
    negotiated: Negotiated,
    peer: PeerCertificates,
    server_key: SignedServerKey,
}

/// The server may ask for a certificate, or end its flight.
pub(crate) struct AwaitCertificateRequest {
    flight: ServerFlight,
}

impl AwaitCertificateRequest {
    fn on_certificate_request(
        mut self: Box<Self>,
        _: CertificateRequest<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.flight.negotiated.record(message);
        Ok(Box::new(AwaitServerHelloDone { flight: self.flight }).into())
    }

    fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.flight.answer(ClientAuthentication::NotRequested, message, cx)?)
    }
}

/// The server asked for a certificate; its flight ends next.
pub(crate) struct AwaitServerHelloDone {
    flight: ServerFlight,
}

impl AwaitServerHelloDone {
    fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.flight.answer(ClientAuthentication::Declined, message, cx)?)
    }
}

/// What the client says to a CertificateRequest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientAuthentication {
    /// There was none.
    NotRequested,
    /// It has no certificate to show (RFC 5246 section 7.4.6).
    Declined,
}

impl ServerFlight {
    /// The flight is complete: judge the server, agree on keys, send ours.
    fn answer(
        mut self,
        authentication: ClientAuthentication,
        server_hello_done: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        self.negotiated.record(server_hello_done);

        // 1. The server is who it should be, and the ephemeral key is its own.
        let verified = self.verify_chain(cx)?;
        let signature = self.verify_signature()?;

        // 2. Our ephemeral key, and the premaster secret of both.
        let group = self.config.common.provider.group(self.server_key.group);
        let ours =
            group.ok_or(PeerMisbehaved::ServerSelectedUnofferedGroup(self.server_key.group))?.generate(cx.seed)?;
        let exchange = ClientKeyExchange { public_key: ours.public_key() }.encode()?;
        let premaster = ours
            .agree(&self.server_key.public_key)
            .map_err(|_| PeerMisbehaved::InvalidPublicKey(self.server_key.group))?;

        // 3. Certificate, if one was asked for, and ClientKeyExchange.
        let Self { config: _, server_name: _, choice, mut negotiated, peer, server_key } = self;
        cx.begin_flight();
        if authentication == ClientAuthentication::Declined {
            let none = encode_chain(&[])?;
            cx.send(HandshakeType::CERTIFICATE, none, &mut negotiated.transcript);
        }
        cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, exchange, &mut negotiated.transcript);

        // 4. The keys. The session hash ends with ClientKeyExchange (RFC 7627 section 4).
        let master = negotiated.master_secret(&premaster);
        let block = master.key_block(negotiated.suite, &negotiated.randoms);
        let keys = |writer| Keys { suite: negotiated.suite, block: block.clone(), writer };

        // 5. ChangeCipherSpec and Finished, under the new keys; what the server sends now is under its own.
        let (write, read) = (keys(Role::Client), keys(Role::Server));
        let finished = negotiated.finished(&master, Role::Client);
        cx.change_cipher_spec(write);
        cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);
        cx.install_read(read);

        let session = choice.into_session(server_key.group, peer.into_chain());
        let proof = PeerProof::Certificate { _signature: signature, _peer: verified };
        let expected = negotiated.finished(&master, Role::Server).verify_data;
        Ok(Box::new(AwaitFinished { negotiated, master, session, proof, expected }).into())
    }

    fn verify_chain(&self, cx: &Cx<'_>) -> Result<PeerVerified, CertificateError> {
        self.config.verifier.verify_chain(&PeerChain {
            peer: Role::Server,
            end_entity: &self.peer.end_entity,
            intermediates: &self.peer.intermediates,
            name: Some(&self.server_name),
            now: cx.now,
            algorithms: self.config.common.provider.signatures,
        })
    }

    fn verify_signature(&self) -> Result<SignatureVerified, Error> {
        self.config.verifier.verify_signature(&SignedByPeer {
            end_entity: &self.peer.end_entity,
            scheme: self.server_key.scheme,
            message: &self.server_key.signed,
            signature: &self.server_key.signature,
            algorithms: self.config.common.provider.signatures,
        })
    }
}

impl PeerCertificates {
    fn into_chain(self) -> Vec<CertificateDer<'static>> {
        let mut chain = self.intermediates;
        chain.insert(0, self.end_entity);
        chain
    }
}

/// Our Finished is out; the server's ends the handshake.
pub(crate) struct AwaitFinished {
    negotiated: Negotiated,
    master: MasterSecret,
    session: Session,
    proof: PeerProof,
    expected: [u8; VERIFY_DATA_LEN],
}

impl AwaitFinished {
    fn on_finished(
        self: Box<Self>,
        finished: Finished,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // A Finished outside the new epoch proves nothing (FLT-20).
        if message.epoch == 0 {
            return Err(unexpected(self, message, HandshakeType::FINISHED));
        }
        let verified = verify_finished(finished, &self.expected)?;
        let Self { negotiated, master, session, proof, .. } = *self;
        let exporter = negotiated.into_exporter(master);
        Ok(AnyState::Connected(Connected::new(session, exporter, verified, proof)))
    }
}

/// How many different cookies a client answers. Servers change their secret now and then; one that does it more often
/// than this within one handshake is not one.
const MAX_COOKIES: usize = 5;

into_state! { Client12:
    ServerHello(AwaitServerHello),
    Certificate(AwaitCertificate),
    ServerKeyExchange(AwaitServerKeyExchange),
    CertificateRequest(AwaitCertificateRequest),
    ServerHelloDone(AwaitServerHelloDone),
    Finished(AwaitFinished),
}
