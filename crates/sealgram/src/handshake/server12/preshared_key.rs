//! The middle of the handshake where a key shared beforehand vouches for both sides (RFC 4279, RFC 5489).
//!
//! ```text
//!   client                                             server
//!
//!                            <--------          ServerHello
//!                            <--------  [ServerKeyExchange]
//!                            <--------      ServerHelloDone
//!   ClientKeyExchange        ------------------------>          AwaitPskKeyExchange, AwaitEcdhePskKeyExchange
//!                                                               AwaitPresharedKey
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Agreed, Negotiated, Opened, invalid_key};
use crate::code::HandshakeType;
use crate::config::ServerConfig;
use crate::crypto::{EphemeralKey, KeyExchangeGroup, SharedSecret};
use crate::decision::{Decision, Reply};
use crate::error::{Error, PeerIncompatible};
use crate::flight::reassembly::Message;
use crate::handshake::{Cx, Refusal, State as AnyState};
use crate::proof::PeerProof;
use crate::psk::{PresharedKey, PresharedKeys};
use crate::session::Session;
use crate::wire::key_exchange::{
    EcdhePskClientKeyExchange, EcdhePskServerKeyExchange, PskClientKeyExchange, PskServerKeyExchange,
};

impl Opened {
    /// ServerKeyExchange, always, as it has our key; ServerHelloDone (RFC 5489 section 2).
    pub(super) fn use_ephemeral_psk(
        self,
        group: &'static dyn KeyExchangeGroup,
        keys: Arc<dyn PresharedKeys>,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        let Self { config, choice, mut negotiated } = self;
        negotiated.transcript.commit(negotiated.suite.hash);
        let key = group.generate(cx.seed)?;
        let exchange = EcdhePskServerKeyExchange::encode(&config.psk_hint, group.code(), key.public_key())?;
        cx.send(HandshakeType::SERVER_KEY_EXCHANGE, exchange, &mut negotiated.transcript);
        cx.send(HandshakeType::SERVER_HELLO_DONE, Vec::new(), &mut negotiated.transcript);
        let session = choice.into_session(Some(group.code()));
        let psk = PskExchange { config, keys, negotiated, session };
        Ok(Box::new(AwaitEcdhePskKeyExchange { psk, key }).into())
    }

    /// ServerKeyExchange only if there is a hint to give; ServerHelloDone (RFC 4279 section 2).
    pub(super) fn use_plain_psk(self, keys: Arc<dyn PresharedKeys>, cx: &mut Cx<'_>) -> Result<AnyState, Error> {
        let Self { config, choice, mut negotiated } = self;
        negotiated.transcript.commit(negotiated.suite.hash);
        if !config.psk_hint.is_empty() {
            let exchange = PskServerKeyExchange { hint: &config.psk_hint }.encode()?;
            cx.send(HandshakeType::SERVER_KEY_EXCHANGE, exchange, &mut negotiated.transcript);
        }
        cx.send(HandshakeType::SERVER_HELLO_DONE, Vec::new(), &mut negotiated.transcript);
        let session = choice.into_session(None);
        Ok(Box::new(AwaitPskKeyExchange { psk: PskExchange { config, keys, negotiated, session } }).into())
    }
}

/// Where the key of the client comes from, and what it will serve for.
pub(super) struct PskExchange {
    config: Arc<ServerConfig>,
    keys: Arc<dyn PresharedKeys>,
    pub(super) negotiated: Negotiated,
    session: Session,
}

/// What the client calls itself comes next.
pub(crate) struct AwaitPskKeyExchange {
    pub(super) psk: PskExchange,
}

impl AwaitPskKeyExchange {
    pub(super) fn on_client_key_exchange(
        self: Box<Self>,
        exchange: PskClientKeyExchange<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.psk.find_key(exchange.identity, None, message, cx)
    }
}

/// What the client calls itself, and its ephemeral key, come next.
pub(crate) struct AwaitEcdhePskKeyExchange {
    pub(super) psk: PskExchange,
    key: Box<dyn EphemeralKey>,
}

impl AwaitEcdhePskKeyExchange {
    pub(super) fn on_client_key_exchange(
        self: Box<Self>,
        exchange: EcdhePskClientKeyExchange<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let Self { psk, key } = *self;
        let agreed = key.agree(exchange.public_key).map_err(|_| invalid_key(&psk.session))?;
        psk.find_key(exchange.identity, Some(agreed), message, cx)
    }
}

impl PskExchange {
    /// The exchange is complete, but for the key.
    fn find_key(
        mut self,
        identity: &[u8],
        agreed: Option<SharedSecret>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.negotiated.record(message);
        self.session.psk_identity = Some(identity.into());
        let reply = self.keys.find(identity);
        let waiting = Box::new(AwaitPresharedKey { psk: self, agreed });
        match reply {
            Reply::Now(key) => waiting.on_key(key, cx),
            Reply::Later => {
                cx.suspend(Decision::PresharedKey { identity: identity.to_vec() });
                Ok(waiting.into())
            }
        }
    }
}

/// The application looks for the key.
pub(crate) struct AwaitPresharedKey {
    psk: PskExchange,
    /// What the ephemeral keys agree on, if there are any.
    agreed: Option<SharedSecret>,
}

impl AwaitPresharedKey {
    pub(super) fn on_key(self: Box<Self>, key: Option<PresharedKey>, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        let Self { psk: PskExchange { config, negotiated, session, .. }, agreed } = *self;
        let key = match key {
            Some(key) => key,
            None if config.reveal_unknown_identity => return Err(PeerIncompatible::UnknownPskIdentity.into()),
            // To the client an identity that nobody knows looks like a wrong key (RFC 4279 section 2).
            None => PresharedKey::unknown(cx.seed),
        };
        let premaster = agreed.map_or_else(|| key.premaster(), |agreed| key.premaster_with(&agreed));
        let master = negotiated.master_secret(&premaster);
        Ok(Agreed { negotiated, session, master }.await_finished(PeerProof::Psk, cx))
    }
}
