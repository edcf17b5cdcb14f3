//! The client's answer to the server's flight, step by step. Each step that asks the application may have to wait for it.
//!
//! ```text
//!   client                                             server
//!
//!                            <--------      ServerHelloDone
//!                                                               AwaitVerdict: is the server who it should be?
//!                                                               AwaitIdentity: who to be, if it asks
//!   [Certificate]
//!   ClientKeyExchange
//!   [CertificateVerify]                                         AwaitSignature
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//! ```
//!
//! Nothing of it is sent before all of it is there, and nobody is asked who to be before the server was found to be who it
//! should be.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Negotiated, Opened, SignedServerKey, finish_flight};
use crate::code::{HandshakeType, SignatureScheme};
use crate::config::{ClientIdentityRequest, Identity};
use crate::crypto::MasterSecret;
use crate::decision::{Decision, Reply};
use crate::error::{CertificateError, CryptoError, Error, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::handshake::credential::{ExpectedPeer, PeerCredential};
use crate::handshake::{Cx, State as AnyState};
use crate::proof::{PeerProof, PeerVerified, SignatureVerified};
use crate::role::Role;
use crate::session::Session;
use crate::verify::HandshakeSignature;
use crate::wire::certificate::{CertificateVerify, encode_chain};
use crate::wire::key_exchange::ClientKeyExchange;

/// What the server has said, but for the end of its flight.
pub(super) struct ServerFlight {
    pub(super) opened: Opened,
    pub(super) peer: PeerCredential,
    pub(super) server_key: SignedServerKey,
}

impl ServerFlight {
    /// The flight is complete: the ephemeral key is the server's own, and who that is has to be judged.
    pub(super) fn judge(
        mut self,
        request: Option<ClientIdentityRequest>,
        server_hello_done: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        self.opened.negotiated.record(server_hello_done);
        // A refusal says more than a bad signature. Who has not judged yet is asked only about a server that holds its key.
        let verified = match self.verify_peer(cx) {
            Reply::Now(verdict) => Some(verdict?),
            Reply::Later => None,
        };
        let signature = self.verify_signature()?;
        let waiting = AwaitVerdict { flight: self, signature, request };
        if let Some(verified) = verified {
            return waiting.on_verdict(Ok(verified), cx);
        }
        let Self { opened, peer, .. } = &waiting.flight;
        cx.suspend(peer.decision(Role::Server, Some(&opened.server_name)));
        Ok(Box::new(waiting).into())
    }

    fn verify_signature(&self) -> Result<SignatureVerified, Error> {
        let SignedServerKey { scheme, signature, signed: message, .. } = &self.server_key;
        let algorithms = self.opened.config.common.provider.signatures;
        let signed = HandshakeSignature { scheme: *scheme, message, signature, algorithms };
        self.peer.verify_signature(&*self.opened.verifier, signed)
    }

    fn verify_peer(&self, cx: &Cx<'_>) -> Reply<Result<PeerVerified, CertificateError>> {
        let Opened { config, server_name, verifier, .. } = &self.opened;
        let algorithms = config.common.provider.signatures;
        let expected = ExpectedPeer { role: Role::Server, name: Some(server_name), now: cx.now, algorithms };
        self.peer.verify(&**verifier, &expected)
    }
}

/// The server holds the key of what it showed; the application judges who that is.
pub(crate) struct AwaitVerdict {
    flight: ServerFlight,
    signature: SignatureVerified,
    /// What the server asks for, if it does.
    request: Option<ClientIdentityRequest>,
}

impl AwaitVerdict {
    pub(super) fn on_verdict(
        self,
        verdict: Result<PeerVerified, CertificateError>,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        let Self { flight, signature, request } = self;
        let server =
            VerifiedServer { flight, proof: PeerProof::Certificate { _signature: signature, _peer: verdict? } };
        let Some(request) = request else { return server.answer(ClientAuthentication::NotRequested, cx) };

        // Who to be: chosen by somebody, or the first that will do.
        let config = &server.flight.opened.config;
        let reply = match &config.identities_by {
            Some(identities) => identities.choose(&request),
            None => Reply::Now(config.identities.iter().find(|identity| request.suits(identity)).cloned()),
        };
        match reply {
            Reply::Now(identity) => AwaitIdentity { server, request }.on_identity(identity, cx),
            Reply::Later => {
                cx.suspend(Decision::ClientIdentity(request.clone()));
                Ok(Box::new(AwaitIdentity { server, request }).into())
            }
        }
    }
}

/// The application chooses what to show.
pub(crate) struct AwaitIdentity {
    server: VerifiedServer,
    request: ClientIdentityRequest,
}

impl AwaitIdentity {
    pub(super) fn on_identity(self, identity: Option<Arc<Identity>>, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let Self { server, request } = self;
        let shown = identity.and_then(|identity| {
            let scheme = request.scheme_for(&identity)?;
            Some(ClientAuthentication::Shown { identity, scheme })
        });
        server.answer(shown.unwrap_or(ClientAuthentication::Declined), cx)
    }
}

/// What the client says to a CertificateRequest.
enum ClientAuthentication {
    /// There was none.
    NotRequested,
    /// It has no certificate that would do (RFC 5246 section 7.4.6).
    Declined,
    /// It shows this one, and proves that it has the key.
    Shown { identity: Arc<Identity>, scheme: SignatureScheme },
}

/// A server that is who it should be, and what it has said.
struct VerifiedServer {
    flight: ServerFlight,
    proof: PeerProof,
}

impl VerifiedServer {
    /// Agrees on keys, and says all that needs no signature of ours.
    fn answer(self, authentication: ClientAuthentication, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let Self { flight: ServerFlight { opened, peer, server_key }, proof } = self;
        let Opened { config, choice, mut negotiated, .. } = opened;

        // 1. Our ephemeral key, and the premaster secret of both.
        let group = config.common.provider.group(server_key.group);
        let ours = group.ok_or(PeerMisbehaved::ServerSelectedUnofferedGroup(server_key.group))?.generate(cx.seed)?;
        let exchange = ClientKeyExchange { public_key: ours.public_key() }.encode()?;
        let premaster =
            ours.agree(&server_key.public_key).map_err(|_| PeerMisbehaved::InvalidPublicKey(server_key.group))?;

        // 2. Certificate, if one was asked for, and ClientKeyExchange.
        cx.begin_flight();
        match &authentication {
            ClientAuthentication::NotRequested => {}
            // Three zeros, whatever was asked for: no list, and no key.
            ClientAuthentication::Declined => {
                cx.send(HandshakeType::CERTIFICATE, encode_chain(&[])?, &mut negotiated.transcript);
            }
            ClientAuthentication::Shown { identity, .. } => {
                cx.send(HandshakeType::CERTIFICATE, identity.encode()?, &mut negotiated.transcript);
            }
        }
        cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, exchange, &mut negotiated.transcript);

        // 3. The master secret. The session hash ends with ClientKeyExchange (RFC 7627 section 4).
        let master = negotiated.master_secret(&premaster);
        let mut session = choice.into_session(Some(server_key.group));
        peer.enter(&mut session);
        let agreed = Agreed { negotiated, master, session, proof };

        // 4. CertificateVerify, if a certificate was shown; ChangeCipherSpec and Finished.
        match authentication {
            ClientAuthentication::NotRequested | ClientAuthentication::Declined => Ok(agreed.finish(cx)),
            ClientAuthentication::Shown { identity, scheme } => agreed.prove(&identity, scheme, cx),
        }
    }
}

/// What both sides know once the key exchange is over.
struct Agreed {
    negotiated: Negotiated,
    master: MasterSecret,
    session: Session,
    proof: PeerProof,
}

impl Agreed {
    /// Signs all messages so far (RFC 5246 section 7.4.8).
    fn prove(self, identity: &Identity, scheme: SignatureScheme, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let signed = self.negotiated.transcript.raw().unwrap_or_default();
        match identity.key.sign_now_or_later(scheme, signed, cx.seed) {
            Reply::Now(signature) => AwaitSignature { agreed: self, scheme }.on_signature(signature, cx),
            Reply::Later => {
                let message = signed.to_vec();
                cx.suspend(Decision::Signature { public_key: identity.key.public_key(), scheme, message });
                Ok(Box::new(AwaitSignature { agreed: self, scheme }).into())
            }
        }
    }

    fn finish(mut self, cx: &mut Cx<'_>) -> AnyState {
        self.negotiated.transcript.commit(self.negotiated.suite.hash);
        let Self { negotiated, master, session, proof } = self;
        finish_flight(negotiated, master, session, proof, cx)
    }
}

/// CertificateVerify wants to be signed.
pub(crate) struct AwaitSignature {
    agreed: Agreed,
    scheme: SignatureScheme,
}

impl AwaitSignature {
    pub(super) fn on_signature(
        self,
        signature: Result<Vec<u8>, CryptoError>,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        let Self { mut agreed, scheme } = self;
        let proof = CertificateVerify { scheme, signature: &signature? }.encode()?;
        cx.send(HandshakeType::CERTIFICATE_VERIFY, proof, &mut agreed.negotiated.transcript);
        Ok(agreed.finish(cx))
    }
}
