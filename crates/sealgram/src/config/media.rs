//! What a configuration says about media keys.

use alloc::vec::Vec;

use super::ConfigError;
use crate::code::SrtpProfile;

/// What to agree on for SRTP (RFC 5764).
#[derive(Debug)]
pub(crate) struct Media {
    /// Best first; none for an end without media.
    pub(crate) profiles: Vec<SrtpProfile>,
    /// What a client offers.
    pub(crate) mki: Vec<u8>,
    /// Whether a server agrees to what its client offers.
    pub(crate) accepts_mki: bool,
    pub(crate) is_required: bool,
}

impl Media {
    pub(super) const NONE: Self =
        Self { profiles: Vec::new(), mki: Vec::new(), accepts_mki: false, is_required: false };

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(profile) = self.profiles.iter().find(|profile| profile.key_len().is_none()) {
            return Err(ConfigError::UnusableSrtpProfile(*profile));
        }
        // RFC 5764 section 4.1.1: its length has one byte. Without profiles there is nothing that it could be for.
        let needs_profiles = self.is_required || !self.mki.is_empty();
        if self.mki.len() > 255 || needs_profiles && self.profiles.is_empty() {
            return Err(ConfigError::InvalidSrtp);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// EXP-12: what does not encrypt is not offered, nor is what is not known.
    #[test]
    fn profiles_that_cannot_be_used_are_refused() {
        for code in [0, 5, 6, 0x0909] {
            let profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80, SrtpProfile(code)];
            let refused = Media { profiles, ..Media::NONE }.validate();
            assert_eq!(refused, Err(ConfigError::UnusableSrtpProfile(SrtpProfile(code))));
        }
        assert_eq!(Media { profiles: SrtpProfile::WEBRTC.to_vec(), ..Media::NONE }.validate(), Ok(()));
    }

    #[test]
    fn an_identifier_has_at_most_255_bytes_and_a_profile() {
        let with = |len, profiles: &[SrtpProfile]| {
            Media { profiles: profiles.to_vec(), mki: vec![1; len], ..Media::NONE }.validate()
        };
        assert_eq!(with(255, SrtpProfile::WEBRTC), Ok(()));
        assert_eq!(with(256, SrtpProfile::WEBRTC), Err(ConfigError::InvalidSrtp));
        assert_eq!(with(1, &[]), Err(ConfigError::InvalidSrtp));
        assert_eq!(Media { is_required: true, ..Media::NONE }.validate(), Err(ConfigError::InvalidSrtp));
    }
}
