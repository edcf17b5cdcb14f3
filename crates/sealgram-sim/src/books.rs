//! The [ledgers](crate::ledger) of both ends, and the truth that they are told.

use std::collections::HashMap;
use std::sync::Arc;

use sealgram::code::HandshakeType;
use sealgram::{DiscardReason, Instant, Role, inspect};

use crate::host::{Handled, Host};
use crate::ledger::{Ledger, dropped_at_the_gate, hello_message_seq};
use crate::pair::{ROLES, index};
use crate::pcap::KeyLines;

/// Books of what both ends have to count, compared with their counters at each datagram.
pub(crate) struct Books {
    pages: [Page; 2],
}

struct Page {
    /// Of the connection that there is.
    ledger: Option<Ledger>,
    /// The message after which it can read what the other end protects.
    reads_after: HandshakeType,
    /// The sealed records that it and those before it have sent, and where its keys came from then.
    sealed: HashMap<Vec<u8>, KeySource>,
    secrets: Arc<KeyLines>,
    /// That of the handshake under way, once this end knows it.
    server_random: Option<Vec<u8>>,
    /// What was dropped while there was no connection.
    at_the_gate: [u64; DiscardReason::ALL.len()],
}

/// What tells the keys of one handshake from those of another: the secret, and as that may be one of an earlier handshake,
/// the server's random.
type KeySource = (Option<String>, Option<Vec<u8>>);

impl Page {
    fn key_source(&self) -> KeySource {
        (self.secrets.last(), self.server_random.clone())
    }
}

impl Books {
    /// The books of two ends that have received nothing, and can read what the other protects after these messages.
    /// A server that takes the same client again has other keys, so it takes the secrets to tell what is true.
    pub(crate) fn new(hosts: [&Host; 2], key_lines: &[Arc<KeyLines>; 2], reads_after: [HandshakeType; 2]) -> Self {
        let page = |role: Role| Page {
            ledger: hosts[index(role)].is_alone().then(|| Ledger::new(role, reads_after[index(role)], None)),
            reads_after: reads_after[index(role)],
            sealed: HashMap::new(),
            secrets: Arc::clone(&key_lines[index(role)]),
            server_random: None,
            at_the_gate: [0; DiscardReason::ALL.len()],
        };
        Self { pages: ROLES.map(page) }
    }

    /// This end has sent a datagram.
    pub(crate) fn on_sent(&mut self, from: Role, datagram: &[u8]) {
        let page = &mut self.pages[index(from)];
        let mut at = 0;
        for record in inspect::records(datagram) {
            let end = at + RECORD_HEADER_LEN + record.body.len();
            if record.is_protected() {
                page.sealed.insert(datagram[at..end].to_vec(), page.key_source());
            } else if let Some(hello) =
                record.fragments().find(|fragment| fragment.msg_type == HandshakeType::SERVER_HELLO)
            {
                page.server_random = hello.bytes.get(HELLO_RANDOM).map(<[u8]>::to_vec);
            }
            at = end;
        }
    }

    /// Gives a datagram to an end, and demands that all of it that was dropped was counted as what it was.
    pub(crate) fn deliver(&mut self, to: Role, host: &mut Host, now: Instant, datagram: &mut [u8]) -> Handled {
        let original = datagram.to_vec();
        let before =
            host.connection(|connection| (connection.close_reason().is_some(), connection.stats().retransmissions));
        let handled = host.handle_datagram(now, datagram);
        match (&handled, before) {
            (Handled::Accepted, _) => {
                let page = &mut self.pages[index(to)];
                page.server_random = None;
                page.ledger = Some(Ledger::new(to, page.reads_after, hello_message_seq(&original)));
                self.book(to, host, &original, false, 0);
            }
            (_, Some((has_ended, retransmissions))) => self.book(to, host, &original, has_ended, retransmissions),
            (Handled::Reply(_), None) => self.book_at_the_gate(to, host, None, &original),
            (Handled::Data(_), None) => self.book_at_the_gate(to, host, dropped_at_the_gate(&original), &original),
        }
        handled
    }

    fn book(&mut self, to: Role, host: &mut Host, datagram: &[u8], has_ended: bool, retransmissions: u64) {
        let [client, server] = &mut self.pages;
        let (page, peer) = match to {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let ledger = page.ledger.as_mut().expect("a connection has its books");
        // A client learns it from this very datagram, if at all.
        let secret = page.secrets.last();
        let server_random = page.server_random.clone();
        ledger.book(datagram, has_ended, &|record, heard| {
            let server_random = heard.or(server_random.as_deref());
            peer.sealed
                .get(record)
                .is_some_and(|(theirs, random)| *theirs == secret && random.as_deref() == server_random)
        });
        page.server_random = ledger.server_random().map(<[u8]>::to_vec).or_else(|| page.server_random.take());
        let stats = host.connection(|connection| connection.stats().clone()).expect("it was there, or is now");
        ledger.reconcile(to, &stats, stats.retransmissions - retransmissions, datagram);
    }

    fn book_at_the_gate(&mut self, to: Role, host: &Host, reason: Option<DiscardReason>, datagram: &[u8]) {
        let counts = &mut self.pages[index(to)].at_the_gate;
        if let Some(reason) = reason {
            counts[reason as usize] += 1;
        }
        let stats = host.gate_stats().expect("only an endpoint has no connection");
        for reason in DiscardReason::ALL {
            let (booked, counted) = (counts[*reason as usize], stats.discarded(*reason));
            assert_eq!(
                counted, booked,
                "counted (left) and booked (right) at the gate as {reason}, after {datagram:02x?}"
            );
        }
    }
}

const RECORD_HEADER_LEN: usize = 13;
/// Where the random stands in a hello: behind the version.
const HELLO_RANDOM: core::ops::Range<usize> = 2..34;
