//! A client made by hand, for servers under test.

use alloc::vec::Vec;

use super::puppet::{Message, Puppet, Secrets, fragment};
use super::scene::{ExtensionScript, Scene, codes, vec8};
use super::subject::{Mode, Subject};
use crate::code::{
    CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use crate::config::ServerConfigBuilder;
use crate::crypto::{MasterSecret, Randoms};
use crate::event::Event;
use crate::proof::AddressValidated;
use crate::provider::ring;
use crate::role::Role;
use crate::test_rng::TestRng;
use crate::wire::hello::ServerHello;
use crate::wire::key_exchange::ServerKeyExchange;

/// The subject is a server.
pub(super) type ServerScene = Scene<ClientScript>;

pub(super) struct ClientScript {
    pub(super) hello: ClientHelloScript,
    /// What the server chose, once its flight was heard.
    chosen: Option<Chosen>,
}

pub(super) struct ClientHelloScript {
    pub(super) version: ProtocolVersion,
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) cookie: Vec<u8>,
    pub(super) suites: Vec<u16>,
    pub(super) compression: Vec<u8>,
    pub(super) extensions: ExtensionScript,
}

struct Chosen {
    random: [u8; 32],
    suite: CipherSuite,
    extended_master_secret: bool,
    group: NamedGroup,
    public_key: Vec<u8>,
}

impl ClientScript {
    fn new() -> Self {
        let groups = [NamedGroup::X25519.0, NamedGroup::SECP256R1.0];
        let schemes = [SignatureScheme::ECDSA_SHA256.0, SignatureScheme::RSA_PSS_RSAE_SHA256.0];
        let extensions = Vec::from([
            (ExtensionType::RENEGOTIATION_INFO, Vec::from([0])),
            (ExtensionType::EXTENDED_MASTER_SECRET, Vec::new()),
            (ExtensionType::SUPPORTED_GROUPS, codes(&groups)),
            (ExtensionType::EC_POINT_FORMATS, Vec::from([1, 0])),
            (ExtensionType::SIGNATURE_ALGORITHMS, codes(&schemes)),
        ]);
        let suites = ring::provider().suites.iter().map(|suite| suite.code.0);
        let hello = ClientHelloScript {
            version: ProtocolVersion::DTLS_1_2,
            random: [0xc1; 32],
            session_id: Vec::new(),
            cookie: Vec::new(),
            suites: suites.collect(),
            compression: Vec::from([0]),
            extensions: ExtensionScript(extensions),
        };
        Self { hello, chosen: None }
    }
}

impl ClientHelloScript {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { version, random, session_id, cookie, suites, compression, extensions } = self;
        [
            version.0.to_be_bytes().to_vec(),
            random.to_vec(),
            vec8(session_id),
            vec8(cookie),
            codes(suites),
            vec8(compression),
            extensions.encode(),
        ]
        .concat()
    }
}

impl ServerScene {
    /// A server that waits for the first hello of a client whose address its transport vouches for.
    pub(super) fn new(mode: Mode) -> Self {
        Self::with(mode, |config| config)
    }

    pub(super) fn with(mode: Mode, configure: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Self {
        Self::at(mode, AddressValidated::assured_by_transport(), configure)
    }

    pub(super) fn at(
        mode: Mode,
        address: AddressValidated,
        configure: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Self {
        Self::of(Subject::server(mode, address, configure))
    }

    pub(super) fn of(subject: Subject) -> Self {
        Self { subject, puppet: Puppet::new(Role::Client), script: ClientScript::new() }
    }

    /// The hello of the script in pieces of this length, each in a datagram of its own.
    pub(super) fn hello_in_pieces(&mut self, size: usize) -> Vec<Vec<u8>> {
        let hello = self.script.hello.encode();
        let message_seq = self.puppet.message_seq;
        self.puppet.message(HandshakeType::CLIENT_HELLO, &hello);
        (0..hello.len())
            .step_by(size)
            .map(|start| {
                let end = (start + size).min(hello.len());
                let piece = fragment(HandshakeType::CLIENT_HELLO, message_seq, &hello, start..end);
                self.puppet.record(ContentType::HANDSHAKE, &piece)
            })
            .collect()
    }

    /// Gives the pieces in order or from the end. Nothing happens before the last is there.
    pub(super) fn give_pieces(&mut self, mut pieces: Vec<Vec<u8>>, is_reversed: bool) {
        if is_reversed {
            pieces.reverse();
        }
        let (last, others) = pieces.split_last().unwrap();
        for piece in others {
            self.give(piece);
            self.is_unmoved();
        }
        self.give(last);
    }

    pub(super) fn connected(mode: Mode) -> Self {
        let mut scene = Self::new(mode);
        scene.connect();
        scene
    }

    pub(super) fn send_hello(&mut self) {
        let hello = self.script.hello.encode();
        self.send(HandshakeType::CLIENT_HELLO, &hello);
    }

    /// Says a message in a plaintext record of its own.
    pub(super) fn send(&mut self, msg_type: HandshakeType, body: &[u8]) {
        let record = self.puppet.say(msg_type, body);
        self.give(&record);
    }

    /// The ServerHello of the flight that answers the hello.
    pub(super) fn hear_server_hello(&mut self) -> Vec<u8> {
        let flight = self.hear_flight();
        flight.into_iter().find(|message| message.msg_type == HandshakeType::SERVER_HELLO).expect("a ServerHello").body
    }

    /// Hears the server's first flight.
    pub(super) fn hear_flight(&mut self) -> Vec<Message> {
        let flight = self.heard_messages();
        for message in &flight {
            self.puppet.transcript.add(message.msg_type, message.message_seq, &message.body);
        }
        let body = |msg_type| &*flight.iter().find(|message| message.msg_type == msg_type).expect("in the flight").body;
        let hello = ServerHello::decode(body(HandshakeType::SERVER_HELLO)).unwrap();
        let exchange = ServerKeyExchange::decode(body(HandshakeType::SERVER_KEY_EXCHANGE)).unwrap();
        let ServerKeyExchange::Named(key) = exchange else { panic!("a named group") };
        self.script.chosen = Some(Chosen {
            random: hello.random,
            suite: hello.cipher_suite,
            extended_master_secret: hello.extensions.find(ExtensionType::EXTENDED_MASTER_SECRET).is_some(),
            group: key.group,
            public_key: key.public_key.to_vec(),
        });
        flight
    }

    /// The group that the server chose.
    pub(super) fn group(&self) -> NamedGroup {
        self.script.chosen.as_ref().expect("the server's flight was heard").group
    }

    /// Makes a key and says it; both sides know the keys then.
    pub(super) fn say_key_exchange(&mut self) -> Vec<u8> {
        let chosen = self.script.chosen.as_ref().expect("the server's flight was heard");
        let Chosen { random, suite, extended_master_secret, group, public_key } = chosen;
        let suite = ring::provider().suite(*suite).unwrap();
        let randoms = Randoms { client: self.script.hello.random, server: *random };
        let key = ring::provider().group(*group).unwrap().generate(&mut TestRng::new(5)).unwrap();
        let body = vec8(key.public_key());
        let premaster = key.agree(public_key).unwrap();
        let message = self.puppet.message(HandshakeType::CLIENT_KEY_EXCHANGE, &body);
        let master = if *extended_master_secret {
            MasterSecret::extended(suite.hash, &premaster, self.puppet.transcript.hash(suite.hash).as_ref())
        } else {
            MasterSecret::from_randoms(suite.hash, &premaster, &randoms)
        };
        self.puppet.secrets = Some(Secrets::new(suite, master, &randoms));
        self.puppet.record(ContentType::HANDSHAKE, &message)
    }

    /// Says the client's last flight to a server whose first one was heard; what the server answers.
    #[track_caller]
    pub(super) fn say_last_flight(&mut self) -> Vec<Message> {
        let exchange = self.say_key_exchange();
        self.give(&exchange);
        let rest = self.puppet.end_of_flight();
        self.give(&rest);
        self.hear_last_flight()
    }

    /// Plays the handshake up to the client's last flight, of which ClientKeyExchange is said.
    pub(super) fn until_finished(&mut self) {
        self.send_hello();
        self.hear_flight();
        let exchange = self.say_key_exchange();
        self.give(&exchange);
    }

    /// Plays the handshake to its end; the server's last flight, which proves that it saw the same.
    #[track_caller]
    pub(super) fn connect(&mut self) -> Vec<Message> {
        self.until_finished();
        let rest = self.puppet.end_of_flight();
        self.give(&rest);
        self.hear_last_flight()
    }

    #[track_caller]
    pub(super) fn hear_last_flight(&mut self) -> Vec<Message> {
        let flight = self.heard_messages();
        let [.., finished] = &*flight else { panic!("a flight") };
        assert_eq!((finished.msg_type, finished.epoch), (HandshakeType::FINISHED, 1));
        assert_eq!(finished.body, self.puppet.verify_data(Role::Server));
        assert_eq!(self.subject.events(), [Event::Connected]);
        flight
    }
}
