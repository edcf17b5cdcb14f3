//! Reading integers, byte strings and length-prefixed vectors (RFC 5246 section 4) out of borrowed bytes.

use core::ops::RangeInclusive;

use crate::error::DecodeError;

/// What is left to read of a message.
///
/// Every method either takes exactly what it names from the front or fails; after a failure the position is not
/// specified and the message is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a whole message: what `read` leaves over is an error.
    pub(crate) fn whole<T>(
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = Self::new(bytes);
        let message = read(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]: &[u8; 1]| *byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(crate) fn u24(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|[high, middle, low]| u32::from_be_bytes([0, *high, *middle, *low]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(crate) fn u48(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]))
    }

    /// Takes a field of fixed size.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(array)
    }

    /// Takes as many bytes as another field said.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a vector with a length of one byte, which must lie in `range`.
    pub(crate) fn vec8(&mut self, range: RangeInclusive<usize>) -> Result<&'a [u8], DecodeError> {
        let len = usize::from(self.u8()?);
        self.vector(len, range)
    }

    /// Takes a vector with a length of two bytes, which must lie in `range`.
    pub(crate) fn vec16(&mut self, range: RangeInclusive<usize>) -> Result<&'a [u8], DecodeError> {
        let len = usize::from(self.u16()?);
        self.vector(len, range)
    }

    /// Takes a vector with a length of three bytes, which must lie in `range`.
    pub(crate) fn vec24(&mut self, range: RangeInclusive<usize>) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.u24()?).map_err(|_| DecodeError::TooLong)?;
        self.vector(len, range)
    }

    /// What is left, without taking it.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends a message or a list: nothing may be left.
    pub(crate) const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }

    /// The range is judged before the bytes are looked for, so that a length that no peer may send is named as such
    /// even where the message is cut short.
    fn vector(&mut self, len: usize, range: RangeInclusive<usize>) -> Result<&'a [u8], DecodeError> {
        if len > *range.end() {
            return Err(DecodeError::TooLong);
        }
        if len < *range.start() {
            // The lower bound of every vector in DTLS is one element.
            return Err(if len == 0 { DecodeError::Empty } else { DecodeError::OddLength });
        }
        self.take(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_big_endian_and_use_up_their_bytes() {
        let bytes: [u8; 16] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Ok(0x00));
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.u24(), Ok(0x0003_0405));
        assert_eq!(reader.u32(), Ok(0x0607_0809));
        assert_eq!(reader.u48(), Ok(0x0a0b_0c0d_0e0f));
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), Err(DecodeError::Truncated));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_field_that_is_cut_short_is_truncated() {
        for len in 0..6 {
            let bytes = &[0xff; 6][..len];
            assert_eq!(Reader::new(bytes).u48(), Err(DecodeError::Truncated));
            assert_eq!(Reader::new(bytes).take(6), Err(DecodeError::Truncated));
            assert_eq!(Reader::new(bytes).array::<6>(), Err(DecodeError::Truncated));
        }
    }

    #[test]
    fn a_vector_takes_what_its_length_says_and_leaves_the_rest() {
        let mut reader = Reader::new(&[2, 7, 8, 0, 1, 9, 0, 0, 3, 4, 5, 6, 42]);
        assert_eq!(reader.vec8(0..=255), Ok(&[7, 8][..]));
        assert_eq!(reader.vec16(0..=0xffff), Ok(&[9][..]));
        assert_eq!(reader.vec24(0..=0xff_ffff), Ok(&[4, 5, 6][..]));
        assert_eq!(reader.rest(), [42]);
        assert_eq!(reader.finish(), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn a_vector_outside_its_range_is_refused_for_what_it_is() {
        assert_eq!(Reader::new(&[0]).vec8(1..=255), Err(DecodeError::Empty));
        assert_eq!(Reader::new(&[0, 1, 7]).vec16(2..=0xfffe), Err(DecodeError::OddLength));
        assert_eq!(Reader::new(&[33]).vec8(0..=32), Err(DecodeError::TooLong));
        assert_eq!(Reader::new(&[0, 0, 2, 7]).vec24(0..=2), Err(DecodeError::Truncated));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff]).vec24(0..=0xff_ffff), Err(DecodeError::Truncated));
    }
}
