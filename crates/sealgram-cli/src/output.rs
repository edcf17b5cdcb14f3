//! Standard output: lines, colours where somebody looks, and texts of strangers made harmless.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::failure::{Failure, Result};

/// Prints a line and sees to it that it is out.
///
/// # Errors
///
/// [`Failure::ReaderGone`] if nobody reads any more: `println!` would panic.
pub(crate) fn line(text: impl fmt::Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| Failure::of_output(&error))
}

/// Bytes as people write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether and how to colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    enabled: bool,
}

/// What a piece of text is, for the eye.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    /// Said by the client.
    Client,
    /// Said by the server.
    Server,
    /// Lines and labels that should stand back.
    Quiet,
}

impl Palette {
    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { enabled: false };

    /// Colours for a terminal, unless its user does not want any (<https://no-color.org>).
    pub(crate) fn for_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { enabled: io::stdout().is_terminal() && !unwanted && !dumb }
    }

    /// `text` in `ink`, if there are colours.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Client => "36",
            Ink::Server => "33",
            Ink::Quiet => "2",
        };
        if self.enabled && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Bytes from the peer, for a terminal: their number, and what they say. They must not move the cursor or reverse the
/// writing direction of whoever looks at them.
pub(crate) struct Payload<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0.len() == 1 { "byte" } else { "bytes" };
        write!(f, "{} {unit}: ", self.0.len())?;
        let Ok(text) = core::str::from_utf8(self.0) else { return write!(f, "{}", self.0.escape_ascii()) };
        text.chars().try_for_each(|character| match character {
            '"' | '\'' => write!(f, "{character}"),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_cannot_command_the_terminal() {
        assert_eq!(Payload("it's ü\u{1b}[2J\n".as_bytes()).to_string(), "12 bytes: it's ü\\u{1b}[2J\\n");
        assert_eq!(Payload(&[0xff]).to_string(), "1 byte: \\xff");
        assert_eq!(Payload(b"").to_string(), "0 bytes: ");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(Palette::PLAIN.paint(Ink::Client, "x"), "x");
        assert_eq!(Palette { enabled: true }.paint(Ink::Quiet, "x"), "\x1b[2mx\x1b[0m");
    }
}
