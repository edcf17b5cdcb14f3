//! Peers that come from elsewhere (RFC 9146 section 6).
//!
//! What can go wrong: a record is not recognised on another path, or is taken for another connection's; an old record,
//! a forged one or a replayed one moves a connection; a move takes a path from another connection, or leaves something
//! behind; a record that moves nothing is lost.

use rand_core::CryptoRng;

use super::*;
use crate::cid::{ConnectionId, RandomIds};
use crate::event::CloseReason;

/// A server with this policy and clients on these ports, all connected with connection IDs; the handles of each client,
/// its own and the server's.
fn connected(policy: AddressChange, ports: &[u16]) -> (Net, Vec<(Handle, Handle)>) {
    let ids: [Arc<dyn ConnectionIdGenerator>; 2] = [Arc::new(RandomIds::of_len(5)), Arc::new(RandomIds::of_len(8))];
    connected_with(ids, policy, ports)
}

fn connected_with(
    ids: [Arc<dyn ConnectionIdGenerator>; 2],
    policy: AddressChange,
    ports: &[u16],
) -> (Net, Vec<(Handle, Handle)>) {
    let mut net = Net::new(EndpointConfig::default().address_change(policy));
    net.ids = Some(ids);
    let handles = ports.iter().map(|port| net.connected(*port)).collect();
    (net, handles)
}

/// A record with this data.
fn data(endpoint: &mut Endpoint, handle: Handle, data: &[u8]) -> Vec<u8> {
    let mut out = [0; 1200];
    let len = endpoint.connection(handle).unwrap().send(data, &mut out).unwrap();
    out[..len].to_vec()
}

/// Whom a datagram was given to, and the data that was in it.
fn give(endpoint: &mut Endpoint, now: Instant, from: u16, datagram: &[u8]) -> Option<(Handle, Vec<Vec<u8>>)> {
    match endpoint.handle_datagram(now, path(from), &mut datagram.to_vec()) {
        Dispatch::Data(handle, received) => Some((handle, received.map(|data| data.to_vec()).collect())),
        Dispatch::Incoming(_) | Dispatch::Reply(_) | Dispatch::Dropped(_) => None,
    }
}

fn path_of(net: &mut Net, server: Handle) -> Path {
    net.server.connection(server).unwrap().path()
}

/// CID-13, CID-17: by its connection ID, whoever else is where it comes from.
#[test]
fn a_record_finds_its_connection_from_anywhere() {
    let (mut net, handles) = connected(AddressChange::Stay, &[1, 2]);
    for (client, server) in handles {
        for from in [1, 2, 99] {
            let record = data(&mut net.clients, client, b"data");
            let given = give(&mut net.server, net.now, from, &record);
            assert_eq!(given, Some((server, vec![b"data".to_vec()])));
        }
    }
    assert!(events(&mut net.server).is_empty());
    let record = data(&mut net.clients, Handle::FIRST, b"data");
    let mut unknown = record.clone();
    unknown[11] ^= 1;
    assert_eq!(give(&mut net.server, net.now, 99, &unknown), None);
    // On the path of another, it is that one's to drop.
    let (of, received) = give(&mut net.server, net.now, 2, &unknown).unwrap();
    assert!(received.is_empty());
    let dropped = net.server.connection(of).unwrap().stats().discarded(DiscardReason::WrongConnectionId);
    assert_eq!(dropped, 1);
}

/// CID-16: by default nothing moves a connection; an application may.
#[test]
fn a_connection_stays_where_it_is_unless_it_is_told_to_move() {
    let (mut net, handles) = connected(AddressChange::Stay, &[1]);
    let (client, server) = handles[0];
    let record = data(&mut net.clients, client, b"data");
    give(&mut net.server, net.now, 99, &record).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
    assert!(net.server.move_to(server, path(99)));
    net.server.connection(server).unwrap().close();
    let sent = drain(&mut net.server, net.now);
    assert_eq!(sent.iter().map(|(path, _)| *path).collect::<Vec<_>>(), [path(99)]);
}

/// CID-16: the application is asked, once for each change, and decides.
#[test]
fn the_newest_record_from_elsewhere_raises_a_question() {
    let (mut net, handles) = connected(AddressChange::Ask, &[1]);
    let (client, server) = handles[0];
    for (from, asked) in [(1, false), (98, true), (98, false), (99, true), (1, false), (99, true)] {
        let record = data(&mut net.clients, client, b"data");
        give(&mut net.server, net.now, from, &record).unwrap();
        let expected = if asked { vec![(server, Event::PeerElsewhere(path(from)))] } else { vec![] };
        assert_eq!(events(&mut net.server), expected);
        assert_eq!(path_of(&mut net, server), path(1));
    }
    assert!(net.server.move_to(server, path(99)));
    assert_eq!(path_of(&mut net, server), path(99));
    // From there it is at home, and where it was is elsewhere.
    for (from, asked) in [(99, false), (1, true)] {
        let record = data(&mut net.clients, client, b"data");
        give(&mut net.server, net.now, from, &record).unwrap();
        assert_eq!(events(&mut net.server).len(), usize::from(asked));
    }
}

/// CID-16, CID-17: what is older than the newest is delivered and moves nothing; replayed, forged or cut, it is
/// dropped.
#[test]
fn only_the_newest_record_says_where_a_peer_is() {
    let (mut net, handles) = connected(AddressChange::Ask, &[1]);
    let (client, server) = handles[0];
    let [late, newest] = [b"late", b"next"].map(|text| data(&mut net.clients, client, text));
    assert_eq!(give(&mut net.server, net.now, 1, &newest), Some((server, vec![b"next".to_vec()])));
    assert_eq!(give(&mut net.server, net.now, 99, &late), Some((server, vec![b"late".to_vec()])));
    assert!(events(&mut net.server).is_empty());

    let next = data(&mut net.clients, client, b"data");
    for at in [3, 10, 19, 30, next.len() - 1] {
        let mut forged = next.clone();
        forged[at] ^= 1;
        let _ = give(&mut net.server, net.now, 99, &forged);
    }
    for replayed in [&late, &newest] {
        assert_eq!(give(&mut net.server, net.now, 99, replayed), Some((server, vec![])));
    }
    let _ = give(&mut net.server, net.now, 99, &next[..next.len() - 1]);
    assert!(events(&mut net.server).is_empty());
    give(&mut net.server, net.now, 99, &next).unwrap();
    assert_eq!(events(&mut net.server), [(server, Event::PeerElsewhere(path(99)))]);
}

/// A record that was delayed since before a move does not take it back (RFC 9146 section 6).
#[test]
fn a_late_record_from_the_former_path_does_not_move_a_connection_back() {
    let (mut net, handles) = connected(AddressChange::Ask, &[1]);
    let (client, server) = handles[0];
    let [late, newest] = [b"late", b"next"].map(|text| data(&mut net.clients, client, text));
    give(&mut net.server, net.now, 99, &newest).unwrap();
    net.server.move_to(server, path(99));
    let _ = events(&mut net.server);
    assert_eq!(give(&mut net.server, net.now, 1, &late), Some((server, vec![b"late".to_vec()])));
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(99), 0));
}

/// A path that is taken stays with whom it leads to, and both are reached.
#[test]
fn a_move_onto_the_path_of_another_takes_nothing_from_it() {
    let (mut net, handles) = connected(AddressChange::Stay, &[1, 2]);
    assert!(net.server.move_to(handles[0].1, path(2)));
    for (client, server) in &handles {
        let record = data(&mut net.clients, *client, b"data");
        assert_eq!(give(&mut net.server, net.now, 2, &record), Some((*server, vec![b"data".to_vec()])));
    }
    // What has no connection ID is the other one's.
    let plain = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7, 0, 1, 0];
    assert_eq!(give(&mut net.server, net.now, 2, &plain), Some((handles[1].1, vec![])));
    assert_eq!(give(&mut net.server, net.now, 1, &plain), None);
}

/// The former path is free for others, and nothing is left of a connection that is gone.
#[test]
fn a_connection_that_moved_leaves_nothing_behind() {
    let (mut net, handles) = connected(AddressChange::Stay, &[1]);
    let (client, server) = handles[0];
    let id = net.server.connection(server).unwrap().session().unwrap().connection_ids.clone().unwrap().ours;
    assert_eq!(net.server.routes.with_id(id.as_bytes()), Some(server));
    net.server.move_to(server, path(99));
    let record = data(&mut net.clients, client, b"data");
    net.server.connection(server).unwrap().close();
    let _ = (drain(&mut net.server, net.now), events(&mut net.server));
    assert_eq!(net.server.routes.with_id(id.as_bytes()), None);
    assert_eq!((net.server.len(), give(&mut net.server, net.now, 99, &record)), (0, None));
    assert!(!net.server.move_to(server, path(1)));
}

/// CID-13: nothing in a record says how long its connection ID is.
#[test]
fn all_connection_ids_of_an_endpoint_have_one_length() {
    let (mut net, _) = connected(AddressChange::Stay, &[1]);
    let name = || ServerName::try_from("server.example").unwrap();
    for (len, expected) in [(4, Err(Refusal::OtherConnectionIdLength.into())), (0, Ok(())), (8, Ok(()))] {
        let ids: Ids = Some([Arc::new(RandomIds::of_len(len)), Arc::new(RandomIds::of_len(len))]);
        let made = net.server.connect(path(7), client_config(&ids), name(), net.now, &mut net.rng);
        assert_eq!(made.map(|_| ()), expected, "{len}");
    }
    net.ids = Some([Arc::new(RandomIds::of_len(5)), Arc::new(RandomIds::of_len(9))]);
    let hello = net.hello_with_cookie(3);
    assert_eq!(net.offer(3, &hello), Err(Some(Refusal::OtherConnectionIdLength)));
}

/// Servers want this one, whoever the client is; clients want none.
#[derive(Debug)]
struct Always;

impl ConnectionIdGenerator for Always {
    fn id_len(&self) -> usize {
        8
    }

    fn fill(&self, id: &mut [u8], _: &mut dyn CryptoRng) {
        id.fill(7);
    }
}

/// A generator that repeats itself: each connection is found on its path, and the first one anywhere.
#[test]
fn connections_with_the_same_id_are_told_apart_by_their_paths() {
    let (mut net, handles) =
        connected_with([Arc::new(RandomIds::of_len(0)), Arc::new(Always)], AddressChange::Stay, &[1, 2]);
    for (port, (client, server)) in [1, 2].into_iter().zip(&handles) {
        let record = data(&mut net.clients, *client, b"data");
        assert_eq!(give(&mut net.server, net.now, port, &record), Some((*server, vec![b"data".to_vec()])));
    }
    let record = data(&mut net.clients, handles[0].0, b"data");
    assert_eq!(give(&mut net.server, net.now, 99, &record), Some((handles[0].1, vec![b"data".to_vec()])));
    assert_eq!(ConnectionId::new(&[7; 8]).and_then(|id| net.server.routes.with_id(id.as_bytes())), Some(handles[0].1));
}

/// A client that begins anew on its path has the connection ID of its former self, and gets in all the same: the keys
/// tell the two apart.
#[test]
fn a_newcomer_with_the_id_of_the_established_connection_takes_over() {
    let (mut net, handles) =
        connected_with([Arc::new(RandomIds::of_len(0)), Arc::new(Always)], AddressChange::Stay, &[1]);
    let (client, server) = net.connected(1);
    assert_ne!(server, handles[0].1);
    assert_eq!(net.server.len(), 1);
    let record = data(&mut net.clients, client, b"data");
    assert_eq!(give(&mut net.server, net.now, 1, &record), Some((server, vec![b"data".to_vec()])));
}

/// A peer that goes to and fro faster than the application asks for events leaves one for it: where it was last.
#[test]
fn questions_that_nobody_takes_do_not_pile_up() {
    let (mut net, handles) = connected(AddressChange::Ask, &[1]);
    let (client, server) = handles[0];
    for round in 0..100u16 {
        let record = data(&mut net.clients, client, b"data");
        give(&mut net.server, net.now, 98 + round % 2, &record).unwrap();
    }
    assert_eq!(events(&mut net.server), [(server, Event::PeerElsewhere(path(99)))]);
}

// ---- follow ----

/// The paths of what an endpoint sends now, and the datagrams.
fn sent_to(endpoint: &mut Endpoint, now: Instant) -> (Vec<Path>, Vec<Vec<u8>>) {
    drain(endpoint, now).into_iter().unzip()
}

/// A client that was heard from path 99, and the challenge that went there.
fn challenged() -> (Net, Handle, Handle, Vec<u8>) {
    let (mut net, handles) = connected(AddressChange::Follow, &[1]);
    let (client, server) = handles[0];
    let record = data(&mut net.clients, client, b"data");
    assert_eq!(give(&mut net.server, net.now, 99, &record), Some((server, vec![b"data".to_vec()])));
    let (paths, mut datagrams) = sent_to(&mut net.server, net.now);
    assert_eq!(paths, [path(99)]);
    let challenge = datagrams.remove(0);
    assert!(challenge.len() <= 3 * record.len());
    (net, client, server, challenge)
}

/// CID-16, CID-22, CID-23: the answer comes from where the challenge went, once, and only then the connection moves.
#[test]
fn a_connection_follows_its_peer_once_that_has_answered_from_there() {
    let (mut net, client, server, challenge) = challenged();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
    // The client answers to where the challenge came from, whatever that is.
    assert_eq!(give(&mut net.clients, net.now, 7, &challenge), Some((client, vec![])));
    let (paths, responses) = sent_to(&mut net.clients, net.now);
    assert_eq!(paths, [path(7)]);
    assert_eq!(give(&mut net.clients, net.now, 7, &challenge), Some((client, vec![])), "a replay");
    assert!(drain(&mut net.clients, net.now).is_empty());

    assert_eq!(give(&mut net.server, net.now, 99, &responses[0]), Some((server, vec![])));
    assert_eq!(events(&mut net.server), [(server, Event::PeerMoved(path(99)))]);
    assert_eq!(path_of(&mut net, server), path(99));
    // It is at home there, and nothing is checked any more.
    let record = data(&mut net.clients, client, b"data");
    give(&mut net.server, net.now, 99, &record).unwrap();
    assert!(drain(&mut net.server, net.now).is_empty() && events(&mut net.server).is_empty());
}

/// A buffer that is too short for the challenge gets nothing, and the next turn has it.
#[test]
fn a_challenge_waits_for_room() {
    let (mut net, handles) = connected(AddressChange::Follow, &[1]);
    let record = data(&mut net.clients, handles[0].0, b"data");
    give(&mut net.server, net.now, 99, &record).unwrap();
    assert!(net.server.poll_transmit(net.now, &mut [0; 40]).is_none());
    assert!(net.server.poll_timeout().is_some_and(|due| due <= net.now), "it is due");
    net.server.handle_timeout(net.now);
    let (paths, _) = sent_to(&mut net.server, net.now);
    assert_eq!(paths, [path(99)]);
}

/// CID-23: nothing but the challenge goes to the candidate, and it goes once, however much comes from there.
#[test]
fn nothing_but_a_challenge_goes_to_a_path_that_is_not_validated() {
    let (mut net, client, server, _) = challenged();
    for _ in 0..10 {
        let record = data(&mut net.clients, client, b"data");
        give(&mut net.server, net.now, 99, &record).unwrap();
        assert!(drain(&mut net.server, net.now).is_empty());
    }
    assert_eq!(path_of(&mut net, server), path(1));
}

/// CID-22: an answer from elsewhere, to nothing, or with another cookie moves nothing.
#[test]
fn an_answer_from_another_path_moves_nothing() {
    for from in [1, 98] {
        let (mut net, _, server, challenge) = challenged();
        give(&mut net.clients, net.now, 1, &challenge).unwrap();
        let (_, responses) = sent_to(&mut net.clients, net.now);
        give(&mut net.server, net.now, from, &responses[0]).unwrap();
        assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
    }
    // The challenge of a check that began anew is another one: the former answer counts no more.
    let (mut net, client, server, challenge) = challenged();
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, responses) = sent_to(&mut net.clients, net.now);
    for from in [1, 99] {
        let record = data(&mut net.clients, client, b"data");
        give(&mut net.server, net.now, from, &record).unwrap();
    }
    give(&mut net.server, net.now, 99, &responses[0]).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
    let stats = net.server.connection(server).unwrap().stats().clone();
    assert_eq!(stats.discarded(DiscardReason::UnexpectedPathCheck), 1);
}

/// CID-23: a second, and not more: the association stays, the endpoint sleeps, and the next record begins anew.
#[test]
fn a_check_that_nobody_answers_is_given_up() {
    let (mut net, _, server, challenge) = challenged();
    assert_eq!(net.server.poll_timeout(), Some(net.now + Duration::from_secs(1)));
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, responses) = sent_to(&mut net.clients, net.now);
    net.now = net.now + Duration::from_secs(1);
    net.server.handle_timeout(net.now);
    assert!(drain(&mut net.server, net.now).is_empty());
    assert!(net.server.poll_timeout().is_some_and(|at| at > net.now + Duration::from_secs(60)));
    give(&mut net.server, net.now, 99, &responses[0]).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
    // That answer came from there, and was new: it is reason enough to ask again.
    let (paths, datagrams) = sent_to(&mut net.server, net.now);
    assert_eq!(paths, [path(99)]);
    assert_ne!(datagrams[0], challenge);
}

/// CID-23: nor does a late timer prolong it.
#[test]
fn an_answer_after_its_time_moves_nothing() {
    let (mut net, _, server, challenge) = challenged();
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, responses) = sent_to(&mut net.clients, net.now);
    net.now = net.now + Duration::from_secs(1);
    give(&mut net.server, net.now, 99, &responses[0]).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
}

/// CID-23: a peer that is heard from home again was not gone.
#[test]
fn a_newer_record_from_home_ends_a_check() {
    let (mut net, client, server, challenge) = challenged();
    let record = data(&mut net.clients, client, b"data");
    give(&mut net.server, net.now, 1, &record).unwrap();
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, responses) = sent_to(&mut net.clients, net.now);
    give(&mut net.server, net.now, 1, &responses[0]).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(1), 0));
}

/// A replayed or forged record raises no challenge.
#[test]
fn only_the_newest_record_raises_a_challenge() {
    let (mut net, handles) = connected(AddressChange::Follow, &[1]);
    let (client, _) = handles[0];
    let [late, newest] = [b"late", b"next"].map(|text| data(&mut net.clients, client, text));
    give(&mut net.server, net.now, 1, &newest).unwrap();
    let mut forged = newest.clone();
    *forged.last_mut().unwrap() ^= 1;
    for datagram in [&late, &newest, &forged] {
        give(&mut net.server, net.now, 99, datagram).unwrap();
        assert!(drain(&mut net.server, net.now).is_empty());
    }
}

/// An answer that comes with a goodbye moves nothing: the end is the last that is told.
#[test]
fn a_connection_that_ends_does_not_move() {
    let (mut net, client, server, challenge) = challenged();
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, mut said) = sent_to(&mut net.clients, net.now);
    net.clients.connection(client).unwrap().close();
    said.extend(sent_to(&mut net.clients, net.now).1);
    give(&mut net.server, net.now, 99, &said.concat()).unwrap();
    assert_eq!(events(&mut net.server), [(server, Event::Closed(CloseReason::Peer))]);
    let (paths, _) = sent_to(&mut net.server, net.now);
    assert_eq!(paths, [path(1)]);
}

/// Nor is anything checked for it any more.
#[test]
fn a_connection_that_was_closed_challenges_nobody() {
    let (mut net, handles) = connected(AddressChange::Follow, &[1]);
    let (client, server) = handles[0];
    let record = data(&mut net.clients, client, b"data");
    give(&mut net.server, net.now, 99, &record).unwrap();
    net.server.connection(server).unwrap().close();
    let (paths, _) = sent_to(&mut net.server, net.now);
    assert_eq!(paths, [path(1)]);
}

/// Where the application sends it, it stays, though an answer to an earlier challenge comes after.
#[test]
fn a_move_by_hand_ends_a_check() {
    let (mut net, _, server, challenge) = challenged();
    give(&mut net.clients, net.now, 1, &challenge).unwrap();
    let (_, responses) = sent_to(&mut net.clients, net.now);
    assert!(net.server.move_to(server, path(50)));
    give(&mut net.server, net.now, 99, &responses[0]).unwrap();
    assert_eq!((path_of(&mut net, server), events(&mut net.server).len()), (path(50), 0));
}

/// CID-22, CID-23: who asks for 255 bytes in each record and challenges from where he is not gets no answer sent there
/// that is more than three times as long; from where he is, he gets it.
#[test]
fn an_answer_is_no_amplifier() {
    let ids: [Arc<dyn ConnectionIdGenerator>; 2] = [Arc::new(RandomIds::of_len(255)), Arc::new(RandomIds::of_len(8))];
    for (from, answered) in [(99, false), (1, true)] {
        let (mut net, handles) = connected_with(ids.clone(), AddressChange::Stay, &[1]);
        let (client, server) = handles[0];
        net.clients.config = net.clients.config.clone().address_change(AddressChange::Follow);
        let record = data(&mut net.server, server, b"data");
        give(&mut net.clients, net.now, 77, &record).unwrap();
        let (paths, challenges) = sent_to(&mut net.clients, net.now);
        assert_eq!((paths, net.clients.connection(client).is_some()), (vec![path(77)], true));
        give(&mut net.server, net.now, from, &challenges[0]).unwrap();
        let (paths, responses) = sent_to(&mut net.server, net.now);
        assert_eq!(paths, vec![path(from); usize::from(answered)]);
        assert!(responses.iter().all(|response| response.len() > 3 * challenges[0].len()));
        let stats = net.server.connection(server).unwrap().stats().clone();
        assert_eq!(stats.discarded(DiscardReason::UnexpectedPathCheck), u64::from(!answered));
    }
}
