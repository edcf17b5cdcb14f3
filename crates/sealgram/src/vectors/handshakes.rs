//! Whole handshakes with other implementations, replayed from the premaster secret on.
//!
//! Every file of `vectors/handshakes` was recorded on the wire, by the trial `recording` of sealgram-interop, which also
//! wrote down the secret of the key exchange. Here both directions go through our record layer, reassembly, decoders,
//! transcript and key schedule: every record has to open, both Finished have to be those that were sent, and the data has
//! to be that which the two ends had in their hands.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sealgram_vectors::{Section, hex, listed_below, sections};

use crate::code::{AlertDescription, ContentType, ExtensionType, HandshakeType};
use crate::crypto::{CryptoProvider, MasterSecret, Randoms, Suite, Transcript};
use crate::flight::reassembly::{Message, Reassembly, Start};
use crate::provider::ring;
use crate::record::{OpenedRecord, Opening, Protection, RecordLayer};
use crate::role::Role;
use crate::wire::alert::Alert;
use crate::wire::certificate::decode_chain;
use crate::wire::finished::Finished;
use crate::wire::fragment::split_fragments;
use crate::wire::hello::{ClientHello, HelloVerifyRequest, ServerHello};
use crate::wire::key_exchange::{ClientKeyExchange, ServerKeyExchange};

/// AEA-01, AEA-02, AEA-04, AEA-07, AEA-08, AEA-09, AEA-10, EMS-03, FIN-01, FIN-02, FIN-03, FIN-04, KEX-17: what three
/// other implementations computed, in both roles. Some begin their explicit nonces with a random number.
#[test]
fn recorded_handshakes_replay_to_their_last_record() {
    let mut covered = Vec::new();
    for file in listed_below("handshakes") {
        let mut recording: Option<Replay> = None;
        for mut section in sections(&file) {
            match (section.kind(), &mut recording) {
                ("handshake", _) => {
                    covered.extend(recording.take().map(Replay::finish));
                    recording = Some(Replay::new(&file, &mut section));
                }
                ("datagram", Some(replay)) => replay.datagram(role(&mut section, "from"), section.bytes("bytes")),
                (kind, _) => panic!("no test reads [{kind}]"),
            }
            section.finish();
        }
        covered.extend(recording.take().map(Replay::finish));
    }
    let mut wanted = Vec::new();
    for peer in ["GnuTLS", "Mbed", "OpenSSL"] {
        for role in ["client", "server"] {
            for suite in ["AES_128_GCM", "AES_256_GCM", "CHACHA20_POLY1305"] {
                wanted.extend(["with", "without"].map(|with| format!("{peer} {role} {suite} {with} EMS")));
            }
        }
    }
    covered.sort();
    wanted.sort();
    assert_eq!(covered, wanted, "what was replayed (left) and what there should be");
}

/// The wire as somebody sees it who knows the premaster secret.
struct Replay {
    /// For messages and for the list of what is covered.
    name: String,
    expected: Expected,
    client: Side,
    server: Side,
    transcript: Transcript,
    client_random: Option<[u8; 32]>,
    /// Since the ServerHello.
    negotiated: Option<Negotiated>,
    /// Since the ClientKeyExchange.
    master: Option<MasterSecret>,
}

/// What the recording says about itself.
struct Expected {
    suite: String,
    group: String,
    extended_master_secret: bool,
    premaster: Vec<u8>,
    client_data: Vec<u8>,
    server_data: Vec<u8>,
}

/// What the ServerHello settled.
struct Negotiated {
    suite: &'static Suite,
    randoms: Randoms,
    is_extended: bool,
}

/// What one end sent, as the other reads it.
struct Side {
    records: RecordLayer,
    messages: Reassembly,
    data: Vec<u8>,
    has_finished: bool,
    has_closed: bool,
}

impl Side {
    fn new(start: Start) -> Self {
        let messages = Reassembly::new(start, 1 << 16);
        Self { records: RecordLayer::new(), messages, data: Vec::new(), has_finished: false, has_closed: false }
    }
}

impl Replay {
    fn new(file: &str, section: &mut Section) -> Self {
        let (peer, peer_role) = (section.text("peer"), section.text("peer_role"));
        let expected = Expected {
            suite: section.text("suite"),
            group: section.text("group"),
            extended_master_secret: section.text("extended_master_secret") == "yes",
            premaster: section.bytes("premaster"),
            client_data: section.bytes("client_data"),
            server_data: section.bytes("server_data"),
        };
        let (implementation, _) = peer.split_once(' ').unwrap();
        let ems = if expected.extended_master_secret { "with" } else { "without" };
        let (_, cipher) = expected.suite.split_once("_WITH_").unwrap();
        let (cipher, _) = cipher.rsplit_once('_').unwrap();
        assert!(file.contains(&peer_role), "{file} is about a {peer_role}");
        // Servers differ in whether their HelloVerifyRequest takes a number.
        let types = &[HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO];
        let opening = Start::Opening { from: 0, types };
        Self {
            name: format!("{implementation} {peer_role} {cipher} {ems} EMS"),
            expected,
            client: Side::new(Start::At(0)),
            server: Side::new(opening),
            transcript: Transcript::new(),
            client_random: None,
            negotiated: None,
            master: None,
        }
    }

    const fn side(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn datagram(&mut self, from: Role, mut datagram: Vec<u8>) {
        let mut at = 0;
        while let Some(record) = RecordLayer::split(&datagram, at, 0) {
            let record = record.unwrap_or_else(|reason| panic!("{}: {reason:?}", self.name));
            at = record.body.end;
            match self.side(from).records.open(&mut datagram, &record) {
                Opening::Opened(opened) => self.record(from, &opened, &datagram[opened.plaintext.clone()]),
                other => panic!("{}: a record of the {from:?} is {other:?}", self.name),
            }
        }
    }

    fn record(&mut self, from: Role, record: &OpenedRecord, content: &[u8]) {
        match record.content_type {
            ContentType::HANDSHAKE => self.fragments(from, record.epoch, content),
            ContentType::CHANGE_CIPHER_SPEC => assert_eq!((record.epoch, content), (0, &[1][..]), "{}", self.name),
            ContentType::ALERT => {
                assert_eq!(Alert::decode(content).unwrap().description, AlertDescription::CLOSE_NOTIFY);
                self.side(from).has_closed = true;
            }
            ContentType::APPLICATION_DATA => {
                assert!(self.client.has_finished && self.server.has_finished, "{}: early data", self.name);
                self.side(from).data.extend_from_slice(content);
            }
            other => panic!("{}: {other}", self.name),
        }
    }

    fn fragments(&mut self, from: Role, epoch: u64, content: &[u8]) {
        for fragment in split_fragments(content) {
            let (header, bytes) = fragment.unwrap();
            self.side(from).messages.accept(epoch, &header, bytes).unwrap();
        }
        while let Some(message) = self.side(from).messages.take_next() {
            self.side(from).messages.confirm(message.message_seq);
            self.message(from, &message);
        }
    }

    fn message(&mut self, from: Role, message: &Message) {
        let Message { msg_type, body, .. } = message;
        // Only Finished is protected, and always.
        assert_eq!(message.epoch == 1, *msg_type == HandshakeType::FINISHED, "{}", self.name);
        match *msg_type {
            HandshakeType::CLIENT_HELLO => {
                self.client_random = Some(ClientHello::decode(body).unwrap().random);
                // RFC 6347 section 4.2.1: neither the first hello nor the answer to it is in the transcript.
                self.transcript = Transcript::new();
            }
            HandshakeType::HELLO_VERIFY_REQUEST => {
                assert!(!HelloVerifyRequest::decode(body).unwrap().cookie.is_empty());
                return;
            }
            HandshakeType::SERVER_HELLO => self.server_hello(&ServerHello::decode(body).unwrap()),
            HandshakeType::CERTIFICATE => assert!(decode_chain(body).is_ok()),
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let ServerKeyExchange::Named(key) = ServerKeyExchange::decode(body).unwrap() else { panic!() };
                assert_eq!(format!("{:?}", key.group), self.expected.group);
            }
            HandshakeType::SERVER_HELLO_DONE => assert!(body.is_empty()),
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                ClientKeyExchange::decode(body).unwrap();
                self.add(message);
                return self.derive();
            }
            HandshakeType::FINISHED => self.finished(from, Finished::decode(body).unwrap()),
            other => panic!("{}: {other}", self.name),
        }
        self.add(message);
    }

    fn add(&mut self, message: &Message) {
        self.transcript.add(message.msg_type, message.message_seq, &message.body);
    }

    fn server_hello(&mut self, hello: &ServerHello<'_>) {
        let provider: &CryptoProvider = ring::provider();
        let suite = provider.suite(hello.cipher_suite).unwrap();
        assert_eq!(format!("{suite:?}"), self.expected.suite);
        let is_extended = hello.extensions.has_empty(ExtensionType::EXTENDED_MASTER_SECRET).unwrap();
        assert_eq!(is_extended, self.expected.extended_master_secret, "{}", self.name);
        let randoms = Randoms { client: self.client_random.unwrap(), server: hello.random };
        self.negotiated = Some(Negotiated { suite, randoms, is_extended });
    }

    /// The key exchange is over: everything else follows from the premaster secret.
    fn derive(&mut self) {
        let Negotiated { suite, randoms, is_extended } = self.negotiated.as_ref().unwrap();
        let session_hash = self.transcript.hash(suite.hash);
        let master = match is_extended {
            true => MasterSecret::extended(suite.hash, &self.expected.premaster, session_hash.as_ref()),
            false => MasterSecret::from_randoms(suite.hash, &self.expected.premaster, randoms),
        };
        let block = master.key_block(suite, randoms);
        for (role, side) in [(Role::Client, &mut self.client), (Role::Server, &mut self.server)] {
            let keys = block.write_keys(role);
            side.records.install_read(Protection::new(suite, keys.key, keys.iv).unwrap());
        }
        self.master = Some(master);
    }

    fn finished(&mut self, from: Role, finished: Finished) {
        let hash = self.negotiated.as_ref().unwrap().suite.hash;
        let transcript_hash = self.transcript.hash(hash);
        let verify_data = self.master.as_ref().unwrap().verify_data(hash, from, transcript_hash.as_ref());
        assert_eq!(hex(finished.verify_data), hex(verify_data), "{}: Finished of the {from:?}", self.name);
        self.side(from).has_finished = true;
    }

    /// All that belongs to an association was there.
    fn finish(self) -> String {
        assert!(self.client.has_finished && self.server.has_finished, "{}: no end", self.name);
        assert_eq!(hex(&self.client.data), hex(&self.expected.client_data), "{}", self.name);
        assert_eq!(hex(&self.server.data), hex(&self.expected.server_data), "{}", self.name);
        assert!(self.client.has_closed || self.server.has_closed, "{}: nobody closed it", self.name);
        self.name
    }
}

fn role(section: &mut Section, field: &str) -> Role {
    match section.text(field).as_str() {
        "client" => Role::Client,
        "server" => Role::Server,
        other => panic!("no test knows the role {other}"),
    }
}
