//! A subscriber that writes down all it is told.

use core::fmt::{self, Write};

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    /// The name and the fields of the span that it happened in; empty if it was in none.
    pub(crate) span: String,
    /// Its text, then its fields.
    pub(crate) text: String,
}

/// Keeps the events of one thread.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    spans: Mutex<Vec<String>>,
    entered: Mutex<Vec<Id>>,
    lines: Mutex<Vec<Line>>,
}

/// Does something while a recorder listens; all that it heard.
pub(crate) fn record(work: impl FnOnce()) -> Vec<Line> {
    let recorder = Arc::new(Recorder::default());
    tracing::subscriber::with_default(Arc::clone(&recorder), work);
    let lines = recorder.lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| line.text.len() + line.span.len() < 250), "{lines:#?}");
    lines
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut spans = self.spans.lock().unwrap();
        spans.push(format!("{}{}", span.metadata().name(), fields.0));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.metadata().target(), "sealgram");
        let mut fields = Fields::default();
        event.record(&mut fields);
        let entered = self.entered.lock().unwrap().last().cloned();
        let number = |id: Id| usize::try_from(id.into_u64()).unwrap() - 1;
        let span = entered.map(|id| self.spans.lock().unwrap()[number(id)].clone());
        let text = fields.0.trim_start().to_owned();
        self.lines.lock().unwrap().push(Line {
            level: *event.metadata().level(),
            span: span.unwrap_or_default(),
            text,
        });
    }

    fn enter(&self, span: &Id) {
        self.entered.lock().unwrap().push(span.clone());
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.entered.lock().unwrap().pop().as_ref(), Some(span), "spans are left in the order of a stack");
    }
}

/// The text of an event and its fields, in the order in which they came.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
