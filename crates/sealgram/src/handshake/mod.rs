//! What handshake messages mean: one state for each message that may come next.
//!
//! A state owns exactly what is known at its point of the handshake. A message consumes the state and gives the next
//! one, or an error. Nothing here knows about records, fragments or timers: a handler says what to send and which
//! keys to use through [`Cx`], and the connection carries it out.

/// Wraps each state struct of a role into its variant.
macro_rules! into_state {
    ($role:ident: $($variant:ident($state:ident)),* $(,)?) => {
        $(impl From<Box<$state>> for $crate::handshake::State {
            fn from(state: Box<$state>) -> Self {
                Self::$role(State::$variant(state))
            }
        })*
    };
}

mod certificate_type;
pub(crate) mod client12;
mod credential;
pub(crate) mod negotiate;
pub(crate) mod resume;
pub(crate) mod server12;
pub(crate) mod terms;

use alloc::boxed::Box;
use alloc::vec::Vec;

use pki_types::UnixTime;

use self::resume::SessionReference;
use self::terms::{RecordSizes, Terms};
use crate::cid::ConnectionIds;
use crate::code::HandshakeType;
use crate::crypto::{Exporter, KeyBlock, Seed, Suite, Transcript, VERIFY_DATA_LEN};
use crate::decision::{Answer, Decision};
use crate::error::{CryptoError, DecodeError, Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::reassembly::Message;
use crate::proof::{FinishedVerified, PeerProof};
use crate::role::Role;
use crate::session::Session;
use crate::wire::certificate::{CertificateRequest, CertificateVerify};
use crate::wire::certificate_status::CertificateStatus;
use crate::wire::finished::Finished;
use crate::wire::hello::{ClientHello, HelloVerifyRequest, ServerHello};
use crate::wire::key_exchange::{
    ClientKeyExchange, EcdhePskClientKeyExchange, EcdhePskServerKeyExchange, PskClientKeyExchange,
    PskServerKeyExchange, ServerKeyExchange, decode_server_hello_done,
};
use crate::wire::ticket::NewSessionTicket;

/// Where a handshake is. DTLS 1.3 will be variants beside these.
pub(crate) enum State {
    Client12(client12::State),
    Server12(server12::State),
    Connected(Box<Connected>),
}

/// A finished handshake. It can't be made without the proofs.
pub(crate) struct Connected {
    pub(crate) session: Session,
    /// Until the application drops it.
    pub(crate) exporter: Option<Exporter>,
    /// Held as evidence; nothing reads them.
    _finished: FinishedVerified,
    _peer: PeerProof,
}

impl Connected {
    pub(crate) fn new(session: Session, exporter: Exporter, finished: FinishedVerified, peer: PeerProof) -> Box<Self> {
        Box::new(Self { session, exporter: Some(exporter), _finished: finished, _peer: peer })
    }
}

/// Why a message did not lead to a next state.
pub(crate) enum Refusal {
    /// The message does not parse or does not belong here, and nobody vouches for it: the state stands as it was, and
    /// the error is remembered in case nothing better comes.
    Doubt(State, Error),
    /// The message can be passed over: it repeats something, or it is not for us.
    Ignore(State),
    /// The handshake has failed.
    Fatal(Error),
    /// The answer is not one to the question: the state stands as it was.
    Misuse(State),
}

macro_rules! fatal {
    ($($error:ty),*) => {
        $(impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::Fatal(error.into())
            }
        })*
    };
}

fatal!(CryptoError, Error, PeerIncompatible, PeerMisbehaved);

impl State {
    /// Takes the next message in order.
    pub(crate) fn on_message(self, message: &Message, cx: &mut Cx<'_>) -> Result<Self, Refusal> {
        match self {
            Self::Client12(state) => state.on_message(message, cx),
            Self::Server12(state) => state.on_message(message, cx),
            // The connection answers what comes after the handshake without asking for its meaning.
            Self::Connected(connected) => Err(Refusal::Ignore(Self::Connected(connected))),
        }
    }

    /// Takes the answer to the decision that the state waits for.
    pub(crate) fn on_answer(self, answer: Answer, cx: &mut Cx<'_>) -> Result<Self, Refusal> {
        match self {
            Self::Client12(state) => state.on_answer(answer, cx),
            Self::Server12(state) => state.on_answer(answer, cx),
            connected @ Self::Connected(_) => Err(Refusal::Misuse(connected)),
        }
    }

    /// Whether the peer's Finished is due, and a preshared key is all that vouches for the peer.
    pub(crate) const fn relies_on_psk(&self) -> bool {
        match self {
            Self::Client12(state) => state.relies_on_psk(),
            Self::Server12(state) => state.relies_on_psk(),
            Self::Connected(_) => false,
        }
    }

    /// The message that would bring the handshake forward; `None` once it is complete.
    pub(crate) const fn expected(&self) -> Option<HandshakeType> {
        match self {
            Self::Client12(state) => Some(state.expected()),
            Self::Server12(state) => Some(state.expected()),
            Self::Connected(_) => None,
        }
    }
}

/// What a handler may touch: what it knows of the outside, and what it wants done there.
pub(crate) struct Cx<'c> {
    /// The calendar time, for certificates.
    pub(crate) now: UnixTime,
    /// The randomness of this connection.
    pub(crate) seed: &'c mut Seed,
    /// The message_seq of the next message we send.
    pub(crate) next_message_seq: &'c mut u16,
    /// What is to be done if the handler succeeds, in this order.
    pub(crate) effects: Vec<Effect>,
    /// What the state that the handler returned waits for, if that is a decision and not a message. The effects wait
    /// with it.
    pub(crate) decision: Option<Decision>,
}

/// Something that a handler wants done.
pub(crate) enum Effect {
    /// A new flight begins; the one before it was answered.
    BeginFlight,
    /// Send this as part of the flight, in the write epoch of this moment.
    Send { msg_type: HandshakeType, message_seq: u16, body: Vec<u8> },
    /// Send ChangeCipherSpec as part of the flight; what follows it belongs to the next epoch.
    ChangeCipherSpec,
    /// Keep to these sizes from now on.
    LimitRecords(RecordSizes),
    /// Use new keys for the next write epoch.
    InstallWrite(Keys),
    /// Protected records carry these connection IDs; until the server has answered, ours is an offer.
    ConnectionIds(ConnectionIds),
    /// The session of this connection is kept here, until the connection fails.
    Remember(SessionReference),
    /// Use new keys for the next read epoch. The handshake messages of the epoch before it are all in.
    InstallRead(Keys),
}

/// The keys of one direction.
pub(crate) struct Keys {
    pub(crate) suite: &'static Suite,
    pub(crate) block: KeyBlock,
    pub(crate) writer: Role,
}

impl Cx<'_> {
    pub(crate) fn begin_flight(&mut self) {
        self.effects.push(Effect::BeginFlight);
    }

    /// Sends a message and adds the same bytes to the transcript.
    pub(crate) fn send(&mut self, msg_type: HandshakeType, body: Vec<u8>, transcript: &mut Transcript) {
        transcript.add(msg_type, *self.next_message_seq, &body);
        self.send_unrecorded(msg_type, body);
    }

    /// Sends a message that enters no transcript yet: a ClientHello, which may turn out to be the cookie-less one.
    pub(crate) fn send_unrecorded(&mut self, msg_type: HandshakeType, body: Vec<u8>) {
        let message_seq = *self.next_message_seq;
        // A handshake has fewer than 20 messages; the numbers of a peer's hellos are checked where they come in.
        *self.next_message_seq = message_seq.wrapping_add(1);
        self.effects.push(Effect::Send { msg_type, message_seq, body });
    }

    /// Sends ChangeCipherSpec and protects what follows (RFC 6347 section 4.2.5).
    pub(crate) fn change_cipher_spec(&mut self, keys: Keys) {
        self.effects.push(Effect::ChangeCipherSpec);
        self.effects.push(Effect::InstallWrite(keys));
    }

    pub(crate) fn install_read(&mut self, keys: Keys) {
        self.effects.push(Effect::InstallRead(keys));
    }

    /// Says which connection IDs protected records carry.
    pub(crate) fn use_connection_ids(&mut self, ids: ConnectionIds) {
        self.effects.push(Effect::ConnectionIds(ids));
    }

    /// Has records keep to what both hellos say.
    pub(crate) fn use_terms(&mut self, terms: &Terms) {
        self.use_connection_ids(terms.connection_ids.clone().unwrap_or(ConnectionIds::NONE));
        self.effects.push(Effect::LimitRecords(terms.record_sizes));
    }

    /// Says where the session is kept.
    pub(crate) fn remember(&mut self, reference: SessionReference) {
        self.effects.push(Effect::Remember(reference));
    }

    /// The state that the handler returns waits for this.
    pub(crate) fn suspend(&mut self, decision: Decision) {
        self.decision = Some(decision);
    }
}

/// A message body that can be read.
pub(crate) trait Read<'m>: Sized {
    const TYPE: HandshakeType;

    fn read(body: &'m [u8]) -> Result<Self, DecodeError>;
}

macro_rules! readable {
    ($($message:ty = $msg_type:ident),* $(,)?) => {
        $(impl<'m> Read<'m> for $message {
            const TYPE: HandshakeType = HandshakeType::$msg_type;

            fn read(body: &'m [u8]) -> Result<Self, DecodeError> {
                Self::decode(body)
            }
        })*
    };
}

readable! {
    ClientHello<'m> = CLIENT_HELLO,
    HelloVerifyRequest<'m> = HELLO_VERIFY_REQUEST,
    ServerHello<'m> = SERVER_HELLO,
    ServerKeyExchange<'m> = SERVER_KEY_EXCHANGE,
    PskServerKeyExchange<'m> = SERVER_KEY_EXCHANGE,
    EcdhePskServerKeyExchange<'m> = SERVER_KEY_EXCHANGE,
    CertificateStatus<'m> = CERTIFICATE_STATUS,
    CertificateRequest<'m> = CERTIFICATE_REQUEST,
    CertificateVerify<'m> = CERTIFICATE_VERIFY,
    ClientKeyExchange<'m> = CLIENT_KEY_EXCHANGE,
    PskClientKeyExchange<'m> = CLIENT_KEY_EXCHANGE,
    EcdhePskClientKeyExchange<'m> = CLIENT_KEY_EXCHANGE,
    Finished = FINISHED,
    NewSessionTicket<'m> = NEW_SESSION_TICKET,
}

/// The end of a server's flight.
pub(crate) struct ServerHelloDone;

impl Read<'_> for ServerHelloDone {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO_DONE;

    fn read(body: &[u8]) -> Result<Self, DecodeError> {
        decode_server_hello_done(body).map(|()| Self)
    }
}

/// Reads `message`, then takes `state` to the next one: a message that does not parse never consumes a state.
pub(crate) fn step<'m, S, M: Read<'m>, N: Into<State>>(
    state: Box<S>,
    message: &'m Message,
    cx: &mut Cx<'_>,
    handler: impl FnOnce(Box<S>, M, &'m Message, &mut Cx<'_>) -> Result<N, Refusal>,
) -> Result<State, Refusal>
where
    Box<S>: Into<State>,
{
    let expected = M::TYPE;
    if message.msg_type != expected {
        return Err(unexpected(state, message, expected));
    }
    match M::read(&message.body) {
        Ok(content) => handler(state, content, message, cx).map(Into::into),
        Err(error) => Err(doubt(state, message, error.into())),
    }
}

/// The message does not belong here.
pub(crate) fn unexpected(state: impl Into<State>, message: &Message, expected: HandshakeType) -> Refusal {
    doubt(state, message, PeerMisbehaved::UnexpectedMessage { got: message.msg_type, expected }.into())
}

/// The hello leads nowhere. Its extensions are read by whoever wants to know them, so this is where one shows that does
/// not parse: that is doubted like all such things. What parses and is wrong is fatal.
pub(crate) fn refuse_hello(state: impl Into<State>, message: &Message, error: Error) -> Refusal {
    match error {
        Error::Decode(_) => doubt(state, message, error),
        _ => Refusal::Fatal(error),
    }
}

/// In a protected epoch the peer vouches for every message; before it nobody does.
fn doubt(state: impl Into<State>, message: &Message, error: Error) -> Refusal {
    if message.epoch == 0 { Refusal::Doubt(state.into(), error) } else { Refusal::Fatal(error) }
}

/// Compares verify_data in constant time (RFC 5246 section 7.4.9).
pub(crate) fn verify_finished(received: Finished, expected: &[u8; VERIFY_DATA_LEN]) -> Result<FinishedVerified, Error> {
    use subtle::ConstantTimeEq;

    let Finished { verify_data } = received;
    if bool::from(verify_data.ct_eq(expected)) {
        Ok(FinishedVerified::by_comparison())
    } else {
        Err(PeerMisbehaved::BadFinished.into())
    }
}
