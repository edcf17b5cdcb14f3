//! The gate that strangers stand before: a ClientHello without a valid cookie is answered from the datagram alone.
//!
//! RFC 6347 section 4.2.1 in its stateless form. Nothing is kept, nothing is allocated, no public-key work is done,
//! and the answer is built in the very bytes that came, which it never outgrows: a HelloVerifyRequest with a cookie of
//! 32 bytes takes 60, and the smallest record that holds a hello as far as its cookie takes 61.
//!
//! Only the first record of the datagram is read, and of it only the first fragment, as far as the end of the cookie:
//! a hello too large for one datagram passes all the same. The gate knows no connection and no route.

use crate::code::{ContentType, HandshakeType, ProtocolVersion};
use crate::cookie::{COOKIE_LEN, CookieInput, CookieKeys};
use crate::path::Path;
use crate::proof::{AddressValidated, ValidatedHello};
use crate::stats::DiscardReason;
use crate::wire::fragment::{FragmentHeader, split_fragments};
use crate::wire::hello::HelloPrefix;
use crate::wire::record::{FIRST_BYTES, MAX_HELLO_SEQUENCE, MAX_PLAINTEXT, RecordHeader};

/// Answers hellos of clients that have not shown that they receive at their address.
pub(super) struct HelloGate {
    pub(super) keys: CookieKeys,
}

/// What the gate made of a datagram.
#[derive(Debug)]
pub(super) enum Gate {
    /// The first so many bytes of the datagram are now the HelloVerifyRequest to send back.
    Reply(usize),
    /// The hello carries a valid cookie. The datagram is as it came.
    Validated(AddressValidated),
    /// Not the start of a ClientHello, or not one to answer. The datagram is as it came.
    Dropped(DiscardReason),
}

impl HelloGate {
    /// Judges a datagram that belongs to no connection.
    ///
    /// A cookie that does not verify counts as none, whatever is wrong with it: it may have been honest and grown old.
    pub(super) fn check(&self, unix_seconds: u64, path: &Path, datagram: &mut [u8]) -> Gate {
        let hello = match FirstHello::read(datagram) {
            Ok(hello) => hello,
            Err(reason) => return Gate::Dropped(reason),
        };
        if hello.message_seq > MAX_MESSAGE_SEQ || hello.record_sequence > MAX_HELLO_SEQUENCE {
            return Gate::Dropped(DiscardReason::ImplausibleHello);
        }
        let bound = CookieInput {
            peer: path.peer(),
            version: hello.prefix.version,
            random: hello.prefix.random,
            session_id: hello.prefix.session_id,
        };
        if self.keys.verifies(&bound, hello.prefix.cookie, unix_seconds) {
            return Gate::Validated(AddressValidated::by_cookie(ValidatedHello {
                record_sequence: hello.record_sequence,
                message_seq: hello.message_seq,
                random: *hello.prefix.random,
            }));
        }
        let request = hello_verify_request(&hello, &self.keys.make(&bound, unix_seconds));
        match datagram.first_chunk_mut() {
            Some(start) => {
                *start = request;
                Gate::Reply(request.len())
            }
            // No hello is this short; if one were, it would get no answer longer than itself.
            None => Gate::Dropped(DiscardReason::MalformedHello),
        }
    }
}

/// The start of a ClientHello at the start of a datagram.
pub(super) struct FirstHello<'d> {
    record_sequence: u64,
    message_seq: u16,
    prefix: HelloPrefix<'d>,
}

impl<'d> FirstHello<'d> {
    /// Reads the first fragment of the first record, if it begins a ClientHello.
    ///
    /// # Errors
    ///
    /// Why it does not. `NoRoute` if it is something else that may be meant for a connection.
    pub(super) fn read(datagram: &'d [u8]) -> Result<Self, DiscardReason> {
        let (header, body) = first_record(datagram)?;
        if header.epoch != 0 || header.content_type != ContentType::HANDSHAKE {
            return Err(DiscardReason::NoRoute);
        }
        // What is wrong with the fragment is not worth a reason of its own: it is nothing that a hello begins with.
        let Some(Ok((fragment, bytes))) = split_fragments(body).next() else {
            return Err(DiscardReason::MalformedHello);
        };
        if fragment.msg_type != HandshakeType::CLIENT_HELLO || fragment.offset != 0 {
            return Err(DiscardReason::NoRoute);
        }
        let prefix = HelloPrefix::decode(bytes).map_err(|_| DiscardReason::MalformedHello)?;
        Ok(Self { record_sequence: header.sequence, message_seq: fragment.message_seq, prefix })
    }

    /// What tells the hellos of one handshake from those of another.
    pub(super) fn random(&self) -> &'d [u8; 32] {
        self.prefix.random
    }
}

/// The header and the body of the record that a datagram begins with.
fn first_record(datagram: &[u8]) -> Result<(RecordHeader, &[u8]), DiscardReason> {
    // RFC 7983 section 7: what else may arrive on the same port begins with other bytes.
    if !datagram.first().is_some_and(|first| FIRST_BYTES.contains(first)) {
        return Err(DiscardReason::NotDtls);
    }
    let header = RecordHeader::decode(datagram).ok_or(DiscardReason::TruncatedRecord)?;
    // Any minor version: a client that also speaks 1.0 says so in its first record (RFC 6347 section 4.1).
    if !header.version.is_dtls() {
        return Err(DiscardReason::WrongRecordVersion);
    }
    let length = usize::from(header.length);
    if header.epoch == 0 && length > MAX_PLAINTEXT {
        return Err(DiscardReason::OversizedRecord);
    }
    let rest = datagram.get(RecordHeader::LEN..).unwrap_or_default();
    let body = rest.get(..length).ok_or(DiscardReason::TruncatedRecord)?;
    Ok((header, body))
}

/// The answer to `hello`: a whole datagram.
///
/// ```text
///  0                 13                  25        27   28             60
///  +-----------------+-------------------+---------+----+--------------+
///  | record header   | fragment header   | version | 32 | cookie       |
///  +-----------------+-------------------+---------+----+--------------+
/// ```
fn hello_verify_request(hello: &FirstHello<'_>, cookie: &[u8; COOKIE_LEN]) -> [u8; REQUEST_LEN] {
    let record = RecordHeader {
        content_type: ContentType::HANDSHAKE,
        version: ProtocolVersion::DTLS_1_0,
        epoch: 0,
        // RFC 6347 section 4.2.1: the number of the hello, as there is no state to count with.
        sequence: hello.record_sequence,
        length: RECORD_BODY_LEN,
    };
    let fragment = FragmentHeader {
        msg_type: HandshakeType::HELLO_VERIFY_REQUEST,
        length: MESSAGE_LEN,
        // Mirrored for the same reason: 0 after a first hello, which is what section 4.2.2 shows.
        message_seq: hello.message_seq,
        offset: 0,
        fragment_length: MESSAGE_LEN,
    };
    // RFC 6347 section 4.2.1 advises 1.0 whatever is negotiated later; clients take no meaning from it.
    let [major, minor] = ProtocolVersion::DTLS_1_0.0.to_be_bytes();
    let parts: [&[u8]; 4] = [&record.encode(), &fragment.encode(), &[major, minor, COOKIE_LEN_BYTE], cookie];
    let mut request = [0; REQUEST_LEN];
    for (to, from) in request.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    request
}

/// A client counts its hellos from 0 and gives up after a few cookies; the connection continues from this number, and
/// a high one would only serve to bring its counter near the end.
const MAX_MESSAGE_SEQ: u16 = 15;

const COOKIE_LEN_BYTE: u8 = 32;
/// server_version, the length of the cookie, the cookie.
const MESSAGE_LEN: u32 = 35;
/// The message behind its fragment header.
const RECORD_BODY_LEN: u16 = 47;
const REQUEST_LEN: usize = RecordHeader::LEN + RECORD_BODY_LEN as usize;

const _: () = {
    assert!(COOKIE_LEN_BYTE as usize == COOKIE_LEN, "the length byte is that of a cookie");
    assert!(MESSAGE_LEN as usize == 2 + 1 + COOKIE_LEN, "the message is what it holds");
    assert!(RECORD_BODY_LEN as usize == FragmentHeader::LEN + MESSAGE_LEN as usize, "one fragment, nothing else");
    // version, random, and the length bytes of an empty session_id and an empty cookie.
    let smallest_hello = RecordHeader::LEN + FragmentHeader::LEN + 2 + 32 + 1 + 1;
    assert!(REQUEST_LEN <= smallest_hello, "the answer is never longer than what it answers");
};

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::test_rng::TestRng;

    const NOW: u64 = 1_750_000_000;

    fn gate() -> HelloGate {
        HelloGate { keys: CookieKeys::generate(&mut TestRng::new(1)) }
    }

    fn path() -> Path {
        Path::from("192.0.2.1:4444".parse::<core::net::SocketAddr>().unwrap())
    }

    /// The datagram of a ClientHello, as a client would send it.
    #[derive(Clone)]
    struct TestHello {
        record_version: u16,
        epoch: u16,
        sequence: u64,
        message_seq: u16,
        random: [u8; 32],
        session_id: Vec<u8>,
        cookie: Vec<u8>,
        /// Suites, compression methods and extensions.
        tail: Vec<u8>,
        /// How much longer the message is than its first fragment.
        missing: u32,
    }

    impl TestHello {
        fn new() -> Self {
            Self {
                record_version: 0xfeff,
                epoch: 0,
                sequence: 0,
                message_seq: 0,
                random: [7; 32],
                session_id: Vec::new(),
                cookie: Vec::new(),
                tail: [0, 2, 0xc0, 0x2b, 1, 0].to_vec(),
                missing: 0,
            }
        }

        /// The smallest datagram that reaches the end of the cookie: 61 bytes.
        fn smallest() -> Self {
            Self { tail: Vec::new(), missing: 6, ..Self::new() }
        }

        fn body(&self) -> Vec<u8> {
            let mut body = [0xfe, 0xfd].to_vec();
            body.extend(self.random);
            body.push(u8::try_from(self.session_id.len()).unwrap());
            body.extend(&self.session_id);
            body.push(u8::try_from(self.cookie.len()).unwrap());
            body.extend(&self.cookie);
            body.extend(&self.tail);
            body
        }

        fn datagram(&self) -> Vec<u8> {
            let body = self.body();
            let fragment_length = u32::try_from(body.len()).unwrap();
            let fragment = FragmentHeader {
                msg_type: HandshakeType::CLIENT_HELLO,
                length: fragment_length + self.missing,
                message_seq: self.message_seq,
                offset: 0,
                fragment_length,
            };
            let record = RecordHeader {
                content_type: ContentType::HANDSHAKE,
                version: ProtocolVersion(self.record_version),
                epoch: self.epoch,
                sequence: self.sequence,
                length: u16::try_from(FragmentHeader::LEN + body.len()).unwrap(),
            };
            [&record.encode()[..], &fragment.encode(), &body].concat()
        }

        /// The cookie that the gate answers this hello with.
        fn ask(&self, gate: &HelloGate) -> Vec<u8> {
            let mut datagram = self.datagram();
            let Gate::Reply(60) = gate.check(NOW, &path(), &mut datagram) else { panic!("no cookie") };
            datagram[28..60].to_vec()
        }

        fn judged_by(&self, gate: &HelloGate) -> Gate {
            gate.check(NOW, &path(), &mut self.datagram())
        }

        fn dropped_by(&self, gate: &HelloGate) -> Option<DiscardReason> {
            match self.judged_by(gate) {
                Gate::Dropped(reason) => Some(reason),
                Gate::Reply(_) | Gate::Validated(_) => None,
            }
        }
    }

    /// HVR-12: the answer, byte by byte: version 1.0 in the record and in the message, one cookie, nothing else.
    #[test]
    fn a_hello_without_cookie_gets_one_hello_verify_request() {
        let mut datagram = TestHello::new().datagram();
        let Gate::Reply(length) = gate().check(NOW, &path(), &mut datagram) else { panic!() };
        let reply = &datagram[..length];
        assert_eq!(reply[..13], [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 47]);
        assert_eq!(reply[13..25], [3, 0, 0, 35, 0, 0, 0, 0, 0, 0, 0, 35]);
        assert_eq!(reply[25..28], [0xfe, 0xff, 32]);
        assert_eq!(reply[28..32], 1_750_000_000u32.to_be_bytes());
        assert_eq!(reply.len(), 60);
    }

    /// HVR-13, HVR-15: record sequence number and message_seq are those of the hello.
    #[test]
    fn the_answer_mirrors_the_numbers_of_the_hello() {
        for (sequence, message_seq) in [(0, 0), (5, 1), (1 << 40, 2), ((1 << 47) - 1, 15)] {
            let mut datagram = TestHello { sequence, message_seq, ..TestHello::new() }.datagram();
            assert!(matches!(gate().check(NOW, &path(), &mut datagram), Gate::Reply(60)));
            assert_eq!(RecordHeader::decode(&datagram).unwrap().sequence, sequence);
            assert_eq!(FragmentHeader::decode(&datagram[13..]).unwrap().message_seq, message_seq);
        }
    }

    /// HVR-14: the proof tells the connection which numbers to continue from.
    #[test]
    fn a_hello_with_its_cookie_is_validated_and_left_as_it_came() {
        let gate = gate();
        let cookie = TestHello::new().ask(&gate);
        let hello = TestHello { cookie, sequence: 7, message_seq: 1, record_version: 0xfefd, ..TestHello::new() };
        let mut datagram = hello.datagram();
        let Gate::Validated(proof) = gate.check(NOW + 3, &path(), &mut datagram) else { panic!() };
        let expected = ValidatedHello { record_sequence: 7, message_seq: 1, random: [7; 32] };
        assert_eq!(proof.into_hello(), Some(expected));
        assert_eq!(datagram, hello.datagram());
    }

    /// HVR-16, HVR-18, HVR-19: a cookie of another hello, of another address, or too old counts as none.
    #[test]
    fn a_cookie_that_does_not_verify_gets_a_new_cookie() {
        let gate = gate();
        let honest = TestHello { cookie: TestHello::new().ask(&gate), ..TestHello::new() };
        let judge = |hello: &TestHello, path: Path, now| gate.check(now, &path, &mut hello.datagram());
        assert!(matches!(judge(&honest, path(), NOW), Gate::Validated(_)));
        let other_path = Path::from("192.0.2.1:4445".parse::<core::net::SocketAddr>().unwrap());
        assert!(matches!(judge(&honest, other_path, NOW), Gate::Reply(60)));
        assert!(matches!(judge(&honest, path(), NOW + 61), Gate::Reply(60)));
        assert!(matches!(judge(&TestHello { random: [8; 32], ..honest.clone() }, path(), NOW), Gate::Reply(60)));
        let session = TestHello { session_id: [1; 32].to_vec(), ..honest.clone() };
        assert!(matches!(judge(&session, path(), NOW), Gate::Reply(60)));
        for bit in 0..256 {
            let mut flipped = honest.clone();
            flipped.cookie[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(judge(&flipped, path(), NOW), Gate::Reply(60)), "bit {bit}");
        }
        let foreign = TestHello { cookie: [9; 255].to_vec(), ..TestHello::new() };
        assert!(matches!(judge(&foreign, path(), NOW), Gate::Reply(60)));
    }

    /// HVR-17: the key may be rotated between the two hellos.
    #[test]
    fn a_rotation_between_the_hellos_is_not_noticed() {
        let mut gate = gate();
        let hello = TestHello { cookie: TestHello::new().ask(&gate), ..TestHello::new() };
        gate.keys.rotate(&mut TestRng::new(5));
        assert!(matches!(hello.judged_by(&gate), Gate::Validated(_)));
        gate.keys.rotate(&mut TestRng::new(6));
        assert!(matches!(hello.judged_by(&gate), Gate::Reply(60)));
    }

    /// HVR-20: the smallest datagram that is answered is longer than the answer; one byte less is not answered.
    #[test]
    fn the_smallest_hello_gets_an_answer_that_is_shorter_by_one_byte() {
        let hello = TestHello::smallest();
        assert_eq!(hello.datagram().len(), 61);
        assert!(matches!(hello.judged_by(&gate()), Gate::Reply(60)));
        // Without the length byte of the cookie.
        let mut shorter = hello.datagram();
        shorter.pop();
        shorter[12] -= 1;
        shorter[24] -= 1;
        assert!(matches!(gate().check(NOW, &path(), &mut shorter), Gate::Dropped(DiscardReason::MalformedHello)));
    }

    /// A hello larger than a datagram, and one with more records behind it, pass on their first fragment.
    #[test]
    fn only_the_first_fragment_is_needed() {
        let gate = gate();
        let first = TestHello { missing: 4_000, ..TestHello::new() };
        let cookie = first.ask(&gate);
        let mut datagram = TestHello { cookie, ..first }.datagram();
        datagram.extend([22, 0xfe, 0xfd, 9, 9, 9]);
        assert!(matches!(gate.check(NOW, &path(), &mut datagram), Gate::Validated(_)));
    }

    /// HVR-22: the length of the cookie is checked against what there is.
    #[test]
    fn a_cookie_that_claims_more_bytes_than_there_are_is_dropped() {
        let hello = TestHello::new();
        let mut datagram = hello.datagram();
        datagram[60] = 255;
        assert!(matches!(gate().check(NOW, &path(), &mut datagram), Gate::Dropped(DiscardReason::MalformedHello)));
        // And against its own fragment, whatever stands behind it in the datagram.
        datagram.extend([0; 300]);
        assert!(matches!(gate().check(NOW, &path(), &mut datagram), Gate::Dropped(DiscardReason::MalformedHello)));
    }

    #[test]
    fn numbers_that_no_honest_client_reaches_are_dropped() {
        let gate = gate();
        let implausible = Some(DiscardReason::ImplausibleHello);
        assert_eq!(TestHello { message_seq: 16, ..TestHello::new() }.dropped_by(&gate), implausible);
        assert_eq!(TestHello { sequence: 1 << 47, ..TestHello::new() }.dropped_by(&gate), implausible);
    }

    /// HVR-21: whatever is not the start of a ClientHello is dropped, each for its own reason.
    #[test]
    fn what_is_no_hello_is_dropped_without_an_answer() {
        use DiscardReason::{MalformedHello, NoRoute, NotDtls, OversizedRecord, TruncatedRecord, WrongRecordVersion};
        let change = |at: usize, to: u8| {
            let mut datagram = TestHello::new().datagram();
            datagram[at] = to;
            datagram
        };
        let cut = |length: usize| TestHello::new().datagram()[..length].to_vec();
        for (mut datagram, reason) in [
            (cut(0), NotDtls),
            (change(0, 0x80), NotDtls),
            (change(0, 19), NotDtls),
            (cut(12), TruncatedRecord),
            (cut(TestHello::new().datagram().len() - 1), TruncatedRecord),
            (change(1, 3), WrongRecordVersion),
            (change(11, 0x80), OversizedRecord),
            (change(0, 21), NoRoute),
            (change(0, 23), NoRoute),
            (change(4, 1), NoRoute),
            (change(13, 16), NoRoute),
            // The fragment reaches past its message, begins later in it, or has a session_id of 33 bytes.
            (change(16, 0), MalformedHello),
            (change(21, 1), MalformedHello),
            (change(59, 33), MalformedHello),
        ] {
            let before = datagram.clone();
            let Gate::Dropped(dropped) = gate().check(NOW, &path(), &mut datagram) else { panic!("{reason}") };
            assert_eq!(dropped, reason);
            assert_eq!(datagram, before);
        }
        let mut later = TestHello { missing: 100, ..TestHello::new() }.datagram();
        later[21] = 1;
        assert!(matches!(gate().check(NOW, &path(), &mut later), Gate::Dropped(NoRoute)));
    }

    /// HVR-20, HVR-21: no mutation of a hello gets an answer longer than itself, or any answer but a cookie.
    #[test]
    fn mutated_hellos_never_get_more_than_they_sent() {
        let gate = gate();
        for seed in 0..200_000 {
            let mut rng = TestRng::new(seed);
            let mut datagram = match rng.below(3) {
                0 => TestHello::smallest().datagram(),
                1 => TestHello::new().datagram(),
                _ => TestHello { cookie: [3; 32].to_vec(), session_id: [1; 5].to_vec(), ..TestHello::new() }.datagram(),
            };
            for _ in 0..=rng.below(4) {
                let at = rng.below(datagram.len());
                datagram[at] = u8::try_from(rng.below(256)).unwrap();
            }
            datagram.truncate(datagram.len() - rng.below(4).min(datagram.len() - 1));
            let before = datagram.clone();
            match gate.check(NOW, &path(), &mut datagram) {
                Gate::Reply(length) => {
                    assert!(length <= before.len(), "seed {seed}");
                    assert_eq!((datagram[0], datagram[13], length), (22, 3, 60), "seed {seed}");
                }
                Gate::Dropped(_) => assert_eq!(datagram, before, "seed {seed}"),
                Gate::Validated(_) => panic!("seed {seed}: no cookie was made for it"),
            }
        }
    }

    /// HVR-11: the gate has nothing to keep anything in: a million strangers later it answers as it did before.
    #[test]
    fn a_million_spoofed_hellos_change_nothing() {
        let gate = gate();
        let cookie = TestHello::new().ask(&gate);
        let spoofed = TestHello::smallest().datagram();
        let mut rng = TestRng::new(3);
        for _ in 0..1_000_000 {
            let mut datagram = [0; 61];
            datagram.copy_from_slice(&spoofed);
            let address = core::net::Ipv4Addr::from(u32::try_from(rng.next() >> 32).unwrap());
            let stranger = Path::from(core::net::SocketAddr::from((address, 4444)));
            assert!(matches!(gate.check(NOW, &stranger, &mut datagram), Gate::Reply(60)));
        }
        assert_eq!(TestHello::new().ask(&gate), cookie);
        assert!(matches!(TestHello { cookie, ..TestHello::new() }.judged_by(&gate), Gate::Validated(_)));
    }
}
