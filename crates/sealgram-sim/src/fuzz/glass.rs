//! Cryptography that hides nothing: protected records carry their content as it is, and open whatever their tag is.
//!
//! A fuzzer never guesses a tag. With this provider it need not, and what lies behind the cipher is as open to it as
//! what lies before. The key exchange and verify_data stay what they are, so that a handshake still proves that both
//! ends saw the same messages.

use sealgram::crypto::{
    AeadAlgorithm, AeadKey, AeadLimits, AuthenticationFailed, CryptoProvider, Nonce, NonceForm, Suite,
};
use sealgram::error::CryptoError;

use crate::toy;

/// The toy provider with a cipher of glass.
pub static PROVIDER: CryptoProvider = CryptoProvider {
    suites: &[&SUITE],
    groups: toy::PROVIDER.groups,
    signatures: toy::PROVIDER.signatures,
    key_loader: toy::PROVIDER.key_loader,
};

static SUITE: Suite = Suite {
    code: toy::SUITE.code,
    key_exchange: toy::SUITE.key_exchange,
    by_name_only: false,
    hash: toy::SUITE.hash,
    aead: &Glass,
    nonce: NonceForm::Explicit,
    limits: AeadLimits::AES_GCM,
};

/// How many bytes stand before the content of a protected record's body.
pub(super) const NONCE_LEN: usize = 8;

/// How many stand behind it.
pub(super) const TAG_LEN: usize = 16;

#[derive(Debug)]
struct Glass;

impl AeadAlgorithm for Glass {
    fn key_len(&self) -> usize {
        16
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn key(&self, _: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        Ok(Box::new(Self))
    }
}

impl AeadKey for Glass {
    fn seal(&self, _: &Nonce, _: &[u8], _: &mut [u8], tag: &mut [u8]) -> Result<(), CryptoError> {
        tag.fill(0x7a);
        Ok(())
    }

    fn open(&self, _: &Nonce, _: &[u8], in_out: &mut [u8]) -> Result<(), AuthenticationFailed> {
        if in_out.len() >= TAG_LEN { Ok(()) } else { Err(AuthenticationFailed) }
    }
}
