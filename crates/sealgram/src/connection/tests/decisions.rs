//! Decisions that the application makes, now or later: who the peer is, who to be, and what our own key signs.
//!
//! What can go wrong: something is sent, or data goes through, before a decision is made; a peer that repeats itself
//! meanwhile moves the handshake; an answer to another question, or to one that was answered, counts; a decision that
//! never comes keeps a connection for ever; a refusal is taken for a yes; what was chosen is not what is shown.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use pki_types::{ServerName, SubjectPublicKeyInfoDer};
use rand_core::CryptoRng;

use super::identities::{P256, RSA, verifier};
use super::subject::{Subject, transport, wall_clock};
use super::{MODES, ServerScene};
use crate::code::{
    AlertDescription, CertificateType, CipherSuite, ContentType, ExtensionType, NamedGroup, SignatureScheme,
};
use crate::config::{
    ClientConfig, ClientConfigBuilder, ClientIdentities, ClientIdentityRequest, Identity, ServerConfig,
    ServerConfigBuilder, ServerIdentities, ServerIdentityRequest,
};
use crate::crypto::{KeyAlgorithm, SigningKey};
use crate::decision::{Answer, ApiMisuse, Decision, DecisionId, Reply};
use crate::error::{CertificateError, CryptoError, DecodeError, Error, PeerIncompatible};
use crate::event::{Event, Status};
use crate::inspect;
use crate::proof::{PeerVerified, SignatureVerified};
use crate::provider::ring;
use crate::psk::{PresharedKey, PresharedKeys};
use crate::resumption::{ServerSession, ServerSessions, SessionId};
use crate::role::Role;
use crate::test_rng::TestRng;
use crate::verify::{PeerChain, PeerRawPublicKey, PeerVerifier, RawPublicKeys, SignedByPeer};

/// Answers nothing itself.
#[derive(Debug)]
struct Later;

impl PresharedKeys for Later {
    fn find(&self, _: &[u8]) -> Reply<Option<PresharedKey>> {
        Reply::Later
    }
}

impl ServerSessions for Later {
    fn put(&self, _: &SessionId, _: ServerSession) {}

    fn find(&self, _: &SessionId) -> Reply<Option<ServerSession>> {
        Reply::Later
    }

    fn remove(&self, _: &SessionId) {}
}

impl ServerIdentities for Later {
    fn choose(&self, _: &ServerIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        Reply::Later
    }
}

impl ClientIdentities for Later {
    fn choose(&self, _: &ClientIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        Reply::Later
    }
}

/// Chooses this, now.
#[derive(Debug)]
struct Now(Option<Arc<Identity>>);

impl ServerIdentities for Now {
    fn choose(&self, _: &ServerIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        Reply::Now(self.0.clone())
    }
}

impl ClientIdentities for Now {
    fn choose(&self, _: &ClientIdentityRequest) -> Reply<Option<Arc<Identity>>> {
        Reply::Now(self.0.clone())
    }
}

/// Judges as another one does, but not now.
#[derive(Debug)]
struct Slow(Arc<dyn PeerVerifier>);

impl PeerVerifier for Slow {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        self.0.verify_chain(chain)
    }

    fn verify_chain_now_or_later(&self, _: &PeerChain<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        Reply::Later
    }

    fn verify_raw_public_key_now_or_later(
        &self,
        _: &PeerRawPublicKey<'_>,
    ) -> Reply<Result<PeerVerified, CertificateError>> {
        Reply::Later
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        self.0.verify_signature(signed)
    }

    fn certificate_types(&self) -> &[CertificateType] {
        self.0.certificate_types()
    }

    fn wants_ocsp_response(&self) -> bool {
        true
    }
}

/// A key that signs elsewhere.
#[derive(Debug)]
struct Token(Arc<dyn SigningKey>);

impl SigningKey for Token {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.0.schemes()
    }

    fn curve(&self) -> Option<NamedGroup> {
        self.0.curve()
    }

    fn sign(&self, _: SignatureScheme, _: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        Err(CryptoError::Signing)
    }

    fn sign_now_or_later(
        &self,
        _: SignatureScheme,
        _: &[u8],
        _: &mut dyn CryptoRng,
    ) -> Reply<Result<Vec<u8>, CryptoError>> {
        Reply::Later
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        self.0.public_key()
    }
}

/// The P-256 identity with its key in a token.
fn in_token() -> Identity {
    Identity::new(P256.chain().to_vec(), Arc::new(Token(P256.key.clone()))).unwrap()
}

fn raw(identity: &Identity) -> Identity {
    Identity::raw_public_key(identity.key.clone()).unwrap()
}

fn client() -> ClientConfigBuilder {
    judging(verifier())
}

fn judging(verifier: Arc<dyn PeerVerifier>) -> ClientConfigBuilder {
    ClientConfig::builder(ring::provider(), verifier).transport(transport())
}

fn server() -> ServerConfigBuilder {
    showing(P256.clone())
}

fn showing(identity: Identity) -> ServerConfigBuilder {
    ServerConfig::builder(ring::provider(), identity).transport(transport())
}

fn chosen_by(identities: impl ServerIdentities + 'static) -> ServerConfigBuilder {
    ServerConfig::builder_with_identities(ring::provider(), Arc::new(identities)).transport(transport())
}

fn psk() -> PresharedKey {
    PresharedKey::new(&[7; 16]).unwrap()
}

/// Two ends, one of which has to decide.
struct Ends {
    decider: Subject,
    peer: Subject,
    /// What the peer has sent until both were silent.
    sent_by_peer: Vec<Vec<u8>>,
}

impl Ends {
    fn new(decider: Role, client: ClientConfigBuilder, server: ServerConfigBuilder) -> Self {
        let (client, server) = (Subject::client_of(client), Subject::server_of(server));
        let (decider, peer) = match decider {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Self { decider, peer, sent_by_peer: Vec::new() }
    }

    /// Carries datagrams back and forth until both are silent.
    fn settle(&mut self) {
        for _ in 0..10 {
            let sent = self.peer.take();
            sent.iter().for_each(|datagram| _ = self.decider.give(datagram));
            self.sent_by_peer.extend(sent);
            self.decider.take().iter().for_each(|datagram| _ = self.peer.give(datagram));
        }
    }

    /// The decision that is open, once both are silent.
    #[track_caller]
    fn asked(&mut self) -> (DecisionId, Decision) {
        self.settle();
        let [Event::Needs { id, decision }] = &*self.decider.events() else { panic!("a decision") };
        (*id, decision.clone())
    }

    fn resume(&mut self, id: DecisionId, answer: Answer) -> Result<(), ApiMisuse> {
        self.decider.connection.resume(self.decider.now, id, answer)
    }

    #[track_caller]
    fn are_connected(&mut self) {
        self.settle();
        assert_eq!((self.decider.status(), self.peer.status()), (Status::Connected, Status::Connected));
    }

    /// The decider has failed with this error, and says so with this alert.
    #[track_caller]
    fn refuses(&mut self, error: impl Into<Error>, alert: AlertDescription) {
        let reason = self.decider.connection.close_reason().copied().expect("it has failed");
        assert_eq!(reason.error(), Some(&error.into()));
        let sent = self.decider.take();
        let records: Vec<_> = sent.iter().flat_map(|datagram| inspect::records(datagram)).collect();
        let [record] = &*records else { panic!("an alert and nothing else") };
        assert_eq!((record.content_type, record.body), (ContentType::ALERT, &[2, alert.0][..]));
    }
}

/// What has to be decided, the right answer, and what a refusal leads to.
struct Question {
    what: &'static str,
    ends: fn() -> Ends,
    yes: fn(Decision) -> Answer,
    no: fn() -> Answer,
    /// `None` where the handshake goes on all the same.
    refusal: Option<(Error, AlertDescription)>,
}

fn questions() -> Vec<Question> {
    let refused = || Answer::Peer(Err(CertificateError::RefusedByApplication));
    let refusal = (CertificateError::RefusedByApplication.into(), AlertDescription::ACCESS_DENIED);
    let nobody = || Answer::Identity(None);
    let broken = || Answer::Signature(Err(CryptoError::Signing));
    let unsigned = (CryptoError::Signing.into(), AlertDescription::INTERNAL_ERROR);
    Vec::from([
        Question {
            what: "a server's chain",
            ends: || Ends::new(Role::Client, judging(Arc::new(Slow(verifier()))), server()),
            yes: judged,
            no: refused,
            refusal: Some(refusal),
        },
        Question {
            what: "a server's raw public key",
            ends: || {
                let verifier = Arc::new(Slow(Arc::new(RawPublicKeys::new([]))));
                Ends::new(Role::Client, judging(verifier), showing(raw(&P256)))
            },
            yes: judged,
            no: refused,
            refusal: Some(refusal),
        },
        Question {
            what: "a client's chain",
            ends: || {
                let server = server().require_client_certificate(Arc::new(Slow(verifier())));
                Ends::new(Role::Server, client().identity(RSA.clone()), server)
            },
            yes: judged,
            no: refused,
            refusal: Some(refusal),
        },
        Question {
            what: "a client's raw public key",
            ends: || {
                let verifier = Arc::new(Slow(Arc::new(RawPublicKeys::new([]))));
                let server = server().require_client_certificate(verifier);
                Ends::new(Role::Server, client().identity(raw(&RSA)), server)
            },
            yes: judged,
            no: refused,
            refusal: Some(refusal),
        },
        Question {
            what: "a server's identity",
            ends: || Ends::new(Role::Server, client(), chosen_by(Later)),
            yes: |_| Answer::Identity(Some(Arc::new(P256.clone()))),
            no: nobody,
            refusal: Some((PeerIncompatible::NoCommonCipherSuite.into(), AlertDescription::HANDSHAKE_FAILURE)),
        },
        Question {
            what: "a client's identity",
            ends: || {
                let server = server().request_client_certificate(verifier());
                Ends::new(Role::Client, client().identities(Arc::new(Later)), server)
            },
            yes: |_| Answer::Identity(Some(Arc::new(RSA.clone()))),
            no: nobody,
            refusal: None,
        },
        Question {
            what: "a server's signature",
            ends: || Ends::new(Role::Server, client(), showing(in_token())),
            yes: signed,
            no: broken,
            refusal: Some(unsigned),
        },
        Question {
            what: "a client's signature",
            ends: || {
                let server = server().require_client_certificate(verifier());
                Ends::new(Role::Client, client().identity(in_token()), server)
            },
            yes: signed,
            no: broken,
            refusal: Some(unsigned),
        },
        Question {
            what: "a preshared key",
            ends: || {
                let client = ClientConfig::builder_with_psk(ring::provider(), b"device 7", psk());
                let server = ServerConfig::builder_with_psk(ring::provider(), Arc::new(Later));
                let server = server.reveal_unknown_identity(true).transport(transport());
                Ends::new(Role::Server, client.transport(transport()), server)
            },
            yes: |_| Answer::PresharedKey(Some(psk())),
            no: || Answer::PresharedKey(None),
            refusal: Some((PeerIncompatible::UnknownPskIdentity.into(), AlertDescription::UNKNOWN_PSK_IDENTITY)),
        },
    ])
}

/// What [`verifier`] says of the peer; it trusts the raw public keys of these tests as well.
fn judged(decision: Decision) -> Answer {
    let now = wall_clock().unix_at(crate::time::Instant::ORIGIN);
    Answer::Peer(match decision {
        Decision::PeerCertificates { peer, end_entity, intermediates, name, .. } => {
            let algorithms = ring::provider().signatures;
            let chain = PeerChain::new(peer, &end_entity, &intermediates, name.as_ref(), now, algorithms);
            verifier().verify_chain(&chain)
        }
        Decision::PeerRawPublicKey { peer, key, name } => {
            let trusted = [&P256, &RSA].map(|identity| identity.key.public_key().unwrap());
            RawPublicKeys::new(trusted).verify_raw_public_key(&PeerRawPublicKey::new(peer, &key, name.as_ref(), now))
        }
        other => panic!("{other:?}"),
    })
}

/// The token of [`in_token`] signs.
fn signed(decision: Decision) -> Answer {
    let Decision::Signature { public_key, scheme, message } = decision else { panic!("{decision:?}") };
    assert_eq!(public_key, P256.key.public_key());
    Answer::Signature(P256.key.sign(scheme, &message, &mut TestRng::new(9)))
}

/// An answer to another question.
fn beside(decision: &Decision) -> Answer {
    match decision {
        Decision::PresharedKey { .. } => Answer::Session(None),
        _ => Answer::PresharedKey(None),
    }
}

/// Until the decision is made nothing is sent, by no timer and for no repeat; then the handshake goes on, and only then.
#[test]
fn a_decision_may_be_made_later() {
    for Question { what, ends, yes, .. } in questions() {
        let mut ends = ends();
        let (id, decision) = ends.asked();
        let deadline = ends.decider.connection.poll_timeout().unwrap();
        // The peer repeats its flight, its flights before come again, and nothing is answered.
        for _ in 0..2 {
            ends.peer.wait(Duration::from_secs(4));
            let repeated = ends.peer.take();
            assert!(!repeated.is_empty(), "{what}");
            repeated.iter().chain(&ends.sent_by_peer).for_each(|datagram| _ = ends.decider.give(datagram));
            ends.decider.wait(Duration::from_secs(30));
            assert!(ends.decider.take().is_empty() && ends.decider.events().is_empty(), "{what}");
        }
        assert_eq!(ends.decider.status(), Status::Handshaking, "{what}");
        assert_eq!(ends.decider.connection.poll_timeout(), Some(deadline), "{what}: it is all that runs");

        // A stale answer, one to another question, the right one, and that once more.
        assert_eq!(ends.resume(id.next(), yes(decision.clone())), Err(ApiMisuse::NotOpen), "{what}");
        assert_eq!(ends.resume(id, beside(&decision)), Err(ApiMisuse::WrongKind), "{what}");
        assert!(ends.decider.take().is_empty(), "{what}");
        assert_eq!(ends.resume(id, yes(decision.clone())), Ok(()), "{what}");
        assert_eq!(ends.resume(id, yes(decision)), Err(ApiMisuse::NotOpen), "{what}");
        ends.are_connected();
    }
}

/// What comes after the decision counts from the time at which it is made.
#[test]
fn the_time_of_the_answer_is_the_time_of_the_flight() {
    for Question { what, ends, yes, .. } in questions() {
        let mut ends = ends();
        let (id, decision) = ends.asked();
        let later = ends.decider.now + Duration::from_secs(100);
        assert_eq!(ends.decider.connection.resume(later, id, yes(decision)), Ok(()), "{what}");
        assert_eq!(ends.decider.connection.poll_timeout(), Some(later), "{what}: something waits to be sent");
        ends.decider.now = later;
        assert!(!ends.decider.take().is_empty(), "{what}: a flight");
        _ = ends.decider.events();
        // The last flight of a handshake has no timer.
        let is_last = ends.decider.status() == Status::Connected;
        let expected = (!is_last).then(|| later + Duration::from_secs(1));
        assert_eq!(ends.decider.connection.poll_timeout(), expected, "{what}");
    }
}

/// A decision that is never made ends with the handshake's deadline, and comes too late then.
#[test]
fn a_decision_that_never_comes_ends_at_the_deadline() {
    for Question { what, ends, yes, .. } in questions() {
        let mut ends = ends();
        let (id, decision) = ends.asked();
        ends.decider.expire();
        let reason = ends.decider.connection.close_reason().copied().expect("it gives up");
        assert!(matches!(reason.error(), Some(Error::Timeout(_))), "{what}: {reason:?}");
        assert_eq!(ends.resume(id, yes(decision)), Err(ApiMisuse::NotOpen), "{what}");
    }
}

#[test]
fn a_connection_that_was_closed_takes_no_decision() {
    for Question { what, ends, yes, .. } in questions() {
        let mut ends = ends();
        let (id, decision) = ends.asked();
        ends.decider.connection.close();
        assert_eq!(ends.resume(id, yes(decision)), Err(ApiMisuse::NotOpen), "{what}");
    }
}

/// A refusal ends the handshake with the alert that belongs to it, and nothing else is sent.
#[test]
fn a_decision_may_be_a_refusal() {
    for Question { what, ends, no, refusal, .. } in questions() {
        let mut ends = ends();
        let (id, _) = ends.asked();
        assert_eq!(ends.resume(id, no()), Ok(()), "{what}");
        match refusal {
            Some((error, alert)) => ends.refuses(error, alert),
            None => ends.are_connected(),
        }
    }
}

/// One after the other, on both sides, within one handshake.
#[test]
fn everything_may_be_decided_later_at_once() {
    let slow = || Arc::new(Slow(verifier()));
    let client = judging(slow()).identities(Arc::new(Later));
    let server = chosen_by(Later).require_client_certificate(slow());
    let mut ends = Ends::new(Role::Server, client, server);
    let mut asked = Vec::new();
    for _ in 0..6 {
        ends.settle();
        for end in [&mut ends.decider, &mut ends.peer] {
            let Some(Event::Needs { id, decision }) = end.events().pop() else { continue };
            let (name, answer) = match &decision {
                Decision::ServerIdentity(_) => ("server identity", Answer::Identity(Some(Arc::new(in_token())))),
                Decision::ClientIdentity(_) => ("client identity", Answer::Identity(Some(Arc::new(in_token())))),
                Decision::Signature { .. } => ("signature", signed(decision)),
                _ => ("peer", judged(decision)),
            };
            asked.push(name);
            assert_eq!(end.connection.resume(end.now, id, answer), Ok(()));
        }
    }
    ends.are_connected();
    assert_eq!(asked, ["server identity", "signature", "peer", "client identity", "signature", "peer"]);
}

/// Nobody is asked about a peer that has not shown that it holds its key.
#[test]
fn a_thief_is_not_worth_a_decision() {
    let (decider, thief) = (Role::Client, Identity::new(P256.chain().to_vec(), Arc::new(Token(P256.key.clone()))));
    let mut ends = Ends::new(decider, judging(Arc::new(Slow(verifier()))), showing(thief.unwrap()));
    ends.settle();
    let [Event::Needs { id, .. }] = &*ends.peer.events() else { panic!("its signature") };
    let wrong = P256.key.sign(SignatureScheme::ECDSA_SHA256, b"something else", &mut TestRng::new(9));
    assert_eq!(ends.peer.connection.resume(ends.peer.now, *id, Answer::Signature(wrong)), Ok(()));
    ends.peer.take().iter().for_each(|datagram| _ = ends.decider.give(datagram));
    ends.refuses(crate::error::PeerMisbehaved::BadSignature, AlertDescription::DECRYPT_ERROR);
    assert!(!ends.decider.events().iter().any(|event| matches!(event, Event::Needs { .. })));
}

/// What a server is told, and what it may do with it: the staple of one connection is its own.
#[test]
fn a_server_chooses_by_what_the_client_says() {
    let client = judging(Arc::new(Slow(verifier()))).application_protocols(&[b"h3", b"coap"]);
    let mut ends = Ends::new(Role::Server, client, chosen_by(Later).application_protocols(&[b"coap"]));
    let (id, decision) = ends.asked();
    let Decision::ServerIdentity(request) = decision else { panic!("{decision:?}") };
    assert_eq!(request.server_name.as_deref(), Some("localhost"));
    assert_eq!(request.certificate_types, [CertificateType::X509]);
    assert_eq!(request.application_protocols, [Box::from(&b"h3"[..]), Box::from(&b"coap"[..])]);
    assert!(request.signature_schemes.contains(&SignatureScheme::ECDSA_SHA256) && request.wants_ocsp_response);
    assert!(request.suits(&P256) && request.suits(&RSA) && !request.suits(&raw(&P256)));

    let fresh = P256.clone().with_ocsp_response(b"of this minute".to_vec()).unwrap();
    assert_eq!(ends.resume(id, Answer::Identity(Some(Arc::new(fresh)))), Ok(()));
    ends.settle();
    let [Event::Needs { decision, .. }] = &*ends.peer.events() else { panic!("the verdict") };
    let Decision::PeerCertificates { peer, end_entity, name, ocsp_response, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!((*peer, end_entity), (Role::Server, &P256.chain()[0]));
    assert_eq!(*name, ServerName::try_from("localhost").ok());
    assert_eq!(ocsp_response, b"of this minute");
}

/// Of the schemes that the client lists a server is told those that a suite of both goes with.
#[test]
fn a_server_is_told_of_the_keys_that_it_can_use() {
    let client = judging(verifier()).cipher_suites(&[CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]);
    let mut ends = Ends::new(Role::Server, client, chosen_by(Later));
    let (_, Decision::ServerIdentity(request)) = ends.asked() else { panic!("the identity") };
    assert!(!request.signature_schemes.is_empty());
    let is_rsa = |scheme: &SignatureScheme| KeyAlgorithm::of(*scheme) == Some(KeyAlgorithm::Rsa);
    assert!(!request.signature_schemes.iter().any(is_rsa));
    assert!(request.suits(&P256) && !request.suits(&RSA));
}

/// What a client is told, once it knows whom it talks to.
#[test]
fn a_client_chooses_by_what_the_server_asks_for() {
    let server = server().request_client_certificate(verifier());
    let mut ends = Ends::new(Role::Client, client().identities(Arc::new(Later)), server);
    let (id, decision) = ends.asked();
    let Decision::ClientIdentity(request) = decision else { panic!("{decision:?}") };
    assert_eq!(request.server_name, ServerName::try_from("localhost").unwrap());
    assert_eq!(request.certificate_type, CertificateType::X509);
    assert!(request.signature_schemes.contains(&SignatureScheme::RSA_PSS_RSAE_SHA256));
    assert_eq!(request.authorities, verifier().authorities());
    assert!(request.suits(&RSA) && !request.suits(&raw(&RSA)));
    assert_eq!(ends.resume(id, Answer::Identity(Some(Arc::new(RSA.clone())))), Ok(()));
    ends.are_connected();
    assert_eq!(ends.peer.connection.session().unwrap().peer_certificates, RSA.chain());
}

/// An identity that is chosen now costs no event.
#[test]
fn who_chooses_may_answer_at_once() {
    let chosen = Now(Some(Arc::new(RSA.clone())));
    let server = chosen_by(Now(Some(Arc::new(RSA.clone())))).require_client_certificate(verifier());
    let mut ends = Ends::new(Role::Server, client().identities(Arc::new(chosen)), server);
    ends.are_connected();
    for end in [&mut ends.decider, &mut ends.peer] {
        assert_eq!(end.events(), [Event::Connected]);
        assert_eq!(end.connection.session().unwrap().peer_certificates, RSA.chain());
    }
}

/// What cannot be used is none: a client shows nothing, a server has nothing.
#[test]
fn an_identity_that_does_not_suit_is_none() {
    let unsuitable = || Now(Some(Arc::new(raw(&RSA))));
    let server = server().request_client_certificate(verifier());
    let mut ends = Ends::new(Role::Server, client().identities(Arc::new(unsuitable())), server);
    ends.are_connected();
    assert!(ends.decider.connection.session().unwrap().peer_certificates.is_empty());

    let mut ends = Ends::new(Role::Server, client(), chosen_by(unsuitable()));
    ends.peer.take().iter().for_each(|datagram| _ = ends.decider.give(datagram));
    ends.refuses(PeerIncompatible::NoCommonCertificateType, AlertDescription::UNSUPPORTED_CERTIFICATE);
}

/// EXP-20: a name is known if somebody chooses for it, whatever names that identity is for.
#[test]
fn a_strict_server_knows_the_names_that_are_chosen_for() {
    let other = P256.clone().for_names(&["other.example"]).unwrap();
    let strict = |chosen| chosen_by(Now(chosen)).require_known_name(true);
    Ends::new(Role::Server, client(), strict(Some(Arc::new(other)))).are_connected();

    let mut ends = Ends::new(Role::Server, client(), strict(None));
    ends.peer.take().iter().for_each(|datagram| _ = ends.decider.give(datagram));
    ends.refuses(PeerIncompatible::UnrecognizedName, AlertDescription::UNRECOGNIZED_NAME);
}

/// A client with a preshared key needs no certificate, and nobody is asked for one.
#[test]
fn nobody_is_asked_for_an_identity_that_is_not_needed() {
    let keys = BTreeMap::from([(b"device 7".to_vec(), psk())]);
    let client = ClientConfig::builder_with_psk(ring::provider(), b"device 7", psk()).transport(transport());
    let mut ends = Ends::new(Role::Server, client, chosen_by(Later).preshared_keys(Arc::new(keys)));
    ends.are_connected();
    assert_eq!(ends.decider.events(), [Event::Connected]);
}

/// A hello that does not parse is no reason to ask anybody: it is doubted, and a better one may still come.
#[test]
fn a_hello_that_does_not_parse_is_not_worth_a_decision() {
    for mode in MODES {
        for late_session in [true, false] {
            let mut scene = ServerScene::with(mode, |config| match late_session {
                true => config.sessions(Arc::new(Later)),
                false => config.identities(Arc::new(Later)),
            });
            scene.script.hello.session_id = [5; 32].to_vec();
            scene.script.hello.extensions.set(ExtensionType::SIGNATURE_ALGORITHMS_CERT, &[0, 3, 4]);
            scene.send_hello();
            assert!(!scene.subject.connection.events.iter().any(|event| matches!(event, Event::Needs { .. })));
            scene.doubts(DecodeError::Truncated, AlertDescription::DECODE_ERROR);
        }
    }
}

/// SIO-06: what is decided about is not for logs.
#[test]
fn decisions_are_not_printed_in_full() {
    for Question { what, ends, .. } in questions() {
        let (_, decision) = ends().asked();
        let printed = alloc::format!("{decision:?}");
        assert!(printed.len() < 60 && !printed.contains("localhost"), "{what}: {printed}");
    }
}
