//! Randomness for one connection, drawn once and expanded.

use core::convert::Infallible;

use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::crypto::hash::{HashAlgorithm, Hmac};

/// 32 bytes of the caller's randomness, from which everything that a connection needs is derived:
/// HMAC-SHA-256(seed, label, counter).
///
/// The core thus needs a random source only in constructors, and a connection with a given seed behaves the same
/// every time.
pub(crate) struct Seed {
    key: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Seed {
    /// Draws the seed.
    pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self { key, counter: 0 }
    }

    /// What tells this seed from others and says nothing about it. Asking for it changes nothing.
    pub(crate) fn name(&self) -> u32 {
        // No randomness is made with this counter: it begins at 1.
        match Hmac::new(HashAlgorithm::Sha256, &*self.key).mac(&[b"name", &[0; 9]]).as_ref() {
            [a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => 0,
        }
    }

    /// The next 32 bytes for the purpose that `label` names.
    pub(crate) fn next(&mut self, label: &[u8]) -> [u8; 32] {
        self.counter += 1;
        let digest = Hmac::new(HashAlgorithm::Sha256, &*self.key).mac(&[label, &[0], &self.counter.to_be_bytes()]);
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        bytes
    }
}

/// As a random source it serves providers that have none of their own.
impl TryRng for Seed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.next(b"u32");
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let [a, b, c, d, e, f, g, h, ..] = self.next(b"u64");
        Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            for (to, from) in chunk.iter_mut().zip(self.next(b"bytes")) {
                *to = from;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Seed {}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(byte: u8) -> Seed {
        Seed { key: Zeroizing::new([byte; 32]), counter: 0 }
    }

    #[test]
    fn equal_seeds_repeat_and_labels_part() {
        assert_eq!(seed(1).next(b"a"), seed(1).next(b"a"));
        assert_ne!(seed(1).next(b"a"), seed(1).next(b"b"));
        assert_ne!(seed(1).next(b"a"), seed(2).next(b"a"));
    }

    /// NEG-01: no output repeats.
    #[test]
    fn a_thousand_outputs_are_distinct() {
        let mut seed = seed(7);
        let mut seen = alloc::collections::BTreeSet::new();
        assert!((0..1000).all(|_| seen.insert(seed.next(b"random"))));
    }

    /// As a random source it repeats for equal seeds, and never within one.
    #[test]
    fn a_seed_is_a_random_source() {
        let draw = |seed: &mut Seed| {
            let mut bytes = [0; 80];
            let Ok(()) = seed.try_fill_bytes(&mut bytes);
            let (Ok(short), Ok(long)) = (seed.try_next_u32(), seed.try_next_u64());
            (bytes.to_vec(), short, long)
        };
        let mut one = seed(1);
        let (first, second) = (draw(&mut one), draw(&mut one));
        assert_eq!(first, draw(&mut seed(1)));
        assert!(first.0 != second.0 && first.1 != second.1 && first.2 != second.2);
        assert_ne!(first.0[..32], first.0[32..64]);
    }
}
