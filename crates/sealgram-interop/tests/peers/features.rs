//! The features that docs/interop.md has a row for, and why some have no trial.

/// A row.
pub(crate) struct Feature {
    pub(crate) title: &'static str,
    /// How the terms begin that the names of its trials have; none if there is no trial yet.
    term: &'static str,
    /// For programs whose names begin so: why there is no trial. The first that fits counts.
    reasons: &'static [(&'static str, &'static str)],
}

impl Feature {
    /// Whether a term of a trial's name stands for it.
    pub(crate) fn has(&self, term: &str) -> bool {
        !self.term.is_empty() && term.starts_with(self.term)
    }

    /// Why there is no trial with this program.
    pub(crate) fn reason(&self, program: &str) -> Option<&'static str> {
        self.reasons.iter().find(|(beginning, _)| program.starts_with(beginning)).map(|(_, reason)| *reason)
    }
}

/// One that has trials with every program.
const fn tried(title: &'static str, term: &'static str) -> Feature {
    Feature { title, term, reasons: &[] }
}

const fn partly(title: &'static str, term: &'static str, reasons: &'static [(&'static str, &'static str)]) -> Feature {
    Feature { title, term, reasons }
}

/// One that has no trial.
const fn untried(title: &'static str, reasons: &'static [(&'static str, &'static str)]) -> Feature {
    Feature { title, term: "", reasons }
}

const CANNOT: &str = "peer cannot: it does not have it";
const NOBODY: &str = "no peer has it";
const OURS: &str = "by design: this is our server's choice";

pub(crate) const FEATURES: &[Feature] = &[
    tried("handshake, data both ways, close_notify", "association"),
    tried("ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "suite C02B"),
    tried("ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "suite C02C"),
    tried("ECDHE_RSA_WITH_AES_128_GCM_SHA256", "suite C02F"),
    tried("ECDHE_RSA_WITH_AES_256_GCM_SHA384", "suite C030"),
    tried("ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "suite CCA8"),
    tried("ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "suite CCA9"),
    tried("X25519", "group X25519"),
    tried("P-256", "group P-256"),
    tried("P-384", "group P-384"),
    tried("server key: ECDSA P-256", "key ECDSA P-256"),
    tried("server key: ECDSA P-384", "key ECDSA P-384"),
    tried("server key: Ed25519", "key Ed25519"),
    tried("server key: RSA of 2048 bits", "key RSA 2048"),
    tried("server key: RSA of 4096 bits", "key RSA 4096"),
    partly("server key in PKCS#1", "PKCS#1 key", KEYS),
    partly("server key in SEC1", "SEC1 key", KEYS),
    tried("intermediate authority", "intermediate authority"),
    partly("signed with ECDSA_SHA256", "ECDSA_SHA256", UNTOLD),
    partly("signed with ECDSA_SHA384", "ECDSA_SHA384", UNTOLD),
    partly("signed with ED25519", "ED25519", UNTOLD),
    partly("signed with RSA_PKCS1_SHA256", "RSA_PKCS1_SHA256", UNTOLD),
    partly("signed with RSA_PKCS1_SHA384", "RSA_PKCS1_SHA384", UNTOLD),
    partly("signed with RSA_PKCS1_SHA512", "RSA_PKCS1_SHA512", UNTOLD),
    partly("signed with RSA_PSS_RSAE_SHA256", "RSA_PSS_RSAE_SHA256", UNTOLD),
    partly("signed with RSA_PSS_RSAE_SHA384", "RSA_PSS_RSAE_SHA384", UNTOLD),
    partly("signed with RSA_PSS_RSAE_SHA512", "RSA_PSS_RSAE_SHA512", UNTOLD),
    tried("the server chooses from all that the peer has", "whole offer"),
    tried("cookies", "with cookies"),
    tried("cookies before any state", "stateless cookies"),
    partly("no cookies", "no cookies", &[("godot server", "peer cannot: DTLSServer always asks for one"), ("", OURS)]),
    tried("extended master secret", "with extended master secret"),
    partly("no extended master secret, where we allow it", "no extended master secret", UNTOLD),
    partly("fragments: MTU of 300 bytes", "MTU ", UNTOLD),
    tried("large records: 8000 bytes", "records of 8000 bytes"),
    partly("ALPN", "ALPN ", &[("godot", CANNOT)]),
    tried("server name (SNI)", "with server name"),
    partly(
        "no server name",
        "no server name",
        &[("godot client", "peer cannot: it always tells the name that it verifies")],
    ),
    partly(
        "keying material exporter",
        "exporter ",
        &[("gnutls-serv", "peer cannot: gnutls-serv exports nothing over UDP"), ("godot", CANNOT)],
    ),
    partly("PSK_WITH_AES_128_GCM_SHA256", "suite 00A8", GODOT_CANNOT),
    partly("PSK_WITH_AES_256_GCM_SHA384", "suite 00A9", NO_SUITE),
    partly("PSK_WITH_CHACHA20_POLY1305_SHA256", "suite CCAB", NO_SUITE),
    partly("ECDHE_PSK_WITH_AES_128_GCM_SHA256", "suite D001", &[("", NOBODY)]),
    partly("ECDHE_PSK_WITH_AES_256_GCM_SHA384", "suite D002", &[("", NOBODY)]),
    partly("ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "suite CCAC", NO_SUITE),
    partly("ECDHE_ECDSA_WITH_AES_128_CCM", "suite C0AC", NO_SUITE),
    partly("ECDHE_ECDSA_WITH_AES_256_CCM", "suite C0AD", NO_SUITE),
    partly("ECDHE_ECDSA_WITH_AES_128_CCM_8", "suite C0AE", NO_SUITE),
    partly("ECDHE_ECDSA_WITH_AES_256_CCM_8", "suite C0AF", NO_SUITE),
    partly("PSK_WITH_AES_128_CCM", "suite C0A4", NO_SUITE),
    partly("PSK_WITH_AES_256_CCM", "suite C0A5", NO_SUITE),
    partly("PSK_WITH_AES_128_CCM_8", "suite C0A8", NO_SUITE),
    partly("PSK_WITH_AES_256_CCM_8", "suite C0A9", NO_SUITE),
    partly("ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", "suite D003", &[("", NOBODY)]),
    partly("ECDHE_PSK_WITH_AES_128_CCM_SHA256", "suite D005", &[("", NOBODY)]),
    partly("certificate request to a client that has none", "certificate request", GODOT_CANNOT),
    partly("client certificate, which the server requires", "client certificate required", GODOT_CANNOT),
    partly("client certificate, which the server requests", "client certificate requested", GODOT_CANNOT),
    partly("a client certificate that is revoked", "revocation list", &[("godot", CANNOT), ("", OURS)]),
    partly("raw public key of the server", "raw public keys", NO_RAW_PUBLIC_KEYS),
    partly("raw public key of the client", "client key required", NO_RAW_PUBLIC_KEYS),
    partly("OCSP stapling", "OCSP response", NO_OCSP),
    partly("preshared keys that differ, and are told as such", "another key", WRONG_KEY),
    partly("resumption by session ID", "resumed by session ID", GODOT_CANNOT),
    partly("resumption by ticket", "resumed by ticket", &[("godot", CANNOT), ("pion", CANNOT)]),
    partly("resumption, with our end started anew", "after a restart", GODOT_CANNOT),
    tried("refused by us", "refused by we"),
    partly(
        "refused by the peer",
        "refused by it",
        &[("gnutls-serv", "peer cannot: gnutls-serv gives up over UDP without an alert")],
    ),
    partly(
        "renegotiation, which we refuse",
        "told no when it wants to renegotiate",
        &[("godot", CANNOT), ("pion", CANNOT), ("", "no trial: tried with OpenSSL and with the client of Mbed TLS")],
    ),
    partly(
        "50 clients at once",
        "50 at once",
        &[("openssl s_server", "by design: it is about our server"), ("", "no trial: tried with s_client")],
    ),
    tried("loss, through udp_proxy", "udp_proxy: loss"),
    tried("delay, through udp_proxy", "udp_proxy: delay"),
    tried("duplicates, through udp_proxy", "udp_proxy: duplicates"),
    tried("bad records, through udp_proxy", "udp_proxy: bad records"),
    tried("all of it, through udp_proxy", "udp_proxy: all of it"),
    partly("connection IDs", "connection IDs", NO_CONNECTION_IDS),
    partly("connection IDs, and the client's port changes", "from another port", NO_CONNECTION_IDS),
    partly(
        "connection IDs, and our client's port changes: a server of ours on the library",
        "our port changes",
        OURS_MOVES,
    ),
    partly("connection IDs, and the client's port changes for a while", "away and back", A_WHILE),
    partly("use_srtp", "use_srtp", GODOT_CANNOT),
    partly("max_fragment_length", "max_fragment_length", NO_FRAGMENT_LENGTH),
    partly("record_size_limit", "record_size_limit", &[("", CANNOT)]),
    untried("return routability", &[("", NOBODY)]),
];

/// GnuTLS's programs offer and answer the one with the other.
const NO_FRAGMENT_LENGTH: &[(&str, &str)] = &[
    ("gnutls", "by design: record_size_limit takes its place where both are known"),
    ("godot server", "no trial: its Mbed TLS is tried as such"),
    ("", CANNOT),
];
/// What Mbed TLS alone has.
const NO_CONNECTION_IDS: &[(&str, &str)] = &[("", CANNOT)];
const OURS_MOVES: &[(&str, &str)] = &[("mbedtls ssl_client2", "by design: it is about our client"), ("", CANNOT)];
const A_WHILE: &[(&str, &str)] =
    &[("mbedtls ssl_client2", "no trial: our server hears it from elsewhere as well, see above"), ("", CANNOT)];
/// What can be told to every other program.
const UNTOLD: &[(&str, &str)] = &[("godot", "peer cannot: Godot's classes have no say in it")];
/// What Godot's classes alone do not have.
const GODOT_CANNOT: &[(&str, &str)] = &[("godot", CANNOT)];
/// Suites that neither Godot nor pion has.
const NO_SUITE: &[(&str, &str)] = &[("godot", CANNOT), ("pion", CANNOT)];
const NO_RAW_PUBLIC_KEYS: &[(&str, &str)] = &[("", CANNOT)];
const NO_OCSP: &[(&str, &str)] = &[("mbedtls", CANNOT), ("godot", CANNOT), ("pion", CANNOT)];

/// Who cannot read a Finished and says nothing leaves our client without a reason, which then waits for its deadline.
const WRONG_KEY: &[(&str, &str)] =
    &[("godot", CANNOT), ("pion server", "no trial: its server says nothing, and our client waits until its deadline")];

/// In which form the server's key comes.
const KEYS: &[(&str, &str)] = &[("", OURS)];
