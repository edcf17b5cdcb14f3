//! Connections that leave one endpoint and come to another: a server that starts again.
//!
//! What can go wrong: a connection is not found where it was, by path or by connection ID; one that comes pushes out the
//! newer one of the same peer, or is counted where nothing is left of it; the limits of the new place are passed.

use super::*;
use crate::cid::RandomIds;
use crate::snapshot::{RestoreError, Sealed, SnapshotError, SnapshotKey};

fn key() -> SnapshotKey {
    SnapshotKey::new(ring::provider(), &[9; 32]).unwrap()
}

fn with_ids(len: u8) -> Ids {
    let ids: Arc<dyn ConnectionIdGenerator> = Arc::new(RandomIds::of_len(len));
    Some([ids.clone(), ids])
}

impl Net {
    fn restore(&mut self, sealed: &Sealed) -> Result<Handle, EndpointRestoreError> {
        let config = server_config(&self.ids);
        let sealed = Sealed::from_bytes(sealed.as_bytes()).unwrap();
        self.server.restore(&sealed, &key(), config, self.now, &mut self.rng)
    }

    /// The server starts again, with the connections that are handed over.
    fn start_again(&mut self, config: EndpointConfig) {
        self.server = endpoint(config);
    }

    /// Data goes through in both directions, on the path of this port.
    #[track_caller]
    fn carries_data(&mut self, client: Handle, server: Handle, port: u16) {
        let mut out = [0; 1200];
        let len = self.clients.connection(client).unwrap().send(b"to the server", &mut out).unwrap();
        let Dispatch::Data(handle, received) = self.server.handle_datagram(self.now, path(port), &mut out[..len])
        else {
            panic!("it has no route")
        };
        assert_eq!((handle, received.count()), (server, 1));
        let mut connection = self.server.connection(server).unwrap();
        assert_eq!(connection.path(), path(port));
        let len = connection.send(b"to the client", &mut out).unwrap();
        drop(connection);
        let Dispatch::Data(handle, received) = self.clients.handle_datagram(self.now, path(port), &mut out[..len])
        else {
            panic!("it has no route")
        };
        assert_eq!((handle, received.count()), (client, 1));
    }
}

/// All go on where they were, with connection IDs and without; what is taken out is gone, and nothing more is said of it.
#[test]
fn a_server_that_starts_again_goes_on_with_its_connections() {
    for ids in [None, with_ids(8)] {
        let mut net = Net::new(EndpointConfig::default());
        net.ids = ids;
        let pairs: Vec<_> = (1..=3).map(|port| (net.connected(port), port)).collect();
        let mut sealed = Vec::new();
        for ((_, server), _) in &pairs {
            sealed.push(net.server.snapshot(*server, &key()).unwrap());
            assert!(net.server.connection(*server).is_none());
            assert_eq!(net.server.snapshot(*server, &key()), Err(SnapshotError::NoSuchConnection));
        }
        assert!(net.server.is_empty() && net.server.poll_timeout().is_none());
        assert!(drain(&mut net.server, net.now).is_empty() && events(&mut net.server).is_empty());

        net.start_again(EndpointConfig::default());
        net.now = at(5);
        for (sealed, ((client, _), port)) in sealed.iter().zip(pairs) {
            let server = net.restore(sealed).unwrap();
            assert!(events(&mut net.server).is_empty());
            net.carries_data(client, server, port);
        }
        assert_eq!(net.server.len(), 3);
    }
}

/// By its connection ID, wherever its peer has gone meanwhile; and an idle one is closed in its time.
#[test]
fn a_restored_connection_is_found_by_its_id_and_grows_old() {
    let mut net = Net::new(EndpointConfig::default());
    net.ids = with_ids(8);
    let (client, server) = net.connected(1);
    let sealed = net.server.snapshot(server, &key()).unwrap();
    net.start_again(EndpointConfig::default().idle_timeout(Some(IDLE)));
    let server = net.restore(&sealed).unwrap();
    let mut out = [0; 1200];
    let len = net.clients.connection(client).unwrap().send(b"from elsewhere", &mut out).unwrap();
    let Dispatch::Data(handle, received) = net.server.handle_datagram(net.now, path(99), &mut out[..len]) else {
        panic!("it has no route")
    };
    assert_eq!((handle, received.count()), (server, 1));
    net.now = net.now + IDLE * 2;
    net.server.handle_timeout(net.now);
    net.server.handle_timeout(net.now);
    assert_eq!(drain(&mut net.server, net.now).len(), 1, "close_notify");
    assert!(closed(&events(&mut net.server), server));
}

/// A peer that has connected anew meanwhile is served by the newer association, unless connection IDs tell them apart.
#[test]
fn a_restored_connection_pushes_out_no_other() {
    for ids in [None, with_ids(8)] {
        let mut net = Net::new(EndpointConfig::default());
        net.ids = ids;
        let (old_client, old) = net.connected(1);
        let sealed = net.server.snapshot(old, &key()).unwrap();
        let old_clients = core::mem::replace(&mut net.clients, endpoint(EndpointConfig::default()));
        let (client, server) = net.connected(1);
        let restored = net.restore(&sealed);
        net.carries_data(client, server, 1);
        if net.ids.is_none() {
            assert_eq!(restored, Err(EndpointRestoreError::PathTaken));
            assert_eq!(net.server.len(), 1);
        } else {
            net.clients = old_clients;
            net.carries_data(old_client, restored.unwrap(), 1);
            assert_eq!(net.restore(&sealed), Err(EndpointRestoreError::PathTaken), "the second time");
        }
    }
}

/// The limits of the new place hold, and what is refused can be tried again.
#[test]
fn a_connection_is_restored_within_limits() {
    let mut net = Net::new(EndpointConfig::default());
    net.ids = with_ids(8);
    let (_, server) = net.connected(1);
    let sealed = net.server.snapshot(server, &key()).unwrap();
    net.start_again(EndpointConfig::default().max_connections(0));
    assert_eq!(net.restore(&sealed), Err(EndpointRestoreError::Refused(Refusal::TooManyConnections)));
    net.start_again(EndpointConfig::default());
    net.ids = with_ids(5);
    net.clients = endpoint(EndpointConfig::default());
    net.connected(2);
    assert_eq!(net.restore(&sealed), Err(EndpointRestoreError::Refused(Refusal::OtherConnectionIdLength)));
    net.start_again(EndpointConfig::default());
    let other = SnapshotKey::new(ring::provider(), &[8; 32]).unwrap();
    let wrong = net.server.restore(&sealed, &other, server_config(&None), net.now, &mut net.rng);
    assert_eq!(wrong, Err(EndpointRestoreError::Restore(RestoreError::NotAuthentic)));
    assert!(net.server.is_empty());
    assert!(net.restore(&sealed).is_ok());
}

/// One that was sealed without an endpoint does not say where its peer is; one under way is not sealed, and stays.
#[test]
fn a_connection_needs_a_path_and_an_end_of_its_handshake() {
    let mut net = Net::new(EndpointConfig::default());
    let client = net.connect(1);
    assert_eq!(net.clients.snapshot(client, &key()), Err(SnapshotError::Handshaking));
    let server = net.run()[0];
    let _ = (events(&mut net.server), events(&mut net.clients));
    let sealed = net.server.connection(server).unwrap().seal_snapshot(&key(), None).unwrap();
    net.start_again(EndpointConfig::default());
    assert_eq!(net.restore(&sealed), Err(EndpointRestoreError::WithoutPath));
}
