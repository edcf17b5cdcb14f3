//! Why a call on a client, a listener or a stream failed.

use core::fmt;
use std::io;

use sealgram::crypto::ExportError;
use sealgram::error::Fault;
use sealgram::{CloseReason, ConfigError, SendError};

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The buffer is shorter than the data that is next. The data is still there: come again with a longer one.
    BufferTooShort {
        /// The length of the data, in bytes.
        needed: usize,
    },
    /// The association has ended, or never came to be: the handshake failed.
    Closed(CloseReason),
    /// The configuration cannot serve.
    Config(ConfigError),
    /// The keying material was not exported.
    Export(ExportError),
    /// The operating system.
    Io(io::Error),
    /// The listener has ended.
    ListenerClosed,
    /// The name resolves to no address, or to none of the family that the socket is bound to.
    NoAddress,
    /// Nothing was sent; nearly always because the payload is too long for the path.
    Send(SendError),
    /// Nothing came within the timeout that was set. The association is as it was.
    TimedOut,
}

impl Error {
    /// Whether it says nothing about the peer but that it could not be reached: another address may do.
    pub(crate) fn is_about_path(&self) -> bool {
        match self {
            Self::Io(_) => true,
            Self::Closed(reason) => reason.error().is_some_and(|error| error.fault() == Fault::Path),
            _ => false,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooShort { needed } => write!(f, "the buffer is too short: {needed} bytes are needed"),
            Self::Closed(reason) => reason.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::ListenerClosed => f.write_str("the listener has ended"),
            Self::NoAddress => f.write_str("the name resolves to no usable address"),
            Self::Send(error) => error.fmt(f),
            Self::TimedOut => f.write_str("nothing came in time"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // The text of a wrapped error is shown above; what lies below it is its source's.
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}
