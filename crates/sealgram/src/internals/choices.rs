//! Arbitrary bytes, read as choices.

/// Turns the bytes of a fuzzer into decisions, from front to back.
///
/// Bytes that have run out read as zero, so that every input is a complete run, and a choice takes few bytes, so that a
/// fuzzer which changes one of them changes one decision.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// All choices are still to be made.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether every byte has been used: the time to end a loop.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    /// Two bytes, the higher one first.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Eight bytes, the highest one first.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(core::array::from_fn(|_| self.byte()))
    }

    /// A number below `end`, of one byte if that suffices. `end` is from 1 to 65536.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end <= 256 { usize::from(self.byte()) } else { usize::from(self.u16()) };
        number % end.max(1)
    }

    /// Yes or no.
    pub fn yes(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// So many bytes as they are, or what is left.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A string of bytes behind its length of two bytes: how a corpus holds datagrams.
    pub fn chunk(&mut self) -> &'a [u8] {
        let len = self.u16();
        self.take(usize::from(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_have_run_out_read_as_zero() {
        let mut choices = Choices::new(&[7, 0, 3, b'a', b'b', 0xff]);
        assert_eq!((choices.byte(), choices.chunk()), (7, &b"ab\xff"[..]));
        assert!(choices.is_empty());
        assert_eq!((choices.byte(), choices.u16(), choices.u64(), choices.below(5)), (0, 0, 0, 0));
        assert_eq!((choices.yes(), choices.chunk(), choices.take(9)), (false, &[][..], &[][..]));
    }

    #[test]
    fn numbers_lie_below_their_end() {
        let mut choices = Choices::new(&[0xff, 0xff, 0xff, 0xff, 1, 2]);
        assert_eq!(choices.below(256), 255);
        assert_eq!(choices.below(3), 0);
        assert_eq!(choices.below(1000), 0xffff % 1000);
        assert_eq!(choices.u16(), 0x0102);
    }
}
