//! From the command line to the options of each connection.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::failure::Failure;
use crate::flags::{FLAGS, Flag};
use crate::options::Options;

/// The options of the first connection, and of those that follow it.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) initial: Options,
    pub(crate) resume: Options,
}

impl Arguments {
    /// Reads the command line. A flag is for all connections unless its prefix says for which.
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        // Of a handshake that early data was refused in: DTLS 1.2 has none.
        let mut retry = Options::default();
        let mut arguments = arguments.map(OsStringExt::into_vec);
        while let Some(argument) = arguments.next() {
            let name = String::from_utf8_lossy(&argument).into_owned();
            let (name, targets) = if let Some(rest) = name.strip_prefix("-on-initial") {
                (rest, vec![&mut parsed.initial])
            } else if let Some(rest) = name.strip_prefix("-on-resume") {
                (rest, vec![&mut parsed.resume])
            } else if let Some(rest) = name.strip_prefix("-on-retry") {
                (rest, vec![&mut retry])
            } else {
                (&*name, vec![&mut parsed.initial, &mut parsed.resume])
            };
            apply(name, &mut arguments, targets)?;
        }
        Ok(parsed)
    }
}

fn apply(name: &str, arguments: &mut impl Iterator<Item = Vec<u8>>, targets: Vec<&mut Options>) -> Result<(), Failure> {
    let found = FLAGS.binary_search_by_key(&name, |(known, _)| known).ok().and_then(|at| FLAGS.get(at));
    let Some((_, flag)) = found else { return Err(Failure::NotImplemented(format!("flag {name}"))) };
    let mut value = || arguments.next().ok_or_else(|| Failure::Usage(format!("{name} lacks its value")));
    match flag {
        Flag::Set(set) => targets.into_iter().for_each(set),
        Flag::Value(set) => {
            let value = value()?;
            for options in targets {
                set(options, &value).map_err(|failure| named(failure, name))?;
            }
        }
        Flag::Idle => {}
        Flag::IdleValue => drop(value()?),
    }
    Ok(())
}

/// Says which flag had the value.
fn named(failure: Failure, name: &str) -> Failure {
    match failure {
        Failure::NotImplemented(what) => Failure::NotImplemented(format!("{name} {what}")),
        Failure::Usage(what) => Failure::Usage(format!("{name} {what}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::path::Path;

    use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, Failure> {
        Arguments::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn a_flag_without_prefix_is_for_every_connection() {
        let arguments = parse(&["-port", "4433", "-shim-id", "7", "-dtls", "-server", "-resume-count", "2"]).unwrap();
        for options in [&arguments.initial, &arguments.resume] {
            assert_eq!((options.port, options.shim_id, options.server, options.resume_count), (4433, 7, true, 2));
        }
    }

    #[test]
    fn a_prefix_says_which_connection_a_flag_is_for() {
        let arguments = parse(&[
            "-on-initial-expect-alpn",
            "foo",
            "-on-resume-verify-fail",
            "-on-retry-verify-fail",
            "-on-retry-mtu",
            "300",
        ])
        .unwrap();
        assert_eq!(arguments.initial.expected.application_protocol.as_deref(), Some(&b"foo"[..]));
        assert_eq!(arguments.resume.expected.application_protocol, None);
        assert!(!arguments.initial.verify_fail && arguments.resume.verify_fail);
        assert_eq!((arguments.initial.mtu, arguments.resume.mtu), (None, None));
    }

    /// The runner tells what is not implemented from what fails by the exit code.
    #[test]
    fn what_is_not_known_is_not_implemented() {
        for arguments in [
            &["-no-such-flag"][..],
            &["dtls"],
            &["-on-resume-no-such-flag", "x"],
            &["-max-version", "65279"],
            &["-min-version", "65276"],
            &["-curves", "25"],
            &["-signing-prefs", "513"],
            &["-cipher", "3DES"],
        ] {
            let failure = parse(arguments).unwrap_err();
            assert_eq!(failure.exit_code(), 89, "{arguments:?}: {failure}");
        }
    }

    #[test]
    fn a_value_that_is_missing_or_means_nothing_is_a_failure() {
        for arguments in [&["-port"][..], &["-port", "x"], &["-mtu", "-1"], &["-advertise-alpn", "\x05foo"]] {
            assert_eq!(parse(arguments).unwrap_err().exit_code(), 1, "{arguments:?}");
        }
    }

    #[test]
    fn credential_flags_are_about_the_latest_credential() {
        let arguments = parse(&[
            "-cert-file",
            "default",
            "-new-x509-credential",
            "-cert-file",
            "first",
            "-signing-prefs",
            "2052",
            "-signing-prefs",
            "1025",
            "-new-x509-credential",
            "-key-file",
            "second",
        ])
        .unwrap();
        let credentials = arguments.initial.credentials;
        assert_eq!(credentials.default.chain.as_deref(), Some(Path::new("default")));
        assert_eq!(credentials.added[0].chain.as_deref(), Some(Path::new("first")));
        let schemes = [SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
        assert_eq!(credentials.added[0].schemes, schemes);
        assert_eq!(credentials.added[1].chain, None);
        assert_eq!(credentials.added[1].key.as_deref(), Some(Path::new("second")));
    }

    #[test]
    fn what_stands_in_another_encoding_is_read() {
        let arguments = ["-ocsp-response", "AQIDBA==", "-use-client-ca-list", "30001f,ff", "-on-resume-psk", "key"];
        let arguments = parse(&arguments).unwrap();
        assert_eq!(arguments.initial.credentials.default.ocsp_response, [1, 2, 3, 4]);
        assert_eq!(arguments.initial.terms.authorities, [&[0x30, 0, 0x1f][..], &[0xff]]);
        assert_eq!((arguments.initial.psk, arguments.resume.psk), (None, Some(b"key".to_vec())));
        assert!(parse(&["-use-client-ca-list", "<EMPTY>"]).unwrap().initial.terms.authorities.is_empty());
        for wrong in [["-ocsp-response", "?"], ["-use-client-ca-list", "300"], ["-use-client-ca-list", "3g"]] {
            assert_eq!(parse(&wrong).unwrap_err().exit_code(), 1, "{wrong:?}");
        }
    }

    /// Another configuration would take up no session of a client that shows a certificate.
    #[test]
    fn what_is_expected_makes_no_other_configuration() {
        let expecting = parse(&["-mtu", "300", "-on-resume-expect-session-miss"]).unwrap();
        assert!(expecting.initial.configure_like(&expecting.resume));
        let another = parse(&["-mtu", "300", "-on-resume-mtu", "301"]).unwrap();
        assert!(!another.initial.configure_like(&another.resume));
    }

    #[test]
    fn lists_and_numbers_are_read() {
        let options = parse(&[
            "-advertise-alpn",
            "\x03foo\x06banana",
            "-curves",
            "29",
            "-curves",
            "23",
            "-cipher",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "-initial-timeout-duration-ms",
            "250",
            "-max-version",
            "65276",
            "-export-context",
            "",
        ])
        .unwrap()
        .initial;
        assert_eq!(options.application_protocols, [b"foo".to_vec(), b"banana".to_vec()]);
        assert_eq!(options.groups, [NamedGroup::X25519, NamedGroup::SECP256R1]);
        assert_eq!(options.cipher_suites, [CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
        assert_eq!(options.initial_timeout, Some(Duration::from_millis(250)));
    }
}
