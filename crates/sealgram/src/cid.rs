//! Connection IDs (RFC 9146): what a side wants to find in the records it receives, so that it knows their association
//! without asking where they came from.
//!
//! How they travel is the record layer's matter, and which association one names is the endpoint's.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;

use rand_core::CryptoRng;

/// A connection ID: up to 255 bytes of any kind.
///
/// It stands in the clear in every protected record to the side that chose it, and stays the same for as long as the
/// association lives: whoever watches two paths can tell that they carry the same association (RFC 9146 section 8). So
/// `Debug` shows its length and not its bytes; [`as_bytes`](Self::as_bytes) is for those who want them in a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnectionId(Vec<u8>);

impl ConnectionId {
    /// The longest, in bytes: its length is told in one (RFC 9146 section 3).
    pub const MAX_LEN: usize = 255;

    /// "I can send with one, and want none": no record carries it (RFC 9146 section 3).
    pub const EMPTY: Self = Self(Vec::new());

    /// A connection ID with these bytes; `None` if there are more than 255.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= Self::MAX_LEN).then(|| Self(bytes.to_vec()))
    }

    /// A new one of this generator's.
    pub(crate) fn generate(generator: &dyn ConnectionIdGenerator, random: &mut dyn CryptoRng) -> Self {
        let mut id = alloc::vec![0; generator.id_len().min(Self::MAX_LEN)];
        generator.fill(&mut id, random);
        Self(id)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is the one that no record carries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Both compare alike, byte by byte: an index by connection ID can be asked with what stands in a record.
impl Borrow<[u8]> for ConnectionId {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({} bytes)", self.len())
    }
}

/// The connection IDs of an association, one for each direction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionIds {
    /// What stands in the records that the peer sends; empty if none does.
    pub ours: ConnectionId,
    /// What stands in the records that we send; empty if none does.
    pub peer: ConnectionId,
    /// Whether both sides answer when the other asks if they receive at an address (RFC 9853).
    pub path_checks: bool,
}

impl ConnectionIds {
    pub(crate) const fn new(ours: ConnectionId, peer: ConnectionId) -> Self {
        Self { ours, peer, path_checks: false }
    }

    pub(crate) const fn checking_paths(mut self, path_checks: bool) -> Self {
        self.path_checks = path_checks;
        self
    }

    /// None in either direction.
    pub(crate) const NONE: Self = Self::new(ConnectionId::EMPTY, ConnectionId::EMPTY);
}

/// Makes the connection IDs that peers will put into the records for us.
///
/// All have one length: nothing in a record says how long its connection ID is (RFC 9146 section 3). [`RandomIds`] is
/// what most want. A generator of one's own can put the number of a machine into them, for whatever spreads datagrams
/// over several; it should leave the rest random, and not repeat itself.
pub trait ConnectionIdGenerator: fmt::Debug + Send + Sync {
    /// How many bytes each of them has, at most 255. With 0, peers send without, and we can still send with theirs.
    fn id_len(&self) -> usize;

    /// Fills in one of this length. `random` is the randomness of the connection.
    fn fill(&self, id: &mut [u8], random: &mut dyn CryptoRng);
}

/// Connection IDs that are random from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RandomIds {
    len: u8,
}

impl RandomIds {
    /// Of this many bytes. Eight are enough for any number of associations.
    pub const fn of_len(bytes: u8) -> Self {
        Self { len: bytes }
    }
}

impl ConnectionIdGenerator for RandomIds {
    fn id_len(&self) -> usize {
        self.len.into()
    }

    fn fill(&self, id: &mut [u8], random: &mut dyn CryptoRng) {
        random.fill_bytes(id);
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use super::*;
    use crate::test_rng::TestRng;

    /// CID-14: from no byte to 255, and not one more.
    #[test]
    fn a_connection_id_has_at_most_255_bytes() {
        assert_eq!(ConnectionId::new(&[]), Some(ConnectionId::EMPTY));
        assert_eq!(ConnectionId::new(&[7; 255]).map(|id| id.len()), Some(255));
        assert_eq!(ConnectionId::new(&[7; 256]), None);
    }

    /// CID-19: nothing links one to another.
    #[test]
    fn a_thousand_random_ids_are_distinct() {
        let mut rng = TestRng::new(1);
        let ids: BTreeSet<_> = (0..1000).map(|_| ConnectionId::generate(&RandomIds::of_len(8), &mut rng)).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 8));
    }

    /// CID-19: a log of sessions and events does not tell who is who.
    #[test]
    fn debug_output_has_no_bytes_of_a_connection_id() {
        let id = ConnectionId::new(&[0xab; 4]).unwrap();
        assert_eq!(format!("{id:?}"), "ConnectionId(4 bytes)");
    }

    /// A generator that claims more than there can be is held to the most.
    #[test]
    fn no_generator_makes_an_id_that_is_too_long() {
        #[derive(Debug)]
        struct Boastful;
        impl ConnectionIdGenerator for Boastful {
            fn id_len(&self) -> usize {
                4096
            }

            fn fill(&self, id: &mut [u8], _: &mut dyn CryptoRng) {
                id.fill(1);
            }
        }
        assert_eq!(ConnectionId::generate(&Boastful, &mut TestRng::new(1)).len(), ConnectionId::MAX_LEN);
    }
}
