//! Cipher suites as data.

use core::fmt;

use crate::code::CipherSuite;
use crate::crypto::aead::AeadAlgorithm;
use crate::crypto::hash::HashAlgorithm;
use crate::crypto::sign::KeyAlgorithm;

/// A DTLS 1.2 cipher suite: a key exchange, an AEAD and the hash of its PRF.
#[expect(clippy::exhaustive_structs, reason = "providers build their own by naming every field")]
pub struct Suite {
    /// Its code point.
    pub code: CipherSuite,
    /// How keys are agreed on, and what authenticates that.
    pub key_exchange: KeyExchange,
    /// The hash of the PRF and of Finished (RFC 5246 section 5, RFC 5289 section 3).
    pub hash: HashAlgorithm,
    /// What protects records.
    pub aead: &'static dyn AeadAlgorithm,
    /// How a record's nonce is made.
    pub nonce: NonceForm,
    /// How much one key may protect, and how many failed openings it may see.
    pub limits: AeadLimits,
    /// Whether a configuration uses it only where it names it: plain PSK suites, whose recordings can be read by
    /// whoever learns the key later, and suites with short tags (RFC 9325 sections 4.1 and 4.2).
    pub by_name_only: bool,
}

/// How the keys of an association are agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyExchange {
    /// Ephemeral keys, of which the server signs its own with the key of its certificate (RFC 8422).
    Ecdhe(KeyAlgorithm),
    /// Ephemeral keys, and a key that both sides have (RFC 5489).
    EcdhePsk,
    /// A key that both sides have, and nothing else (RFC 4279).
    Psk,
}

impl KeyExchange {
    /// The kind of key that the server signs with; `None` where it shows no certificate.
    #[must_use]
    pub const fn authentication(self) -> Option<KeyAlgorithm> {
        match self {
            Self::Ecdhe(algorithm) => Some(algorithm),
            Self::EcdhePsk | Self::Psk => None,
        }
    }

    /// Whether ephemeral keys are made, in a group.
    #[must_use]
    pub const fn is_ephemeral(self) -> bool {
        !matches!(self, Self::Psk)
    }
}

/// How the nonce of a record is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceForm {
    /// A 4-byte IV from the key block, then 8 bytes that the record carries (RFC 5288 section 3, RFC 6655 section 3).
    /// We send epoch and sequence number there (RFC 9325 section 7.2.1), and accept anything.
    Explicit,
    /// A 12-byte IV from the key block, combined with epoch and sequence number; the record carries nothing (RFC 7905
    /// section 2).
    Implicit,
}

impl NonceForm {
    /// How many bytes of IV the key block has for each direction.
    #[must_use]
    pub const fn iv_len(self) -> usize {
        match self {
            Self::Explicit => 4,
            Self::Implicit => 12,
        }
    }

    /// How many bytes of nonce a record carries.
    #[must_use]
    pub const fn explicit_len(self) -> usize {
        match self {
            Self::Explicit => 8,
            Self::Implicit => 0,
        }
    }
}

/// Usage limits of one key (RFC 9325 section 4.4, RFC 9147 section 4.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "providers build their own by naming every field")]
pub struct AeadLimits {
    /// How many 16-byte blocks may be protected; each record counts one more than its blocks.
    pub blocks_protected: u64,
    /// How many records may fail to open.
    pub failed_openings: u64,
}

impl AeadLimits {
    /// AES-GCM. RFC 9325 section 4.4 allows 2^24.5 full-size records of 2^10 blocks, which is 2^34.5 blocks; what the
    /// bound rests on is blocks, so blocks are counted. 2^28 failed openings is that section's figure for DTLS 1.2.
    pub const AES_GCM: Self = Self { blocks_protected: 24_296_003_999, failed_openings: 1 << 28 };

    /// ChaCha20-Poly1305. What it may protect lies beyond the 2^48 records of an epoch (RFC 8446 section 5.5); 2^36
    /// failed openings is the figure of RFC 9147 section 4.5.3.
    pub const CHACHA20_POLY1305: Self = Self { blocks_protected: u64::MAX, failed_openings: 1 << 36 };

    /// AES-CCM with tags of 16 bytes. RFC 9147 appendix B.1 allows 2^34 runs of AES, and makes of them 2^23 records of
    /// the full 2^10 blocks. CCM runs AES twice for each block, and twice more for each record: for its additional data
    /// and for its tag. So a record takes twice what it counts here, and 2^33 blocks are the same bound, true for records
    /// of any size. 2^23.5 failed openings are the figure of appendix B.2.
    pub const AES_CCM: Self = Self { blocks_protected: 1 << 33, failed_openings: 11_863_283 };

    /// AES-CCM with tags of 8 bytes. It may protect as much (RFC 9147 appendix B.3), but a guess at a tag succeeds once in
    /// 2^64. The margin of other suites would take a limit of 2^7 failed openings, with which anyone could end an
    /// association by sending so few datagrams. 2^20 leave a forger a chance of 2^-44 for each key, and make ending one
    /// cost a flood; [`TransportOptions::max_short_tag_forgeries`](crate::TransportOptions::max_short_tag_forgeries) is
    /// for those who weigh these two otherwise.
    pub const AES_CCM_8: Self = Self { failed_openings: 1 << 20, ..Self::AES_CCM };
}

impl Suite {
    /// How many bytes protection adds to the content of a record.
    #[must_use]
    pub fn expansion(&self) -> usize {
        self.nonce.explicit_len() + self.aead.tag_len()
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.code, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AEA-15, AEA-16: RFC 9147 appendix B. Records of 2^14 bytes take 2^10 blocks, and one more is counted for each.
    #[test]
    fn limits_of_ccm_are_those_of_its_analysis() {
        let full_records = |limits: AeadLimits| limits.blocks_protected / ((1 << 10) + 1);
        for limits in [AeadLimits::AES_CCM, AeadLimits::AES_CCM_8] {
            assert!((8_380_000..=1 << 23).contains(&full_records(limits)), "just below 2^23");
        }
        // 2^23.5 squared is 2^47.
        let failed = AeadLimits::AES_CCM.failed_openings;
        assert!(failed * failed <= 1 << 47 && (failed + 1) * (failed + 1) > 1 << 47);
        assert_eq!(AeadLimits::AES_CCM_8.failed_openings, 1 << 20);
    }
}
