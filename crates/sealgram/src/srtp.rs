//! Keys for SRTP out of a DTLS handshake (RFC 5764).
//!
//! The hellos agree on how media is protected (use_srtp), and the association exports the keys for it. SRTP itself is the
//! application's: nothing here knows a media packet.

use alloc::boxed::Box;
use core::fmt;

use zeroize::Zeroizing;

use crate::code::SrtpProfile;
use crate::role::Role;

/// What both sides agreed on for their media; in [`Session::srtp`](crate::Session::srtp).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Srtp {
    /// How media is protected.
    pub profile: SrtpProfile,
    /// The master key identifier that every packet carries; empty for none (RFC 5764 section 4.1.3).
    pub mki: Box<[u8]>,
}

impl SrtpProfile {
    /// What a browser offers and every WebRTC endpoint has the last of (RFC 8827 section 6.5), best first.
    pub const WEBRTC: &'static [Self] = &[Self::AEAD_AES_128_GCM, Self::AES128_CM_HMAC_SHA1_80];

    /// How many bytes a master key has; `None` for a profile that is not known here, or protects nothing.
    #[must_use]
    pub const fn key_len(self) -> Option<usize> {
        match self.lengths() {
            Some((key_len, _)) => Some(key_len),
            None => None,
        }
    }

    /// How many bytes a master salt has; `None` as for [`key_len`](Self::key_len).
    #[must_use]
    pub const fn salt_len(self) -> Option<usize> {
        match self.lengths() {
            Some((_, salt_len)) => Some(salt_len),
            None => None,
        }
    }

    /// Of a master key and a master salt (RFC 5764 section 4.1.2, RFC 7714 section 12).
    const fn lengths(self) -> Option<(usize, usize)> {
        match self {
            Self::AES128_CM_HMAC_SHA1_80 | Self::AES128_CM_HMAC_SHA1_32 => Some((16, 14)),
            Self::AEAD_AES_128_GCM => Some((16, 12)),
            Self::AEAD_AES_256_GCM => Some((32, 12)),
            _ => None,
        }
    }
}

/// The master keys of both directions of media, erased when dropped.
pub struct SrtpKeys {
    profile: SrtpProfile,
    /// Both keys, then both salts, each time the client's first (RFC 5764 section 4.2).
    block: Zeroizing<Box<[u8]>>,
}

/// The master key and the master salt of one direction.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SrtpMasterKey<'k> {
    /// The master key.
    pub key: &'k [u8],
    /// The master salt.
    pub salt: &'k [u8],
}

impl SrtpKeys {
    /// Has `export` fill in what a profile needs; `None` for a profile that is not known here.
    pub(crate) fn fill<E>(
        profile: SrtpProfile,
        export: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Option<Result<Self, E>> {
        let (key_len, salt_len) = profile.lengths()?;
        let mut block = Zeroizing::new(Box::from([0; MAX_BLOCK].get(..2 * (key_len + salt_len))?));
        Some(export(&mut block).map(|()| Self { profile, block }))
    }

    /// What the keys are for.
    #[must_use]
    pub const fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// What the end in this role protects its media with.
    #[must_use]
    pub fn written_by(&self, role: Role) -> SrtpMasterKey<'_> {
        let (key_len, salt_len) = self.profile.lengths().unwrap_or_default();
        let (keys, salts) = self.block.split_at(2 * key_len);
        let (client, server) = (keys.split_at(key_len), salts.split_at(salt_len));
        match role {
            Role::Client => SrtpMasterKey { key: client.0, salt: server.0 },
            Role::Server => SrtpMasterKey { key: client.1, salt: server.1 },
        }
    }
}

/// RFC 5764 section 4.2. It comes without a context: the empty one that the section speaks of stands for none.
pub(crate) const EXPORTER_LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";

/// Of the profile with the longest keys.
const MAX_BLOCK: usize = 2 * (32 + 12);

impl fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl fmt::Debug for SrtpMasterKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpMasterKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    const PROFILES: [(SrtpProfile, usize, usize, usize); 4] = [
        (SrtpProfile::AES128_CM_HMAC_SHA1_80, 16, 14, 60),
        (SrtpProfile::AES128_CM_HMAC_SHA1_32, 16, 14, 60),
        (SrtpProfile::AEAD_AES_128_GCM, 16, 12, 56),
        (SrtpProfile::AEAD_AES_256_GCM, 32, 12, 88),
    ];

    fn counted(profile: SrtpProfile) -> SrtpKeys {
        let count = |block: &mut [u8]| {
            block.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
            Ok::<_, ()>(())
        };
        SrtpKeys::fill(profile, count).unwrap().unwrap()
    }

    /// EXP-11: as many bytes as the profile needs. EXP-10: client key, server key, client salt, server salt.
    #[test]
    fn keys_and_salts_lie_in_the_order_of_the_rfc() {
        for (profile, key_len, salt_len, exported) in PROFILES {
            let keys = counted(profile);
            assert_eq!(keys.block.len(), exported);
            assert_eq!((profile.key_len(), profile.salt_len()), (Some(key_len), Some(salt_len)));
            let (client, server) = (keys.written_by(Role::Client), keys.written_by(Role::Server));
            assert_eq!((client.key.len(), client.salt.len()), (key_len, salt_len));
            let together: Vec<u8> = [client.key, server.key, client.salt, server.salt].concat();
            assert_eq!(together, (0..).take(exported).collect::<Vec<u8>>(), "{profile}");
        }
    }

    /// EXP-12: nothing that protects nothing has keys.
    #[test]
    fn profiles_without_encryption_have_no_keys() {
        for code in [0, 3, 5, 6, 9] {
            assert_eq!((SrtpProfile(code).key_len(), SrtpProfile(code).salt_len()), (None, None));
            assert!(SrtpKeys::fill(SrtpProfile(code), |_| Ok::<_, ()>(())).is_none());
        }
        assert!(SrtpProfile::WEBRTC.iter().all(|profile| profile.key_len().is_some()));
    }

    #[test]
    fn keys_are_not_shown() {
        let keys = counted(SrtpProfile::AEAD_AES_128_GCM);
        assert_eq!(format!("{keys:?}"), "SrtpKeys { profile: AEAD_AES_128_GCM, .. }");
        assert_eq!(format!("{:?}", keys.written_by(Role::Client)), "SrtpMasterKey { .. }");
    }
}
