//! The key log: told what a reader of the traffic needs, once, and only where one was asked for.
//!
//! What can go wrong: a secret that is not the one of the traffic, or under another connection's random, is of no use; one
//! that is told twice, or by a configuration that did not ask, is a leak.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use std::sync::Mutex;

use super::*;
use crate::key_log::{CLIENT_RANDOM, KeyLog};
use crate::wire::hello::ClientHello;

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<Note>>);

type Note = (String, [u8; 32], Vec<u8>);

impl KeyLog for Notebook {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), *client_random, secret.to_vec()));
    }
}

impl Notebook {
    fn notes(&self) -> Vec<Note> {
        self.0.lock().unwrap().clone()
    }
}

/// The master secret by which the puppet reads, under the random that it heard in the hello.
#[test]
fn a_client_tells_its_master_secret_once() {
    let notebook = Arc::new(Notebook::default());
    let mut scene = ClientScene::with(Mode::Wary, |config| config.danger().key_log(notebook.clone()));
    assert!(notebook.notes().is_empty(), "there is no secret yet");
    let random = ClientHello::decode(&scene.script.client_hello).unwrap().random;
    scene.connect();
    scene.carries_data();
    let secret = scene.puppet.secrets().master.expose().to_vec();
    assert_eq!(notebook.notes(), [(CLIENT_RANDOM.to_owned(), random, secret)]);
}

/// The same at the other end, whose peer chose the random; and with the master secret of RFC 5246.
#[test]
fn a_server_tells_its_master_secret_once() {
    for extended_master_secret in [true, false] {
        let notebook = Arc::new(Notebook::default());
        let mut scene = ServerScene::with(Mode::Wary, |config| {
            config.danger().allow_legacy_master_secret().danger().key_log(notebook.clone())
        });
        if !extended_master_secret {
            scene.script.hello.extensions.remove(crate::code::ExtensionType::EXTENDED_MASTER_SECRET);
        }
        let random = scene.script.hello.random;
        scene.connect();
        let secret = scene.puppet.secrets().master.expose().to_vec();
        assert_eq!(secret.len(), 48);
        assert_eq!(notebook.notes(), [(CLIENT_RANDOM.to_owned(), random, secret)]);
    }
}

/// A handshake that fails before the key exchange has no secret to tell.
#[test]
fn without_a_key_exchange_nothing_is_told() {
    let notebook = Arc::new(Notebook::default());
    let mut scene = ServerScene::with(Mode::Wary, |config| config.danger().key_log(notebook.clone()));
    scene.send_hello();
    scene.hear_flight();
    scene.subject.connection.close();
    assert!(notebook.notes().is_empty());
}
