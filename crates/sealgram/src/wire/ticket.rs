//! NewSessionTicket (RFC 5077 section 3.3).

use alloc::vec::Vec;

use super::reader::Reader;
use super::writer::Writer;
use crate::error::{CryptoError, DecodeError};

/// What a server gives a client to keep and to show next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSessionTicket<'a> {
    /// For how many seconds it may be of use; 0 does not say.
    pub(crate) lifetime_hint: u32,
    /// Empty if the server has thought better of it (RFC 5077 section 3.3).
    pub(crate) ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { lifetime_hint: reader.u32()?, ticket: reader.vec16(0..=0xffff)? }))
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, CryptoError> {
        let mut writer = Writer::new();
        writer.u32(self.lifetime_hint);
        writer.vec16(|w| w.bytes(self.ticket));
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RES-17: a ticket of no length is a message like any other.
    #[test]
    fn a_ticket_is_read_back_as_it_was_written() {
        for ticket in [&b"ticket"[..], b""] {
            let message = NewSessionTicket { lifetime_hint: 0x0001_5180, ticket };
            let body = message.encode().unwrap();
            assert_eq!(body, [&[0, 1, 0x51, 0x80, 0, u8::try_from(ticket.len()).unwrap()], ticket].concat());
            assert_eq!(NewSessionTicket::decode(&body), Ok(message));
            for len in 0..body.len() {
                assert_eq!(NewSessionTicket::decode(&body[..len]), Err(DecodeError::Truncated));
            }
            assert_eq!(NewSessionTicket::decode(&[&*body, &[0]].concat()), Err(DecodeError::TrailingBytes));
        }
    }
}
