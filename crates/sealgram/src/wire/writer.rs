//! Writing integers, byte strings and length-prefixed vectors (RFC 5246 section 4).

use alloc::vec::Vec;

use crate::error::CryptoError;

/// A message in the making.
///
/// A value that does not fit its field is remembered and reported by [`Writer::finish`], so that a message is never
/// silently cut and its writing needs no check at every step.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    overflow: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::with_capacity(USUAL_LEN)
    }

    /// Does not move what is written as long as it has no more bytes than this: for secrets, of which no copy should be
    /// left behind.
    pub(crate) fn with_capacity(len: usize) -> Self {
        Self { bytes: Vec::with_capacity(len), overflow: false }
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    #[cfg(test)]
    pub(crate) fn u24(&mut self, value: u32) {
        let [overflow, bytes @ ..] = value.to_be_bytes();
        self.overflow |= overflow != 0;
        self.bytes(&bytes);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes what `content` writes, with its length in one byte before it.
    pub(crate) fn vec8(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<1>(content);
    }

    /// Writes what `content` writes, with its length in two bytes before it.
    pub(crate) fn vec16(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<2>(content);
    }

    /// Writes what `content` writes, with its length in three bytes before it.
    pub(crate) fn vec24(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<3>(content);
    }

    /// The message.
    ///
    /// # Errors
    ///
    /// [`CryptoError::MessageTooLong`] if a value or a length did not fit its field.
    pub(crate) fn finish(self) -> Result<Vec<u8>, CryptoError> {
        if self.overflow { Err(CryptoError::MessageTooLong) } else { Ok(self.bytes) }
    }

    /// The length is not known before the content is there: its place is kept and filled in afterwards.
    fn vector<const PREFIX: usize>(&mut self, content: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.bytes(&[0; PREFIX]);
        content(self);
        let Some((prefix, content)) = self.bytes.get_mut(at..).and_then(<[u8]>::split_first_chunk_mut::<PREFIX>) else {
            // Content only ever appends, so the prefix is where it was put.
            self.overflow = true;
            return;
        };
        match content.len().to_be_bytes().split_last_chunk::<PREFIX>() {
            Some((overflow, len)) if overflow.iter().all(|byte| *byte == 0) => *prefix = *len,
            _ => self.overflow = true,
        }
    }
}

/// What most messages fit into, in bytes: with room for them from the start they grow once or never, instead of by
/// doubling from nothing.
const USUAL_LEN: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_stands_in_order_and_big_endian() {
        let mut writer = Writer::new();
        writer.u8(0x01);
        writer.u16(0x0203);
        writer.u24(0x0004_0506);
        writer.u32(0x0708_090a);
        writer.bytes(&[0x0b, 0x0c]);
        assert_eq!(writer.finish().unwrap(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn prefixes_nest() {
        let mut writer = Writer::new();
        writer.vec24(|w| {
            w.vec16(|w| w.bytes(b"ab"));
            w.vec8(|w| w.u8(7));
            w.vec8(|_| {});
        });
        assert_eq!(writer.finish().unwrap(), [0, 0, 7, 0, 2, b'a', b'b', 1, 7, 0]);
    }

    #[test]
    fn a_length_that_does_not_fit_its_prefix_is_reported() {
        let written = |len: usize| {
            let mut writer = Writer::new();
            writer.vec8(|w| w.bytes(&alloc::vec![0; len]));
            writer.u8(1);
            writer.finish()
        };
        assert_eq!(written(255).map(|bytes| bytes.len()), Ok(257));
        assert_eq!(written(256), Err(CryptoError::MessageTooLong));
    }

    #[test]
    fn an_integer_that_does_not_fit_its_field_is_reported() {
        let written = |value| {
            let mut writer = Writer::new();
            writer.u24(value);
            writer.finish()
        };
        assert_eq!(written(0xff_ffff).unwrap(), [0xff; 3]);
        assert_eq!(written(0x100_0000), Err(CryptoError::MessageTooLong));
    }
}
