//! What those who watch are told, through the feature `tracing`.
//!
//! What can go wrong: the events of one connection cannot be told from those of another, or say too little to find out
//! at night what happened; a stranger fills an operator's log, or words a line of it; a key, or what was said under it,
//! stands in a file that many can read; watching costs those who do not watch.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ends;
mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ends::{Ends, Fixed, Notebook, configs, path, provider, transport};
use recorder::{Line, record};
use sealgram::{ClientConfig, CookieKeys, Dispatch, Endpoint, EndpointConfig, PresharedKey, ServerConfig, SnapshotKey};
use sealgram_alloc::{CountingAllocator, count};
use tracing::Level;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A server's first flight is lost, and a record is forged: both ends tell it as it was, step by step.
#[test]
fn a_handshake_with_a_loss_and_a_forgery_can_be_read() {
    let lines = record(|| {
        let mut ends = Ends::new(configs());
        // The cookie, and the hello that carries it.
        for _ in 0..2 {
            let hellos = ends.client_sends();
            hellos.into_iter().for_each(|datagram| assert!(ends.give_server(datagram).is_empty()));
            if ends.server.is_none() {
                ends.server_sends().into_iter().for_each(|datagram| assert!(ends.give_client(datagram).is_empty()));
            }
        }
        assert!(!ends.server_sends().is_empty(), "the flight that is lost");
        ends.now = ends.client.poll_timeout().unwrap();
        ends.client.handle_timeout(ends.now);
        ends.settle();
        ends.exchange(b"hello");
        let mut forged = [0; 100];
        let len = ends.client.send(b"hello", &mut forged).unwrap();
        forged[len - 1] ^= 1;
        assert!(ends.give_server(forged[..len].to_vec()).is_empty());
        ends.client.close();
        ends.settle();
    });
    let told = |role: &str| -> Vec<String> {
        let of_role = lines.iter().filter(|line| line.span.contains(role));
        of_role.map(|line| format!("{} {}", line.level, line.text)).collect()
    };
    assert_eq!(told("role=client"), CLIENT_STORY);
    assert_eq!(told("role=server"), SERVER_STORY);
    assert_eq!(told("dtls_stranger peer=192.0.2.7:4444"), ["TRACE cookie sent", "TRACE cookie returned"]);
    assert!(lines.iter().all(|line| !line.span.is_empty()), "{lines:#?}");
}

const CLIENT_STORY: &[&str] = &[
    "DEBUG flight sent resends=0 timeout=1s mtu=1200",
    "DEBUG message taken msg_type=HELLO_VERIFY_REQUEST awaits=SERVER_HELLO",
    "DEBUG flight sent resends=0 timeout=1s mtu=1200",
    "DEBUG flight sent resends=1 timeout=2s mtu=1200",
    "DEBUG message taken msg_type=SERVER_HELLO awaits=CERTIFICATE",
    "DEBUG message taken msg_type=CERTIFICATE awaits=SERVER_KEY_EXCHANGE",
    "DEBUG message taken msg_type=SERVER_KEY_EXCHANGE awaits=SERVER_HELLO_DONE",
    "DEBUG message taken msg_type=SERVER_HELLO_DONE awaits=FINISHED",
    "DEBUG write keys epoch=1",
    "DEBUG read keys epoch=1",
    "DEBUG flight sent resends=0 timeout=2s mtu=1200",
    "DEBUG message taken msg_type=FINISHED",
    "INFO connected suite=ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 group=X25519 resumed=false after=1s",
    "INFO closed reason=closed by this side",
    "DEBUG alert sent level=WARNING description=CLOSE_NOTIFY",
    // The peer's close_notify.
    "TRACE discarded reason=closed",
];

const SERVER_STORY: &[&str] = &[
    "DEBUG accepted peer=192.0.2.7:4444",
    "DEBUG message taken msg_type=CLIENT_HELLO awaits=CLIENT_KEY_EXCHANGE",
    "DEBUG flight sent resends=0 timeout=1s mtu=1200",
    "DEBUG flight sent resends=1 timeout=2s mtu=1200",
    "DEBUG message taken msg_type=CLIENT_KEY_EXCHANGE awaits=FINISHED",
    "DEBUG read keys epoch=1",
    "DEBUG message taken msg_type=FINISHED",
    "DEBUG write keys epoch=1",
    "DEBUG flight sent resends=0 mtu=1200",
    "INFO connected suite=ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 group=X25519 resumed=false after=1s",
    "TRACE discarded reason=authentication failed",
    "DEBUG alert received level=WARNING description=CLOSE_NOTIFY",
    "INFO closed reason=closed by the peer",
    "DEBUG alert sent level=WARNING description=CLOSE_NOTIFY",
];

/// A server's connection goes to another process: what it told here and what it tells there belong to two spans.
#[test]
fn a_connection_that_goes_to_another_process_says_so() {
    let mut told = record(|| {
        let mut ends = Ends::new(configs());
        ends.settle();
        assert!(ends.endpoint.poll_event().is_some(), "connected");
        let key = SnapshotKey::new(provider(), &[5; 32]).unwrap();
        let sealed = ends.endpoint.snapshot(ends.server.unwrap(), &key).unwrap();
        let config = configs().1.build().unwrap();
        ends.endpoint.restore(&sealed, &key, config, ends.now, &mut Fixed(4)).unwrap();
    });
    told.retain(|line| line.text.contains("another process"));
    assert_eq!(
        told.iter().map(|line| format!("{} {}", line.level, line.text)).collect::<Vec<_>>(),
        [
            "INFO left for another process",
            "INFO goes on from another process suite=ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ]
    );
    assert!(told.iter().all(|line| line.span.contains("role=server")), "{told:?}");
    assert_ne!(told[0].span, told[1].span);
}

/// Each connection has a span of its own, with a name that is nobody's choice.
#[test]
fn connections_are_told_apart() {
    let spans: BTreeSet<String> = record(|| Ends::new(configs()).settle()).into_iter().map(|line| line.span).collect();
    let ids: Vec<&str> = spans.iter().filter_map(|span| span.split_once(" id=").map(|(_, id)| id)).collect();
    assert_eq!(ids.len(), 2, "{spans:?}");
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{ids:?}");
}

/// SIO-06: at no level does any text hold a secret or what was said under it, and nobody is named.
#[test]
fn no_secret_no_identity_and_no_content_is_told() {
    const IDENTITY: &[u8] = b"device-4711";
    const CONTENT: &[u8] = b"attack at dawn";
    const PSK: [u8; 16] = *b"\x91a long secret!!";
    let notebook = Arc::new(Notebook::default());
    let mut lines = record(|| {
        let (client, server) = configs();
        let mut ends = Ends::new((client.danger().key_log(notebook.clone()), server));
        ends.settle();
        ends.exchange(CONTENT);
        ends.client.close();
        ends.settle();
    });
    // A known identity, and an unknown one.
    for known in [IDENTITY, b"somebody else"] {
        lines.extend(record(|| {
            let key = || PresharedKey::new(&PSK).unwrap();
            let keys = Arc::new(BTreeMap::from([(known.to_vec(), key())]));
            let client = ClientConfig::builder_with_psk(provider(), IDENTITY, key()).transport(transport());
            let server = ServerConfig::builder_with_psk(provider(), keys).transport(transport());
            let server = server.reveal_unknown_identity(true).danger().key_log(notebook.clone());
            let mut ends = Ends::new((client, server));
            ends.settle();
            if known == IDENTITY {
                ends.exchange(CONTENT);
            }
        }));
    }
    let secrets = notebook.0.lock().unwrap().clone();
    assert!(secrets.len() >= 2 && lines.len() > 50, "the test saw {} secrets, {} lines", secrets.len(), lines.len());
    let kept: Vec<&[u8]> = secrets.iter().map(Vec::as_slice).chain([IDENTITY, CONTENT, &PSK, b"localhost"]).collect();
    for Line { span, text, .. } in &lines {
        for bytes in &kept {
            assert!(!shows(span, bytes) && !shows(text, bytes), "{span} {text}");
        }
    }
    assert!(shows("id=61747461636b206174", CONTENT) && shows("[97, 116, 116, 97, 99, 107, 32, 97]", CONTENT));
}

/// Whether a text holds any eight bytes of these in a row, as they are or in one of the ways in which bytes are printed.
fn shows(text: &str, bytes: &[u8]) -> bool {
    let text = text.to_lowercase();
    bytes.windows(8).any(|part| {
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{part:?}");
        let plain = String::from_utf8_lossy(part).to_lowercase();
        text.contains(&hex) || text.contains(list.trim_matches(['[', ']'])) || text.contains(&plain)
    })
}

/// I1: whatever is sent by those who have no keys, an operator's log stays as it is.
#[test]
fn strangers_are_told_of_at_trace_alone() {
    let lines = record(|| {
        let mut ends = Ends::new(configs());
        ends.settle();
        ends.exchange(b"hello");
        // To a handshake, to an association and to the door.
        let mut young = Ends::new(configs());
        let hello = young.client_sends().remove(0);
        let plaintext_alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40].to_vec();
        let forged = [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 40][..], &[7; 40]].concat();
        tracing::info!(target: "sealgram", "here they come");
        for datagram in [plaintext_alert, forged, hello[..40].to_vec(), b"GET / HTTP/1.1".to_vec(), hello] {
            assert!(ends.give_client(datagram.clone()).is_empty());
            assert!(ends.give_server(datagram.clone()).is_empty());
            assert!(young.give_client(datagram.clone()).is_empty());
            assert!(young.give_server(datagram).is_empty());
        }
    });
    let after = lines.iter().skip_while(|line| line.text != "here they come").skip(1);
    let after: Vec<&Line> = after.collect();
    assert!(after.len() >= 20, "{after:#?}");
    assert!(after.iter().all(|line| line.level == Level::TRACE), "{after:#?}");
}

/// What a client's handshake with a server comes to is told to the operator of the client; a server's operator hears of
/// handshakes that were complete.
#[test]
fn a_servers_failed_handshake_is_no_news() {
    let lines = record(|| {
        let (client, server) = configs();
        let (client, server) = (client.application_protocols(&[b"coap"]), server.application_protocols(&[b"mqtt"]));
        let mut ends = Ends::new((client, server));
        ends.settle();
        // An alert in plaintext is believed when nothing better comes.
        while ends.client.close_reason().is_none() {
            ends.now = ends.client.poll_timeout().unwrap();
            ends.client.handle_timeout(ends.now);
            ends.client_sends();
        }
    });
    let closed = |role: &str| {
        let mut closed = lines.iter().filter(|line| line.span.contains(role) && line.text.starts_with("closed"));
        closed.next().map(|line| line.level)
    };
    assert_eq!(closed("role=client"), Some(Level::INFO), "{lines:#?}");
    assert_eq!(closed("role=server"), Some(Level::DEBUG), "{lines:#?}");
}

/// I2, I6: nobody listens, and nothing is allocated: not for a record, not for a forgery, not for a stranger.
#[test]
fn without_a_listener_nothing_is_allocated() {
    let mut ends = Ends::new(configs());
    let hello = ends.client_sends().remove(0);
    let mut door = Endpoint::new(EndpointConfig::default(), CookieKeys::derive(&[1; 32], 1), ends.wall_clock);
    ends.give_server(hello.clone());
    ends.settle();
    ends.exchange(b"hello");
    let (now, mut out, mut forged) = (ends.now, [0; 100], [7; 40]);
    let mut round = |ends: &mut Ends| {
        let len = ends.client.send(b"hello", &mut out).unwrap();
        let mut server = ends.endpoint.connection(ends.server.unwrap()).unwrap();
        assert_eq!(server.handle_datagram(now, &mut out[..len]).count(), 1);
        assert_eq!(server.handle_datagram(now, &mut forged).count(), 0);
        let mut knocks = [0; 1200];
        knocks[..hello.len()].copy_from_slice(&hello);
        assert!(matches!(door.handle_datagram(now, path(), &mut knocks[..hello.len()]), Dispatch::Reply(_)));
    };
    round(&mut ends);
    let ((), counts) = count(|| (0..100).for_each(|_| round(&mut ends)));
    assert_eq!(counts.allocations, 0, "{counts:?}");
}
