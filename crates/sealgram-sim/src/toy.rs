//! Toy cryptography: fast, and the same bytes for the same seed.
//!
//! *ring* draws keys from the operating system, so two runs with it never send the same bytes. With these algorithms a
//! run is determined by its seed down to the last byte, which lets a test compare what two connections sent. A change
//! of a single bit is still noticed. None of it protects anything: records only get a tag, so that a simulation can read
//! what they say.

use std::sync::Arc;

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};
use sealgram::crypto::{
    AeadAlgorithm, AeadKey, AeadLimits, AgreementError, AuthenticationFailed, CryptoProvider, EphemeralKey,
    HashAlgorithm, KeyAlgorithm, KeyExchange, KeyExchangeGroup, KeyLoader, LoadKeyError, Nonce, NonceForm,
    SharedSecret, SigningKey, Suite,
};
use sealgram::error::{CertificateError, CryptoError, Error, PeerMisbehaved};
use sealgram::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use sealgram::rand_core::CryptoRng;
use sealgram::verify::{PeerChain, PeerVerifier, SignedByPeer};
use sealgram::{PeerVerified, SignatureVerified};

use crate::rng::mix;

/// A suite of each key exchange, one group, one signature scheme; all of them toys under the code points of real ones.
pub static PROVIDER: CryptoProvider = CryptoProvider {
    suites: &[&SUITE, &ECDHE_PSK_SUITE, &PSK_SUITE],
    groups: &[&ToyGroup],
    signatures: &[(SignatureScheme::ECDSA_SHA256, &[])],
    key_loader: &ToyKeyLoader,
};

/// The form of AES-GCM: records carry 8 bytes of nonce and 16 of tag.
pub static SUITE: Suite = Suite {
    code: CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::Ecdhe(KeyAlgorithm::Ecdsa),
    by_name_only: false,
    hash: HashAlgorithm::Sha256,
    aead: &ToyAead,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
};

/// The same for a preshared key and ephemeral ones.
pub static ECDHE_PSK_SUITE: Suite = Suite {
    code: CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::EcdhePsk,
    by_name_only: false,
    hash: HashAlgorithm::Sha256,
    aead: &ToyAead,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
};

/// The same for a preshared key alone.
pub static PSK_SUITE: Suite = Suite {
    code: CipherSuite::PSK_WITH_AES_128_GCM_SHA256,
    key_exchange: KeyExchange::Psk,
    by_name_only: true,
    hash: HashAlgorithm::Sha256,
    aead: &ToyAead,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
};

/// Takes in bytes, gives out a number that depends on all of them and on their order.
#[derive(Clone, Copy)]
struct Sponge(u64);

impl Sponge {
    fn absorb(self, bytes: &[u8]) -> Self {
        let mut state = mix(self.0 ^ bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = mix(state ^ u64::from_be_bytes(word));
        }
        Self(state)
    }

    fn squeeze(self, out: &mut [u8]) {
        for (n, chunk) in (1_u64..).zip(out.chunks_mut(8)) {
            chunk.copy_from_slice(&mix(self.0.wrapping_add(n)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Leaves the content as it is, and tags it with a checksum of all there is.
#[derive(Debug)]
struct ToyAead;

impl AeadAlgorithm for ToyAead {
    fn key_len(&self) -> usize {
        16
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        if key.len() == self.key_len() {
            Ok(Box::new(ToyKey(Sponge(1).absorb(key))))
        } else {
            Err(CryptoError::KeySetup)
        }
    }
}

struct ToyKey(Sponge);

impl ToyKey {
    fn tag(&self, nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> [u8; TAG_LEN] {
        let mut tag = [0; TAG_LEN];
        self.0.absorb(nonce).absorb(aad).absorb(plaintext).squeeze(&mut tag);
        tag
    }
}

impl AeadKey for ToyKey {
    fn seal(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        tag.copy_from_slice(&self.tag(nonce, aad, in_out));
        Ok(())
    }

    fn open(&self, nonce: &Nonce, aad: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        let (content, tag) = in_out.split_last_chunk_mut::<TAG_LEN>().ok_or(AuthenticationFailed)?;
        if self.tag(nonce, aad, content) == *tag { Ok(()) } else { Err(AuthenticationFailed) }
    }
}

/// Diffie and Hellman's exchange in a group small enough to count. Keys are 32 bytes, as those of X25519.
#[derive(Debug)]
struct ToyGroup;

struct ToyEphemeralKey {
    private: u64,
    public: [u8; 32],
}

impl KeyExchangeGroup for ToyGroup {
    fn code(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn generate(&self, rng: &mut dyn CryptoRng) -> Result<Box<dyn EphemeralKey>, CryptoError> {
        let private = rng.next_u64() % (PRIME - 2) + 2;
        let mut public = [0; 32];
        public[24..].copy_from_slice(&power(GENERATOR, private).to_be_bytes());
        Ok(Box::new(ToyEphemeralKey { private, public }))
    }
}

impl EphemeralKey for ToyEphemeralKey {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, AgreementError> {
        let Some((zeros, number)) = peer.split_last_chunk::<8>() else { return Err(AgreementError) };
        let number = u64::from_be_bytes(*number);
        if zeros != [0; 24] || !(2..PRIME - 1).contains(&number) {
            return Err(AgreementError);
        }
        Ok(SharedSecret::new(power(number, self.private).to_be_bytes().to_vec()))
    }
}

/// `base` to the `exponent`, modulo [`PRIME`].
fn power(base: u64, exponent: u64) -> u64 {
    let times = |a: u64, b: u64| u64::try_from(u128::from(a) * u128::from(b) % u128::from(PRIME)).expect("below PRIME");
    let (mut result, mut square) = (1, base);
    for bit in 0..u64::BITS {
        if exponent >> bit & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
    }
    result
}

/// Signs with a checksum. Anyone can.
#[derive(Debug)]
pub struct ToySigningKey;

impl SigningKey for ToySigningKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Ecdsa
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ECDSA_SHA256]
    }

    fn sign(&self, _: SignatureScheme, message: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, CryptoError> {
        Ok(signature(message))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        None
    }
}

/// Accepts every chain, and what a [`ToySigningKey`] signed.
#[derive(Debug)]
pub struct ToyVerifier;

impl PeerVerifier for ToyVerifier {
    fn verify_chain(&self, _: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        Ok(PeerVerified::assertion())
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        if signed.signature == signature(signed.message) {
            Ok(SignatureVerified::assertion())
        } else {
            Err(PeerMisbehaved::BadSignature.into())
        }
    }
}

fn signature(message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; SIGNATURE_LEN];
    Sponge(2).absorb(message).squeeze(&mut signature);
    signature
}

#[derive(Debug)]
struct ToyKeyLoader;

impl KeyLoader for ToyKeyLoader {
    fn load(&self, _: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, LoadKeyError> {
        Ok(Arc::new(ToySigningKey))
    }
}

const TAG_LEN: usize = 16;

/// As long as a P-256 signature is most of the time.
const SIGNATURE_LEN: usize = 71;

/// 2^61 - 1 is prime, and so 3 generates most of its multiplicative group.
const PRIME: u64 = (1 << 61) - 1;
const GENERATOR: u64 = 3;
