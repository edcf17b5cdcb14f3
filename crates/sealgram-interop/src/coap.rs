//! As much of CoAP as a question and its answer take: the programs of libcoap speak nothing else.
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +---+---+-------+---------------+-------------------------------+
//!  |Ver| T |  TKL  |     Code      |          Message ID           |   RFC 7252 figure 7
//!  +---+---+-------+---------------+-------------------------------+
//!  |  Token (TKL bytes)  |  Options  |  0xff, Payload              |
//!  +---------------------+-----------+-----------------------------+
//! ```

use crate::Outcome;

/// A message that came, of any type.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what there is to know in this workspace")]
pub struct Message {
    /// What it asks for, or how it answers.
    pub code: u8,
    /// Which message this is, or acknowledges.
    pub id: [u8; 2],
    /// Which question this is, or answers.
    pub token: Vec<u8>,
    /// The path that it asks for, its segments.
    pub path: Vec<String>,
    /// Its text.
    pub payload: String,
}

/// A question for what is there (RFC 7252 section 12.1.1).
pub const GET: u8 = 0x01;

/// An answer, 2.05, which holds it (RFC 7252 section 12.1.2).
pub const CONTENT: u8 = 0x45;

/// The question of our client, for the path `/`: it is confirmable, and has no option.
pub const QUESTION: [u8; 6] = [VERSION | CONFIRMABLE | 2, GET, 0x5e, 0xa1, b'g', b'r'];

impl Message {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Outcome<Self> {
        Ok(parse(bytes).ok_or_else(|| format!("this is not CoAP: {bytes:02x?}"))?)
    }

    /// The answer to this question, which acknowledges it too (RFC 7252 section 5.2.1).
    #[must_use]
    pub fn answer(&self, text: &str) -> Vec<u8> {
        let [token_len, ..] = self.token.len().to_le_bytes();
        let head = [VERSION | ACKNOWLEDGEMENT | token_len, CONTENT];
        [&head, &self.id[..], &self.token, &[PAYLOAD_MARKER], text.as_bytes()].concat()
    }
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let ([first, code, id @ ..], rest) = bytes.split_first_chunk::<4>()?;
    if first & 0b1100_0000 != VERSION {
        return None;
    }
    let (token, mut rest) = rest.split_at_checked(usize::from(first & 0b1111))?;
    let (mut path, mut number) = (Vec::new(), 0);
    while let Some((&lengths, after)) = rest.split_first() {
        rest = after;
        if lengths == PAYLOAD_MARKER {
            break;
        }
        // RFC 7252 section 3.1: an option tells how far its number is from that of the option before it.
        number += extended(lengths >> 4, &mut rest)?;
        let value_len = extended(lengths & 0b1111, &mut rest)?;
        let (value, after) = rest.split_at_checked(value_len)?;
        rest = after;
        if number == URI_PATH {
            path.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    let payload = String::from_utf8_lossy(rest).into_owned();
    Some(Message { code: *code, id: *id, token: token.to_vec(), path, payload })
}

/// A number of four bits, where 13 and 14 say that the rest of it comes in one byte or in two (RFC 7252 section 3.1).
fn extended(bits: u8, rest: &mut &[u8]) -> Option<usize> {
    match bits {
        0..13 => Some(usize::from(bits)),
        13 => {
            let (&more, after) = rest.split_first()?;
            *rest = after;
            Some(usize::from(more) + 13)
        }
        14 => {
            let (&more, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(usize::from(u16::from_be_bytes(more)) + 269)
        }
        _ => None,
    }
}

const VERSION: u8 = 1 << 6;
const CONFIRMABLE: u8 = 0 << 4;
const ACKNOWLEDGEMENT: u8 = 2 << 4;
const PAYLOAD_MARKER: u8 = 0xff;

/// The number of the option that holds a segment of a path (RFC 7252 section 5.10).
const URI_PATH: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7252 figures 16 and 17.
    #[test]
    fn a_question_is_read_and_its_answer_names_it() {
        let question = Message::parse(b"\x41\x01\x7d\x35\x20\xbbtemperature").unwrap();
        let path = vec!["temperature".into()];
        let wanted = Message { code: GET, id: [0x7d, 0x35], token: vec![0x20], path, payload: String::new() };
        assert_eq!(question, wanted);
        let answer = question.answer("22.3 C");
        assert_eq!(answer, b"\x61\x45\x7d\x35\x20\xff22.3 C");
        assert_eq!(Message::parse(&answer).unwrap().payload, "22.3 C");
    }

    #[test]
    fn options_far_apart_and_long_ones_are_passed_over() {
        let long = [&b"\x40\x01\0\0\xd3\x00abc\xed\x01\x00\x02"[..], &[b'x'; 15], b"\xffend"].concat();
        let message = Message::parse(&long).unwrap();
        assert_eq!((message.path.len(), &*message.payload), (0, "end"));
    }

    #[test]
    fn what_is_cut_short_is_no_message() {
        for bytes in
            [&b""[..], b"\x40\x01\0", b"\x42\x01\0\0a", b"\x40\x01\0\0\xb2a", b"\x40\x01\0\0\xd0", b"\x80\x01\0\0"]
        {
            Message::parse(bytes).unwrap_err();
        }
    }
}
