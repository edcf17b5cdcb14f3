//! What a hostile peer, a hasty one, or a small buffer could have spoilt.
//!
//! What can go wrong: an association that ends as soon as it began is reported as if it had never been; forgeries take
//! the room of what is authentic; the length of the caller's buffer decides how a flight is cut.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use sealgram::{CloseReason, Event, Role, TransportOptions};
use sealgram_sim::{Pair, forge};

/// A pair whose server is connected, and the server's final flight, which the client has not seen.
fn with_final_flight_under_way(mut pair: Pair) -> (Pair, Vec<Vec<u8>>) {
    pair.run_while(|pair| pair.status(Role::Server) != sealgram::Status::Connected);
    let flight = pair.intercept(Role::Client);
    assert!(!flight.is_empty());
    (pair, flight)
}

/// A server that has one thing to say: its Finished, its data and its goodbye may well come in one datagram, or in one
/// batch. The client was connected, and can tell to whom.
#[test]
fn an_association_that_ends_as_it_begins_was_one() {
    let (mut pair, mut datagrams) = with_final_flight_under_way(Pair::builder(1).build());
    datagrams.push(pair.seal(Role::Server, b"the time"));
    pair.with(Role::Server, sealgram::Connection::close);
    pair.flush();
    datagrams.extend(pair.intercept(Role::Client));
    pair.inject(Role::Client, datagrams.concat());
    assert_eq!(pair.received(Role::Client), [b"the time"]);
    assert_eq!(pair.events(Role::Client), [Event::Connected, Event::Closed(CloseReason::Peer)]);
    assert!(pair.with(Role::Client, |client| client.session().is_some()));
}

/// Decision 4 of the design: once there are keys, only what opened takes room. An epoch that nobody has agreed on is no
/// reason to wait.
#[test]
fn forgeries_of_a_later_epoch_take_no_room_from_early_data() {
    let (mut pair, flight) = with_final_flight_under_way(Pair::builder(1).build());
    for _ in 0..100 {
        pair.inject(Role::Client, forge::record(23, 2, 7, &[0x5a; 200]));
    }
    let early = pair.seal(Role::Server, &[7; 300]);
    pair.inject(Role::Client, early);
    flight.into_iter().for_each(|datagram| pair.inject(Role::Client, datagram));
    assert_eq!(pair.received(Role::Client), [[7; 300]]);
}

/// Decision 5 of the design: a buffer with room for more than one datagram and less than two cuts no flight into more
/// datagrams than any other.
#[test]
fn the_length_of_the_buffer_does_not_decide_how_a_flight_is_cut() {
    let lengths = |out_len| {
        let transport = TransportOptions::default().mtu(200);
        let mut pair = Pair::builder(1).transport(transport).out_len(out_len).build();
        pair.connect();
        pair.log().entries().iter().map(|entry| entry.datagram.len()).collect::<Vec<_>>()
    };
    let whole = lengths(65_535);
    assert!(whole.len() > 6, "{whole:?}");
    for out_len in [200, 264, 300, 399, 400, 599, 1000] {
        assert_eq!(lengths(out_len), whole, "{out_len}");
    }
}
