//! Lists of 16-bit code points: cipher suites, groups, signature schemes, versions, SRTP profiles.

use core::fmt;
use core::marker::PhantomData;

use super::reader::Reader;
use super::writer::Writer;
use crate::code::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile};
use crate::error::DecodeError;

/// A list of code points in order of preference, as it was received or as it is configured.
///
/// That it may stand for either lets one type describe a message in both directions. Values that this library does not
/// know are values like any others (RFC 8701).
#[derive(Clone, Copy)]
pub(crate) struct Codes<'a, C> {
    list: List<'a, C>,
}

#[derive(Clone, Copy)]
enum List<'a, C> {
    /// An even number of bytes.
    Received(&'a [u8], PhantomData<C>),
    Configured(&'a [C]),
}

/// A code point of 16 bits.
pub(crate) trait Code16: Copy + fmt::Debug + PartialEq {
    fn from_wire(value: u16) -> Self;
    fn to_wire(self) -> u16;
}

impl<'a, C: Code16> Codes<'a, C> {
    /// Reads the content of a vector. The vector's own range has already refused an empty one where that is not
    /// allowed.
    pub(crate) const fn decode(content: &'a [u8]) -> Result<Self, DecodeError> {
        if content.len() % 2 == 0 {
            Ok(Self { list: List::Received(content, PhantomData) })
        } else {
            Err(DecodeError::OddLength)
        }
    }

    /// Writes the content of a vector.
    pub(crate) fn encode(&self, writer: &mut Writer) {
        self.iter().for_each(|code| writer.u16(code.to_wire()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = C> + use<'a, C> {
        let (received, configured) = match self.list {
            List::Received(bytes, _) => (bytes, [].as_slice()),
            List::Configured(codes) => ([].as_slice(), codes),
        };
        let mut received = Reader::new(received);
        core::iter::from_fn(move || received.u16().ok().map(C::from_wire)).chain(configured.iter().copied())
    }

    pub(crate) fn contains(&self, code: C) -> bool {
        self.iter().any(|other| other == code)
    }
}

impl<'a, C> From<&'a [C]> for Codes<'a, C> {
    fn from(configured: &'a [C]) -> Self {
        Self { list: List::Configured(configured) }
    }
}

impl<C: Code16> PartialEq for Codes<'_, C> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<C: Code16> fmt::Debug for Codes<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Code16 for CipherSuite {
    fn from_wire(value: u16) -> Self {
        Self(value)
    }

    fn to_wire(self) -> u16 {
        self.0
    }
}

impl Code16 for SrtpProfile {
    fn from_wire(value: u16) -> Self {
        Self(value)
    }

    fn to_wire(self) -> u16 {
        self.0
    }
}

impl Code16 for NamedGroup {
    fn from_wire(value: u16) -> Self {
        Self(value)
    }

    fn to_wire(self) -> u16 {
        self.0
    }
}

impl Code16 for SignatureScheme {
    fn from_wire(value: u16) -> Self {
        Self(value)
    }

    fn to_wire(self) -> u16 {
        self.0
    }
}

impl Code16 for ProtocolVersion {
    fn from_wire(value: u16) -> Self {
        Self(value)
    }

    fn to_wire(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn received_and_configured_lists_are_the_same_list() {
        let received = Codes::decode(&[0x00, 0x1d, 0x00, 0x17]).unwrap();
        let configured = Codes::from([NamedGroup::X25519, NamedGroup::SECP256R1].as_slice());
        assert_eq!(received, configured);
        assert_eq!(format!("{received:?}"), "[X25519, SECP256R1]");
        assert_ne!(received, Codes::from([NamedGroup::SECP256R1, NamedGroup::X25519].as_slice()));
        for list in [received, configured] {
            let mut writer = Writer::new();
            list.encode(&mut writer);
            assert_eq!(writer.finish().unwrap(), [0x00, 0x1d, 0x00, 0x17]);
            assert!(list.contains(NamedGroup::SECP256R1));
            assert!(!list.contains(NamedGroup::SECP384R1));
        }
    }

    /// NEG-05: values that mean nothing here are passed over by whoever looks for others, not refused.
    #[test]
    fn unknown_and_grease_values_are_values() {
        let suites: Vec<_> =
            Codes::<CipherSuite>::decode(&[0x0a, 0x0a, 0xc0, 0x2b, 0x13, 0x01]).unwrap().iter().collect();
        assert_eq!(
            suites,
            [CipherSuite(0x0a0a), CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite(0x1301)]
        );
    }

    #[test]
    fn half_a_code_point_is_refused() {
        assert_eq!(Codes::<CipherSuite>::decode(&[0xc0, 0x2b, 0xc0]), Err(DecodeError::OddLength));
    }
}
