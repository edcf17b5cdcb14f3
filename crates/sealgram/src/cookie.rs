//! Cookies: how a server learns that a client receives at the address it claims, without keeping anything
//! (RFC 6347 section 4.2.1).
//!
//! A cookie is its issue time and a MAC over that time, the address and the start of the hello:
//!
//! ```text
//!  0        4                                   32
//! +--------+-------------------------------------+
//! | second | first 28 bytes of HMAC-SHA-256      |
//! +--------+-------------------------------------+
//! ```
//!
//! The MAC covers version, random and session_id, which a client repeats unchanged, and leaves out cipher suites,
//! compression methods and extensions: the first fragment of a large hello may lack them, and nothing beyond that
//! fragment may be waited for. This file knows neither records nor messages; the hello gate of the endpoint does.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::code::ProtocolVersion;
use crate::crypto::{Digest, HashAlgorithm, Hmac};

/// The secrets that a server's cookies are made and checked with: a current one, and the one before it.
///
/// Cookies are made with the current secret and accepted under either, so that a rotation harms no client that is
/// just answering. Rotate every few minutes; a cookie lives for one minute, so anything slower than that is safe.
///
/// Secrets are zeroized when dropped and never printed.
pub struct CookieKeys {
    current: Hmac,
    previous: Option<Hmac>,
}

impl CookieKeys {
    /// A fresh secret, for a server that shares its address with no other process.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self { current: fresh(rng), previous: None }
    }

    /// The secrets of one epoch, the same wherever `master` is the same: for machines or processes behind one address,
    /// where the hello with the cookie may reach another one than the first hello did.
    ///
    /// `epoch` is a number that all of them count alike, such as the Unix time divided by 300 seconds. The secret of
    /// the epoch before is accepted too; a cookie from a machine that is already one epoch ahead is not, and costs its
    /// client one more round trip.
    #[must_use]
    pub fn derive(master: &[u8; 32], epoch: u64) -> Self {
        let master = Hmac::new(HashAlgorithm::Sha256, master);
        let secret = |epoch: u64| key(master.mac(&[DERIVE_LABEL, &epoch.to_be_bytes()]).as_ref());
        Self { current: secret(epoch), previous: epoch.checked_sub(1).map(secret) }
    }

    /// Makes a fresh secret the current one, and the current one the previous one.
    pub fn rotate(&mut self, rng: &mut dyn CryptoRng) {
        self.previous = Some(core::mem::replace(&mut self.current, fresh(rng)));
    }

    /// The cookie for this hello, issued at this second.
    pub(crate) fn make(&self, hello: &CookieInput<'_>, unix_seconds: u64) -> [u8; COOKIE_LEN] {
        let issued = wrap_seconds(unix_seconds).to_be_bytes();
        let mac = hello.mac(&self.current, issued);
        let mut cookie = [0; COOKIE_LEN];
        for (to, from) in cookie.iter_mut().zip(issued.iter().chain(mac.as_ref())) {
            *to = *from;
        }
        cookie
    }

    /// Whether `cookie` was made for this hello under one of the two secrets, and is young enough.
    pub(crate) fn verifies(&self, hello: &CookieInput<'_>, cookie: &[u8], unix_seconds: u64) -> bool {
        let Ok(cookie) = <&[u8; COOKIE_LEN]>::try_from(cookie) else { return false };
        let [a, b, c, d, tag @ ..] = cookie;
        let issued = [*a, *b, *c, *d];
        if !is_fresh(u32::from_be_bytes(issued), wrap_seconds(unix_seconds)) {
            return false;
        }
        // Both secrets are tried whatever the first says, so that the time taken does not tell which one it was.
        let verifies = |key: &Hmac| hello.mac(key, issued).as_ref().get(..TAG_LEN).map(|mac| mac.ct_eq(tag));
        let none = Choice::from(0);
        let current = verifies(&self.current).unwrap_or(none);
        let previous = self.previous.as_ref().and_then(verifies).unwrap_or(none);
        (current | previous).into()
    }
}

impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieKeys").finish_non_exhaustive()
    }
}

/// What a cookie is bound to: who asks, and what it repeats when it asks again.
pub(crate) struct CookieInput<'a> {
    pub(crate) peer: SocketAddr,
    pub(crate) version: ProtocolVersion,
    pub(crate) random: &'a [u8; 32],
    pub(crate) session_id: &'a [u8],
}

impl CookieInput<'_> {
    /// Every part has a fixed length or stands behind its length, so that two inputs never give the same bytes.
    fn mac(&self, key: &Hmac, issued: [u8; 4]) -> Digest {
        let port = self.peer.port().to_be_bytes();
        let version = self.version.0.to_be_bytes();
        // At most 32: the parser of the hello allows no more.
        let session_id_len = u8::try_from(self.session_id.len()).unwrap_or(u8::MAX);
        let mac = |address: &[u8], address_len: u8| {
            key.mac(&[
                &issued,
                &[address_len],
                address,
                &port,
                &version,
                self.random,
                &[session_id_len],
                self.session_id,
            ])
        };
        // One peer, one form: a dual-stack socket shows an IPv4 peer as a v4-mapped address, a plain one does not. The
        // scope of a link-local address is a local name for the link and says nothing about the peer.
        match self.peer.ip().to_canonical() {
            IpAddr::V4(address) => mac(&address.octets(), 4),
            IpAddr::V6(address) => mac(&address.octets(), 16),
        }
    }
}

/// Whether a cookie issued at `issued` is accepted at `now`.
fn is_fresh(issued: u32, now: u32) -> bool {
    now.wrapping_sub(issued) <= MAX_AGE_SECONDS || issued.wrapping_sub(now) <= MAX_SKEW_SECONDS
}

/// Cookies carry the lower 32 bits of the Unix time, compared modulo 2^32: 2106 brings no surprise.
fn wrap_seconds(unix_seconds: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = unix_seconds.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn fresh(rng: &mut dyn CryptoRng) -> Hmac {
    let mut secret = Zeroizing::new([0; 32]);
    rng.fill_bytes(secret.as_mut());
    key(secret.as_ref())
}

fn key(secret: &[u8]) -> Hmac {
    Hmac::new(HashAlgorithm::Sha256, secret)
}

/// The length of a cookie: what DTLS 1.0 allowed at most, and 224 bits of MAC.
pub(crate) const COOKIE_LEN: usize = 32;
const TAG_LEN: usize = 28;

/// How long a cookie is accepted. A client that answers at once needs one round trip; one whose answer is lost asks
/// again after 1, 3, 7, 15, 31 seconds (RFC 6347 section 4.2.4.1), all within this minute.
const MAX_AGE_SECONDS: u32 = 60;
/// How far ahead the clock of another machine with the same secrets may be.
const MAX_SKEW_SECONDS: u32 = 5;

const DERIVE_LABEL: &[u8] = b"sealgram cookie key";

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::net::{Ipv4Addr, SocketAddrV6};

    use super::*;
    use crate::test_rng::TestRng;

    const NOW: u64 = 1_750_000_000;

    fn keys() -> CookieKeys {
        CookieKeys::generate(&mut TestRng::new(1))
    }

    fn hello<'a>(peer: &str, random: &'a [u8; 32], session_id: &'a [u8]) -> CookieInput<'a> {
        CookieInput { peer: peer.parse().unwrap(), version: ProtocolVersion::DTLS_1_2, random, session_id }
    }

    #[test]
    fn a_cookie_comes_back_valid() {
        let hello = hello("192.0.2.1:4444", &[7; 32], b"session");
        let cookie = keys().make(&hello, NOW);
        assert_eq!(cookie[..4], 1_750_000_000u32.to_be_bytes());
        assert!(keys().verifies(&hello, &cookie, NOW + 1));
    }

    /// HVR-16: address, port, version, random and session_id are all bound.
    #[test]
    fn a_cookie_is_worthless_for_any_other_hello() {
        let keys = keys();
        let cookie = keys.make(&hello("192.0.2.1:4444", &[7; 32], b"session"), NOW);
        let mut other_random = [7; 32];
        other_random[31] = 8;
        for other in [
            hello("192.0.2.2:4444", &[7; 32], b"session"),
            hello("192.0.2.1:4445", &[7; 32], b"session"),
            hello("[2001:db8::1]:4444", &[7; 32], b"session"),
            hello("192.0.2.1:4444", &other_random, b"session"),
            hello("192.0.2.1:4444", &[7; 32], b"sessioN"),
            hello("192.0.2.1:4444", &[7; 32], b"session\0"),
            hello("192.0.2.1:4444", &[7; 32], b""),
            CookieInput { version: ProtocolVersion::DTLS_1_0, ..hello("192.0.2.1:4444", &[7; 32], b"session") },
        ] {
            assert!(!keys.verifies(&other, &cookie, NOW));
        }
    }

    /// HVR-18: a cookie dies after a minute, and one from the future is worth nothing beyond a small skew.
    #[test]
    fn a_cookie_lives_for_sixty_seconds() {
        let keys = keys();
        let hello = hello("192.0.2.1:4444", &[7; 32], b"");
        let cookie = keys.make(&hello, NOW);
        for (now, expected) in
            [(NOW, true), (NOW + 60, true), (NOW + 61, false), (NOW - 5, true), (NOW - 6, false), (0, false)]
        {
            assert_eq!(keys.verifies(&hello, &cookie, now), expected, "{now}");
        }
        // The issue time is under the MAC: it cannot be renewed.
        let mut renewed = cookie;
        renewed[..4].copy_from_slice(&1_750_000_100u32.to_be_bytes());
        assert!(!keys.verifies(&hello, &renewed, NOW + 100));
    }

    #[test]
    fn cookies_survive_the_wrap_of_thirty_two_bit_seconds() {
        let keys = keys();
        let hello = hello("192.0.2.1:4444", &[7; 32], b"");
        let wrap = u64::from(u32::MAX);
        assert!(keys.verifies(&hello, &keys.make(&hello, wrap), wrap + 30));
        assert!(!keys.verifies(&hello, &keys.make(&hello, wrap), wrap + 61));
    }

    /// HVR-17: the secret before the current one is accepted, the one before that is not.
    #[test]
    fn one_rotation_keeps_cookies_and_two_end_them() {
        let mut rng = TestRng::new(2);
        let mut keys = CookieKeys::generate(&mut rng);
        let hello = hello("192.0.2.1:4444", &[7; 32], b"");
        let cookie = keys.make(&hello, NOW);
        keys.rotate(&mut rng);
        assert!(keys.verifies(&hello, &cookie, NOW));
        assert_ne!(keys.make(&hello, NOW), cookie);
        keys.rotate(&mut rng);
        assert!(!keys.verifies(&hello, &cookie, NOW));
    }

    #[test]
    fn machines_that_share_a_master_secret_share_cookies() {
        let hello = hello("192.0.2.1:4444", &[7; 32], b"");
        let cookie = CookieKeys::derive(&[3; 32], 10).make(&hello, NOW);
        for (master, epoch, expected) in [(3, 10, true), (3, 11, true), (3, 12, false), (3, 9, false), (4, 10, false)] {
            let keys = CookieKeys::derive(&[master; 32], epoch);
            assert_eq!(keys.verifies(&hello, &cookie, NOW), expected, "{master} {epoch}");
        }
        let first = CookieKeys::derive(&[3; 32], 0);
        assert!(first.verifies(&hello, &first.make(&hello, NOW), NOW));
    }

    /// HVR-19: every flipped bit and every other length makes it worthless.
    #[test]
    fn a_damaged_cookie_does_not_verify() {
        let keys = keys();
        let hello = hello("192.0.2.1:4444", &[7; 32], b"");
        let cookie = keys.make(&hello, NOW);
        for bit in 0..COOKIE_LEN * 8 {
            let mut damaged = cookie;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!keys.verifies(&hello, &damaged, NOW), "bit {bit}");
        }
        for length in 0..COOKIE_LEN {
            assert!(!keys.verifies(&hello, &cookie[..length], NOW));
        }
        assert!(!keys.verifies(&hello, &[&cookie[..], &[0]].concat(), NOW));
    }

    #[test]
    fn a_v4_mapped_peer_is_the_v4_peer() {
        let keys = keys();
        let plain = hello("192.0.2.1:4444", &[7; 32], b"");
        let address = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
        let mapped =
            CookieInput { peer: SocketAddrV6::new(address, 4444, 9, 9).into(), ..hello("[::]:1", &[7; 32], b"") };
        assert!(keys.verifies(&mapped, &keys.make(&plain, NOW), NOW));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", keys()), "CookieKeys { .. }");
    }
}
