//! A certificate for people to read.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::details;
use super::fingerprint::Fingerprint;
use super::key::KeySummary;
use crate::error::CertificateError;

/// Reads what people want to know about a certificate. It says nothing about whether the certificate is to be trusted.
///
/// # Errors
///
/// [`CertificateError::BadEncoding`] if it does not parse.
pub fn summary(certificate: &CertificateDer<'_>) -> Result<CertificateSummary, CertificateError> {
    let parsed = details::parse(certificate)?;
    let alternative = parsed.subject_alternative_name().map_err(|_| CertificateError::BadEncoding)?;
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    Ok(CertificateSummary {
        subject: distinguished_name(parsed.subject()),
        issuer: distinguished_name(parsed.issuer()),
        serial: parsed.raw_serial_as_string(),
        not_before: CalendarTime::from(parsed.validity().not_before),
        not_after: CalendarTime::from(parsed.validity().not_after),
        names: names.map(AlternativeName::from).collect(),
        key: KeySummary::of(certificate)?,
        fingerprint: Fingerprint::of(certificate),
    })
}

/// What a certificate says, for people.
///
/// `{}` prints it in one line and `{:#}` in several, without a line feed at the end. The texts come from whoever made
/// the certificate. Characters that could confuse a terminal are escaped in them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateSummary {
    /// Whose certificate it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The issuer's number for it: pairs of hexadecimal digits with colons between them.
    pub serial: String,
    /// The first second of its validity.
    pub not_before: CalendarTime,
    /// The last second of its validity.
    pub not_after: CalendarTime,
    /// The names that a peer is checked against.
    pub names: Vec<AlternativeName>,
    /// The kind and size of its key.
    pub key: KeySummary,
    /// Its SHA-256 fingerprint.
    pub fingerprint: Fingerprint,
}

impl fmt::Display for CertificateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, serial, not_before, not_after, key, fingerprint, .. } = self;
        if !f.alternate() {
            let names = Names { names: &self.names, empty: "no names" };
            return write!(
                f,
                "{subject} ({names}), issued by {issuer}, valid until {not_after}, SHA-256 {fingerprint}"
            );
        }
        let names = Names { names: &self.names, empty: "none" };
        writeln!(f, "subject:      {subject}")?;
        writeln!(f, "issuer:       {issuer}")?;
        writeln!(f, "serial:       {serial}")?;
        writeln!(f, "valid from:   {not_before}")?;
        writeln!(f, "valid until:  {not_after}")?;
        writeln!(f, "names:        {names}")?;
        writeln!(f, "key:          {key}")?;
        write!(f, "SHA-256:      {fingerprint}")
    }
}

struct Names<'a> {
    names: &'a [AlternativeName],
    empty: &'static str,
}

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.names.split_first() else {
            return f.write_str(self.empty);
        };
        write!(f, "{first}")?;
        others.iter().try_for_each(|name| write!(f, ", {name}"))
    }
}

/// An entry of the subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlternativeName {
    /// A DNS name, possibly with a wildcard.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// Something else, with its kind: nothing that a peer is checked against.
    Other(String),
}

impl From<&GeneralName<'_>> for AlternativeName {
    fn from(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(name) => Self::Dns(printable(name)),
            GeneralName::IPAddress(bytes) => match ip_address(bytes) {
                Some(address) => Self::Ip(address),
                None => Self::Other(printable(&name.to_string())),
            },
            other => Self::Other(printable(&other.to_string())),
        }
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Other(text) => f.write_str(text),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).ok()
}

/// A second of the calendar, in UTC. It prints as `2030-01-31 12:00:00 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalendarTime(ASN1Time);

impl CalendarTime {
    /// Seconds since 1970, without leap seconds; negative before.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }
}

impl From<ASN1Time> for CalendarTime {
    fn from(time: ASN1Time) -> Self {
        Self(time)
    }
}

impl fmt::Display for CalendarTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_datetime().to_calendar_date();
        let (hour, minute, second) = self.0.to_datetime().to_hms();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

fn distinguished_name(name: &X509Name<'_>) -> String {
    let text = printable(&name.to_string());
    if text.is_empty() { String::from("(empty)") } else { text }
}

/// `text` with everything escaped that is not visible: a certificate must not move the cursor, or reverse the writing
/// direction, of whoever looks at it.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' => printable.push(character),
            _ => printable.extend(character.escape_debug()),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use std::format;

    use rcgen::{DnType, KeyPair, SanType, SerialNumber, date_time_ymd};

    use super::*;
    use crate::x509::key::KeyKind;
    use crate::x509::testing::{authority, leaf, leaf_without_alternative_name, v1};

    #[test]
    fn a_summary_holds_what_the_certificate_says() {
        let mut params = leaf("*.peer.example");
        params.distinguished_name.push(DnType::OrganizationName, "Ships & Sons");
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.subject_alt_names.push(SanType::URI("coap://peer.example/".try_into().unwrap()));
        params.serial_number = Some(SerialNumber::from(std::vec![1, 0xab]));
        params.not_before = date_time_ymd(2029, 2, 28);
        let der = authority("Root").issue(&params);
        let summary = summary(&der).unwrap();

        assert_eq!(summary.subject, "CN=leaf, O=Ships & Sons");
        assert_eq!(summary.issuer, "CN=Root");
        assert_eq!(summary.serial, "01:ab");
        assert_eq!(summary.not_before.unix_seconds(), 1_866_931_200);
        assert_eq!(summary.not_before.to_string(), "2029-02-28 00:00:00 UTC");
        assert_eq!(summary.not_after.to_string(), "2031-01-01 00:00:00 UTC");
        let names = [
            AlternativeName::Dns("*.peer.example".into()),
            AlternativeName::Ip([192, 0, 2, 7].into()),
            AlternativeName::Ip("2001:db8::7".parse().unwrap()),
            AlternativeName::Other("URI(coap://peer.example/)".into()),
        ];
        assert_eq!(summary.names, names);
        assert_eq!((summary.key.kind, summary.key.bits), (KeyKind::Ecdsa, 256));
        assert_eq!(summary.fingerprint, Fingerprint::of(&der));
    }

    #[test]
    fn a_summary_prints_in_one_line_or_in_several() {
        let mut params = leaf("peer.example");
        params.serial_number = Some(SerialNumber::from(7));
        let summary = summary(&authority("Root").issue(&params)).unwrap();
        let fingerprint = summary.fingerprint;
        assert_eq!(
            format!("{summary}"),
            format!(
                "CN=leaf (peer.example), issued by CN=Root, valid until 2031-01-01 00:00:00 UTC, SHA-256 {fingerprint}"
            )
        );
        let lines = [
            "subject:      CN=leaf",
            "issuer:       CN=Root",
            "serial:       07",
            "valid from:   2029-01-01 00:00:00 UTC",
            "valid until:  2031-01-01 00:00:00 UTC",
            "names:        peer.example",
            "key:          ECDSA, 256 bits",
            &format!("SHA-256:      {fingerprint}"),
        ];
        assert_eq!(format!("{summary:#}"), lines.join("\n"));
    }

    #[test]
    fn an_old_or_bare_certificate_has_a_summary_too() {
        let old = summary(&v1().der).unwrap();
        assert_eq!((old.subject.as_str(), old.names.len()), ("CN=old.example", 0));
        assert!(format!("{old:#}").contains("names:        none"));

        let mut params = leaf_without_alternative_name("");
        params.distinguished_name = rcgen::DistinguishedName::new();
        let key = KeyPair::generate().unwrap();
        let bare = summary(params.self_signed(&key).unwrap().der()).unwrap();
        assert_eq!(bare.subject, "(empty)");
    }

    /// A certificate comes from a stranger and goes to a terminal.
    #[test]
    fn control_characters_are_escaped() {
        let params = leaf_without_alternative_name("a\u{1b}[2J\nissuer: b\u{202e}'é'");
        let key = KeyPair::generate().unwrap();
        let summary = summary(params.self_signed(&key).unwrap().der()).unwrap();
        assert_eq!(summary.subject, "CN=a\\u{1b}[2J\\nissuer: b\\u{202e}'é'");
    }

    /// Any byte may be wrong: the parsers must refuse it or make something of it, not panic.
    #[test]
    fn no_mutation_or_truncation_panics() {
        let der = authority("Root").issue(&leaf("peer.example"));
        for index in 0..der.len() {
            assert_eq!(summary(&CertificateDer::from(&der[..index])).unwrap_err(), CertificateError::BadEncoding);
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = der.to_vec();
                bytes[index] ^= flip;
                if let Ok(summary) = summary(&bytes.into()) {
                    assert!(!format!("{summary}{summary:#}").is_empty());
                }
            }
        }
        let mut longer = der.to_vec();
        longer.push(0);
        assert_eq!(summary(&longer.into()).unwrap_err(), CertificateError::BadEncoding);
    }
}
