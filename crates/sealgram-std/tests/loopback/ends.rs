//! How associations, streams and listeners end, and who notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sealgram_std::sealgram::CloseReason;
use sealgram_std::{Client, Error, ListenerOptions, Options, PeerEvent};

use crate::support::{Log, PATIENCE, Relay, Server, accept, eventually, hasty, name};

#[test]
fn a_client_that_closes_is_seen_to_close() {
    let server = Server::new();
    let log = Log::default();
    let listener = server.listen_with(log.options());
    let mut client = server.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener);
    client.send(b"last words").unwrap();
    client.close().unwrap();
    assert_eq!(stream.recv(&mut [0; 10]).unwrap(), 10, "data comes before the end");
    assert!(matches!(stream.recv(&mut [0; 10]), Err(Error::Closed(CloseReason::Peer))));
    assert!(matches!(stream.send(b"too late"), Err(Error::Closed(CloseReason::Peer))));
    assert_eq!(stream.max_payload(), 0);
    assert!(stream.session().is_some() && stream.stats().records_received > 0);
    log.wait_for(|event| matches!(event, PeerEvent::Connected { .. }));
    log.wait_for(|event| matches!(event, PeerEvent::Closed { reason: CloseReason::Peer, .. }));
}

#[test]
fn a_stream_that_is_dropped_is_seen_to_close() {
    let (_listener, mut client, stream) = Server::new().pair();
    drop(stream);
    assert!(matches!(client.recv(&mut [0; 10]), Err(Error::Closed(CloseReason::Peer))));
    assert!(matches!(client.send(b"too late"), Err(Error::Closed(CloseReason::Peer))));
    assert!(client.session().is_some());
}

#[test]
fn a_client_that_is_dropped_is_seen_to_close() {
    let (_listener, client, mut stream) = Server::new().pair();
    drop(client);
    assert!(matches!(stream.recv(&mut [0; 10]), Err(Error::Closed(CloseReason::Peer))));
}

#[test]
fn a_listener_takes_its_thread_and_its_streams_along() {
    struct Ended(Arc<AtomicBool>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let has_ended = Arc::new(AtomicBool::new(false));
    let owned_by_the_thread = Ended(Arc::clone(&has_ended));
    let observer = move |_: PeerEvent| {
        let _ = &owned_by_the_thread;
    };
    let server = Server::new();
    let listener = server.listen_with(ListenerOptions::default().on_event(Arc::new(observer)));
    let mut accepted_client = server.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener);
    let mut waiting_client = server.connect(listener.local_addr().unwrap());
    drop(listener);
    assert!(has_ended.load(Ordering::SeqCst), "what the thread owned is dropped: it has ended");
    assert!(matches!(stream.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Local))));
    assert!(matches!(stream.send(b"x"), Err(Error::Closed(CloseReason::Local))));
    for client in [&mut accepted_client, &mut waiting_client] {
        assert!(matches!(client.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Peer))));
    }
}

#[test]
fn a_blocked_reader_wakes_when_its_listener_is_dropped() {
    let (listener, _client, mut stream) = Server::new().pair();
    stream.set_read_timeout(None);
    let reader = thread::spawn(move || stream.recv(&mut [0; 1]).unwrap_err());
    thread::sleep(Duration::from_millis(30));
    drop(listener);
    assert!(matches!(reader.join().unwrap(), Error::Closed(CloseReason::Local)));
}

#[test]
fn an_observer_that_panics_ends_the_listener_and_leaves_nobody_waiting() {
    let server = Server::new();
    let observer = |event: PeerEvent| assert!(!matches!(event, PeerEvent::Connected { .. }), "on purpose");
    let listener = server.listen_with(ListenerOptions::default().on_event(Arc::new(observer)));
    let mut client = server.connect(listener.local_addr().unwrap());
    // The peer had arrived before the thread fell over; after it nobody comes.
    let mut stream = accept(&listener);
    assert!(matches!(stream.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Local))));
    assert!(matches!(listener.accept(), Err(Error::ListenerClosed)));
    assert!(matches!(client.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Peer))));
}

#[test]
fn a_peer_that_has_gone_silent_is_given_up() {
    let server = Server::new();
    let options = ListenerOptions::default().idle_timeout(Some(Duration::from_millis(100)));
    let listener = server.listen_with(options);
    let mut client = server.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener);
    assert!(matches!(stream.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Idle))));
    assert!(matches!(client.recv(&mut [0; 1]), Err(Error::Closed(CloseReason::Peer))));
}

#[test]
fn when_nobody_accepts_clients_wait_outside() {
    let server = Server::new();
    let log = Log::default();
    let listener = server.listen_with(log.options().backlog(1));
    let address = listener.local_addr().unwrap();
    let first = server.connect(address);
    let result = Client::connect(address, name(), server.client_config_with(hasty()));
    assert!(matches!(result, Err(Error::Closed(CloseReason::Failed(_)))), "{result:?}");
    assert_eq!(accept(&listener).peer_addr().port(), first.local_addr().unwrap().port());
    let second = server.connect(address);
    assert_eq!(accept(&listener).peer_addr().port(), second.local_addr().unwrap().port());
}

#[test]
fn nobody_to_accept_times_out() {
    let listener = Server::new().listen();
    listener.set_accept_timeout(Some(Duration::ZERO));
    assert!(matches!(listener.accept(), Err(Error::TimedOut)));
    listener.set_accept_timeout(Some(Duration::from_millis(20)));
    assert!(matches!(listener.accept(), Err(Error::TimedOut)));
}

/// A peer that closed before anyone accepted it was there all the same, and so is what it said.
#[test]
fn a_peer_that_left_before_it_was_accepted_can_still_be_heard() {
    let server = Server::new();
    let log = Log::default();
    let listener = server.listen_with(log.options());
    let mut client = server.connect(listener.local_addr().unwrap());
    client.send(b"bye").unwrap();
    client.close().unwrap();
    log.wait_for(|event| matches!(event, PeerEvent::Closed { .. }));
    let mut stream = accept(&listener);
    assert_eq!(stream.recv(&mut [0; 3]).unwrap(), 3);
    assert!(matches!(stream.recv(&mut [0; 3]), Err(Error::Closed(CloseReason::Peer))));
}

#[test]
fn many_short_connections_leave_nothing_behind() {
    let server = Server::new();
    let listener = server.listen_with(ListenerOptions::default().max_connections(3));
    for _ in 0..20 {
        let client = eventually(|| {
            Client::connect(listener.local_addr().unwrap(), name(), server.client_config_with(hasty())).ok()
        });
        drop(accept(&listener));
        drop(client);
    }
}

/// ASC-01: a client falls over without a goodbye and comes again on the same port. Its new association is accepted like
/// any other; the reader of the former one learns why it is over.
#[test]
fn a_client_that_restarts_on_its_port_is_accepted_again() {
    let server = Server::new();
    let log = Log::default();
    let listener = server.listen_with(log.options());
    let address = listener.local_addr().unwrap();
    let relay = Relay::to(address);
    let mut client = server.connect(relay.front);
    let mut former = accept(&listener);
    client.send(b"before").unwrap();
    assert_eq!(former.recv(&mut [0; 10]).unwrap(), 6);
    let port = relay.cut();
    drop(client);

    let options = Options::default().bind(port);
    let mut client = Client::connect_with(address, name(), server.client_config(), options).unwrap();
    client.set_read_timeout(Some(PATIENCE));
    let mut latest = accept(&listener);
    assert_eq!((latest.peer_addr(), former.peer_addr()), (port, port));
    assert!(matches!(former.recv(&mut [0; 10]), Err(Error::Closed(CloseReason::Replaced))));
    assert!(matches!(former.send(b"too late"), Err(Error::Closed(CloseReason::Replaced))));
    log.wait_for(|event| matches!(event, PeerEvent::Closed { reason: CloseReason::Replaced, .. }));
    // The former stream says goodbye to nobody.
    drop(former);
    client.send(b"ping").unwrap();
    assert_eq!(latest.recv(&mut [0; 10]).unwrap(), 4);
    latest.send(b"pong").unwrap();
    assert_eq!(client.recv(&mut [0; 10]).unwrap(), 4);
}
