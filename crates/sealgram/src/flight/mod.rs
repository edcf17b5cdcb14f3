//! Reliable handshake messages over datagrams that are not.
//!
//! Messages come out of [`reassembly`] whole and in order, whatever the network did to their fragments. They go out of
//! [`outgoing`] cut to whatever room the next datagram has, anew at every transmission. When to transmit again is the
//! business of [`retransmit`].
//!
//! Nothing here knows records, keys or the meaning of a message. An epoch is a number that a message carries.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod lengths;
pub(crate) mod outgoing;
mod partial;
mod ranges;
pub(crate) mod reassembly;
pub(crate) mod retransmit;

/// Deterministic chance for the property tests of this floor.
#[cfg(test)]
mod chance {
    use alloc::vec::Vec;

    /// A seed in, a sequence out.
    pub(super) struct Rng(pub(super) u64);

    impl Rng {
        pub(super) fn next(&mut self) -> u64 {
            crate::test_rng::splitmix(&mut self.0)
        }

        /// A number below `bound`, which is not 0.
        pub(super) fn below(&mut self, bound: u32) -> u32 {
            u32::try_from(self.next() % u64::from(bound)).unwrap()
        }

        pub(super) fn bytes(&mut self, len: u32) -> Vec<u8> {
            (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
        }

        pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
            for last in (1..items.len()).rev() {
                let other = self.below(u32::try_from(last + 1).unwrap()) as usize;
                items.swap(last, other);
            }
        }
    }
}
