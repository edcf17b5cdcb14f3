//! Sessions that are taken up again with a peer made by hand (RFC 5246 section 7.4.1.3, RFC 5077, RFC 7627 section 5.3).
//!
//! What can go wrong: a peer that changes what a session is, or leaves out what protects it, is followed; an answer that
//! accepts nothing is taken for one that does; a ticket of a server that has proven nothing is kept.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroUsize;

use pki_types::ServerName;

use super::identities::verifier;
use super::puppet::Secrets;
use super::scene::vec16;
use super::subject::Subject;
use super::*;
use crate::code::{AlertDescription, CipherSuite, ExtensionType, HandshakeType, ProtocolVersion};
use crate::config::{ClientConfig, ClientConfigBuilder, ServerConfigBuilder};
use crate::crypto::MasterSecret;
use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::event::Event;
use crate::proof::AddressValidated;
use crate::provider::ring;
use crate::resumption::{ClientSession, ClientSessions, MemoryClientSessions, MemoryServerSessions};
use crate::verify::PeerVerifier;
use crate::wire::hello::{ClientHello, ServerHello};

const EMS: ExtensionType = ExtensionType::EXTENDED_MASTER_SECRET;
const ID: [u8; 32] = [0x1d; 32];

// ---- the client ----

/// What a client keeps from one connection to the next.
struct Home {
    sessions: Arc<MemoryClientSessions>,
    verifier: Arc<dyn PeerVerifier>,
}

impl Home {
    fn new() -> Self {
        Self { sessions: Arc::new(MemoryClientSessions::new(NonZeroUsize::MIN)), verifier: verifier() }
    }

    fn client(&self, mode: Mode) -> ClientScene {
        self.client_with(mode, |config| config)
    }

    fn client_with(
        &self,
        mode: Mode,
        configure: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> ClientScene {
        let sessions = self.sessions.clone();
        ClientScene::of(Subject::client_judging_by(mode, self.verifier.clone(), |config| {
            configure(config.sessions(sessions))
        }))
    }

    /// A client that has a session, and the secret of that.
    fn after_a_handshake(mode: Mode) -> (Self, MasterSecret) {
        let home = Self::new();
        let mut scene = home.client(mode);
        scene.script.hello.session_id = ID.to_vec();
        scene.connect();
        let master = scene.puppet.secrets().master.clone();
        (home, master)
    }

    fn kept(&self) -> Option<ClientSession> {
        self.sessions.get(&ServerName::try_from("localhost").unwrap())
    }
}

fn offered_id(scene: &ClientScene) -> Vec<u8> {
    ClientHello::decode(&scene.script.client_hello).unwrap().session_id.to_vec()
}

fn say_hello(scene: &mut ClientScene) {
    let hello = scene.script.hello.encode();
    scene.send(&[(HandshakeType::SERVER_HELLO, hello)]);
}

/// RES-03, RES-06: the old secret, the new randoms, and the suite that it was; then data goes through.
#[test]
fn a_client_takes_a_session_up_with_fresh_keys() {
    let (home, master) = Home::after_a_handshake(Mode::Trusting);
    let mut keys = Vec::new();
    for round in 0..2 {
        let mut scene = home.client(Mode::Trusting);
        assert_eq!(offered_id(&scene), ID);
        scene.script.hello.session_id = ID.to_vec();
        scene.script.hello.random = [round; 32];
        say_hello(&mut scene);
        let suite = ring::provider().suite(scene.script.hello.suite).unwrap();
        let randoms = scene.script.randoms();
        keys.push(master.key_block(suite, &randoms).write_keys(crate::role::Role::Server).key.to_vec());
        scene.puppet.secrets = Some(Secrets::new(suite, master.clone(), &randoms));
        let end = scene.puppet.end_of_flight();
        scene.give(&end);
        let [finished] = &*scene.heard_messages() else { panic!("the client has the last word") };
        assert_eq!(finished.body, scene.puppet.verify_data(crate::role::Role::Client));
        assert_eq!(scene.subject.events(), [Event::Connected]);
        assert!(scene.subject.connection.session().unwrap().resumed);
        scene.carries_data();
    }
    assert_ne!(keys[0], keys[1]);
}

/// RES-06: one suite for the life of a session, though another was offered too.
#[test]
fn another_suite_for_a_session_is_illegal() {
    for mode in MODES {
        let (home, _) = Home::after_a_handshake(mode);
        let mut scene = home.client(mode);
        scene.script.hello.session_id = ID.to_vec();
        scene.script.hello.suite = CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
        say_hello(&mut scene);
        let error = PeerMisbehaved::ServerChangedResumedSuite(scene.script.hello.suite);
        scene.fails(error, AlertDescription::ILLEGAL_PARAMETER);
        assert!(home.kept().is_none(), "RES-08: the session is gone");
    }
}

/// RES-07: empty says nothing, nor does an id of the server's own; also where nothing was offered.
#[test]
fn only_the_offered_id_takes_a_session_up() {
    for mode in MODES {
        for id in [&[][..], &[0x99; 32], &ID[..31]] {
            let (home, _) = Home::after_a_handshake(mode);
            let mut scene = home.client(mode);
            scene.script.hello.session_id = id.to_vec();
            scene.connect();
            assert!(!scene.subject.connection.session().unwrap().resumed);

            let mut scene = Home::new().client(mode);
            assert!(offered_id(&scene).is_empty());
            scene.script.hello.session_id = id.to_vec();
            scene.connect();
            assert!(!scene.subject.connection.session().unwrap().resumed);
        }
    }
}

/// EMS-10: a session has the extended master secret, and so has what takes it up, whatever else is allowed.
#[test]
fn a_server_that_drops_the_extended_master_secret_is_refused() {
    for mode in MODES {
        for is_lenient in [false, true] {
            let (home, _) = Home::after_a_handshake(mode);
            let mut scene =
                home.client_with(
                    mode,
                    |config| {
                        if is_lenient { config.danger().allow_legacy_master_secret() } else { config }
                    },
                );
            scene.script.hello.session_id = ID.to_vec();
            scene.script.hello.extensions.remove(EMS);
            say_hello(&mut scene);
            scene.fails(PeerIncompatible::ExtendedMasterSecretRequired, AlertDescription::HANDSHAKE_FAILURE);
        }
    }
}

/// EMS-06: a session without the extended master secret is not kept, and a hello that offers one asks for it.
#[test]
fn only_sessions_with_the_extended_master_secret_are_offered() {
    let home = Home::new();
    let mut scene = home.client_with(Mode::Wary, |config| config.danger().allow_legacy_master_secret());
    scene.script.hello.session_id = ID.to_vec();
    scene.script.hello.extensions.remove(EMS);
    scene.connect();
    assert!(home.kept().is_none());

    let (home, _) = Home::after_a_handshake(Mode::Wary);
    let scene = home.client_with(Mode::Wary, |config| config.danger().allow_legacy_master_secret());
    assert_eq!(offered_id(&scene), ID);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EMS), Some(&[][..]));
}

/// Gives a client a ticket with this hint, and a Finished that is right or not.
fn given_a_ticket(home: &Home, hint: u32, is_right: bool) -> ClientScene {
    let mut scene = home.client(Mode::Wary);
    scene.script.hello.extensions.set(ExtensionType::SESSION_TICKET, b"");
    scene.until_finished();
    let ticket = [&hint.to_be_bytes()[..], &vec16(b"a ticket")].concat();
    let record = scene.puppet.say(HandshakeType::NEW_SESSION_TICKET, &ticket);
    scene.give(&record);
    assert!(home.kept().is_none(), "the server has proven nothing yet");
    let end = if is_right {
        scene.puppet.end_of_flight()
    } else {
        scene.puppet.say_sealed(HandshakeType::FINISHED, &[0; 12])
    };
    scene.give(&end);
    scene
}

/// RES-18: a ticket is worth as much as the Finished behind it.
#[test]
fn a_ticket_before_a_wrong_finished_is_not_kept() {
    let home = Home::new();
    given_a_ticket(&home, 0, false).fails(PeerMisbehaved::BadFinished, AlertDescription::DECRYPT_ERROR);
    assert!(home.kept().is_none());
    given_a_ticket(&home, 0, true);
    assert!(home.kept().is_some());
}

/// RES-19: a ticket is offered for as long as its hint says, and for a day where that says nothing or more.
#[test]
fn a_ticket_is_offered_while_it_lasts() {
    for (hint, seconds) in [(60, 60), (0, 86_400), (1_000_000, 86_400)] {
        let home = Home::new();
        given_a_ticket(&home, hint, true);
        let kept = home.kept().unwrap();
        let config = ClientConfig::builder(ring::provider(), home.verifier.clone()).build().unwrap();
        assert!(kept.may_be_offered(&config, kept.saved.created + seconds - 1), "{hint}");
        assert!(!kept.may_be_offered(&config, kept.saved.created + seconds), "{hint}");
    }
}

// ---- the server ----

fn lenient(config: ServerConfigBuilder) -> ServerConfigBuilder {
    config.danger().allow_legacy_master_secret()
}

/// A server with this store, and a client that says this id, with the extended master secret or without.
fn hello_with(
    mode: Mode,
    configure: fn(ServerConfigBuilder) -> ServerConfigBuilder,
    sessions: &Arc<MemoryServerSessions>,
    id: &[u8],
    is_extended: bool,
) -> ServerScene {
    let address = AddressValidated::assured_by_transport();
    let mut scene = ServerScene::at(mode, address, |config| configure(config.sessions(sessions.clone())));
    scene.script.hello.session_id = id.to_vec();
    if !is_extended {
        scene.script.hello.extensions.remove(EMS);
    }
    scene
}

/// What the server calls its session after a whole handshake.
fn id_after_a_handshake(sessions: &Arc<MemoryServerSessions>, is_extended: bool) -> Vec<u8> {
    let mut scene = hello_with(Mode::Wary, lenient, sessions, &[], is_extended);
    scene.send_hello();
    let id = ServerHello::decode(&scene.hear_server_hello()).unwrap().session_id.to_vec();
    let exchange = scene.say_key_exchange();
    scene.give(&exchange);
    let rest = scene.puppet.end_of_flight();
    scene.give(&rest);
    scene.hear_last_flight();
    assert_eq!(id.len(), 32);
    id
}

/// EMS-07, EMS-08, EMS-09, EMS-11: taken up with the extended master secret on both occasions, and else not.
#[test]
fn a_server_takes_up_only_what_has_the_extended_master_secret() {
    let sessions = Arc::new(MemoryServerSessions::new(NonZeroUsize::new(9).unwrap()));
    let (extended, legacy) = (id_after_a_handshake(&sessions, true), id_after_a_handshake(&sessions, false));

    let mut scene = hello_with(Mode::Wary, lenient, &sessions, &extended, true);
    scene.send_hello();
    let answer = scene.subject.take();
    let records = crate::inspect::records(&answer[0]);
    let hello = records.flat_map(|record| record.fragments()).next().unwrap().bytes;
    let hello = ServerHello::decode(hello).unwrap();
    assert_eq!((hello.session_id, hello.extensions.find(EMS)), (&*extended, Some(&[][..])));

    // The session never had it: whoever asks for it, a full handshake is all there is.
    for is_extended in [true, false] {
        let mut scene = hello_with(Mode::Wary, lenient, &sessions, &legacy, is_extended);
        scene.send_hello();
        assert_ne!(ServerHello::decode(&scene.hear_server_hello()).unwrap().session_id, legacy);
    }

    for mode in MODES {
        // The client has dropped it. A full handshake would let it.
        let mut scene = hello_with(mode, lenient, &sessions, &extended, false);
        scene.send_hello();
        scene.fails(PeerIncompatible::ExtendedMasterSecretRequired, AlertDescription::HANDSHAKE_FAILURE);
        // Neither has it, and nothing is allowed.
        let mut scene = hello_with(mode, |config| config, &sessions, &legacy, false);
        scene.send_hello();
        scene.fails(PeerIncompatible::ExtendedMasterSecretRequired, AlertDescription::HANDSHAKE_FAILURE);
    }
}

/// RES-06 with another version: a session has nothing to say about it, DTLS 1.2 is all there is.
#[test]
fn another_version_for_a_session_is_refused() {
    for mode in MODES {
        let (home, _) = Home::after_a_handshake(mode);
        let mut scene = home.client(mode);
        scene.script.hello.session_id = ID.to_vec();
        scene.script.hello.version = ProtocolVersion::DTLS_1_0;
        say_hello(&mut scene);
        let error = PeerIncompatible::NoCommonVersion(scene.script.hello.version);
        scene.fails(error, AlertDescription::PROTOCOL_VERSION);
    }
}
