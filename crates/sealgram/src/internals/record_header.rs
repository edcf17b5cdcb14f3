//! Records and fragments of a datagram.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::code::ContentType;
use crate::inspect::{self, FragmentView, RecordView};
use crate::record::{Opening, RawRecord, RecordLayer};
use crate::wire::fragment::{FragmentHeader, split_fragments};
use crate::wire::record::{MAX_PLAINTEXT, RecordHeader};

/// The bytes are a datagram. Its records lie inside it one behind the other, encode to what they came from, and are
/// those that `inspect` sees; without keys none of them changes a byte.
pub fn record_header(data: &[u8]) {
    let mut datagram = data.to_vec();
    let mut layer = RecordLayer::new();
    let mut views = inspect::records(data);
    let mut is_shown = true;
    let mut at = 0;
    while let Some(Ok(record)) = RecordLayer::split(&datagram, at, 0) {
        assert_eq!((record.at, record.body.start), (at, at + RecordHeader::LEN));
        let body = data.get(record.body.clone()).expect("a record lies inside its datagram");
        assert_eq!(data.get(at..record.body.start), Some(&record.header.encode()[..]));
        // `inspect` stops where a header of DTLS 1.3 begins, and with it what can be compared.
        is_shown &= record.header.content_type.0 < 0x20;
        if is_shown {
            let view = views.next().expect("inspect reads what the record layer reads");
            assert_eq!(view.body, body);
            assert_same_record(&view, &record.header);
            assert!(!view.to_string().is_empty());
            compare_fragments(&view);
        }
        judge(&layer.open(&mut datagram, &record), &record);
        at = record.body.end;
    }
    assert_eq!(datagram, data, "plaintext is opened as it stands");
}

fn assert_same_record(view: &RecordView<'_>, header: &RecordHeader) {
    let RecordHeader { content_type, version, epoch, sequence, length } = *header;
    assert_eq!((view.content_type, view.version, view.epoch), (content_type, version, epoch));
    assert_eq!((view.sequence, view.body.len()), (sequence, usize::from(length)));
}

/// What a layer without keys may make of a record.
fn judge(opening: &Opening, record: &RawRecord) {
    let RecordHeader { content_type, epoch, sequence, .. } = record.header;
    match opening {
        Opening::Opened(opened) => {
            assert_eq!((epoch, opened.epoch, opened.newest), (0, 0, false));
            assert_eq!((opened.content_type, opened.sequence), (content_type, sequence));
            assert_eq!(opened.plaintext, record.body);
            assert!((1..=MAX_PLAINTEXT).contains(&record.body.len()));
            assert_ne!(content_type, ContentType::APPLICATION_DATA);
        }
        Opening::Early => assert_eq!(epoch, 1),
        Opening::Discarded(_) => {}
        Opening::IntegrityLimit => assert_eq!(Some(epoch), None, "there is no key that could be worn out"),
    }
}

/// The fragments of a record are those that `inspect` sees, up to the first that contradicts itself.
fn compare_fragments(view: &RecordView<'_>) {
    if view.content_type != ContentType::HANDSHAKE || view.is_protected() {
        return;
    }
    let mut views = view.fragments();
    let mut walked = Vec::new();
    for fragment in split_fragments(view.body) {
        let Ok((header, bytes)) = fragment else { break };
        assert_same_fragment(&views.next().expect("inspect reads what is whole"), &header, bytes);
        let range = header.range().expect("a fragment lies inside its message");
        assert_eq!(range.len(), bytes.len());
        walked.extend(header.encode());
        walked.extend(bytes);
    }
    assert!(view.body.starts_with(&walked), "fragments encode to what they came from");
}

fn assert_same_fragment(view: &FragmentView<'_>, header: &FragmentHeader, bytes: &[u8]) {
    let FragmentHeader { msg_type, length, message_seq, offset, fragment_length } = *header;
    assert_eq!((view.msg_type, view.length, view.message_seq), (msg_type, length, message_seq));
    assert_eq!((view.offset, view.fragment_length, view.bytes), (offset, fragment_length, bytes));
}
