//! The loop body in one call.
//!
//! What can go wrong: something that one of the calls it stands for would have given out is not; the order is another.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::subject::{Mode, Subject};
use crate::connection::Output;
use crate::event::Event;
use crate::proof::AddressValidated;
use crate::time::Instant;

/// What one step gave out.
#[derive(Default)]
struct Given {
    datagrams: Vec<Vec<u8>>,
    data: Vec<Vec<u8>>,
    events: Vec<Event>,
    deadline: Option<Instant>,
}

fn step(subject: &mut Subject, datagram: Option<&mut [u8]>) -> Given {
    let mut given = Given::default();
    let mut out = [0; 2000];
    given.deadline = subject.connection.step(subject.now, datagram, &mut out, &mut |output| match output {
        Output::Data(data) => given.data.push(data.to_vec()),
        Output::Datagram(datagram) => given.datagrams.push(datagram.to_vec()),
        Output::Event(event) => given.events.push(event),
    });
    given
}

/// A handshake, data and the end, by nothing but steps.
#[test]
fn two_ends_do_everything_by_steps() {
    let mut client = Subject::client(Mode::Wary, |config| config);
    let address = AddressValidated::assured_by_transport();
    let mut server = Subject::server(Mode::Wary, address, |config| config);
    let mut to_server = step(&mut client, None).datagrams;
    let mut events = Vec::new();
    while !to_server.is_empty() {
        let mut to_client = Vec::new();
        for mut datagram in to_server.split_off(0) {
            let given = step(&mut server, Some(&mut datagram));
            to_client.extend(given.datagrams);
            events.extend(given.events);
        }
        for mut datagram in to_client {
            let given = step(&mut client, Some(&mut datagram));
            to_server.extend(given.datagrams);
            events.extend(given.events);
        }
    }
    assert_eq!(events, [Event::Connected, Event::Connected]);

    let mut datagram = [0; 100];
    let len = client.connection.send(b"data", &mut datagram).unwrap();
    assert_eq!(step(&mut server, Some(&mut datagram[..len])).data, [b"data"]);

    client.connection.close();
    let mut goodbye = step(&mut client, None);
    assert!(matches!(&*goodbye.events, [Event::Closed(_)]));
    assert_eq!(goodbye.deadline, None);
    let end = step(&mut server, Some(&mut goodbye.datagrams[0]));
    assert!(matches!(&*end.events, [Event::Closed(_)]));
}

/// I11: what is given out is not for logs.
#[test]
fn no_content_is_shown() {
    let texts = [Output::Data(&mut [1; 3]), Output::Datagram(&[1; 30]), Output::Event(Event::Early([1; 5].into()))]
        .map(|output| format!("{output:?}"));
    assert_eq!(texts, ["Data(3 bytes)", "Datagram(30 bytes)", "Event(Early(5 bytes))"]);
}

/// A step is also what lets time pass, and it says when the next one is due.
#[test]
fn a_step_sends_a_flight_again_when_it_is_due() {
    let mut client = Subject::client(Mode::Wary, |config| config);
    let first = step(&mut client, None);
    assert_eq!(first.deadline, Some(client.now + Duration::from_secs(1)));
    client.now = client.now + Duration::from_secs(1);
    assert_eq!(step(&mut client, None).datagrams.len(), 1);
}
