//! What went over the wire: some things neither end tells, and when a trial fails, this shows where.

use core::fmt;
use core::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealgram::code::{ContentType, ExtensionType, HandshakeType, SignatureScheme};
use sealgram::inspect::{self, FragmentView};
use sealgram_std::{Direction, Tap, TappedDatagram};

/// The datagrams of an association, or of several with different peers, as our socket saw them. It prints as one line
/// for each record.
#[derive(Debug, Default)]
pub struct Wire {
    datagrams: Mutex<Vec<Datagram>>,
}

#[derive(Debug)]
struct Datagram {
    direction: Direction,
    peer: SocketAddr,
    bytes: Vec<u8>,
}

impl Wire {
    /// All datagrams so far, in the order in which our socket saw them.
    #[must_use]
    pub fn datagrams(&self) -> Vec<(Direction, Vec<u8>)> {
        self.lock().iter().map(|datagram| (datagram.direction, datagram.bytes.clone())).collect()
    }

    /// The length of the longest datagram, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.lock().iter().map(|datagram| datagram.bytes.len()).max().unwrap_or_default()
    }

    /// The bytes of the first plaintext handshake message of this type that went this way, put together; where there were
    /// several peers, between us and the latest.
    #[must_use]
    pub fn message(&self, way: Direction, msg_type: HandshakeType) -> Option<Vec<u8>> {
        let datagrams = self.lock();
        let peer = datagrams.last()?.peer;
        let this_way = datagrams.iter().filter(|datagram| datagram.direction == way && datagram.peer == peer);
        let records = this_way.flat_map(|datagram| inspect::records(&datagram.bytes));
        let fragments = records.flat_map(|record| record.fragments());
        let fragments: Vec<_> = fragments.filter(|fragment| fragment.msg_type == msg_type).collect();
        let len = fragments.first()?.length as usize;
        let mut message = Vec::with_capacity(len);
        // They may have overtaken one another on the way.
        while message.len() < len {
            let next = |fragment: &FragmentView<'_>| message.len().checked_sub(fragment.offset as usize);
            let mut rest = fragments.iter().filter_map(|fragment| fragment.bytes.get(next(fragment)?..));
            message.extend(rest.find(|bytes| !bytes.is_empty())?);
        }
        Some(message)
    }

    /// The data of an extension in the ServerHello, which went this way.
    #[must_use]
    pub fn server_extension(&self, way: Direction, wanted: ExtensionType) -> Option<Vec<u8>> {
        let hello = self.message(way, HandshakeType::SERVER_HELLO)?;
        // RFC 5246 section 7.4.1.3: version, random, session id, suite, compression method, and the length of the rest.
        let (id_len, rest) = hello.get(2 + 32..)?.split_first()?;
        let mut rest = rest.get(usize::from(*id_len) + 2 + 1 + 2..)?;
        while let [c0, c1, l0, l1, data @ ..] = rest {
            let (data, others) = data.split_at_checked(u16::from_be_bytes([*l0, *l1]).into())?;
            if u16::from_be_bytes([*c0, *c1]) == wanted.0 {
                return Some(data.to_vec());
            }
            rest = others;
        }
        None
    }

    /// The content types and the connection IDs of the protected records that went this way, where connection IDs have
    /// this length.
    #[must_use]
    pub fn protected(&self, way: Direction, id_len: usize) -> Vec<(ContentType, Vec<u8>)> {
        let datagrams = self.lock();
        let this_way = datagrams.iter().filter(|datagram| datagram.direction == way);
        let records = this_way.flat_map(|datagram| inspect::records(&datagram.bytes).with_connection_ids(id_len));
        let protected = records.filter(|record| record.epoch > 0);
        protected.map(|record| (record.content_type, record.connection_id.to_vec())).collect()
    }

    /// The scheme that a ServerKeyExchange that went this way is signed with.
    #[must_use]
    pub fn signature_scheme(&self, way: Direction) -> Option<SignatureScheme> {
        let message = self.message(way, HandshakeType::SERVER_KEY_EXCHANGE)?;
        // RFC 8422 section 5.4: a byte of curve type, two of group, the point behind its length; then the scheme.
        let [_, _, _, point_len, rest @ ..] = &*message else { return None };
        match rest.get(usize::from(*point_len)..)? {
            [high, low, ..] => Some(SignatureScheme(u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Datagram>> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for Wire {
    fn datagram(&self, datagram: &TappedDatagram<'_>) {
        let TappedDatagram { direction, peer, bytes, .. } = *datagram;
        self.lock().push(Datagram { direction, peer, bytes: bytes.to_vec() });
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for datagram in self.lock().iter() {
            let mut arrow = match datagram.direction {
                Direction::Sent => "->",
                Direction::Received => "<-",
            };
            for record in inspect::records(&datagram.bytes) {
                writeln!(f, "{arrow:2} {record}")?;
                arrow = "";
            }
        }
        Ok(())
    }
}
