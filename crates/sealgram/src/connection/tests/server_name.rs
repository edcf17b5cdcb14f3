//! server_name (RFC 6066 section 3).
//!
//! What can go wrong: an address or a dot goes out where a name belongs; a malformed list is read past.

use alloc::vec::Vec;

use super::identities::P256;
use super::*;
use crate::code::{AlertDescription, ExtensionType};
use crate::connection::tests::scene::vec16;
use crate::error::{DecodeError, PeerMisbehaved};
use crate::wire::hello::{ClientHello, ServerHello};

const EXTENSION: ExtensionType = ExtensionType::SERVER_NAME;

/// EXP-18: one host name. That neither a dot nor an address is sent is the writer's doing, and tested there.
#[test]
fn a_client_says_whom_it_wants() {
    let scene = ClientScene::new(Mode::Wary);
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), Some(&b"\0\x0c\0\0\x09localhost"[..]));

    let scene = ClientScene::with(Mode::Wary, |config| config.send_server_name(false));
    let hello = ClientHello::decode(&scene.script.client_hello).unwrap();
    assert_eq!(hello.extensions.find(EXTENSION), None);
}

/// EXP-19: an answer without content, if the name has chosen the certificate. Asked or not, whoever is shown one that is
/// for no name in particular is told nothing, and our user is told the name.
#[test]
fn a_server_says_that_it_used_the_name() {
    let named = P256.clone().for_names(&["localhost"]).unwrap();
    for (asked, name_counts, answered) in
        [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
    {
        let mut scene =
            ServerScene::with(Mode::Wary, |config| if name_counts { config.identity(named.clone()) } else { config });
        if asked {
            scene.script.hello.extensions.set(EXTENSION, b"\0\x0c\0\0\x09localhost");
        }
        scene.send_hello();
        let hello = scene.hear_server_hello();
        let answer = ServerHello::decode(&hello).unwrap().extensions.find(EXTENSION);
        assert_eq!(answer, answered.then_some(&[][..]));
    }

    let mut scene = ServerScene::new(Mode::Wary);
    scene.script.hello.extensions.set(EXTENSION, b"\0\x0c\0\0\x09localhost");
    scene.connect();
    assert_eq!(scene.subject.connection.session().unwrap().server_name.as_deref(), Some("localhost"));
}

/// EXP-19 at the client, which may miss an answer and may get one.
#[test]
fn a_client_needs_no_answer() {
    for answered in [true, false] {
        let mut scene = ClientScene::new(Mode::Trusting);
        if answered {
            scene.script.hello.extensions.set(EXTENSION, &[]);
        }
        scene.connect();
        assert_eq!(scene.subject.connection.session().unwrap().server_name.as_deref(), Some("localhost"));
    }
}

/// EXP-19 at the client: an answer with content is syntax.
#[test]
fn an_answer_with_content_is_doubted() {
    for mode in MODES {
        let mut scene = ClientScene::new(mode);
        scene.script.hello.extensions.set(EXTENSION, b"\0\x0c\0\0\x09localhost");
        scene.send_flight();
        scene.doubts(DecodeError::TrailingBytes, AlertDescription::DECODE_ERROR);
    }
}

/// EXP-21: two names of one type, and names that are none.
#[test]
fn an_invalid_list_is_illegal() {
    for mode in MODES {
        for list in [&b"\0\0\x01a\0\0\x01b"[..], b"\0\0\x02a\0", b"\0\0\x02\xc3\xa9"] {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(EXTENSION, &vec16(list));
            scene.send_hello();
            scene.fails(PeerMisbehaved::InvalidServerName, AlertDescription::ILLEGAL_PARAMETER);
        }
        let mut scene = ServerScene::new(mode);
        let long = [b"\0", &*vec16(&[b'a'; 5000])].concat();
        scene.script.hello.extensions.set(EXTENSION, &vec16(&long));
        scene.send_hello();
        scene.fails(PeerMisbehaved::InvalidServerName, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// EXP-21: lengths that lie.
#[test]
fn a_malformed_list_is_doubted() {
    let cases: [(Vec<u8>, DecodeError); 5] = [
        (Vec::new(), DecodeError::Truncated),
        (vec16(b""), DecodeError::Empty),
        (vec16(b"\0\0\0"), DecodeError::Empty),
        (vec16(b"\0\0\x02a"), DecodeError::Truncated),
        (b"\xff\xff\0\xff\xffa".to_vec(), DecodeError::Truncated),
    ];
    for mode in MODES {
        for (data, error) in &cases {
            let mut scene = ServerScene::new(mode);
            scene.script.hello.extensions.set(EXTENSION, data);
            scene.send_hello();
            scene.doubts(*error, AlertDescription::DECODE_ERROR);
        }
    }
}
