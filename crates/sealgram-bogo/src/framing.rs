//! The frames that the runner and the shim exchange over TCP: one byte that says what it is, then its fields, big-endian.

use core::time::Duration;
use std::io::{self, Read, Write};

/// What the runner says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A datagram arrives.
    Datagram(Vec<u8>),
    /// So much time passes. It wants to be acknowledged before anything comes of it.
    AdvanceClock(Duration),
    /// From now on the path carries datagrams of so many bytes.
    SetMtu(usize),
    /// The next timeout has to be this far away; `None`: there must not be one.
    ExpectTimeout(Option<Duration>),
    /// From now on this is the first timeout.
    SetInitialTimeout(Duration),
}

/// Reads the next command; `None` once the runner has hung up.
///
/// It reads to the end of the frame and not further: later commands count from when they are asked for.
pub(crate) fn read_command(from: &mut impl Read) -> io::Result<Option<Command>> {
    let mut opcode = [0];
    if from.read(&mut opcode)? == 0 {
        return Ok(None);
    }
    let command = match opcode {
        [DATAGRAM] => {
            let len = u32::from_be_bytes(field(from)?);
            if len > MAX_DATAGRAM {
                return Err(malformed("a datagram longer than UDP carries"));
            }
            let mut datagram = vec![0; len as usize];
            from.read_exact(&mut datagram)?;
            Command::Datagram(datagram)
        }
        [ADVANCE_CLOCK] => Command::AdvanceClock(Duration::from_nanos(u64::from_be_bytes(field(from)?))),
        [SET_MTU] => Command::SetMtu(u32::from_be_bytes(field(from)?) as usize),
        [EXPECT_TIMEOUT] => Command::ExpectTimeout(match u64::from_be_bytes(field(from)?) {
            u64::MAX => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }),
        [SET_INITIAL_TIMEOUT] => {
            Command::SetInitialTimeout(Duration::from_millis(u32::from_be_bytes(field(from)?).into()))
        }
        [other] => return Err(malformed(&format!("opcode {other:#04x}"))),
    };
    Ok(Some(command))
}

/// Sends a datagram.
pub(crate) fn write_datagram(to: &mut impl Write, datagram: &[u8]) -> io::Result<()> {
    let len = u32::try_from(datagram.len()).map_err(|_| malformed("a datagram longer than its length field"))?;
    let mut frame = Vec::from([DATAGRAM]);
    frame.extend(len.to_be_bytes());
    frame.extend(datagram);
    to.write_all(&frame)
}

/// Says that the clock is about to advance. What was sent before counts as lost.
pub(crate) fn acknowledge_clock(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&[CLOCK_ADVANCED])
}

fn field<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const DATAGRAM: u8 = b'P';
const ADVANCE_CLOCK: u8 = b'T';
const CLOCK_ADVANCED: u8 = b't';
const SET_MTU: u8 = b'M';
const EXPECT_TIMEOUT: u8 = b'E';
const SET_INITIAL_TIMEOUT: u8 = b'U';

/// The runner has records that are too long on purpose, and nothing near this.
const MAX_DATAGRAM: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(mut bytes: &[u8]) -> Vec<Command> {
        core::iter::from_fn(|| read_command(&mut bytes).unwrap()).collect()
    }

    #[test]
    fn every_command_is_read_to_its_end() {
        let bytes = [
            &b"P\0\0\0\x03abc"[..],
            b"T\0\0\0\0\x3b\x9a\xca\x00",
            b"M\0\0\x01\x2c",
            b"E\0\0\0\0\0\0\x27\x10",
            b"E\xff\xff\xff\xff\xff\xff\xff\xff",
            b"U\0\0\0\xfa",
            b"P\0\0\0\0",
        ];
        let expected = [
            Command::Datagram(b"abc".to_vec()),
            Command::AdvanceClock(Duration::from_secs(1)),
            Command::SetMtu(300),
            Command::ExpectTimeout(Some(Duration::from_micros(10))),
            Command::ExpectTimeout(None),
            Command::SetInitialTimeout(Duration::from_millis(250)),
            Command::Datagram(Vec::new()),
        ];
        assert_eq!(commands(&bytes.concat()), expected);
    }

    /// What comes after a frame is still there for the next call.
    #[test]
    fn nothing_is_read_ahead() {
        let mut bytes = &b"M\0\0\0\x01P\0\0\0\x01x"[..];
        assert_eq!(read_command(&mut bytes).unwrap(), Some(Command::SetMtu(1)));
        assert_eq!(bytes, b"P\0\0\0\x01x");
    }

    #[test]
    fn a_frame_that_is_cut_short_is_an_error() {
        for frame in [&b"P\0\0\0\x03ab"[..], b"P\0\0", b"T\0", b"M", b"E\0\0\0\0\0\0\0", b"U\0\0\0"] {
            assert!(read_command(&mut &frame[..]).is_err(), "{frame:?}");
        }
        assert_eq!(read_command(&mut &[][..]).unwrap(), None);
    }

    #[test]
    fn unknown_opcodes_and_absurd_lengths_are_errors() {
        assert!(read_command(&mut &b"x"[..]).is_err());
        assert!(read_command(&mut &b"P\xff\xff\xff\xff"[..]).is_err());
    }

    #[test]
    fn a_written_datagram_is_read_back() {
        let mut bytes = Vec::new();
        write_datagram(&mut bytes, b"hello").unwrap();
        acknowledge_clock(&mut bytes).unwrap();
        assert_eq!(bytes, b"P\0\0\0\x05hellot");
        assert_eq!(read_command(&mut &bytes[..]).unwrap(), Some(Command::Datagram(b"hello".to_vec())));
    }
}
