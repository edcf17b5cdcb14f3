//! A disturbed socket: what is lost, doubled and late is so, at either end, and nothing else is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sealgram_std::{Client, Direction, Disturbance, Error, ListenerOptions, Options, Tap, TappedDatagram};

use crate::support::{PATIENCE, Server, accept, name};

/// What becomes of the application data that goes either way, datagram by datagram; then, and before, all is well.
#[derive(Default)]
struct Plan(Mutex<Vec<(Direction, Vec<Duration>)>>);

impl Plan {
    fn set(&self, direction: Direction, fates: &[&[u64]]) {
        let fates = fates.iter().rev().map(|delays| delays.iter().copied().map(Duration::from_millis).collect());
        *self.0.lock().unwrap() = fates.map(|delays| (direction, delays)).collect();
    }
}

impl Disturbance for Plan {
    fn copies(&self, direction: Direction, _: SocketAddr, _: &[u8]) -> Vec<Duration> {
        let mut plan = self.0.lock().unwrap();
        match plan.last() {
            Some((planned, _)) if *planned == direction => plan.pop().unwrap().1,
            _ => vec![Duration::ZERO],
        }
    }
}

/// How many datagrams were sent.
#[derive(Default)]
struct Sent(Mutex<usize>);

impl Tap for Sent {
    fn datagram(&self, datagram: &TappedDatagram<'_>) {
        if datagram.direction == Direction::Sent {
            *self.0.lock().unwrap() += 1;
        }
    }
}

/// The first is lost, the second comes twice and is taken once, the third is overtaken by the fourth.
///
/// So late that no machine is as slow in sending the one behind the other.
const FATES: [&[u64]; 4] = [&[], &[0, 0], &[300], &[0]];
const SAID: [&[u8]; 4] = [b"one", b"two", b"three", b"four"];
const HEARD: [&[u8]; 3] = [b"two", b"four", b"three"];

fn expect_heard(mut recv: impl FnMut(&mut [u8]) -> Result<usize, Error>) {
    let mut buffer = [0; 16];
    for expected in HEARD {
        let len = recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], *expected);
    }
}

/// Whichever end is disturbed, in whichever direction; and the thread of the listener wakes for what a stream sent.
#[test]
fn data_is_lost_doubled_and_overtaken_as_planned() {
    let server = Server::new();
    let (ours, theirs) = (Arc::new(Plan::default()), Arc::new(Plan::default()));
    let listener = server.listen_with(ListenerOptions::default().disturbance(theirs.clone()));
    let options = Options::default().disturbance(ours.clone());
    let address = listener.local_addr().unwrap();
    let mut client = Client::connect_with(address, name(), server.client_config(), options).unwrap();
    client.set_read_timeout(Some(PATIENCE));
    let mut stream = accept(&listener);
    for (plan, direction) in [(&ours, Direction::Received), (&theirs, Direction::Sent)] {
        plan.set(direction, &FATES);
        SAID.iter().for_each(|said| stream.send(said).unwrap());
        expect_heard(|buffer| client.recv(buffer));
    }
    theirs.set(Direction::Received, &FATES);
    SAID.iter().for_each(|said| client.send(said).unwrap());
    expect_heard(|buffer| stream.recv(buffer));
    // A client sends what is late while it receives.
    ours.set(Direction::Sent, &FATES);
    SAID.iter().for_each(|said| client.send(said).unwrap());
    client.set_read_timeout(Some(Duration::from_millis(10)));
    thread::scope(|scope| {
        let hearing = scope.spawn(|| expect_heard(|buffer| stream.recv(buffer)));
        while !hearing.is_finished() {
            assert!(matches!(client.recv(&mut [0; 16]), Err(Error::TimedOut)));
        }
    });
}

#[test]
fn a_tap_sees_what_is_really_sent() {
    let server = Server::new();
    let listener = server.listen();
    let (plan, sent) = (Arc::new(Plan::default()), Arc::new(Sent::default()));
    let options = Options::default().disturbance(plan.clone()).tap(sent.clone());
    let address = listener.local_addr().unwrap();
    let mut client = Client::connect_with(address, name(), server.client_config(), options).unwrap();
    let before = *sent.0.lock().unwrap();
    plan.set(Direction::Sent, &[&[], &[0, 0, 0]]);
    client.send(b"lost").unwrap();
    client.send(b"thrice").unwrap();
    assert_eq!(*sent.0.lock().unwrap(), before + 3);
}

#[test]
fn what_is_held_back_goes_out_when_the_socket_is_closed() {
    let server = Server::new();
    let listener = server.listen();
    let plan = Arc::new(Plan::default());
    let options = Options::default().disturbance(plan.clone());
    let address = listener.local_addr().unwrap();
    let mut client = Client::connect_with(address, name(), server.client_config(), options).unwrap();
    let mut stream = accept(&listener);
    const LONG: u64 = 3_600_000;
    plan.set(Direction::Sent, &[&[LONG], &[LONG]]);
    client.send(b"late").unwrap();
    client.close().unwrap();
    let mut buffer = [0; 16];
    assert_eq!(stream.recv(&mut buffer).unwrap(), 4);
    assert!(matches!(stream.recv(&mut buffer), Err(Error::Closed(_))));
}
