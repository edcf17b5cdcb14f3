//! A peer without a will of its own: it says what a test asks for, and understands what it is told.
//!
//! It knows the record layer, the fragment header, the transcript and the key schedule, and no rule about any of them:
//! it numbers, frames and seals whatever it is given.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::cid::ConnectionIds;
use crate::code::{AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion};
use crate::crypto::{AeadKey, MasterSecret, NONCE_LEN, Randoms, Suite, Transcript, VERIFY_DATA_LEN};
use crate::inspect;
use crate::role::Role;
use crate::wire::alert::Alert;
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::RecordHeader;

/// One end of an association, moved by hand.
pub(super) struct Puppet {
    pub(super) role: Role,
    /// The number of the next record, in epoch 0 and in epoch 1.
    pub(super) sequence: [u64; 2],
    /// The number of the next message.
    pub(super) message_seq: u16,
    pub(super) transcript: Transcript,
    /// Once the key exchange is over.
    pub(super) secrets: Option<Secrets>,
    /// What it puts into its sealed records, and what it finds in the subject's.
    pub(super) cids: ConnectionIds,
}

impl Puppet {
    pub(super) const fn new(role: Role) -> Self {
        Self {
            role,
            sequence: [0; 2],
            message_seq: 0,
            transcript: Transcript::new(),
            secrets: None,
            cids: ConnectionIds::NONE,
        }
    }

    /// A record in plaintext.
    pub(super) fn record(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let sequence = self.next_sequence(0);
        framed(content_type, 0, sequence, content)
    }

    /// A record of epoch 1.
    pub(super) fn sealed(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let sequence = self.next_sequence(1);
        self.sealed_as(sequence, content_type, content)
    }

    /// A record of epoch 1 with a number of the caller's choice.
    pub(super) fn sealed_as(&self, sequence: u64, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        match self.cids.peer.as_bytes() {
            [] => self.secrets().seal(self.role, content_type, sequence, content),
            cid => self.sealed_with_cid(sequence, cid, &[content, &[content_type.0]].concat()),
        }
    }

    /// A record of epoch 1 with this connection ID, and with whatever is to stand inside.
    pub(super) fn sealed_with_cid(&self, sequence: u64, cid: &[u8], inner: &[u8]) -> Vec<u8> {
        let aad = cid_aad(sequence, cid, inner.len());
        let body = self.secrets().seal_body(self.role, sequence, &aad, inner);
        framed_with_cid(1, sequence, cid, &body)
    }

    /// A whole message as one fragment, without a record around it. It takes the next number and enters the transcript.
    pub(super) fn message(&mut self, msg_type: HandshakeType, body: &[u8]) -> Vec<u8> {
        let message_seq = self.message_seq;
        self.message_seq += 1;
        self.transcript.add(msg_type, message_seq, body);
        whole(msg_type, message_seq, body)
    }

    /// A message in a plaintext record of its own.
    pub(super) fn say(&mut self, msg_type: HandshakeType, body: &[u8]) -> Vec<u8> {
        let message = self.message(msg_type, body);
        self.record(ContentType::HANDSHAKE, &message)
    }

    /// A message in a record of epoch 1.
    pub(super) fn say_sealed(&mut self, msg_type: HandshakeType, body: &[u8]) -> Vec<u8> {
        let message = self.message(msg_type, body);
        self.sealed(ContentType::HANDSHAKE, &message)
    }

    /// Several messages in one plaintext record.
    pub(super) fn say_all(&mut self, messages: &[Spoken]) -> Vec<u8> {
        let messages: Vec<u8> = messages.iter().flat_map(|(msg_type, body)| self.message(*msg_type, body)).collect();
        self.record(ContentType::HANDSHAKE, &messages)
    }

    pub(super) fn alert(&mut self, level: AlertLevel, description: AlertDescription) -> Vec<u8> {
        self.record(ContentType::ALERT, &[level.0, description.0])
    }

    pub(super) fn sealed_alert(&mut self, level: AlertLevel, description: AlertDescription) -> Vec<u8> {
        self.sealed(ContentType::ALERT, &[level.0, description.0])
    }

    pub(super) fn data(&mut self, data: &[u8]) -> Vec<u8> {
        self.sealed(ContentType::APPLICATION_DATA, data)
    }

    pub(super) fn change_cipher_spec(&mut self) -> Vec<u8> {
        self.record(ContentType::CHANGE_CIPHER_SPEC, &[1])
    }

    /// The right Finished, sealed.
    pub(super) fn finished(&mut self) -> Vec<u8> {
        let verify_data = self.verify_data(self.role);
        self.say_sealed(HandshakeType::FINISHED, &verify_data)
    }

    /// ChangeCipherSpec and the right Finished in one datagram.
    pub(super) fn end_of_flight(&mut self) -> Vec<u8> {
        [self.change_cipher_spec(), self.finished()].concat()
    }

    /// What belongs into the Finished of `role` if it comes now.
    pub(super) fn verify_data(&self, role: Role) -> [u8; VERIFY_DATA_LEN] {
        let Secrets { suite, master, .. } = self.secrets();
        master.verify_data(suite.hash, role, self.transcript.hash(suite.hash).as_ref())
    }

    /// The records of these datagrams, opened where they are sealed.
    pub(super) fn understand(&self, datagrams: &[Vec<u8>]) -> Vec<Heard> {
        let cid_len = self.cids.ours.len();
        let records = datagrams.iter().flat_map(|datagram| inspect::records(datagram).with_connection_ids(cid_len));
        records
            .map(|record| {
                let mut header = RecordHeader {
                    content_type: record.content_type,
                    version: record.version,
                    epoch: record.epoch,
                    sequence: record.sequence,
                    length: u16::try_from(record.body.len()).unwrap(),
                };
                let cid = record.connection_id.to_vec();
                let mut content = match record.epoch {
                    0 => record.body.to_vec(),
                    _ => self.secrets().open(self.role.peer(), &header, &cid, record.body),
                };
                if record.content_type == ContentType::TLS12_CID {
                    header.content_type = ContentType(content.pop().expect("a type inside"));
                }
                Heard { header, cid, content }
            })
            .collect()
    }

    pub(super) fn secrets(&self) -> &Secrets {
        self.secrets.as_ref().expect("the key exchange is over")
    }

    fn next_sequence(&mut self, epoch: usize) -> u64 {
        let sequence = self.sequence[epoch];
        self.sequence[epoch] += 1;
        sequence
    }
}

/// A message to say.
pub(super) type Spoken = (HandshakeType, Vec<u8>);

/// A record that came, and what was in it.
#[derive(Debug)]
pub(super) struct Heard {
    /// With the true type, where that is inside.
    pub(super) header: RecordHeader,
    pub(super) cid: Vec<u8>,
    pub(super) content: Vec<u8>,
}

impl Heard {
    pub(super) fn alert(&self) -> Alert {
        assert_eq!(self.header.content_type, ContentType::ALERT);
        Alert::decode(&self.content).unwrap()
    }
}

/// A whole message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) msg_type: HandshakeType,
    pub(super) message_seq: u16,
    pub(super) epoch: u16,
    pub(super) body: Vec<u8>,
}

/// The messages in these records, each of which must be there from its beginning to its end.
pub(super) fn messages(records: &[Heard]) -> Vec<Message> {
    let mut found: BTreeMap<u16, (Message, usize)> = BTreeMap::new();
    for record in records.iter().filter(|record| record.header.content_type == ContentType::HANDSHAKE) {
        let mut rest = &*record.content;
        while let Some(header) = FragmentHeader::decode(rest) {
            let (bytes, after) = rest[FragmentHeader::LEN..].split_at(header.fragment_length as usize);
            rest = after;
            let (message, length) = found.entry(header.message_seq).or_insert_with(|| {
                let FragmentHeader { msg_type, length, message_seq, .. } = header;
                (Message { msg_type, message_seq, epoch: record.header.epoch, body: Vec::new() }, length as usize)
            });
            assert_eq!(message.body.len(), header.offset as usize, "fragments come in order, without gaps");
            assert_eq!((message.msg_type, *length), (header.msg_type, header.length as usize));
            message.body.extend_from_slice(bytes);
        }
        assert!(rest.is_empty());
    }
    let whole = |(message, length): (Message, usize)| {
        assert_eq!(message.body.len(), length, "{} is whole", message.msg_type);
        message
    };
    found.into_values().map(whole).collect()
}

/// What both ends know once the key exchange is over.
pub(super) struct Secrets {
    pub(super) suite: &'static Suite,
    pub(super) master: MasterSecret,
    client: Keys,
    server: Keys,
}

struct Keys {
    key: Box<dyn AeadKey>,
    iv: Vec<u8>,
}

impl Secrets {
    pub(super) fn new(suite: &'static Suite, master: MasterSecret, randoms: &Randoms) -> Self {
        let block = master.key_block(suite, randoms);
        let keys = |role| {
            let keys = block.write_keys(role);
            Keys { key: suite.aead.key(keys.key).unwrap(), iv: keys.iv.to_vec() }
        };
        Self { suite, client: keys(Role::Client), server: keys(Role::Server), master }
    }

    fn seal(&self, writer: Role, content_type: ContentType, sequence: u64, content: &[u8]) -> Vec<u8> {
        let aad = aad(1, sequence, content_type, content.len());
        framed(content_type, 1, sequence, &self.seal_body(writer, sequence, &aad, content))
    }

    fn seal_body(&self, writer: Role, sequence: u64, aad: &[u8], content: &[u8]) -> Vec<u8> {
        let number = (1 << 48 | sequence).to_be_bytes();
        let explicit = &number[..self.suite.nonce.explicit_len()];
        let keys = self.keys(writer);
        let mut body = [explicit, content].concat();
        let mut tag = vec![0; self.suite.aead.tag_len()];
        keys.key.seal(&keys.nonce(number), aad, &mut body[explicit.len()..], &mut tag).unwrap();
        body.extend(tag);
        body
    }

    fn open(&self, writer: Role, header: &RecordHeader, cid: &[u8], body: &[u8]) -> Vec<u8> {
        let (explicit, sealed) = body.split_at(self.suite.nonce.explicit_len());
        let implied = (u64::from(header.epoch) << 48 | header.sequence).to_be_bytes();
        let number = explicit.try_into().unwrap_or(implied);
        let keys = self.keys(writer);
        let mut content = sealed.to_vec();
        let len = content.len() - self.suite.aead.tag_len();
        let aad = match header.content_type {
            ContentType::TLS12_CID => cid_aad(header.sequence, cid, len),
            content_type => aad(header.epoch, header.sequence, content_type, len).to_vec(),
        };
        keys.key.open(&keys.nonce(number), &aad, &mut content).expect("what it sends opens");
        content.truncate(len);
        content
    }

    const fn keys(&self, writer: Role) -> &Keys {
        match writer {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }
}

impl Keys {
    /// RFC 5288 section 3 where the IV has 4 bytes, RFC 7905 section 2 where it has 12.
    fn nonce(&self, number: [u8; 8]) -> [u8; NONCE_LEN] {
        match self.iv.len() {
            4 => [&self.iv, &number[..]].concat().try_into().unwrap(),
            _ => {
                let padded = [&[0; 4], &number[..]].concat();
                core::array::from_fn(|at| self.iv[at] ^ padded[at])
            }
        }
    }
}

/// RFC 5246 section 6.2.3.3, with epoch and sequence number for the sequence number of TLS (RFC 6347 section 4.1.2.1).
fn aad(epoch: u16, sequence: u64, content_type: ContentType, len: usize) -> [u8; 13] {
    let length = u16::try_from(len).unwrap();
    let header = RecordHeader { content_type, version: ProtocolVersion::DTLS_1_2, epoch, sequence, length }.encode();
    let [content_type, v0, v1, numbers @ .., l0, l1] = header;
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&numbers);
    aad[8..].copy_from_slice(&[content_type, v0, v1, l0, l1]);
    aad
}

/// RFC 9146 section 5.3, for epoch 1.
fn cid_aad(sequence: u64, cid: &[u8], len: usize) -> Vec<u8> {
    let (number, len) = ((1 << 48 | sequence).to_be_bytes(), u16::try_from(len).unwrap().to_be_bytes());
    let cid_len = u8::try_from(cid.len()).unwrap();
    [&[0xff; 8][..], &[25, cid_len, 25, 0xfe, 0xfd], &number, cid, &len].concat()
}

/// A record with a connection ID around a body, sealed or not.
pub(super) fn framed_with_cid(epoch: u16, sequence: u64, cid: &[u8], body: &[u8]) -> Vec<u8> {
    let plain = framed(ContentType::TLS12_CID, epoch, sequence, body);
    [&plain[..11], cid, &plain[11..]].concat()
}

/// A record around a body, sealed or not.
pub(super) fn framed(content_type: ContentType, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let header = RecordHeader { content_type, version: ProtocolVersion::DTLS_1_2, epoch, sequence, length };
    [&header.encode(), body].concat()
}

/// A whole message as one fragment.
pub(super) fn whole(msg_type: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    fragment(msg_type, message_seq, body, 0..body.len())
}

/// A piece of a message.
pub(super) fn fragment(
    msg_type: HandshakeType,
    message_seq: u16,
    body: &[u8],
    range: core::ops::Range<usize>,
) -> Vec<u8> {
    let header = FragmentHeader {
        msg_type,
        length: u32::try_from(body.len()).unwrap(),
        message_seq,
        offset: u32::try_from(range.start).unwrap(),
        fragment_length: u32::try_from(range.len()).unwrap(),
    };
    [&header.encode(), &body[range]].concat()
}
