//! What an association has done with its keys: all that has to be known to go on with them elsewhere.

/// How far the keys of both directions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The number of the plaintext record that we write next, if a flight that is kept has to be sent in such records.
    pub(crate) plaintext_sequence: u64,
    pub(crate) write: WriteUsage,
    pub(crate) read: ReadUsage,
}

/// Of the key that we write with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriteUsage {
    /// One more than the last number taken.
    pub(crate) next_sequence: u64,
    pub(crate) blocks_protected: u64,
}

/// Of the key that we read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadUsage {
    /// One more than the newest number that opened; zero as long as there is none.
    pub(crate) window_end: u64,
    /// Bit n: the number n below the newest has opened.
    pub(crate) window_seen: u64,
    pub(crate) failed_openings: u64,
}

impl WriteUsage {
    /// Skips what another owner of the same keys may have used that we do not know of: this many numbers, of which
    /// `worst_case_records` count towards the limit of the key, each as long as a record can be.
    pub(crate) const fn skip(self, numbers: u64, worst_case_records: u64) -> Self {
        Self {
            next_sequence: self.next_sequence.saturating_add(numbers),
            blocks_protected: self
                .blocks_protected
                .saturating_add(worst_case_records.saturating_mul(super::epoch::MAX_RECORD_BLOCKS)),
        }
    }
}
