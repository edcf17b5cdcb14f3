//! The limits are honest only if they do the work: the ideal's records are records of DTLS 1.2, and the sum is of the
//! parts that a handshake has.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Mutex;

use sealgram::Role;
use sealgram::crypto::{AeadAlgorithm, AeadKey, AuthenticationFailed, CryptoProvider, Nonce, NonceForm, Suite};
use sealgram::error::CryptoError;
use sealgram::provider::ring;
use sealgram_bench::crypto_sum::{CryptoSum, Group, Tally};
use sealgram_bench::handshake::Stage;
use sealgram_bench::ideal::{Aead, Ideal};
use sealgram_bench::records::{Ours, Records, configs};

/// An algorithm of ours that tells which keys it was given and which nonces it sealed with.
#[derive(Debug)]
struct Tapped {
    inner: &'static dyn AeadAlgorithm,
    tapped: Mutex<Vec<(Vec<u8>, Nonce)>>,
}

impl AeadAlgorithm for &'static Tapped {
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        Ok(Box::new(TappedKey { tap: self, key: key.to_vec(), inner: self.inner.key(key)? }))
    }
}

struct TappedKey {
    tap: &'static Tapped,
    key: Vec<u8>,
    inner: Box<dyn AeadKey>,
}

impl AeadKey for TappedKey {
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        self.tap.tapped.lock().unwrap().push((self.key.clone(), *nonce));
        self.inner.seal(nonce, aad, in_out, tag)
    }

    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        self.inner.open(nonce, aad, in_out)
    }
}

/// A connection, and an ideal layer with the keys of its client.
fn tapped(aead: Aead) -> (Ours, Ideal) {
    let tap: &Tapped = Box::leak(Box::new(Tapped { inner: aead.suite().aead, tapped: Mutex::new(Vec::new()) }));
    let suite = Suite { aead: Box::leak(Box::new(tap)), ..*aead.suite() };
    let suites = vec![&*Box::leak(Box::new(suite))].leak();
    // The client is the first to seal, and it seals its Finished with the first number of epoch 1.
    let provider = Box::leak(Box::new(CryptoProvider { suites, ..*ring::provider() }));
    let ours = Ours::connect_with(sealgram_bench::records::client_config(provider), configs(provider).1);
    let (key, nonce) = tap.tapped.lock().unwrap().first().unwrap().clone();
    let mut iv = nonce;
    if aead.suite().nonce == NonceForm::Implicit {
        // The number is epoch 1 and sequence 0.
        iv[5] ^= 1;
    }
    let mut ideal = Ideal::new(aead, &key, &iv[..aead.suite().nonce.iv_len()]);
    ideal.skip_to(1);
    (ours, ideal)
}

#[test]
fn the_ideal_opens_what_ours_seals() {
    for aead in Aead::ALL {
        let (mut ours, mut ideal) = tapped(aead);
        for len in [0, 1, 64, 1200, 16_384] {
            let (payload, mut out) = (vec![0x42; len], vec![0; len + 64]);
            let sealed = ours.seal(&payload, &mut out);
            let again = out[..sealed].to_vec();
            assert_eq!(ideal.open(&mut out[..sealed]).unwrap(), payload, "{aead:?}, {len} bytes");
            out[..sealed].copy_from_slice(&again);
            assert!(ideal.open(&mut out[..sealed]).is_none(), "{aead:?}: a replay opened");
        }
    }
}

#[test]
fn ours_opens_what_the_ideal_seals() {
    for aead in Aead::ALL {
        let (mut ours, mut ideal) = tapped(aead);
        for len in [0, 1, 64, 1200, 16_384] {
            let (payload, mut out) = (vec![0x42; len], vec![0; len + 64]);
            let sealed = ideal.seal(&payload, &mut out);
            assert_eq!(ours.open(&mut out[..sealed]).unwrap(), payload, "{aead:?}, {len} bytes");
        }
    }
}

/// What the limit leaves out is not what makes it a record layer.
#[test]
fn the_ideal_refuses_forgeries_and_replays() {
    for aead in Aead::ALL {
        let (mut writer, mut reader) = (Ideal::fixed(aead), Ideal::fixed(aead));
        let mut seal = |sequence: u64| {
            let mut out = vec![0; 100];
            writer.skip_to(sequence);
            let len = writer.seal(b"payload", &mut out);
            out.truncate(len);
            out
        };
        let mut opens = |mut datagram: Vec<u8>| reader.open(&mut datagram).is_some();
        for (sequence, is_welcome) in
            [(0, true), (0, false), (70, true), (6, false), (7, true), (7, false), (69, true), (1_000, true)]
        {
            assert_eq!(opens(seal(sequence)), is_welcome, "{aead:?}, {sequence}");
        }
        let mut forged = seal(2_000);
        *forged.last_mut().unwrap() ^= 1;
        assert!(!opens(forged));
        assert!(!opens(seal(2_001)[..20].to_vec()) && opens(seal(2_001)));
    }
}

/// Both sides together, without a client certificate.
#[test]
fn the_sum_has_the_parts_of_one_handshake() {
    let expected = Tally {
        keygens: 2,
        agreements: 2,
        signatures: 1,
        verifications: 1,
        chain_checks: 1,
        transcripts: 2,
        prf_runs: 2 * 4,
        aead_keys: 2 * 2,
        seals: 2,
        opens: 2,
        randoms: 2,
        cookie_macs: 2,
    };
    for group in Group::ALL {
        assert_eq!(CryptoSum::new(group).run(), expected);
    }
}

/// What is measured as a full handshake is one: with a cookie, in six flights of one datagram each, and repeatedly.
#[test]
fn handshakes_take_six_datagrams_and_leave_nothing_behind() {
    for group in Group::ALL {
        let mut stage = Stage::new(Aead::Aes128Gcm.suite(), group);
        for _ in 0..3 {
            let mut meeting = stage.meeting();
            stage.shake_hands(&mut meeting);
            assert_eq!((meeting.sent(Role::Client).len(), meeting.sent(Role::Server).len()), (3, 3));
            assert_eq!(meeting.client.as_ref().unwrap().session().unwrap().group, Some(group.ours().code()));
            stage.forget(&meeting);
            assert!(stage.endpoint.is_empty());
        }
    }
}
