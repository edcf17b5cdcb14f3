//! Received data that nobody has asked for yet.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::Error;
use crate::socket::Counters;

/// A bounded queue of records' contents: what does not fit is dropped and counted.
///
/// The contents lie in one buffer, so that a queue in use allocates nothing.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: VecDeque<u8>,
    lengths: VecDeque<usize>,
    capacity_bytes: usize,
    counters: Arc<Counters>,
}

impl Inbox {
    pub(crate) const fn new(capacity_bytes: usize, counters: Arc<Counters>) -> Self {
        Self { bytes: VecDeque::new(), lengths: VecDeque::new(), capacity_bytes, counters }
    }

    /// Takes the content of a record in, if it fits.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let used = self.bytes.len() + self.lengths.len() * ENTRY_COST;
        if used + data.len() + ENTRY_COST <= self.capacity_bytes {
            self.bytes.extend(data);
            self.lengths.push_back(data.len());
        } else {
            self.counters.count_inbox_full();
        }
    }

    /// Moves the oldest content into `out`, and gives its length; `None` if there is none.
    pub(crate) fn pop(&mut self, out: &mut [u8]) -> Result<Option<usize>, Error> {
        let Some(length) = self.lengths.front().copied() else { return Ok(None) };
        let Some(out) = out.get_mut(..length) else { return Err(Error::BufferTooShort { needed: length }) };
        for (to, from) in out.iter_mut().zip(self.bytes.drain(..length)) {
            *to = from;
        }
        self.lengths.pop_front();
        Ok(Some(length))
    }
}

/// What an entry costs beside its bytes, so that empty records cannot pile up either.
const ENTRY_COST: usize = size_of::<usize>();

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(capacity_bytes: usize) -> Inbox {
        Inbox::new(capacity_bytes, Arc::default())
    }

    #[test]
    fn contents_come_out_whole_and_in_order() {
        let mut inbox = inbox(100);
        for content in [&b"one"[..], b"", b"three"] {
            inbox.push(content);
        }
        let mut out = [0; 8];
        assert_eq!(inbox.pop(&mut out).unwrap(), Some(3));
        assert_eq!(&out[..3], b"one");
        assert_eq!(inbox.pop(&mut out).unwrap(), Some(0));
        assert_eq!(inbox.pop(&mut out).unwrap(), Some(5));
        assert_eq!(&out[..5], b"three");
        assert_eq!(inbox.pop(&mut out).unwrap(), None);
    }

    #[test]
    fn a_buffer_that_is_too_short_loses_nothing() {
        let mut inbox = inbox(100);
        inbox.push(b"three");
        assert!(matches!(inbox.pop(&mut [0; 4]), Err(Error::BufferTooShort { needed: 5 })));
        assert_eq!(inbox.pop(&mut [0; 5]).unwrap(), Some(5));
    }

    #[test]
    fn the_newest_is_dropped_when_it_is_full_and_empty_ones_count() {
        let mut inbox = inbox(10 * ENTRY_COST);
        for _ in 0..100 {
            inbox.push(b"");
        }
        assert_eq!(inbox.counters.read().inbox_full, 90);
        assert_eq!(inbox.pop(&mut []).unwrap(), Some(0));
        inbox.push(b"");
        inbox.push(b"");
        assert_eq!(inbox.counters.read().inbox_full, 91);
    }
}
