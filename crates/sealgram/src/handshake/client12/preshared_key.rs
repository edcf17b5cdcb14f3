//! The middle of the handshake where a key shared beforehand vouches for the server (RFC 4279, RFC 5489).
//!
//! ```text
//!   client                                             server
//!
//!                            <--------          ServerHello
//!                            <--------  [ServerKeyExchange]     AwaitPskKeyExchange, AwaitEcdhePskKeyExchange
//!                            <--------      ServerHelloDone     AwaitPskServerHelloDone
//!   ClientKeyExchange
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Negotiated, finish_flight};
use crate::code::HandshakeType;
use crate::config::ClientConfig;
use crate::crypto::KeyExchangeGroup;
use crate::error::{Error, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::handshake::negotiate::ServerChoice;
use crate::handshake::{Cx, Refusal, ServerHelloDone, State as AnyState};
use crate::proof::PeerProof;
use crate::psk::ClientPsk;
use crate::wire::key_exchange::{
    EcdhePskClientKeyExchange, EcdhePskServerKeyExchange, PskClientKeyExchange, PskServerKeyExchange, UnsignedKey,
};

/// What both sides fixed, and the key that they share.
pub(super) struct PskExchange {
    pub(super) key: ClientPsk,
    pub(super) choice: ServerChoice,
    pub(super) negotiated: Negotiated,
}

/// The server may give a hint, or end its flight (RFC 4279 section 2).
pub(crate) struct AwaitPskKeyExchange {
    pub(super) exchange: PskExchange,
}

impl AwaitPskKeyExchange {
    /// The hint is for clients with several identities (RFC 4279 section 5.2).
    pub(super) fn on_server_key_exchange(
        mut self: Box<Self>,
        _: PskServerKeyExchange<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.exchange.negotiated.record(message);
        Ok(Box::new(AwaitPskServerHelloDone { exchange: self.exchange, server_key: None }).into())
    }

    pub(super) fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.exchange.answer(None, message, cx)?)
    }
}

/// The server's ephemeral key comes next; the preshared key vouches for it (RFC 5489 section 2).
pub(crate) struct AwaitEcdhePskKeyExchange {
    pub(super) config: Arc<ClientConfig>,
    pub(super) exchange: PskExchange,
}

impl AwaitEcdhePskKeyExchange {
    pub(super) fn on_server_key_exchange(
        mut self: Box<Self>,
        message_body: EcdhePskServerKeyExchange<'_>,
        message: &Message,
        _: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        let UnsignedKey::Named { group, public_key } = message_body.key else {
            return Err(PeerMisbehaved::ServerKeyExchangeWithoutNamedGroup.into());
        };
        let Some(group) = self.config.common.provider.group(group) else {
            return Err(PeerMisbehaved::ServerSelectedUnofferedGroup(group).into());
        };
        self.exchange.negotiated.record(message);
        let server_key = Some(UnsignedServerKey { group, public_key: public_key.into() });
        Ok(Box::new(AwaitPskServerHelloDone { exchange: self.exchange, server_key }).into())
    }
}

/// The server's ephemeral key, of a group that we offered.
struct UnsignedServerKey {
    group: &'static dyn KeyExchangeGroup,
    public_key: Vec<u8>,
}

/// The server's flight ends next.
pub(crate) struct AwaitPskServerHelloDone {
    exchange: PskExchange,
    server_key: Option<UnsignedServerKey>,
}

impl AwaitPskServerHelloDone {
    pub(super) fn on_server_hello_done(
        self: Box<Self>,
        _: ServerHelloDone,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        Ok(self.exchange.answer(self.server_key, message, cx)?)
    }
}

impl PskExchange {
    /// The flight is complete: agree on keys, send ours. That the server has the key, its Finished says.
    fn answer(
        mut self,
        server_key: Option<UnsignedServerKey>,
        server_hello_done: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Error> {
        self.negotiated.record(server_hello_done);
        let Self { key: ClientPsk { identity, key }, choice, mut negotiated } = self;
        let (group, exchange, premaster) = match server_key {
            None => (None, PskClientKeyExchange { identity: &identity }.encode()?, key.premaster()),
            Some(UnsignedServerKey { group, public_key }) => {
                let ours = group.generate(cx.seed)?;
                let exchange =
                    EcdhePskClientKeyExchange { identity: &identity, public_key: ours.public_key() }.encode()?;
                let agreed = ours.agree(&public_key).map_err(|_| PeerMisbehaved::InvalidPublicKey(group.code()))?;
                (Some(group.code()), exchange, key.premaster_with(&agreed))
            }
        };
        cx.begin_flight();
        cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, exchange, &mut negotiated.transcript);
        let master = negotiated.master_secret(&premaster);
        let mut session = choice.into_session(group);
        session.psk_identity = Some(identity.into_boxed_slice());
        Ok(finish_flight(negotiated, master, session, PeerProof::Psk, cx))
    }
}
