//! The command line.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pki_types::ServerName;
use sealgram::x509::Fingerprint;

use crate::choice::{Algorithms, Carriage, Cid, Psk};
use crate::disturbance::Disturbances;
use crate::recording::Recording;

/// DTLS 1.2 on the command line.
#[derive(Debug, Parser)]
#[command(name = "sealgram", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a handshake, message by message, between a server and a client in this process
    Demo(Demo),
    /// Wait for clients and print what they send
    Listen(Listen),
    /// Connect to a server, send datagrams and print what comes back
    Connect(Connect),
    /// Make a private key and a self-signed certificate
    Cert(Cert),
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) disturbances: Disturbances,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Where to listen, such as 127.0.0.1:4433 or [::]:4433; port 0 takes a free one
    #[arg(value_name = "ADDR")]
    pub(crate) address: HostPort,

    /// The certificate chain in PEM, the server's own first; without one, a self-signed certificate is made
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key in PEM
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// A private key in PEM of which clients see the public half, without any certificate (RFC 7250). Those that want a
    /// certificate are served if there is --cert too
    #[arg(long, value_name = "PEM")]
    pub(crate) rpk: Option<PathBuf>,

    /// A key that is shared with a client; may be repeated. Without --cert and --rpk, clients are served by these alone
    #[arg(long, value_name = "IDENTITY:HEX")]
    pub(crate) psk: Vec<Psk>,

    /// Require a certificate of every client that leads to one of these
    #[arg(long, value_name = "PEM")]
    pub(crate) client_ca: Option<PathBuf>,

    /// Require the raw public key in this file of every client; may be repeated. With --client-ca either will do
    #[arg(long, value_name = "PEM")]
    pub(crate) client_rpk: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) algorithms: Algorithms,

    /// Agree on connection IDs (RFC 9146). Those of this side begin with these bytes and end with eight random ones
    #[arg(long, value_name = "HEX")]
    pub(crate) cid: Option<Cid>,
    #[command(flatten)]
    pub(crate) carriage: Carriage,

    /// Send every datagram back
    #[arg(long)]
    pub(crate) echo: bool,

    /// An application protocol to accept (ALPN); may be repeated, best first
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) alpn: Vec<String>,

    #[command(flatten)]
    pub(crate) recording: Recording,

    #[command(flatten)]
    pub(crate) disturbances: Disturbances,
}

#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// The server, such as example.org:4433 or [::1]:4433
    #[arg(value_name = "HOST:PORT")]
    pub(crate) server: HostPort,

    /// The name that the server's certificate must carry [default: HOST]
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) name: Option<ServerName<'static>>,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// A key that is shared with the server. Server certificates are then accepted only if one of --ca, --fingerprint, --rpk
    /// and --insecure says which
    #[arg(long, value_name = "IDENTITY:HEX")]
    pub(crate) psk: Option<Psk>,

    /// A certificate chain in PEM to show to a server that asks for one
    #[arg(long, value_name = "PEM", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,

    /// The private key of --client-cert in PEM
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,

    /// A private key in PEM, to show its public half to a server that asks for a raw public key (RFC 7250)
    #[arg(long, value_name = "PEM")]
    pub(crate) client_rpk: Option<PathBuf>,

    /// Connect, close and connect again, and tell whether the second connection took up the session of the first
    #[arg(long)]
    pub(crate) resume: bool,

    #[command(flatten)]
    pub(crate) algorithms: Algorithms,

    /// Offer connection IDs (RFC 9146). The one of this side has these bytes; with --cid "" only the server has one
    #[arg(long, value_name = "HEX")]
    pub(crate) cid: Option<Cid>,
    #[command(flatten)]
    pub(crate) carriage: Carriage,

    /// A datagram to send; may be repeated. Without any, each line of standard input is one
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) send: Vec<String>,

    /// How long to wait for as many datagrams as were sent
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) wait: Duration,

    /// How long the handshake may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// An application protocol to offer (ALPN); may be repeated, best first
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) alpn: Vec<String>,

    #[command(flatten)]
    pub(crate) recording: Recording,

    #[command(flatten)]
    pub(crate) disturbances: Disturbances,
}

/// Which certificates to trust. Without any of these, those that lead to the roots of this system.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct Trust {
    /// Trust these certificates, and what they certify, instead of the system's roots
    #[arg(long, value_name = "PEM")]
    pub(crate) ca: Option<PathBuf>,

    /// Trust the one certificate with this fingerprint, whatever its names and dates
    #[arg(long, value_name = "SHA256")]
    pub(crate) fingerprint: Option<Fingerprint>,

    /// Trust the public key in this file, which the server then has to show without any certificate (RFC 7250)
    #[arg(long, value_name = "PEM")]
    pub(crate) rpk: Option<PathBuf>,

    /// Trust every certificate: anyone on the path can pose as the server
    #[arg(long)]
    pub(crate) insecure: bool,
}

impl Trust {
    /// Whether the command line says what to trust.
    pub(crate) const fn is_given(&self) -> bool {
        self.ca.is_some() || self.fingerprint.is_some() || self.rpk.is_some() || self.insecure
    }
}

#[derive(Args, Debug)]
pub(crate) struct Cert {
    /// The directory for cert.pem and key.pem
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "key"], required_unless_present = "cert")]
    pub(crate) out: Option<PathBuf>,

    /// The file for the certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The file for the private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// A DNS name or IP address of the server; may be repeated [default: localhost, 127.0.0.1 and ::1]
    #[arg(long, value_name = "NAME", value_parser = certificate_name)]
    pub(crate) name: Vec<String>,

    /// For how many days the certificate is valid
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// The host; an IPv6 address is without its brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("it has no port: write HOST:PORT")?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_none() && host.contains(':') {
            return Err("an IPv6 address belongs in brackets: [ADDRESS]:PORT".into());
        }
        let host = bracketed.unwrap_or(host);
        if host.is_empty() {
            return Err("it has no host: write HOST:PORT".into());
        }
        let port = port.parse().map_err(|_| format!("'{port}' is no port"))?;
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(text.to_owned()).map_err(|_| "it is neither a DNS name nor an IP address".into())
}

/// A name to put into a certificate: unlike one to connect to, it may begin with a wildcard.
fn certificate_name(text: &str) -> Result<String, String> {
    server_name(text.strip_prefix("*.").unwrap_or(text)).map(|_| text.to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds")?;
    let most = Duration::from_secs(86_400);
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= most => Ok(duration),
        _ => Err(format!("it is not from 0 to {}", most.as_secs())),
    }
}

/// A time to wait that can be waited: no server answers within nothing.
fn timeout(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        short if short < Duration::from_millis(10) => Err("it is below 0.01".into()),
        timeout => Ok(timeout),
    }
}

/// The first paragraph of a usage error in one line, and where to read more.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage: "));
    // The words before the first argument: the program and, if it got that far, the command.
    let words = usage.unwrap_or("sealgram").split(' ').take_while(|word| !word.starts_with(['-', '<', '[']));
    let command: Vec<&str> = words.collect();
    let more = tip.map_or_else(|| format!("see '{} --help'", command.join(" ")), str::to_owned);
    format!("{}; {more}", paragraph.strip_prefix("error: ").unwrap_or(&paragraph))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refused(words: &str) -> String {
        one_line(&Arguments::try_parse_from(words.split(' ')).unwrap_err())
    }

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let parsed = |text: &str| text.parse::<HostPort>().map(|HostPort { host, port }| (host, port));
        assert_eq!(parsed("example.org:4433"), Ok(("example.org".into(), 4433)));
        assert_eq!(parsed("[::1]:0"), Ok(("::1".into(), 0)));
        for bad in ["example.org", ":4433", "[]:4433", "::1:4433", "example.org:", "example.org:65536", ""] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        assert_eq!("[::1]:7".parse::<HostPort>().map(|host| host.to_string()), Ok("[::1]:7".into()));
    }

    #[test]
    fn times_are_finite_and_not_negative() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for bad in ["-1", "NaN", "inf", "1e9", "soon"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(timeout("0").is_err());
    }

    #[test]
    fn a_usage_error_is_one_line_with_a_way_out() {
        assert_eq!(
            refused("sealgram connect"),
            "the following required arguments were not provided: <HOST:PORT>; see 'sealgram connect --help'"
        );
        assert_eq!(
            refused("sealgram connect localhost"),
            "invalid value 'localhost' for '<HOST:PORT>': it has no port: write HOST:PORT; see 'sealgram --help'"
        );
        for words in [
            "sealgram connect a:1 --ca x --insecure",
            "sealgram connect a:1 --fingerprint xyz",
            "sealgram connect a:1 --wait soon",
            "sealgram listen a:1 --cert x",
            "sealgram listen a:1 --psk x",
            "sealgram connect a:1 --psk x:1",
            "sealgram connect a:1 --client-cert x",
            "sealgram connect a:1 --suite NULL",
            "sealgram connect a:1 --group x448",
            "sealgram connect a:1 --loss 101",
            "sealgram listen a:1 --dup some",
            "sealgram listen a:1 --seed -1",
            "sealgram connect a:1 --mtu 63",
            "sealgram connect a:1 --srtp NULL_HMAC_SHA1_80",
            "sealgram cert",
            "sealgram cert --out x --key y",
            "sealgram cert --out x --days 0",
            "sealgram dance",
        ] {
            let line = refused(words);
            assert!(!line.contains('\n') && line.contains("; "), "{words}: {line}");
        }
    }
}
