//! What both programs choose from: cipher suites, groups, preshared keys, connection IDs, SRTP profiles, sizes.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use clap::Args;
use sealgram::code::{CipherSuite, SrtpProfile};
use sealgram::crypto::{CryptoProvider, KeyExchangeGroup};
use sealgram::provider::ring;
use sealgram::rand_core::CryptoRng;
use sealgram::{ConnectionId, ConnectionIdGenerator, MIN_MTU, PresharedKey, TransportOptions};

/// Which algorithms to use. Without any of these, the defaults of the library.
#[derive(Args, Debug)]
pub(crate) struct Algorithms {
    /// A cipher suite to use, such as ECDHE_PSK_WITH_AES_128_GCM_SHA256; may be repeated, best first
    #[arg(long, value_name = "NAME", value_parser = suite)]
    suite: Vec<CipherSuite>,

    /// A group to use for the key exchange, such as X25519; may be repeated, best first
    #[arg(long, value_name = "NAME", value_parser = group)]
    group: Vec<Group>,
}

impl Algorithms {
    /// The suites to name in a configuration, if any.
    pub(crate) fn suites(&self) -> Option<&[CipherSuite]> {
        (!self.suite.is_empty()).then_some(&*self.suite)
    }

    /// Everything that *ring* has, with these groups alone if there are any. It stays for as long as the process.
    pub(crate) fn provider(&self) -> &'static CryptoProvider {
        if self.group.is_empty() {
            return ring::provider();
        }
        let groups: Vec<_> = self.group.iter().map(|group| group.0).collect();
        Box::leak(Box::new(CryptoProvider { groups: groups.leak(), ..*ring::provider() }))
    }
}

/// What the path and the media on it need.
#[derive(Args, Debug)]
pub(crate) struct Carriage {
    /// The longest datagram to send, in bytes of UDP payload [default: 1200]
    #[arg(long, value_name = "BYTES", value_parser = mtu)]
    mtu: Option<usize>,

    /// Agree on how SRTP protects media (RFC 5764), such as AES128_CM_HMAC_SHA1_80; may be repeated, best first
    #[arg(long, value_name = "PROFILE", value_parser = srtp_profile)]
    pub(crate) srtp: Vec<SrtpProfile>,
}

impl Carriage {
    /// Changes what the command line says something about.
    pub(crate) fn apply(&self, transport: TransportOptions) -> TransportOptions {
        self.mtu.map_or(transport, |bytes| transport.mtu(bytes))
    }
}

fn mtu(text: &str) -> Result<usize, String> {
    // No UDP datagram is longer (RFC 768).
    const MOST: usize = 65_507;
    text.parse()
        .ok()
        .filter(|bytes| (MIN_MTU..=MOST).contains(bytes))
        .ok_or_else(|| format!("write {MIN_MTU} to {MOST}"))
}

fn srtp_profile(text: &str) -> Result<SrtpProfile, String> {
    let name = text.strip_prefix("SRTP_").unwrap_or(text);
    PROFILES.into_iter().find(|profile| profile.name() == Some(name)).ok_or_else(|| {
        let all: Vec<_> = PROFILES.iter().filter_map(|profile| profile.name()).collect();
        format!("there are {}", all.join(", "))
    })
}

const PROFILES: [SrtpProfile; 4] = [
    SrtpProfile::AES128_CM_HMAC_SHA1_80,
    SrtpProfile::AES128_CM_HMAC_SHA1_32,
    SrtpProfile::AEAD_AES_128_GCM,
    SrtpProfile::AEAD_AES_256_GCM,
];

#[derive(Clone, Copy, Debug)]
struct Group(&'static dyn KeyExchangeGroup);

fn suite(text: &str) -> Result<CipherSuite, String> {
    let name = text.strip_prefix("TLS_").unwrap_or(text);
    let mut codes = ring::provider().suites.iter().map(|suite| suite.code);
    codes.find(|code| code.name() == Some(name)).ok_or_else(|| {
        let all: Vec<_> = ring::provider().suites.iter().filter_map(|suite| suite.code.name()).collect();
        format!("there are {}", all.join(", "))
    })
}

fn group(text: &str) -> Result<Group, String> {
    let mut groups = ring::provider().groups.iter().copied();
    groups.find(|group| group.code().name() == Some(text)).map(Group).ok_or_else(|| {
        let all: Vec<_> = ring::provider().groups.iter().filter_map(|group| group.code().name()).collect();
        format!("there are {}", all.join(", "))
    })
}

/// An identity and the key that belongs to it.
#[derive(Clone)]
pub(crate) struct Psk {
    pub(crate) identity: String,
    pub(crate) key: PresharedKey,
}

impl FromStr for Psk {
    type Err = String;

    /// What stands behind the last colon is the key: an identity may have colons of its own.
    fn from_str(text: &str) -> Result<Self, String> {
        let (identity, key) = text.rsplit_once(':').ok_or("write IDENTITY:HEX")?;
        let key = bytes(key).ok_or("the key behind the last colon is not hexadecimal")?;
        let key = PresharedKey::new(&key).map_err(|error| error.to_string())?;
        Ok(Self { identity: identity.into(), key })
    }
}

/// The key is not shown.
impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What the connection IDs of this side begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cid(Vec<u8>);

impl Cid {
    /// One connection ID, always the same.
    pub(crate) fn alone(&self) -> Arc<dyn ConnectionIdGenerator> {
        Arc::new(Prefixed { prefix: self.0.clone(), random_len: 0 })
    }

    /// A connection ID for each of many peers.
    pub(crate) fn with_random_end(&self) -> Arc<dyn ConnectionIdGenerator> {
        Arc::new(Prefixed { prefix: self.0.clone(), random_len: RANDOM_LEN })
    }
}

impl FromStr for Cid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = bytes(text).ok_or("it is not hexadecimal")?;
        let most = ConnectionId::MAX_LEN - RANDOM_LEN;
        if bytes.len() <= most { Ok(Self(bytes)) } else { Err(format!("there are at most {most} bytes")) }
    }
}

#[derive(Debug)]
struct Prefixed {
    prefix: Vec<u8>,
    random_len: usize,
}

impl ConnectionIdGenerator for Prefixed {
    fn id_len(&self) -> usize {
        self.prefix.len() + self.random_len
    }

    fn fill(&self, id: &mut [u8], random: &mut dyn CryptoRng) {
        let (prefix, rest) = id.split_at_mut(self.prefix.len());
        prefix.copy_from_slice(&self.prefix);
        random.fill_bytes(rest);
    }
}

/// So many bytes tell any number of associations apart.
const RANDOM_LEN: usize = 8;

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.bytes().map(|byte| char::from(byte).to_digit(16)?.try_into().ok()).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preshared_key_is_an_identity_and_hexadecimal() {
        let psk: Psk = "urn:device:7:00ffA1".parse().unwrap();
        assert_eq!(psk.identity, "urn:device:7");
        assert_eq!(bytes("00ffA1"), Some(vec![0, 0xff, 0xa1]));
        for bad in ["device", "device:", "device:0", "device:0g", "device:+1"] {
            assert!(bad.parse::<Psk>().is_err(), "{bad}");
        }
        assert!(":00".parse::<Psk>().is_ok(), "an identity may be empty");
    }

    #[test]
    fn a_connection_id_is_hexadecimal_or_nothing() {
        assert_eq!("".parse(), Ok(Cid(Vec::new())));
        assert_eq!("00fF".parse(), Ok(Cid(vec![0, 0xff])));
        assert!("0".parse::<Cid>().is_err() && "0g".parse::<Cid>().is_err());
        assert!("00".repeat(247).parse::<Cid>().is_ok() && "00".repeat(248).parse::<Cid>().is_err());
    }

    #[test]
    fn suites_and_groups_are_known_by_their_names() {
        assert_eq!(suite("TLS_PSK_WITH_AES_128_GCM_SHA256"), Ok(CipherSuite::PSK_WITH_AES_128_GCM_SHA256));
        let short = suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
        assert_eq!(short, Ok(CipherSuite::ECDHE_ECDSA_WITH_AES_128_CCM_8));
        assert!(suite("RC4").unwrap_err().contains("ECDHE_RSA_WITH_AES_256_GCM_SHA384"));
        assert_eq!(srtp_profile("SRTP_AEAD_AES_128_GCM"), Ok(SrtpProfile::AEAD_AES_128_GCM));
        assert!(srtp_profile("NULL_HMAC_SHA1_80").unwrap_err().contains("AES128_CM_HMAC_SHA1_80"));
        assert!(group("X25519").is_ok());
        assert!(group("x448").unwrap_err().contains("SECP256R1"));
    }
}
