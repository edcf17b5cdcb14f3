//! The server's side of a DTLS 1.2 handshake, from the top of RFC 6347 Figure 1 to its bottom.
//!
//! The cookie exchange is over before a server connection exists: the hello gate of the endpoint does it without
//! state, and the proof it makes is what a connection is built from.
//!
//! ```text
//!   client                                             server
//!
//!   ClientHello (cookie)     ------------------------>          AwaitClientHello
//!                            <--------          ServerHello
//!                                               Certificate
//!                                         ServerKeyExchange
//!                                           ServerHelloDone
//!   ClientKeyExchange        ------------------------>          AwaitClientKeyExchange
//!   [ChangeCipherSpec]
//!   Finished                 ------------------------>          AwaitFinished
//!                            <--------   [ChangeCipherSpec]
//!                                                  Finished
//!
//!   application data         <----------------------->          Connected
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::negotiate::{self, Negotiated, Selection};
use super::{Connected, Cx, Keys, Refusal, State as AnyState, refuse_hello, step, unexpected, verify_finished};
use crate::code::{HandshakeType, ProtocolVersion};
use crate::config::ServerConfig;
use crate::crypto::{EphemeralKey, KeyBlock, MasterSecret, Randoms, Transcript, VERIFY_DATA_LEN};
use crate::error::PeerMisbehaved;
use crate::flight::reassembly::Message;
use crate::proof::PeerProof;
use crate::role::Role;
use crate::session::Session;
use crate::wire::certificate::encode_chain;
use crate::wire::finished::Finished;
use crate::wire::hello::{ClientHello, HelloPrefix, ServerHello};
use crate::wire::key_exchange::{ClientKeyExchange, SignedKey};

/// Which message the server waits for.
pub(crate) enum State {
    ClientHello(Box<AwaitClientHello>),
    ClientKeyExchange(Box<AwaitClientKeyExchange>),
    Finished(Box<AwaitFinished>),
}

impl State {
    pub(super) fn on_message(self, message: &Message, cx: &mut Cx<'_>) -> Result<AnyState, Refusal> {
        match self {
            Self::ClientHello(state) => step(state, message, cx, AwaitClientHello::on_client_hello),
            Self::ClientKeyExchange(state) if state.is_repeated_hello(message) => Err(Refusal::Ignore(state.into())),
            Self::ClientKeyExchange(state) => step(state, message, cx, AwaitClientKeyExchange::on_client_key_exchange),
            Self::Finished(state) => step(state, message, cx, AwaitFinished::on_finished),
        }
    }

    pub(super) const fn expected(&self) -> HandshakeType {
        match self {
            Self::ClientHello(_) => HandshakeType::CLIENT_HELLO,
            Self::ClientKeyExchange(_) => HandshakeType::CLIENT_KEY_EXCHANGE,
            Self::Finished(_) => HandshakeType::FINISHED,
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

        // 1. Choose.
        let selection = match negotiate::select(&hello, &self.config) {
            Ok(selection) => selection,
            Err(error) => return Err(refuse_hello(self, message, error)),
        };
        let Selection { choice, group, identity, scheme, extensions } = selection;
        let randoms = Randoms { client: hello.random, server: cx.seed.next(b"server random") };
        let mut transcript = Transcript::new();
        transcript.add(HandshakeType::CLIENT_HELLO, message.message_seq, &message.body);
        transcript.commit(choice.suite.hash);

        // 2. ServerHello, with the message_seq of the hello it answers: there may have been HelloVerifyRequests, and
        //    nobody counted them (RFC 6347 section 4.2.2).
        *cx.next_message_seq = message.message_seq;
        let server_hello = ServerHello {
            version: ProtocolVersion::DTLS_1_2,
            random: randoms.server,
            session_id: &[],
            cipher_suite: choice.suite.code,
            compression_method: 0,
            extensions: extensions.as_extensions(),
        };
        cx.begin_flight();
        cx.send(HandshakeType::SERVER_HELLO, server_hello.encode()?, &mut transcript);

        // 3. Certificate: the whole chain.
        cx.send(HandshakeType::CERTIFICATE, encode_chain(&identity.chain)?, &mut transcript);

        // 4. ServerKeyExchange: a fresh key, signed.
        let key = group.generate(cx.seed)?;
        let params = SignedKey::encode_params(group.code(), key.public_key())?;
        let signed = negotiate::signed_params(&randoms, &params);
        let signature = identity.key.sign(scheme, &signed, cx.seed)?;
        let exchange = SignedKey::encode(&params, scheme, &signature)?;
        cx.send(HandshakeType::SERVER_KEY_EXCHANGE, exchange, &mut transcript);

        // 5. ServerHelloDone.
        cx.send(HandshakeType::SERVER_HELLO_DONE, Vec::new(), &mut transcript);

        let extended_master_secret = choice.extended_master_secret;
        let key_log = self.config.common.key_log.clone();
        let negotiated = Negotiated { suite: choice.suite, randoms, extended_master_secret, transcript, key_log };
        let session = choice.into_session(group.code(), Vec::new());
        Ok(Box::new(AwaitClientKeyExchange { negotiated, session, key }).into())
    }
}

/// Our flight is out; the client's ephemeral key comes next.
pub(crate) struct AwaitClientKeyExchange {
    negotiated: Negotiated,
    session: Session,
    key: Box<dyn EphemeralKey>,
}

impl AwaitClientKeyExchange {
    /// A client that was sent two cookies has answered both, and repeats the later hello until our answer to the earlier
    /// one reaches it. It has the message_seq of the message that is due, and means nothing.
    fn is_repeated_hello(&self, message: &Message) -> bool {
        message.msg_type == HandshakeType::CLIENT_HELLO
            && HelloPrefix::decode(&message.body).is_ok_and(|hello| *hello.random == self.negotiated.randoms.client)
    }

    fn on_client_key_exchange(
        mut self: Box<Self>,
        exchange: ClientKeyExchange<'_>,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        self.negotiated.record(message);
        let Self { negotiated, session, key } = *self;
        let premaster = key.agree(exchange.public_key).map_err(|_| PeerMisbehaved::InvalidPublicKey(session.group))?;
        let master = negotiated.master_secret(&premaster);
        let expected = negotiated.finished(&master, Role::Client).verify_data;
        // The client's Finished is the next message, and it is protected: from here on its plaintext says nothing.
        let block = master.key_block(negotiated.suite, &negotiated.randoms);
        cx.install_read(Keys { suite: negotiated.suite, block: block.clone(), writer: Role::Client });
        Ok(Box::new(AwaitFinished { negotiated, session, master, block, expected }).into())
    }
}

/// The keys are agreed; the client's Finished comes next.
pub(crate) struct AwaitFinished {
    negotiated: Negotiated,
    session: Session,
    master: MasterSecret,
    /// The half of it that we write with is still to be used.
    block: KeyBlock,
    expected: [u8; VERIFY_DATA_LEN],
}

impl AwaitFinished {
    fn on_finished(
        mut self: Box<Self>,
        finished: Finished,
        message: &Message,
        cx: &mut Cx<'_>,
    ) -> Result<AnyState, Refusal> {
        // A Finished outside the new epoch proves nothing (FLT-20).
        if message.epoch == 0 {
            return Err(unexpected(self, message, HandshakeType::FINISHED));
        }
        let verified = verify_finished(finished, &self.expected)?;
        self.negotiated.record(message);
        let Self { mut negotiated, session, master, block, .. } = *self;

        // ChangeCipherSpec and Finished: the last flight, which has no answer.
        let finished = negotiated.finished(&master, Role::Server);
        cx.begin_flight();
        cx.change_cipher_spec(Keys { suite: negotiated.suite, block, writer: Role::Server });
        cx.send(HandshakeType::FINISHED, finished.encode(), &mut negotiated.transcript);

        let exporter = negotiated.into_exporter(master);
        Ok(AnyState::Connected(Connected::new(session, exporter, verified, PeerProof::Anonymous)))
    }
}

into_state! { Server12:
    ClientHello(AwaitClientHello),
    ClientKeyExchange(AwaitClientKeyExchange),
    Finished(AwaitFinished),
}
