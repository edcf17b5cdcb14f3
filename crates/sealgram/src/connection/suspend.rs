//! Waiting for a decision of the application's (design: suspended decisions).

use alloc::vec::Vec;

use super::Connection;
use crate::code::HandshakeType;
use crate::decision::{Answer, ApiMisuse, Decision, DecisionId};
use crate::error::Failure;
use crate::event::Event;
use crate::handshake::{Effect, Refusal};
use crate::time::Instant;

/// The message that moves the handshake, also if a decision delays what follows from it.
#[derive(Clone, Copy)]
pub(super) struct Cause {
    pub(super) msg_type: HandshakeType,
    pub(super) message_seq: u16,
}

/// What goes on once a decision is made.
pub(super) struct Suspended {
    id: DecisionId,
    cause: Cause,
    /// What the handler wanted done before it needed the decision.
    effects: Vec<Effect>,
}

impl Connection {
    /// Makes a decision that [`Event::Needs`] asked for, and lets the handshake go on.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::NotOpen`] if the decision is not open any more, which happens when the handshake ended meanwhile;
    /// [`ApiMisuse::WrongKind`] if the answer does not fit the decision, which stays open then.
    pub fn resume(&mut self, now: Instant, id: DecisionId, answer: Answer) -> Result<(), ApiMisuse> {
        self.advance(now);
        let _span = self.trace.enter();
        let Some(Suspended { cause, effects, .. }) = self.suspended.take_if(|suspended| suspended.id == id) else {
            return Err(ApiMisuse::NotOpen);
        };
        // What was kept comes before what the answer brings; an answer of the wrong kind brings nothing.
        let mut kept = Vec::new();
        let outcome = self.advance_handshake(cause, effects, |state, cx| {
            let outcome = state.on_answer(answer, cx);
            if matches!(outcome, Err(Refusal::Misuse(_))) {
                kept = core::mem::take(&mut cx.effects);
            }
            outcome
        });
        match outcome {
            Ok(()) => {}
            Err(Refusal::Misuse(same) | Refusal::Ignore(same)) => {
                self.state = Ok(same);
                self.suspended = Some(Suspended { id, cause, effects: kept });
                return Err(ApiMisuse::WrongKind);
            }
            // The message that led here was taken long ago: no better one can come in its place.
            Err(Refusal::Fatal(error) | Refusal::Doubt(_, error)) => {
                self.fail(Failure { error, at: Some(cause.msg_type) });
            }
        }
        self.open_stashed();
        self.take_messages();
        self.open_stashed();
        Ok(())
    }

    /// The next state waits. Nothing of ours runs meanwhile, and what was doubted is answered by what came.
    pub(super) fn suspend(&mut self, cause: Cause, effects: Vec<Effect>, decision: Decision) {
        let id = self.next_decision;
        self.next_decision = id.next();
        self.doubt = None;
        self.retransmit.parked();
        self.suspended = Some(Suspended { id, cause, effects });
        self.events.push_back(Event::Needs { id, decision });
    }
}
