//! The handshake messages that are not complete, or not due.

use sealgram::code::HandshakeType;
use sealgram::{DiscardReason, Role};

use super::Fragment;

/// All fragments that have come and may still be needed.
pub(super) struct Parts {
    role: Role,
    /// The message after which there are keys.
    reads_after: HandshakeType,
    /// The message_seq that is due; open until the first message that settles it.
    due: Option<u16>,
    oldest_epoch: u16,
    /// Of two accounts of a message that are whole, the one that was quiet for longest is heard first.
    held: Vec<Part>,
    /// The cookies that a client has answered.
    cookies: Vec<Vec<u8>>,
    /// Of the ServerHello that was taken.
    server_random: Option<Vec<u8>>,
}

/// One account of what a message is.
struct Part {
    message_seq: u16,
    msg_type: HandshakeType,
    epoch: u16,
    /// The bytes, those not there yet being unknown.
    bytes: Vec<Option<u8>>,
}

/// What became of a message that was complete and due.
pub(super) enum Taken {
    /// It was handled, or is one of those that are handled later.
    Message,
    /// It said nothing new.
    Ignored,
    /// It was the last one of its epoch; so many accounts of messages were left.
    KeyExchange { leftover: usize },
    /// The handshake is complete; so many accounts were left.
    Finished { leftover: usize },
}

impl Parts {
    pub(super) const fn new(role: Role, reads_after: HandshakeType, due: Option<u16>) -> Self {
        Self { role, reads_after, due, oldest_epoch: 0, held: Vec::new(), cookies: Vec::new(), server_random: None }
    }

    /// Takes in a fragment; whether it is one of a message that was handled.
    pub(super) fn add(&mut self, epoch: u16, fragment: &Fragment<'_>) -> Result<bool, DiscardReason> {
        let Fragment { msg_type, length, message_seq, offset, bytes } = *fragment;
        let due = self.due.unwrap_or(0);
        if message_seq < due {
            return Ok(true);
        }
        if message_seq - due >= WINDOW {
            return Err(DiscardReason::FutureMessage);
        }
        if epoch < self.oldest_epoch {
            return Err(DiscardReason::LeftoverFragment);
        }
        if bytes.is_empty() && length > 0 {
            return Ok(false);
        }
        let belongs = |part: &Part| {
            (part.message_seq, part.msg_type, part.epoch, part.bytes.len()) == (message_seq, msg_type, epoch, length)
        };
        let known = self.held.iter().position(belongs).map(|index| self.held.remove(index));
        let mut part = known.unwrap_or_else(|| Part { message_seq, msg_type, epoch, bytes: vec![None; length] });
        for (place, byte) in part.bytes[offset..].iter_mut().zip(bytes) {
            *place = Some(*byte);
        }
        self.held.push(part);
        Ok(false)
    }

    /// Handles the next message, if it is there.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let is_ready = |part: &Part| self.is_due(part) && part.bytes.iter().all(Option::is_some);
        let ready = self.held.iter().position(is_ready)?;
        let message = self.held.remove(ready);
        let is_new = match (message.msg_type, self.due) {
            (HandshakeType::HELLO_VERIFY_REQUEST, _) => return Some(self.take_cookie(&message)),
            // A client that was sent two cookies has answered both.
            (HandshakeType::CLIENT_HELLO, _) => !self.has_hello(),
            _ => true,
        };
        if !is_new {
            return Some(Taken::Ignored);
        }
        self.due = Some(message.message_seq + 1);
        self.held.retain(|part| part.message_seq > message.message_seq);
        if message.msg_type == HandshakeType::CLIENT_HELLO {
            // Only now is a second one a repeat.
            self.cookies.push(Vec::new());
        }
        if message.msg_type == HandshakeType::SERVER_HELLO {
            self.server_random = Some(message.bytes.iter().flatten().skip(2).take(32).copied().collect());
        }
        Some(match message.msg_type {
            HandshakeType::FINISHED => Taken::Finished { leftover: self.forget_epochs_before(2) },
            last if last == self.reads_after => Taken::KeyExchange { leftover: self.forget_epochs_before(1) },
            _ => Taken::Message,
        })
    }

    pub(super) fn server_random(&self) -> Option<&[u8]> {
        self.server_random.as_deref()
    }

    /// Whether a server has its hello.
    fn has_hello(&self) -> bool {
        !self.cookies.is_empty()
    }

    /// A HelloVerifyRequest takes no place in the order, and a cookie that was answered says nothing.
    fn take_cookie(&mut self, message: &Part) -> Taken {
        let cookie: Vec<u8> = message.bytes.iter().flatten().skip(3).copied().collect();
        if self.cookies.contains(&cookie) || self.cookies.len() >= MAX_COOKIES {
            return Taken::Ignored;
        }
        self.cookies.push(cookie);
        Taken::Message
    }

    fn is_due(&self, part: &Part) -> bool {
        let opens = match self.role {
            Role::Client => [HandshakeType::HELLO_VERIFY_REQUEST, HandshakeType::SERVER_HELLO].contains(&part.msg_type),
            Role::Server => part.msg_type == HandshakeType::CLIENT_HELLO,
        };
        match self.due {
            None => opens,
            // The rest of the hello at the gate may be lost, and the client may have gone on to another cookie.
            Some(due) if self.role == Role::Server && !self.has_hello() => opens && part.message_seq >= due,
            Some(due) => due == part.message_seq,
        }
    }

    fn forget_epochs_before(&mut self, epoch: u16) -> usize {
        self.oldest_epoch = epoch;
        let before = self.held.len();
        self.held.retain(|part| part.epoch >= epoch);
        before - self.held.len()
    }
}

/// How far ahead of the message that is due one may be.
const WINDOW: u16 = 16;
/// How many cookies a client answers.
const MAX_COOKIES: usize = 5;
