//! Why a test ends badly.

use core::fmt;
use std::io;

use sealgram::{CloseReason, ConfigError, SendError};

/// What the runner learns from standard error and from the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A flag that is not known, or a value of one that asks for something which is not there.
    NotImplemented(String),
    /// A flag without its value, or with one that means nothing.
    Usage(String),
    /// A file of the runner's that cannot be used.
    File(String),
    /// The configuration was refused.
    Config(ConfigError),
    /// The connection ended otherwise than by close_notify.
    Closed(CloseReason),
    /// The runner hung up before the handshake was complete.
    HungUp,
    /// The handshake did not come out as the flags say.
    Unexpected(String),
    /// Application data could not be sent.
    Send(SendError),
    /// The frames of the runner do not parse, or its TCP connection broke.
    Io(io::Error),
}

impl Failure {
    /// The runner tells "not implemented" from every other failure.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::NotImplemented(_) => 89,
            _ => 1,
        }
    }
}

/// A connection's failure is shown by its name, which `config.json` maps to the runner's names, and in words.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotImplemented(what) => write!(f, "not implemented: {what}"),
            Self::Usage(what) => write!(f, "usage: {what}"),
            Self::File(what) => write!(f, "file: {what}"),
            Self::Config(error) => write!(f, "{error:?}: {error}"),
            Self::Closed(reason) => match reason.error() {
                Some(error) => write!(f, "{error:?}: {reason}"),
                None => write!(f, "{reason:?}: {reason}"),
            },
            Self::HungUp => f.write_str("the runner hung up in the middle of the handshake"),
            Self::Unexpected(what) => write!(f, "unexpected: {what}"),
            Self::Send(error) => write!(f, "{error:?}: {error}"),
            Self::Io(error) => write!(f, "input or output: {error}"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
