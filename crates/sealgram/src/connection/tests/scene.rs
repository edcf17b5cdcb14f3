//! A subject, the puppet opposite, and what the puppet is to say.

use alloc::vec::Vec;

use super::puppet::{Heard, Message, Puppet, messages};
use super::subject::{Mode, Subject};
use crate::code::{AlertDescription, AlertLevel, ContentType, ExtensionType};
use crate::error::Error;
use crate::event::{CloseReason, Event, Status};
use crate::wire::alert::Alert;

pub(super) struct Scene<S> {
    pub(super) subject: Subject,
    pub(super) puppet: Puppet,
    /// What the puppet will say: that of an honest peer, until a test changes it.
    pub(super) script: S,
}

impl<S> Scene<S> {
    /// Hands the subject a datagram; the application data that was in it.
    pub(super) fn give(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.subject.give(datagram)
    }

    /// Everything the subject sends, record by record.
    pub(super) fn heard(&mut self) -> Vec<Heard> {
        self.puppet.understand(&self.subject.take())
    }

    pub(super) fn heard_messages(&mut self) -> Vec<Message> {
        messages(&self.heard())
    }

    /// The alerts that the subject sends, which says nothing else now.
    pub(super) fn heard_alerts(&mut self) -> Vec<Alert> {
        self.heard().iter().map(Heard::alert).collect()
    }

    /// The subject has nothing to say and its association lives.
    pub(super) fn is_unmoved(&mut self) {
        assert_eq!(self.subject.connection.close_reason(), None);
        assert!(self.subject.take().is_empty(), "it says nothing");
    }

    /// The subject has failed with this error, says this fatal alert once, and then nothing more ever.
    #[track_caller]
    pub(super) fn fails(&mut self, error: impl Into<Error>, alert: AlertDescription) {
        let reason = self.subject.connection.close_reason().copied();
        assert_eq!(reason.as_ref().and_then(CloseReason::error), Some(&error.into()));
        assert_eq!(self.heard_alerts(), [fatal(alert)]);
        assert_eq!(self.subject.events().last(), reason.map(Event::Closed).as_ref());
        assert_eq!(self.subject.status(), Status::Closed);
        assert_eq!(self.subject.connection.poll_timeout(), None);
    }

    /// What came is of the kind that nobody vouches for: fatal at once on a trusted path, and elsewhere only if the
    /// true peer says nothing better while the subject says its flight twice more and each time waits in full.
    #[track_caller]
    pub(super) fn doubts(&mut self, error: impl Into<Error>, alert: AlertDescription) {
        self.doubt_matures();
        self.fails(error, alert);
    }

    /// As [`Self::doubts`], as far as the subject's end.
    #[track_caller]
    pub(super) fn doubt_matures(&mut self) {
        if self.subject.mode == Mode::Trusting {
            return;
        }
        self.is_unmoved();
        let has_flight = !self.subject.connection.outgoing.is_empty();
        for _ in 0..if has_flight { 2 } else { 0 } {
            self.subject.expire();
            assert!(self.subject.is_alive());
            assert!(!self.subject.take().is_empty(), "its flight goes out again");
        }
        self.subject.expire();
    }

    /// Data goes through in both directions.
    #[track_caller]
    pub(super) fn carries_data(&mut self) {
        assert_eq!(self.subject.status(), Status::Connected);
        let data = self.puppet.data(b"to the subject");
        assert_eq!(self.give(&data), [b"to the subject"]);
        // The peer may want 255 bytes in front of it.
        let mut out = [0; 400];
        let len = self.subject.connection.send(b"from the subject", &mut out).unwrap();
        let [heard] = &*self.puppet.understand(&[out[..len].to_vec()]) else { panic!("one record") };
        assert_eq!(
            (heard.header.content_type, &*heard.content),
            (ContentType::APPLICATION_DATA, &b"from the subject"[..])
        );
    }
}

pub(super) const fn fatal(description: AlertDescription) -> Alert {
    Alert { level: AlertLevel::FATAL, description }
}

pub(super) const fn warning(description: AlertDescription) -> Alert {
    Alert { level: AlertLevel::WARNING, description }
}

/// The extensions of a hello, to be changed at will.
#[derive(Clone, Debug)]
pub(super) struct ExtensionScript(pub(super) Vec<(ExtensionType, Vec<u8>)>);

impl ExtensionScript {
    /// Says this instead of what stood there, or at the end.
    pub(super) fn set(&mut self, extension: ExtensionType, data: &[u8]) {
        match self.0.iter_mut().find(|(other, _)| *other == extension) {
            Some((_, former)) => *former = data.to_vec(),
            None => self.0.push((extension, data.to_vec())),
        }
    }

    pub(super) fn remove(&mut self, extension: ExtensionType) {
        self.0.retain(|(other, _)| *other != extension);
    }

    pub(super) fn has(&self, extension: ExtensionType) -> bool {
        self.0.iter().any(|(other, _)| *other == extension)
    }

    /// The block that ends a hello, with its length.
    pub(super) fn encode(&self) -> Vec<u8> {
        let extensions: Vec<u8> =
            self.0.iter().flat_map(|(extension, data)| [&extension.0.to_be_bytes(), &*vec16(data)].concat()).collect();
        vec16(&extensions)
    }
}

/// A vector with a length of one byte.
pub(super) fn vec8(content: &[u8]) -> Vec<u8> {
    [&[u8::try_from(content.len()).unwrap()], content].concat()
}

/// A vector with a length of two bytes.
pub(super) fn vec16(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// A vector of 16-bit codes, with a length of two bytes.
pub(super) fn codes(codes: &[u16]) -> Vec<u8> {
    vec16(&codes.iter().flat_map(|code| code.to_be_bytes()).collect::<Vec<_>>())
}
