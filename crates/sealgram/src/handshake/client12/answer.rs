//! The client's answer to the server's flight.

use alloc::sync::Arc;

use super::{Opened, SignedServerKey, finish_flight};
use crate::code::{HandshakeType, SignatureScheme};
use crate::config::Identity;
use crate::error::{CertificateError, Error, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::handshake::credential::{ExpectedPeer, PeerCredential};
use crate::handshake::{Cx, State as AnyState};
use crate::proof::{PeerProof, PeerVerified, SignatureVerified};
use crate::role::Role;
use crate::verify::HandshakeSignature;
use crate::wire::certificate::{CertificateVerify, encode_chain};
use crate::wire::key_exchange::ClientKeyExchange;

/// What the server has said, but for the end of its flight.
pub(super) struct ServerFlight {
    pub(super) opened: Opened,
    pub(super) peer: PeerCredential,
    pub(super) server_key: SignedServerKey,
}

/// What the client says to a CertificateRequest.
pub(super) enum ClientAuthentication {
    /// There was none.
    NotRequested,
    /// It has no certificate that would do (RFC 5246 section 7.4.6).
    Declined,
    /// It shows this one, and proves that it has the key.
    Shown { identity: Arc<Identity>, scheme: SignatureScheme },
}

impl ServerFlight {
    /// The flight is complete: judge the server, agree on keys, send ours.
    pub(super) fn answer(
        mut self,
        authentication: ClientAuthentication,
        server_hello_done: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        self.opened.negotiated.record(server_hello_done);

        // 1. The server is who it should be, and the ephemeral key is its own.
        let verified = self.verify_peer(cx)?;
        let signature = self.verify_signature()?;

        // 2. Our ephemeral key, and the premaster secret of both.
        let Self { opened: Opened { config, choice, mut negotiated, .. }, peer, server_key } = self;
        let group = config.common.provider.group(server_key.group);
        let ours = group.ok_or(PeerMisbehaved::ServerSelectedUnofferedGroup(server_key.group))?.generate(cx.seed)?;
        let exchange = ClientKeyExchange { public_key: ours.public_key() }.encode()?;
        let premaster =
            ours.agree(&server_key.public_key).map_err(|_| PeerMisbehaved::InvalidPublicKey(server_key.group))?;

        // 3. Certificate, if one was asked for, and ClientKeyExchange.
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

        // 4. The master secret. The session hash ends with ClientKeyExchange (RFC 7627 section 4).
        let master = negotiated.master_secret(&premaster);

        // 5. CertificateVerify: a signature over all messages so far (RFC 5246 section 7.4.8).
        if let ClientAuthentication::Shown { identity, scheme } = authentication {
            let signed = negotiated.transcript.raw().unwrap_or_default();
            let signature = identity.key.sign(scheme, signed, cx.seed)?;
            let proof = CertificateVerify { scheme, signature: &signature }.encode()?;
            cx.send(HandshakeType::CERTIFICATE_VERIFY, proof, &mut negotiated.transcript);
        }
        negotiated.transcript.commit(negotiated.suite.hash);

        // 6. ChangeCipherSpec and Finished.
        let mut session = choice.into_session(Some(server_key.group));
        peer.enter(&mut session);
        let proof = PeerProof::Certificate { _signature: signature, _peer: verified };
        Ok(finish_flight(negotiated, master, session, proof, cx))
    }

    fn verify_peer(&self, cx: &Cx<'_>) -> Result<PeerVerified, CertificateError> {
        let Opened { config, server_name, verifier, .. } = &self.opened;
        let algorithms = config.common.provider.signatures;
        let expected = ExpectedPeer { role: Role::Server, name: Some(server_name), now: cx.now, algorithms };
        self.peer.verify(&**verifier, &expected)
    }

    fn verify_signature(&self) -> Result<SignatureVerified, Error> {
        let SignedServerKey { scheme, signature, signed: message, .. } = &self.server_key;
        let algorithms = self.opened.config.common.provider.signatures;
        let signed = HandshakeSignature { scheme: *scheme, message, signature, algorithms };
        self.peer.verify_signature(&*self.opened.verifier, signed)
    }
}
