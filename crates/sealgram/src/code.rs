//! Code points: the numbers that DTLS assigns to things.
//!
//! Every code point is a newtype around its wire integer with an associated constant for each value that this
//! library knows. A value that it does not know is an ordinary value, never an error: what an unknown value means is
//! for the reader of the message to decide.

use core::fmt;

/// Defines a code point: a newtype around `$int` with named constants, `Debug` and `Display` by name.
macro_rules! codepoint {
    ($(#[$doc:meta])* $name:ident($int:ty, $hex:literal) { $($(#[$cdoc:meta])* $constant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "a code point is its number and nothing else")]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$cdoc])* pub const $constant: Self = Self($value);)*

            /// The registered name, or `None` for a value that this library does not know.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($constant)),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, $hex, self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

codepoint! {
    /// What a record carries (RFC 5246 section 6.2.1).
    ContentType(u8, "content type {}") {
        /// The one-byte message that announces a new epoch; not a handshake message.
        CHANGE_CIPHER_SPEC = 20,
        /// An alert (RFC 5246 section 7.2).
        ALERT = 21,
        /// Handshake messages or fragments of them.
        HANDSHAKE = 22,
        /// The application's bytes.
        APPLICATION_DATA = 23,
        /// A protected record with a connection ID, which has its true type inside (RFC 9146 section 4).
        TLS12_CID = 25,
        /// Whether the peer receives at an address (RFC 9853 section 4).
        RETURN_ROUTABILITY_CHECK = 27,
    }
}

codepoint! {
    /// A version as it stands on the wire (RFC 6347 section 4.1).
    ///
    /// The number falls as the version rises: compare with [`ProtocolVersion::is_older_than`], not with `<`.
    ProtocolVersion(u16, "version {:#06x}") {
        /// DTLS 1.0, refused (RFC 8996) but seen in HelloVerifyRequest and in the records of a first ClientHello.
        DTLS_1_0 = 0xfeff,
        /// DTLS 1.2.
        DTLS_1_2 = 0xfefd,
        /// DTLS 1.3, which stands in the supported_versions extension only (RFC 9147 section 5.3).
        DTLS_1_3 = 0xfefc,
    }
}

impl ProtocolVersion {
    /// Whether this is a DTLS version at all: its major byte is fe.
    #[must_use]
    pub const fn is_dtls(self) -> bool {
        self.0 >> 8 == 0xfe
    }

    /// Whether `self` is an older version than `other`. The number on the wire falls as the version rises.
    #[must_use]
    pub const fn is_older_than(self, other: Self) -> bool {
        self.0 > other.0
    }
}

codepoint! {
    /// The type of a handshake message (RFC 5246 section 7.4, RFC 6347 section 4.3.2).
    HandshakeType(u8, "handshake type {}") {
        /// The server asks for a new handshake; always refused.
        HELLO_REQUEST = 0,
        /// The client's opening.
        CLIENT_HELLO = 1,
        /// The server's choice.
        SERVER_HELLO = 2,
        /// The server's stateless cookie (RFC 6347 section 4.2.1).
        HELLO_VERIFY_REQUEST = 3,
        /// A session ticket (RFC 5077 section 3.3).
        NEW_SESSION_TICKET = 4,
        /// A certificate chain.
        CERTIFICATE = 11,
        /// The server's ephemeral key, signed.
        SERVER_KEY_EXCHANGE = 12,
        /// The server asks the client for a certificate.
        CERTIFICATE_REQUEST = 13,
        /// The end of the server's flight.
        SERVER_HELLO_DONE = 14,
        /// The client's proof of its certificate.
        CERTIFICATE_VERIFY = 15,
        /// The client's ephemeral key.
        CLIENT_KEY_EXCHANGE = 16,
        /// The proof that both sides saw the same handshake.
        FINISHED = 20,
        /// A stapled OCSP response (RFC 6066 section 8).
        CERTIFICATE_STATUS = 22,
    }
}

codepoint! {
    /// What a Certificate message holds (RFC 7250 section 3).
    CertificateType(u8, "certificate type {}") {
        /// A chain of X.509 certificates: what it is if nobody says otherwise.
        X509 = 0,
        /// A public key without anything around it.
        RAW_PUBLIC_KEY = 2,
    }
}

codepoint! {
    /// A kind of key that a server asks a client to have (RFC 5246 section 7.4.4).
    ClientCertificateType(u8, "client certificate type {}") {
        /// RSA.
        RSA_SIGN = 1,
        /// ECDSA, and Ed25519 as well (RFC 8422 section 5.5).
        ECDSA_SIGN = 64,
    }
}

codepoint! {
    /// A cipher suite. The names leave out the leading `TLS_`.
    CipherSuite(u16, "cipher suite {:#06x}") {
        /// RFC 5487.
        PSK_WITH_AES_128_GCM_SHA256 = 0x00a8,
        /// RFC 5487.
        PSK_WITH_AES_256_GCM_SHA384 = 0x00a9,
        /// Not a suite: "I know renegotiation_info" (RFC 5746 section 3.3).
        EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff,
        /// Not a suite: "this is a retry at a lower version" (RFC 7507).
        FALLBACK_SCSV = 0x5600,
        /// RFC 5289.
        ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b,
        /// RFC 5289.
        ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c,
        /// RFC 5289.
        ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f,
        /// RFC 5289.
        ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030,
        /// RFC 6655.
        PSK_WITH_AES_128_CCM = 0xc0a4,
        /// RFC 6655.
        PSK_WITH_AES_256_CCM = 0xc0a5,
        /// RFC 6655. A tag of 8 bytes, as the others whose names have an 8.
        PSK_WITH_AES_128_CCM_8 = 0xc0a8,
        /// RFC 6655.
        PSK_WITH_AES_256_CCM_8 = 0xc0a9,
        /// RFC 7251.
        ECDHE_ECDSA_WITH_AES_128_CCM = 0xc0ac,
        /// RFC 7251.
        ECDHE_ECDSA_WITH_AES_256_CCM = 0xc0ad,
        /// RFC 7251. What CoAP asks for (RFC 7252 section 9.1.3.3).
        ECDHE_ECDSA_WITH_AES_128_CCM_8 = 0xc0ae,
        /// RFC 7251.
        ECDHE_ECDSA_WITH_AES_256_CCM_8 = 0xc0af,
        /// RFC 7905.
        ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8,
        /// RFC 7905.
        ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9,
        /// RFC 7905.
        PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccab,
        /// RFC 7905.
        ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccac,
        /// RFC 8442.
        ECDHE_PSK_WITH_AES_128_GCM_SHA256 = 0xd001,
        /// RFC 8442.
        ECDHE_PSK_WITH_AES_256_GCM_SHA384 = 0xd002,
        /// RFC 8442.
        ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 = 0xd003,
        /// RFC 8442.
        ECDHE_PSK_WITH_AES_128_CCM_SHA256 = 0xd005,
    }
}

codepoint! {
    /// A group for key exchange (RFC 8422 section 5.1.1).
    NamedGroup(u16, "group {:#06x}") {
        /// NIST P-256.
        SECP256R1 = 0x0017,
        /// NIST P-384.
        SECP384R1 = 0x0018,
        /// Curve25519.
        X25519 = 0x001d,
    }
}

codepoint! {
    /// A signature scheme; in DTLS 1.2 a pair of hash and signature algorithm (RFC 5246 section 7.4.1.4.1, RFC 8446
    /// section 4.2.3). In DTLS 1.2 the ECDSA pairs do not fix the curve.
    SignatureScheme(u16, "signature scheme {:#06x}") {
        /// RSASSA-PKCS1-v1_5 with SHA-1: known so that it can be refused (RFC 9155).
        RSA_PKCS1_SHA1 = 0x0201,
        /// ECDSA with SHA-1: known so that it can be refused (RFC 9155).
        ECDSA_SHA1 = 0x0203,
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        RSA_PKCS1_SHA256 = 0x0401,
        /// ECDSA with SHA-256, on any curve.
        ECDSA_SHA256 = 0x0403,
        /// RSASSA-PKCS1-v1_5 with SHA-384.
        RSA_PKCS1_SHA384 = 0x0501,
        /// ECDSA with SHA-384, on any curve.
        ECDSA_SHA384 = 0x0503,
        /// RSASSA-PKCS1-v1_5 with SHA-512.
        RSA_PKCS1_SHA512 = 0x0601,
        /// RSASSA-PSS with SHA-256 and a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA256 = 0x0804,
        /// RSASSA-PSS with SHA-384 and a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA384 = 0x0805,
        /// RSASSA-PSS with SHA-512 and a key of type rsaEncryption.
        RSA_PSS_RSAE_SHA512 = 0x0806,
        /// Ed25519.
        ED25519 = 0x0807,
    }
}

codepoint! {
    /// The type of a hello extension.
    ExtensionType(u16, "extension {}") {
        /// RFC 6066 section 3.
        SERVER_NAME = 0,
        /// RFC 6066 section 4.
        MAX_FRAGMENT_LENGTH = 1,
        /// RFC 6066 section 8.
        STATUS_REQUEST = 5,
        /// RFC 8422 section 5.1.1.
        SUPPORTED_GROUPS = 10,
        /// RFC 8422 section 5.1.2.
        EC_POINT_FORMATS = 11,
        /// RFC 5246 section 7.4.1.4.1.
        SIGNATURE_ALGORITHMS = 13,
        /// RFC 5764 section 4.1.1.
        USE_SRTP = 14,
        /// RFC 7301.
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16,
        /// What a client can show (RFC 7250 section 3).
        CLIENT_CERTIFICATE_TYPE = 19,
        /// What a server may show (RFC 7250 section 3).
        SERVER_CERTIFICATE_TYPE = 20,
        /// RFC 7627.
        EXTENDED_MASTER_SECRET = 23,
        /// RFC 8449 section 4.
        RECORD_SIZE_LIMIT = 28,
        /// RFC 5077 section 3.2.
        SESSION_TICKET = 35,
        /// RFC 8446 section 4.2.1, RFC 9147 section 5.3.
        SUPPORTED_VERSIONS = 43,
        /// RFC 8446 section 4.2.3.
        SIGNATURE_ALGORITHMS_CERT = 50,
        /// RFC 9146 section 3. The number 53 was that of a draft with another MAC, and means nothing.
        CONNECTION_ID = 54,
        /// RFC 9853 section 3.
        RETURN_ROUTABILITY_CHECK = 61,
        /// RFC 5746 section 3.2.
        RENEGOTIATION_INFO = 0xff01,
    }
}

codepoint! {
    /// How SRTP protects media (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
    SrtpProfile(u16, "SRTP profile {:#06x}") {
        /// AES-128 in counter mode, tags of 80 bits.
        AES128_CM_HMAC_SHA1_80 = 1,
        /// AES-128 in counter mode, tags of 32 bits for media and of 80 bits for control packets.
        AES128_CM_HMAC_SHA1_32 = 2,
        /// AES-128-GCM, tags of 128 bits.
        AEAD_AES_128_GCM = 7,
        /// AES-256-GCM, tags of 128 bits.
        AEAD_AES_256_GCM = 8,
    }
}

codepoint! {
    /// How serious an alert is (RFC 5246 section 7.2).
    AlertLevel(u8, "alert level {}") {
        /// The association may go on.
        WARNING = 1,
        /// The association has ended.
        FATAL = 2,
    }
}

codepoint! {
    /// What an alert says (RFC 5246 section 7.2.2 and the RFCs that added to it).
    AlertDescription(u8, "alert {}") {
        /// The sender will send no more.
        CLOSE_NOTIFY = 0,
        /// A message that does not belong here.
        UNEXPECTED_MESSAGE = 10,
        /// A record that did not open.
        BAD_RECORD_MAC = 20,
        /// A record that is too long.
        RECORD_OVERFLOW = 22,
        /// Nothing in common, or a policy not met.
        HANDSHAKE_FAILURE = 40,
        /// A certificate that does not parse or whose signature is bad.
        BAD_CERTIFICATE = 42,
        /// A certificate of a type or with a key that does not fit.
        UNSUPPORTED_CERTIFICATE = 43,
        /// A certificate that its issuer has revoked.
        CERTIFICATE_REVOKED = 44,
        /// A certificate outside its dates.
        CERTIFICATE_EXPIRED = 45,
        /// A certificate refused for another reason.
        CERTIFICATE_UNKNOWN = 46,
        /// A value that is well formed and wrong.
        ILLEGAL_PARAMETER = 47,
        /// A chain that ends in no trust anchor.
        UNKNOWN_CA = 48,
        /// Authenticated, and not allowed.
        ACCESS_DENIED = 49,
        /// A message that does not parse.
        DECODE_ERROR = 50,
        /// A signature or verify_data that is wrong.
        DECRYPT_ERROR = 51,
        /// No version in common.
        PROTOCOL_VERSION = 70,
        /// The offer is weaker than policy allows.
        INSUFFICIENT_SECURITY = 71,
        /// The sender's own failure.
        INTERNAL_ERROR = 80,
        /// A retry at a lower version that was not needed (RFC 7507).
        INAPPROPRIATE_FALLBACK = 86,
        /// The user ended the handshake.
        USER_CANCELED = 90,
        /// A new handshake on this association is refused.
        NO_RENEGOTIATION = 100,
        /// The server answered an extension that was not asked for.
        UNSUPPORTED_EXTENSION = 110,
        /// The server does not serve this name (RFC 6066 section 3).
        UNRECOGNIZED_NAME = 112,
        /// The stapled OCSP response is bad (RFC 6066 section 8).
        BAD_CERTIFICATE_STATUS_RESPONSE = 113,
        /// The PSK identity is not known (RFC 4279 section 2).
        UNKNOWN_PSK_IDENTITY = 115,
        /// No application protocol in common (RFC 7301 section 3.2).
        NO_APPLICATION_PROTOCOL = 120,
    }
}

/// Whether a 16-bit code point is one of those that RFC 8701 reserves so that peers stay tolerant of unknown values.
#[must_use]
pub const fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// REC-02: a lower number is a newer version.
    #[test]
    fn version_numbers_fall_as_versions_rise() {
        assert!(ProtocolVersion::DTLS_1_0.is_older_than(ProtocolVersion::DTLS_1_2));
        assert!(ProtocolVersion::DTLS_1_2.is_older_than(ProtocolVersion::DTLS_1_3));
        assert!(!ProtocolVersion::DTLS_1_2.is_older_than(ProtocolVersion::DTLS_1_2));
        assert!(!ProtocolVersion(0x0303).is_dtls());
    }

    #[test]
    fn unknown_values_print_as_their_number() {
        assert_eq!(format!("{}", CipherSuite(0x1301)), "cipher suite 0x1301");
        assert_eq!(format!("{:?}", NamedGroup::X25519), "X25519");
        assert_eq!(ContentType(26).name(), None);
    }

    #[test]
    fn grease_is_two_equal_bytes_that_end_in_a() {
        assert!((0..16u16).all(|n| is_grease(n << 12 | 0x0a00 | n << 4 | 0x0a)));
        assert!(!is_grease(0xc02b));
        assert!(!is_grease(0x0a1a));
    }
}
