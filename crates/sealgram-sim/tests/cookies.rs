//! The cookie exchange over a network that delays it.
//!
//! What can go wrong: the server keeps nothing, so it answers every hello without a good cookie with a new one, and
//! numbers its messages by the hello that it accepts. A client that has answered several cookies has to find out which
//! of its hellos that was.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::code::HandshakeType;
use sealgram::inspect::RecordView;
use sealgram::{Role, TransportOptions};
use sealgram_sim::{Arrival, DELAY, Earlier, Fault, Link, Pair, ResumeBy, Script, Sent, WireLog};

/// The message_seqs that a side sent messages of this type with, in order.
fn message_seqs(log: &WireLog, role: Role, msg_type: HandshakeType) -> Vec<u16> {
    let records: Vec<_> = log.records(role).collect();
    let fragments = records.iter().flat_map(RecordView::fragments);
    fragments.filter(|fragment| fragment.msg_type == msg_type).map(|fragment| fragment.message_seq).collect()
}

/// HVR-02, HVR-15, FRG-02: one round trip for the cookie, and the numbers go on from there.
#[test]
fn messages_are_numbered_through_the_cookie_exchange() {
    let mut pair = Pair::builder(1).gate().build();
    pair.connect();
    let numbers = |role, msg_type| message_seqs(pair.log(), role, msg_type);
    assert_eq!(numbers(Role::Client, HandshakeType::CLIENT_HELLO), [0, 1]);
    assert_eq!(numbers(Role::Server, HandshakeType::HELLO_VERIFY_REQUEST), [0]);
    assert_eq!(numbers(Role::Server, HandshakeType::SERVER_HELLO), [1]);
    assert_eq!(numbers(Role::Client, HandshakeType::CLIENT_KEY_EXCHANGE), [2]);
}

/// HVR-04, HVR-24: who takes a session up shows a cookie first, like everybody else, whether the session is there or not.
#[test]
fn a_session_is_no_substitute_for_a_cookie() {
    for by in [ResumeBy::Id, ResumeBy::Ticket, ResumeBy::StaleTicket] {
        let mut pair = Pair::builder(1).gate().resume(&Earlier::of(Pair::builder(2), by)).build();
        pair.connect();
        let numbers = |role, msg_type| message_seqs(pair.log(), role, msg_type);
        assert_eq!(numbers(Role::Client, HandshakeType::CLIENT_HELLO), [0, 1]);
        assert_eq!(numbers(Role::Server, HandshakeType::HELLO_VERIFY_REQUEST), [0]);
        assert_eq!(numbers(Role::Server, HandshakeType::SERVER_HELLO), [1]);
        assert!(pair.with(Role::Client, |client| client.session().unwrap().resumed));
    }
}

/// HVR-06, HVR-07: the client has answered two different cookies when the server goes on from the first of its answers.
#[test]
fn the_client_counts_on_from_the_hello_that_was_answered() {
    // The first HelloVerifyRequest arrives at 1.03 s. The hello was repeated at 1 s, and the cookie that this got, of
    // another second, arrives at 1.04 s, before the server's answer to the first one can.
    let options = TransportOptions::default().jitter(false);
    let late = Script::new([(1, Fault::Hold(Duration::from_millis(990)))]);
    let mut pair = Pair::builder(1).gate().transport(options).link(late).build();
    pair.connect();
    let numbers = |role, msg_type| message_seqs(pair.log(), role, msg_type);
    assert_eq!(numbers(Role::Client, HandshakeType::CLIENT_HELLO), [0, 0, 1, 2]);
    assert_eq!(numbers(Role::Server, HandshakeType::SERVER_HELLO), [1]);
    assert_eq!(numbers(Role::Client, HandshakeType::CLIENT_KEY_EXCHANGE), [2]);
}

/// FLT-13: a lost HelloVerifyRequest is asked for again with the same hello in another record.
#[test]
fn a_lost_cookie_is_asked_for_with_the_same_hello() {
    let mut pair = Pair::builder(1).gate().link(Script::new([(1, Fault::Drop)])).build();
    pair.connect();
    let records: Vec<_> = pair.log().records(Role::Client).take(2).collect();
    assert_eq!(records[0].body, records[1].body);
    assert_eq!((records[0].sequence, records[1].sequence), (0, 1));
}

/// FLT-12: a server that has sent a cookie waits for nothing.
#[test]
fn nothing_is_pending_after_a_cookie() {
    let mut pair = Pair::builder(1).gate().build();
    for _ in 0..2 {
        pair.step();
    }
    assert_eq!(pair.log().of(Role::Server).count(), 1);
    assert_eq!(pair.poll_timeout(Role::Server), None);
}

/// The later hello of such a client, said again and again while nothing else of it arrives, is not held against it.
#[test]
fn a_hello_with_another_cookie_is_no_reason_to_give_up() {
    let options = TransportOptions::default().jitter(false);
    let mut pair = Pair::builder(1).gate().transport(options).link(LaterHelloOnly).build();
    pair.connect();
    assert!(pair.with(Role::Server, |server| server.stats().retransmissions) > 3);
}

/// The first cookie is late, as above; and the server's flights are lost for 20 seconds, so that all it hears is the
/// hello with the second cookie.
struct LaterHelloOnly;

impl Link for LaterHelloOnly {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let is_first_cookie = sent.index == 1;
        let is_lost = sent.from == Role::Server && sent.datagram.len() > 100 && sent.elapsed < Duration::from_secs(20);
        let whole = Arrival::whole(sent);
        match (is_first_cookie, is_lost) {
            (true, _) => vec![Arrival { after: DELAY + Duration::from_millis(990), ..whole }],
            (_, true) => Vec::new(),
            _ => vec![whole],
        }
    }
}
