//! The transcript: every handshake message that both sides must have seen alike.
//!
//! It takes whole messages and puts before each the header of its unfragmented form (RFC 6347 section 4.2.6), so that
//! it comes out the same however the messages were cut, lost and repeated on the way. Which messages belong in it is
//! for the handshake to say: HelloRequest, HelloVerifyRequest and the ClientHello before it do not.

use alloc::vec::Vec;
use core::mem;

use crate::code::HandshakeType;
use crate::crypto::hash::{Digest, HashAlgorithm, RunningHash};

/// The handshake messages so far.
///
/// At first their bytes are kept: the hash is known only with the cipher suite, and a CertificateVerify may sign them
/// under another hash than the suite's (RFC 5246 section 7.4.8). [`commit`](Self::commit) frees them.
#[derive(Clone)]
pub(crate) struct Transcript(Form);

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "one lives in each handshake, and it is small")]
enum Form {
    Raw(Vec<u8>),
    Committed(HashAlgorithm, RunningHash),
}

impl Transcript {
    /// No messages yet.
    pub(crate) const fn new() -> Self {
        Self(Form::Raw(Vec::new()))
    }

    /// Adds one whole message. `message_seq` is the one it was sent with.
    pub(crate) fn add(&mut self, msg_type: HandshakeType, message_seq: u16, body: &[u8]) {
        let header = unfragmented_header(msg_type, message_seq, body.len());
        match &mut self.0 {
            Form::Raw(bytes) => {
                bytes.extend_from_slice(&header);
                bytes.extend_from_slice(body);
            }
            Form::Committed(_, hash) => {
                hash.update(&header);
                hash.update(body);
            }
        }
    }

    /// The hash of all messages so far. After [`commit`](Self::commit), `hash` must be the one committed to.
    pub(crate) fn hash(&self, hash: HashAlgorithm) -> Digest {
        match &self.0 {
            Form::Raw(bytes) => hash.hash(bytes),
            Form::Committed(committed, running) => {
                debug_assert_eq!(*committed, hash, "an association has one transcript hash");
                running.clone().finish()
            }
        }
    }

    /// Frees the bytes and goes on with their hash alone (FIN-09). Does nothing the second time.
    pub(crate) fn commit(&mut self, hash: HashAlgorithm) {
        if let Form::Raw(bytes) = &mut self.0 {
            let bytes = mem::take(bytes);
            let mut running = hash.start();
            running.update(&bytes);
            self.0 = Form::Committed(hash, running);
        }
    }

    /// The bytes of all messages so far; `None` once committed.
    pub(crate) fn raw(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Raw(bytes) => Some(bytes),
            Form::Committed(..) => None,
        }
    }
}

/// The header of a message in one fragment (RFC 6347 section 4.2.2).
///
/// ```text
/// msg_type 1 | length 3 | message_seq 2 | fragment_offset 3 = 0 | fragment_length 3 = length
/// ```
fn unfragmented_header(msg_type: HandshakeType, message_seq: u16, body_len: usize) -> [u8; 12] {
    debug_assert!(body_len < 1 << 24, "a message has at most 2^24 - 1 bytes");
    let [.., l0, l1, l2] = body_len.to_be_bytes();
    let [s0, s1] = message_seq.to_be_bytes();
    [msg_type.0, l0, l1, l2, s0, s1, 0, 0, 0, l0, l1, l2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIN-02, FIN-03: the header that is hashed has offset 0, fragment_length = length and the real message_seq.
    #[test]
    fn a_message_is_hashed_in_its_unfragmented_form() {
        let mut transcript = Transcript::new();
        transcript.add(HandshakeType::CLIENT_HELLO, 1, &[0xab; 0x1_02]);
        let raw = transcript.raw().unwrap();
        assert_eq!(raw[..12], [1, 0, 1, 2, 0, 1, 0, 0, 0, 0, 1, 2]);
        assert_eq!(raw[12..], [0xab; 0x1_02]);
        transcript.add(HandshakeType::SERVER_HELLO_DONE, 0x0203, &[]);
        assert_eq!(transcript.raw().unwrap()[12 + 0x1_02..], [14, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0]);
    }

    /// FIN-09: committing frees the bytes and changes no hash, wherever it happens.
    #[test]
    fn committing_changes_no_hash() {
        let messages: [(HandshakeType, u16, &[u8]); 4] = [
            (HandshakeType::CLIENT_HELLO, 1, b"hello"),
            (HandshakeType::SERVER_HELLO, 1, b"server"),
            (HandshakeType::SERVER_HELLO_DONE, 2, b""),
            (HandshakeType::FINISHED, 3, b"twelve bytes"),
        ];
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            for at in 0..=messages.len() {
                let (mut kept, mut committed) = (Transcript::new(), Transcript::new());
                for (index, (msg_type, message_seq, body)) in messages.into_iter().enumerate() {
                    if index == at {
                        committed.commit(hash);
                    }
                    kept.add(msg_type, message_seq, body);
                    committed.add(msg_type, message_seq, body);
                    assert_eq!(kept.hash(hash).as_ref(), committed.hash(hash).as_ref());
                    assert_eq!(committed.raw().is_none(), index >= at);
                }
                committed.commit(hash);
                assert_eq!(kept.hash(hash).as_ref(), committed.hash(hash).as_ref());
                assert!(committed.raw().is_none());
            }
        }
    }

    /// The first Finished is hashed before it is part of the transcript, so taking a hash must not disturb it.
    #[test]
    fn taking_a_hash_disturbs_nothing() {
        let mut transcript = Transcript::new();
        transcript.add(HandshakeType::CLIENT_HELLO, 0, b"hello");
        transcript.commit(HashAlgorithm::Sha256);
        let first = transcript.hash(HashAlgorithm::Sha256);
        assert_eq!(transcript.hash(HashAlgorithm::Sha256).as_ref(), first.as_ref());
        transcript.add(HandshakeType::FINISHED, 1, &[0; 12]);
        assert_ne!(transcript.hash(HashAlgorithm::Sha256).as_ref(), first.as_ref());
    }
}
