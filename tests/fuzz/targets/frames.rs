//! Frames: any bytes are a request, or an error; what is read is written again as it was read.
#![no_main]

use bytes::Bytes;
use kt_protocol::codec::{DecodeBudget, MessageKind, Reader};
use kt_protocol::frame::RequestHeader;
use kt_protocol::messages::catalog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let frame = Bytes::copy_from_slice(data);
    let budget = || DecodeBudget::for_frame(frame.len());
    let mut reader = Reader::new(&frame, budget());
    let Ok(header) = RequestHeader::decode(&mut reader) else { return };
    let body = frame.slice(reader.position()..);
    let wanted = header.api_key.code();
    for kind in [MessageKind::Request, MessageKind::Response] {
        let message = catalog::ALL.iter().find(|it| it.kind == kind && it.key == Some(wanted));
        let Some(message) = message else { continue };
        if !message.valid_versions.contains(header.api_version) {
            continue;
        }
        let Ok(once) = message.rewrite(&body, header.api_version, budget()) else { continue };
        assert_eq!(once.bytes.len(), once.encoded_len);
        // Lengths may grow from compact to canonical: the budget is that of what was written.
        let again = DecodeBudget::for_frame(once.bytes.len().max(frame.len()));
        let twice = message.rewrite(&once.bytes, header.api_version, again).expect("our own bytes");
        assert_eq!(once.bytes, twice.bytes);
    }
});
