//! A server made by hand, for clients under test.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::identities::P256;
use super::puppet::{Message, Puppet, Secrets, Spoken, messages, whole};
use super::scene::{ExtensionScript, Scene, vec8, vec16};
use super::subject::{Mode, Subject};
use crate::code::{
    CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use crate::config::{ClientConfigBuilder, Identity};
use crate::crypto::{EphemeralKey, MasterSecret, Randoms};
use crate::event::Event;
use crate::provider::ring;
use crate::role::Role;
use crate::test_rng::TestRng;
use crate::wire::certificate::encode_chain;
use crate::wire::hello::ClientHello;
use crate::wire::key_exchange::ClientKeyExchange;

/// The subject is a client.
pub(super) type ClientScene = Scene<ServerScript>;

pub(super) struct ServerScript {
    /// The body of the latest ClientHello that was heard.
    pub(super) client_hello: Vec<u8>,
    pub(super) hello: ServerHelloScript,
    pub(super) identity: Identity,
    /// The body of Certificate.
    pub(super) certificate: Vec<u8>,
    /// The body of CertificateStatus, if there is to be one.
    pub(super) certificate_status: Option<Vec<u8>>,
    pub(super) key_exchange: KeyExchangeScript,
    /// The body of CertificateRequest, if there is to be one.
    pub(super) certificate_request: Option<Vec<u8>>,
}

pub(super) struct ServerHelloScript {
    pub(super) version: ProtocolVersion,
    pub(super) random: [u8; 32],
    pub(super) session_id: Vec<u8>,
    pub(super) suite: CipherSuite,
    pub(super) compression: u8,
    pub(super) extensions: ExtensionScript,
}

pub(super) struct KeyExchangeScript {
    pub(super) curve_type: u8,
    pub(super) group: NamedGroup,
    pub(super) public_key: Vec<u8>,
    pub(super) scheme: SignatureScheme,
    /// Instead of the right one.
    pub(super) signature: Option<Vec<u8>>,
    key: Option<Box<dyn EphemeralKey>>,
}

impl ServerScript {
    fn new() -> Self {
        let extensions = Vec::from([
            (ExtensionType::RENEGOTIATION_INFO, Vec::from([0])),
            (ExtensionType::EXTENDED_MASTER_SECRET, Vec::new()),
            (ExtensionType::EC_POINT_FORMATS, Vec::from([1, 0])),
        ]);
        Self {
            client_hello: Vec::new(),
            hello: ServerHelloScript {
                version: ProtocolVersion::DTLS_1_2,
                random: [0x5e; 32],
                session_id: Vec::new(),
                suite: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                compression: 0,
                extensions: ExtensionScript(extensions),
            },
            identity: P256.clone(),
            certificate: encode_chain(P256.chain()).unwrap(),
            certificate_status: None,
            key_exchange: KeyExchangeScript::new(NamedGroup::X25519, SignatureScheme::ECDSA_SHA256),
            certificate_request: None,
        }
    }

    /// Shows this certificate, and signs with its key under `scheme`.
    pub(super) fn use_identity(&mut self, suite: CipherSuite, identity: &Identity, scheme: SignatureScheme) {
        self.hello.suite = suite;
        self.identity = identity.clone();
        self.certificate = identity.encode().unwrap();
        self.key_exchange.scheme = scheme;
    }

    pub(super) fn use_group(&mut self, group: NamedGroup) {
        self.key_exchange = KeyExchangeScript::new(group, self.key_exchange.scheme);
    }

    /// Its flight, message by message.
    pub(super) fn flight(&self) -> Vec<Spoken> {
        let mut flight = Vec::from([
            (HandshakeType::SERVER_HELLO, self.hello.encode()),
            (HandshakeType::CERTIFICATE, self.certificate.clone()),
        ]);
        flight.extend(self.certificate_status.iter().map(|body| (HandshakeType::CERTIFICATE_STATUS, body.clone())));
        flight.push((HandshakeType::SERVER_KEY_EXCHANGE, self.key_exchange()));
        flight.extend(self.certificate_request.iter().map(|body| (HandshakeType::CERTIFICATE_REQUEST, body.clone())));
        flight.push((HandshakeType::SERVER_HELLO_DONE, Vec::new()));
        flight
    }

    fn key_exchange(&self) -> Vec<u8> {
        let KeyExchangeScript { curve_type, group, public_key, scheme, signature, .. } = &self.key_exchange;
        let params = [&[*curve_type], &group.0.to_be_bytes()[..], &vec8(public_key)].concat();
        let signature = signature.clone().unwrap_or_else(|| {
            let signed = [&self.randoms().client, &self.hello.random, &*params].concat();
            self.identity.key.sign(*scheme, &signed, &mut TestRng::new(3)).unwrap()
        });
        [params, scheme.0.to_be_bytes().to_vec(), vec16(&signature)].concat()
    }

    pub(super) fn randoms(&self) -> Randoms {
        let client = ClientHello::decode(&self.client_hello).unwrap().random;
        Randoms { client, server: self.hello.random }
    }
}

impl ServerHelloScript {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { version, random, session_id, suite, compression, extensions } = self;
        let choice = [&suite.0.to_be_bytes()[..], &[*compression]].concat();
        [version.0.to_be_bytes().to_vec(), random.to_vec(), vec8(session_id), choice, extensions.encode()].concat()
    }
}

impl KeyExchangeScript {
    /// A fresh key. A group that the provider lacks gets no key.
    fn new(group: NamedGroup, scheme: SignatureScheme) -> Self {
        let key = ring::provider().group(group).map(|group| group.generate(&mut TestRng::new(4)).unwrap());
        let public_key = key.as_ref().map_or_else(|| [4; 97].to_vec(), |key| key.public_key().to_vec());
        Self { curve_type: 3, group, public_key, scheme, signature: None, key }
    }
}

impl ClientScene {
    /// A client whose first hello was heard.
    pub(super) fn new(mode: Mode) -> Self {
        Self::with(mode, |config| config)
    }

    pub(super) fn with(mode: Mode, configure: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder) -> Self {
        Self::of(Subject::client(mode, configure))
    }

    pub(super) fn of(subject: Subject) -> Self {
        let mut scene = Self { subject, puppet: Puppet::new(Role::Server), script: ServerScript::new() };
        scene.hear_hello();
        scene
    }

    pub(super) fn connected(mode: Mode) -> Self {
        let mut scene = Self::new(mode);
        scene.connect();
        scene
    }

    /// Hears a ClientHello, which the flight to come will answer, and mirrors its number.
    pub(super) fn hear_hello(&mut self) -> Message {
        let [hello] = &*self.heard_messages() else { panic!("one ClientHello") };
        assert_eq!(hello.msg_type, HandshakeType::CLIENT_HELLO);
        self.puppet.message_seq = hello.message_seq;
        self.puppet.transcript = crate::crypto::Transcript::new();
        self.puppet.transcript.add(hello.msg_type, hello.message_seq, &hello.body);
        self.script.client_hello.clone_from(&hello.body);
        hello.clone()
    }

    /// A HelloVerifyRequest with this number.
    pub(super) fn ask_for_cookie(&mut self, version: ProtocolVersion, message_seq: u16, cookie: &[u8]) {
        let body = [version.0.to_be_bytes().to_vec(), vec8(cookie)].concat();
        let message = whole(HandshakeType::HELLO_VERIFY_REQUEST, message_seq, &body);
        let record = self.puppet.record(ContentType::HANDSHAKE, &message);
        self.give(&record);
    }

    pub(super) fn send_flight(&mut self) {
        let flight = self.script.flight();
        self.send(&flight);
    }

    /// Says these messages in one record.
    pub(super) fn send(&mut self, messages: &[Spoken]) {
        let record = self.puppet.say_all(messages);
        self.give(&record);
    }

    /// Hears the client's second flight: the keys of both sides are known then, and its Finished is right.
    pub(super) fn hear_flight(&mut self) -> Vec<Message> {
        let datagrams = self.subject.take();
        // The key exchange is in plaintext, and opens what comes behind it.
        let mut plaintext: Vec<Message> = Vec::new();
        for datagram in &datagrams {
            for record in crate::inspect::records(datagram).filter(|record| !record.is_protected()) {
                plaintext.extend(record.fragments().map(|fragment| {
                    assert!(fragment.is_whole());
                    let (msg_type, message_seq) = (fragment.msg_type, fragment.message_seq);
                    Message { msg_type, message_seq, epoch: 0, body: fragment.bytes.to_vec() }
                }));
            }
        }
        for message in &plaintext {
            self.puppet.transcript.add(message.msg_type, message.message_seq, &message.body);
            if message.msg_type == HandshakeType::CLIENT_KEY_EXCHANGE {
                self.agree(&message.body);
            }
        }
        let heard = messages(&self.puppet.understand(&datagrams));
        let [.., finished] = &*heard else { panic!("a flight") };
        assert_eq!((finished.msg_type, finished.epoch), (HandshakeType::FINISHED, 1));
        assert_eq!(finished.body, self.puppet.verify_data(Role::Client));
        self.puppet.transcript.add(finished.msg_type, finished.message_seq, &finished.body);
        heard
    }

    fn agree(&mut self, client_key_exchange: &[u8]) {
        let suite = ring::provider().suite(self.script.hello.suite).unwrap();
        let public_key = ClientKeyExchange::decode(client_key_exchange).unwrap().public_key;
        let premaster = self.script.key_exchange.key.take().expect("one key exchange").agree(public_key).unwrap();
        let randoms = self.script.randoms();
        let master = if self.script.hello.extensions.has(ExtensionType::EXTENDED_MASTER_SECRET) {
            MasterSecret::extended(suite.hash, &premaster, self.puppet.transcript.hash(suite.hash).as_ref())
        } else {
            MasterSecret::from_randoms(suite.hash, &premaster, &randoms)
        };
        self.puppet.secrets = Some(Secrets::new(suite, master, &randoms));
    }

    /// Says its flight, hears the client's, and has the last word still to say.
    pub(super) fn until_finished(&mut self) {
        self.send_flight();
        self.hear_flight();
    }

    /// Plays the rest of the handshake.
    #[track_caller]
    pub(super) fn connect(&mut self) {
        self.until_finished();
        let last = self.puppet.end_of_flight();
        self.give(&last);
        assert_eq!(self.subject.events(), [Event::Connected]);
    }
}
