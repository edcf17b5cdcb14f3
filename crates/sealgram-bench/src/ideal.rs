//! The least that a record can cost: what the cipher of *ring* takes, and around it only what nobody can leave out.
//!
//! Writing: a header, an explicit nonce where the suite has one, one copy of the payload into the datagram, seal.
//! Reading: parse, ask a window of 64 numbers, open in place, mark the window. There is no epoch but 1, no usage limit,
//! no counter, no alert, no state: it is a limit to compare with, not a record layer to use.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sealgram::crypto::Suite;
use sealgram::provider::ring as suites;

use crate::records::Records;

/// An AEAD of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "measurements go through them all")]
pub enum Aead {
    /// AES-128-GCM, whose records carry 8 bytes of nonce.
    Aes128Gcm,
    /// AES-256-GCM, likewise.
    Aes256Gcm,
    /// ChaCha20-Poly1305, whose records carry no nonce.
    ChaCha20Poly1305,
}

impl Aead {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        }
    }

    /// The suite of ours that has it.
    #[must_use]
    pub const fn suite(self) -> &'static Suite {
        match self {
            Self::Aes128Gcm => &suites::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            Self::Aes256Gcm => &suites::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            Self::ChaCha20Poly1305 => &suites::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128Gcm => &AES_128_GCM,
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }

    const fn explicit_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 8,
            Self::ChaCha20Poly1305 => 0,
        }
    }
}

/// One direction: what it seals, it opens.
pub struct Ideal {
    key: LessSafeKey,
    /// Where the suite's IV has 4 bytes, zeros follow: combining by XOR then serves both forms of nonce.
    iv_start: [u8; 4],
    iv_rest: u64,
    explicit_len: usize,
    next_sequence: u64,
    /// One more than the newest number that opened.
    window_end: u64,
    /// Bit n: the number n below the newest was opened.
    window: u64,
}

impl Ideal {
    /// With the key and the IV of one direction of a connection.
    #[must_use]
    pub fn new(aead: Aead, key: &[u8], iv: &[u8]) -> Self {
        let key = UnboundKey::new(aead.algorithm(), key).expect("a key of the right length");
        let mut padded = [0; 12];
        padded[..iv.len()].copy_from_slice(iv);
        let [a, b, c, d, rest @ ..] = padded;
        Self {
            key: LessSafeKey::new(key),
            iv_start: [a, b, c, d],
            iv_rest: u64::from_be_bytes(rest),
            explicit_len: aead.explicit_len(),
            next_sequence: 0,
            window_end: 0,
            window: 0,
        }
    }

    /// With a key that is the same in every run.
    #[must_use]
    pub fn fixed(aead: Aead) -> Self {
        let iv_len = 12 - aead.explicit_len();
        Self::new(aead, &[0x5e; 32][..aead.algorithm().key_len()], &[0xa1; 12][..iv_len])
    }

    /// Goes on with another sequence number.
    pub const fn skip_to(&mut self, sequence: u64) {
        self.next_sequence = sequence;
    }

    fn nonce(&self, number: [u8; 8]) -> Nonce {
        // In two words: byte by byte it would sometimes, as the compiler likes, cost a third of a short record.
        let [a, b, c, d] = self.iv_start;
        let [e, f, g, h, i, j, k, l] = (self.iv_rest ^ u64::from_be_bytes(number)).to_be_bytes();
        Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, i, j, k, l])
    }

    fn additional_data(number: [u8; 8], len: usize) -> Aad<[u8; 13]> {
        let [n0, n1, n2, n3, n4, n5, n6, n7] = number;
        let [.., l0, l1] = len.to_be_bytes();
        Aad::from([n0, n1, n2, n3, n4, n5, n6, n7, APPLICATION_DATA, 0xfe, 0xfd, l0, l1])
    }

    fn is_new(&self, sequence: u64) -> bool {
        sequence >= self.window_end || {
            let age = self.window_end - 1 - sequence;
            age < 64 && self.window >> age & 1 == 0
        }
    }

    fn mark(&mut self, sequence: u64) {
        if sequence >= self.window_end {
            let by = sequence + 1 - self.window_end;
            self.window = if by < 64 { self.window << by | 1 } else { 1 };
            self.window_end = sequence + 1;
        } else {
            self.window |= 1 << (self.window_end - 1 - sequence);
        }
    }
}

impl Records for Ideal {
    fn seal(&mut self, payload: &[u8], out: &mut [u8]) -> usize {
        let number = (EPOCH << 48 | self.next_sequence).to_be_bytes();
        self.next_sequence += 1;
        let (header, body) = out.split_at_mut(HEADER_LEN);
        let [.., l0, l1] = (self.explicit_len + payload.len() + TAG_LEN).to_be_bytes();
        header[..3].copy_from_slice(&[APPLICATION_DATA, 0xfe, 0xfd]);
        header[3..11].copy_from_slice(&number);
        header[11..].copy_from_slice(&[l0, l1]);
        let (explicit, sealed) = body.split_at_mut(self.explicit_len);
        if !explicit.is_empty() {
            explicit.copy_from_slice(&number);
        }
        let (content, rest) = sealed.split_at_mut(payload.len());
        content.copy_from_slice(payload);
        let aad = Self::additional_data(number, payload.len());
        let tag = self.key.seal_in_place_separate_tag(self.nonce(number), aad, content).expect("within the limits");
        rest[..TAG_LEN].copy_from_slice(tag.as_ref());
        HEADER_LEN + self.explicit_len + payload.len() + TAG_LEN
    }

    fn open<'d>(&mut self, datagram: &'d mut [u8]) -> Option<&'d mut [u8]> {
        let (header, rest) = datagram.split_first_chunk_mut::<HEADER_LEN>()?;
        let [APPLICATION_DATA, 0xfe, 0xfd, number @ .., l0, l1] = *header else { return None };
        let body = rest.get_mut(..usize::from(u16::from_be_bytes([l0, l1])))?;
        let full = u64::from_be_bytes(number);
        let sequence = full & ((1 << 48) - 1);
        if full >> 48 != EPOCH || !self.is_new(sequence) {
            return None;
        }
        let (explicit, sealed) = body.split_at_mut_checked(self.explicit_len)?;
        let nonce = self.nonce(explicit.first_chunk().copied().unwrap_or(number));
        let aad = Self::additional_data(number, sealed.len().checked_sub(TAG_LEN)?);
        let plaintext = self.key.open_in_place(nonce, aad, sealed).ok()?;
        self.mark(sequence);
        Some(plaintext)
    }
}

impl core::fmt::Debug for Ideal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ideal").field("next_sequence", &self.next_sequence).finish_non_exhaustive()
    }
}

/// The first epoch with keys, and in DTLS 1.2 without renegotiation the last.
const EPOCH: u64 = 1;
const APPLICATION_DATA: u8 = 23;
const HEADER_LEN: usize = 13;
const TAG_LEN: usize = 16;
