//! How long a handshake message may be, by its type.
//!
//! The exact check is the parser's. This one comes at the first fragment, and bounds what a forger can make us wait
//! for.

use crate::code::HandshakeType;
use crate::stats::DiscardReason;
use crate::wire::fragment::FragmentHeader;

/// Refuses lengths that a message of that type cannot have, or that nobody needs.
pub(super) fn check_length(header: &FragmentHeader, max_message_len: u32) -> Result<(), DiscardReason> {
    let exactly = |length| if header.length == length { Ok(()) } else { Err(DiscardReason::WrongMessageLength) };
    let up_to = |length| if header.length <= length { Ok(()) } else { Err(DiscardReason::OversizedMessage) };
    match header.msg_type {
        HandshakeType::HELLO_REQUEST | HandshakeType::SERVER_HELLO_DONE => exactly(0),
        HandshakeType::FINISHED => exactly(VERIFY_DATA_LEN),
        HandshakeType::HELLO_VERIFY_REQUEST => up_to(MAX_HELLO_VERIFY_REQUEST),
        HandshakeType::CERTIFICATE | HandshakeType::CERTIFICATE_REQUEST | HandshakeType::CERTIFICATE_STATUS => {
            up_to(max_message_len)
        }
        HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO | HandshakeType::NEW_SESSION_TICKET => {
            up_to(MAX_EXTENSIBLE.min(max_message_len))
        }
        _ => up_to(MAX_OTHER.min(max_message_len)),
    }
}

/// RFC 5246 section 7.4.9: every suite we know has a verify_data of 12 bytes.
const VERIFY_DATA_LEN: u32 = 12;

/// RFC 6347 section 4.2.1: a version and a cookie of at most 255 bytes.
const MAX_HELLO_VERIFY_REQUEST: u32 = 2 + 1 + 255;

/// Hellos and tickets grow with what extensions and tickets carry. Post-quantum hellos have some 2 KiB.
const MAX_EXTENSIBLE: u32 = 1 << 14;

/// A key, an identity, a signature: 4 KiB holds RSA of 16384 bits. Also what is awaited of a type that we don't know.
const MAX_OTHER: u32 = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 1 << 16;

    fn check(msg_type: HandshakeType, length: u32, max_message_len: u32) -> Result<(), DiscardReason> {
        let header = FragmentHeader { msg_type, length, message_seq: 0, offset: 0, fragment_length: 0 };
        check_length(&header, max_message_len)
    }

    /// FRG-17: a message of fixed length has that length.
    #[test]
    fn fixed_lengths_are_exact() {
        for (msg_type, length) in
            [(HandshakeType::HELLO_REQUEST, 0), (HandshakeType::SERVER_HELLO_DONE, 0), (HandshakeType::FINISHED, 12)]
        {
            for wrong in [0, 1, 11, 12, 13, (1 << 24) - 1].into_iter().filter(|wrong| *wrong != length) {
                assert_eq!(check(msg_type, wrong, LIMIT), Err(DiscardReason::WrongMessageLength), "{msg_type} {wrong}");
            }
            assert_eq!(check(msg_type, length, 0), Ok(()), "{msg_type}");
        }
    }

    /// FRG-16: chains up to the limit that is set, other messages up to what they need, unknown ones too.
    #[test]
    fn every_type_has_a_ceiling() {
        for (msg_type, most) in [
            (HandshakeType::CERTIFICATE, LIMIT),
            (HandshakeType::CERTIFICATE_REQUEST, LIMIT),
            (HandshakeType::CLIENT_HELLO, 1 << 14),
            (HandshakeType::HELLO_VERIFY_REQUEST, 258),
            (HandshakeType::CLIENT_KEY_EXCHANGE, 1 << 12),
            (HandshakeType(99), 1 << 12),
        ] {
            assert_eq!(check(msg_type, most, LIMIT), Ok(()), "{msg_type}");
            for beyond in [most + 1, (1 << 24) - 1] {
                assert_eq!(check(msg_type, beyond, LIMIT), Err(DiscardReason::OversizedMessage), "{msg_type} {beyond}");
            }
        }
        assert_eq!(check(HandshakeType::CLIENT_HELLO, 501, 500), Err(DiscardReason::OversizedMessage));
    }
}
