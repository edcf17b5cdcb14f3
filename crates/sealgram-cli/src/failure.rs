//! Why the program ends without success.

use std::fmt;
use std::io;

/// The outcome of whatever the program does.
pub(crate) type Result<T> = core::result::Result<T, Failure>;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong: one line for people that says who failed, at what, and what to do where that is known.
    Because(String),
    /// Whoever read our standard output has gone. There is nobody left to tell, and nothing went wrong.
    ReaderGone,
}

impl Failure {
    /// A failure described by `message`.
    pub(crate) fn because(message: impl Into<String>) -> Self {
        Self::Because(message.into())
    }

    /// What came of writing to standard output.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Because(format!("cannot write to standard output: {}", Reason(error))),
        }
    }
}

/// The text of an operating system's error without its number, which says nothing that the text does not.
pub(crate) struct Reason<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text);
        let mut characters = text.chars();
        match characters.next() {
            Some(first) => write!(f, "{}{}", first.to_lowercase(), characters.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_plain_words() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(Reason(&error).to_string(), "no such file or directory");
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        assert!(matches!(Failure::of_output(&io::ErrorKind::BrokenPipe.into()), Failure::ReaderGone));
        assert!(matches!(Failure::of_output(&io::ErrorKind::StorageFull.into()), Failure::Because(_)));
    }
}
