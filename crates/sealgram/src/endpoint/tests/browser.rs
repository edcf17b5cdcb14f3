//! A browser at the gate, with a hello that no datagram holds.
//!
//! What can go wrong: the first piece is not enough to ask for a cookie, or the answer is longer than what it answers;
//! later pieces make state for a stranger, or are lost to the connection that they belong to.

use super::*;
use crate::browser_hello;
use crate::code::{HandshakeType, ProtocolVersion};
use crate::inspect;
use crate::wire::hello::ServerHello;

/// What a server at the gate makes of a datagram of the browser's.
enum Answer {
    Asked(Vec<u8>),
    LetIn(Handle),
    Taken,
    Dropped,
}

fn give(net: &mut Net, datagram: &[u8]) -> Answer {
    match net.server.handle_datagram(net.now, path(1), &mut datagram.to_vec()) {
        Dispatch::Reply(reply) => Answer::Asked(reply.to_vec()),
        Dispatch::Incoming(incoming) => {
            let accepted = net.server.accept(incoming, server_config(&None), net.now, &mut net.rng);
            Answer::LetIn(accepted.unwrap().0)
        }
        Dispatch::Data(..) => Answer::Taken,
        Dispatch::Dropped(_) => Answer::Dropped,
    }
}

/// The cookie of a HelloVerifyRequest: behind the headers of record and fragment, and the version.
fn cookie(reply: &[u8]) -> Vec<u8> {
    let [len, cookie @ ..] = &reply[13 + 12 + 2..] else { panic!("a cookie") };
    assert_eq!(usize::from(*len), cookie.len());
    cookie.to_vec()
}

/// HVR-11, HVR-16, HVR-20, FRG-19, VER-05, VER-07: before the cookie the first piece is answered and the others leave
/// nothing; behind it they are put together, and the answer is DTLS 1.2.
#[test]
fn a_browsers_hello_in_pieces_gets_through_the_gate() {
    let mut net = Net::new(EndpointConfig::default());
    let first = browser_hello::datagrams(&browser_hello::hello(&[]), 600, 0, 0);
    assert!(first.len() >= 3);
    let mut asked = Vec::new();
    for datagram in &first {
        match give(&mut net, datagram) {
            Answer::Asked(reply) => {
                assert!(reply.len() <= datagram.len());
                asked.push(reply);
            }
            Answer::Dropped => {}
            Answer::LetIn(_) | Answer::Taken => panic!("without a cookie"),
        }
        assert!(net.server.is_empty());
    }
    let [reply] = &*asked else { panic!("{} answers", asked.len()) };

    let second = browser_hello::datagrams(&browser_hello::hello(&cookie(reply)), 600, 1, 3);
    let [head, rest @ ..] = &*second else { panic!("no pieces") };
    let Answer::LetIn(handle) = give(&mut net, head) else { panic!("not let in") };
    assert!(drain(&mut net.server, net.now).is_empty());
    for datagram in rest {
        assert!(matches!(give(&mut net, datagram), Answer::Taken));
    }
    assert_eq!((net.server.len(), net.status(handle)), (1, Some(Status::Handshaking)));

    let flight = drain(&mut net.server, net.now);
    let records = flight.iter().flat_map(|(_, datagram)| inspect::records(datagram));
    let mut messages = records.flat_map(|record| record.fragments());
    let hello = messages.find(|fragment| fragment.msg_type == HandshakeType::SERVER_HELLO).expect("a ServerHello");
    assert_eq!(ServerHello::decode(hello.bytes).unwrap().version, ProtocolVersion::DTLS_1_2);
}

/// Its first piece may be lost on the way, or overtaken: what is behind it means nothing to the gate.
#[test]
fn a_browsers_later_pieces_alone_are_dropped() {
    let mut net = Net::new(EndpointConfig::default());
    for datagram in &browser_hello::datagrams(&browser_hello::hello(&[7; 32]), 600, 1, 3)[1..] {
        assert!(matches!(give(&mut net, datagram), Answer::Dropped));
    }
    assert!(net.server.is_empty());
}
