//! A browser that offers DTLS 1.3 first, and gets DTLS 1.2.
//!
//! What can go wrong: something in its long hello is taken for more than an offer; the pieces of it are not put together;
//! a mark in the answer makes it believe that somebody took 1.3 from it.

use alloc::vec::Vec;

use super::*;
use crate::browser_hello;
use crate::code::{ExtensionType, ProtocolVersion};
use crate::connection::tests::scene::ExtensionScript;
use crate::proof::{AddressValidated, ValidatedHello};
use crate::wire::hello::ServerHello;

/// What a piece of a hello is long, in bytes: the path of a browser carries some 1,200.
const PIECES: [usize; 3] = [1150, 600, 97];

/// A server that waits for the hello of a browser, with the pieces of that; `is_asked` if it has answered one already
/// with a cookie.
fn scene(is_asked: bool, size: usize) -> (ServerScene, Vec<Vec<u8>>) {
    let address = if is_asked {
        AddressValidated::by_cookie(ValidatedHello {
            record_sequence: 2,
            message_seq: 1,
            random: browser_hello::RANDOM,
        })
    } else {
        AddressValidated::assured_by_transport()
    };
    let mut scene = ServerScene::at(Mode::Trusting, address, |config| config);
    let script = &mut scene.script.hello;
    script.random = browser_hello::RANDOM;
    script.suites = browser_hello::suites();
    script.extensions = ExtensionScript(browser_hello::extensions());
    if is_asked {
        script.cookie = [0xc0; 32].to_vec();
        scene.puppet.message_seq = 1;
        scene.puppet.sequence[0] = 2;
    }
    let len = scene.script.hello.encode().len();
    assert!(len >= 1500, "{len} bytes fit a datagram");
    let pieces = scene.hello_in_pieces(size);
    (scene, pieces)
}

/// VER-05, VER-06, VER-07, FRG-19: behind ICE, which vouches for addresses, and behind the cookie.
#[test]
fn a_browser_that_offers_dtls_1_3_gets_dtls_1_2() {
    for is_asked in [false, true] {
        for size in PIECES {
            for is_reversed in [false, true] {
                let (mut scene, pieces) = scene(is_asked, size);
                scene.give_pieces(pieces, is_reversed);
                let hello = scene.hear_server_hello();
                let hello = ServerHello::decode(&hello).unwrap();
                assert_eq!(hello.version, ProtocolVersion::DTLS_1_2);
                for code in [ExtensionType::SUPPORTED_VERSIONS, ExtensionType(45), ExtensionType(51)] {
                    assert_eq!(hello.extensions.find(code), None, "{code} is for DTLS 1.3");
                }
                scene.say_last_flight();
                scene.carries_data();
            }
        }
    }
}

/// VER-09: the mark means that the server knows DTLS 1.3. A browser that finds it in an answer with 1.2 gives up.
#[test]
fn a_server_without_dtls_1_3_leaves_no_mark_of_a_downgrade() {
    let (mut scene, pieces) = scene(false, 1150);
    for piece in pieces {
        scene.give(&piece);
    }
    let hello = scene.hear_server_hello();
    let random = ServerHello::decode(&hello).unwrap().random;
    assert!(!random.ends_with(b"DOWNGRD\x01") && !random.ends_with(b"DOWNGRD\x00"));
}
