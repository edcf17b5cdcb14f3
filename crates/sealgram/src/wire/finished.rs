//! Finished (RFC 5246 section 7.4.9).

use alloc::vec::Vec;
use core::fmt;

use super::reader::Reader;
use crate::error::DecodeError;

/// The proof that its sender saw the same handshake.
///
/// It has no `PartialEq`: whoever compares verify_data does so in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    /// Twelve bytes in every cipher suite of this library.
    pub(crate) verify_data: [u8; 12],
}

impl Finished {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(body, |reader| Ok(Self { verify_data: *reader.array()? }))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.verify_data.to_vec()
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIN-07: the body is twelve bytes.
    #[test]
    fn verify_data_is_exactly_twelve_bytes() {
        let finished = Finished { verify_data: *b"verify_data!" };
        assert_eq!(finished.encode(), b"verify_data!");
        assert_eq!(Finished::decode(b"verify_data!").unwrap().verify_data, finished.verify_data);
        assert_eq!(Finished::decode(&[]).unwrap_err(), DecodeError::Truncated);
        assert_eq!(Finished::decode(&[0; 11]).unwrap_err(), DecodeError::Truncated);
        assert_eq!(Finished::decode(&[0; 13]).unwrap_err(), DecodeError::TrailingBytes);
    }
}
