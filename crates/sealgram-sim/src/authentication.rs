//! By what the two ends of a pair know each other, and the configurations that say so.

use std::sync::{Arc, OnceLock};

use sealgram::code::{CipherSuite, HandshakeType};
use sealgram::crypto::{CryptoProvider, Suite};
use sealgram::verify::PeerVerifier;
use sealgram::{
    ClientConfig, ClientConfigBuilder, Identity, PresharedKey, PresharedKeys, Reply, Role, ServerConfig,
    ServerConfigBuilder,
};

use crate::deciders::Chooser;
use crate::decisions::{Promptness, Question, Questions};
use crate::identity::Credentials;
use crate::toy::ToyVerifier;

/// By what the two ends know each other.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "tests go through them all")]
pub enum Authentication {
    /// The server shows a certificate, and asks for none.
    Server,
    /// The server shows a certificate and asks for one; the client has none.
    ClientDeclines,
    /// Both show the same certificate.
    Mutual,
    /// Both show the same raw public key (RFC 7250). Toy keys have no public half: this takes *ring*.
    RawPublicKeys,
    /// Both have the same key, and use it by this suite.
    PresharedKey(&'static Suite),
}

/// What two ends need for certificates and raw public keys of one kind.
pub(crate) struct Means<'m> {
    pub(crate) client_provider: &'static CryptoProvider,
    pub(crate) server_provider: &'static CryptoProvider,
    /// Those of the client and of the server.
    pub(crate) identities: [Identity; 2],
    pub(crate) verifiers: [Arc<dyn PeerVerifier>; 2],
    /// Where keys have public halves.
    pub(crate) credentials: Option<&'m Credentials>,
}

impl Authentication {
    /// The configurations of a client and a server, one of which may have a question.
    pub(crate) fn configs(self, means: Means<'_>, questions: Questions) -> (ClientConfigBuilder, ServerConfigBuilder) {
        let Means { client_provider, server_provider, identities, verifiers, credentials } = means;
        if let Self::PresharedKey(suite) = self {
            let promptness = questions.promptness(Question::PresharedKey).unwrap_or(Promptness::AtOnce);
            let keys = Arc::new(OneKey(promptness));
            return (
                ClientConfig::builder_with_psk(client_provider, PSK_IDENTITY, preshared_key())
                    .cipher_suites(&[suite.code]),
                ServerConfig::builder_with_psk(server_provider, keys).cipher_suites(&[suite.code]),
            );
        }
        let (identities, verifiers) = match (self, credentials) {
            (Self::RawPublicKeys, Some(credentials)) => {
                let (identity, verifier) = credentials.raw_public_key();
                ([identity.clone(), identity], [verifier.clone(), verifier])
            }
            _ => (identities, verifiers),
        };
        let ([clients, servers], [judge_of_server, judge_of_client]) = (identities, verifiers);
        // By name come in also those suites that are used by name only.
        let client = ClientConfig::builder(client_provider, judge_of_server).cipher_suites(&names(client_provider));
        let server = match questions.promptness(Question::Identity(Role::Server)) {
            None => ServerConfig::builder(server_provider, servers),
            Some(promptness) => {
                ServerConfig::builder_with_identities(server_provider, Arc::new(Chooser::new(servers, promptness)))
            }
        };
        let server = server.cipher_suites(&names(server_provider));
        match self {
            Self::ClientDeclines => (client, server.request_client_certificate(judge_of_client)),
            Self::Mutual | Self::RawPublicKeys => {
                let client = match questions.promptness(Question::Identity(Role::Client)) {
                    None => client.identity(clients),
                    Some(promptness) => client.identities(Arc::new(Chooser::new(clients, promptness))),
                };
                (client, server.require_client_certificate(judge_of_client))
            }
            Self::Server | Self::PresharedKey(_) => (client, server),
        }
    }

    /// The message after which a server can read what its client protects, in a full handshake.
    pub(crate) const fn ends_key_exchange(self) -> HandshakeType {
        match self {
            Self::Mutual | Self::RawPublicKeys => HandshakeType::CERTIFICATE_VERIFY,
            Self::Server | Self::ClientDeclines | Self::PresharedKey(_) => HandshakeType::CLIENT_KEY_EXCHANGE,
        }
    }
}

fn names(provider: &CryptoProvider) -> Vec<CipherSuite> {
    provider.suites.iter().map(|suite| suite.code).collect()
}

/// One for all: a session is taken up again only under the verifier that it was made under.
pub(crate) fn toy_verifier() -> Arc<dyn PeerVerifier> {
    static VERIFIER: OnceLock<Arc<ToyVerifier>> = OnceLock::new();
    VERIFIER.get_or_init(|| Arc::new(ToyVerifier)).clone()
}

/// What the client calls itself.
const PSK_IDENTITY: &[u8] = b"device 7";

/// The key that both have.
pub(crate) fn preshared_key() -> PresharedKey {
    PresharedKey::new(&[7; 16]).expect("16 bytes are a key")
}

/// Knows one client.
#[derive(Debug)]
struct OneKey(Promptness);

impl PresharedKeys for OneKey {
    fn find(&self, identity: &[u8]) -> Reply<Option<PresharedKey>> {
        self.0.reply(|| (identity == PSK_IDENTITY).then(preshared_key))
    }
}
