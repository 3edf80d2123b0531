//! The head of a request: what the connection must know before the node has the rest.
//!
//! ```text
//! | key: i16 | version: i16 | correlation id: i32 | client id: nullable string | tags | body
//!                                                   length i16, -1 for null      only in header 2
//! ```

use std::sync::Arc;

use bytes::BytesMut;
use kt_node::{Request, Session};
use kt_protocol::ApiKey;

use crate::connection::RequestKind;

/// Tagged fields of a request's header. No version of Kafka has any.
const HEADER_TAGS_MAX: u32 = 64;

/// A request as it goes to the node.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// It can only be answered with the news that nobody understands it.
    pub(crate) is_junk: bool,
}

/// How a request may be served, by the first bytes of its frame.
pub(crate) fn kind(front: &[u8]) -> RequestKind {
    let code = front.first_chunk().map(|bytes| i16::from_be_bytes(*bytes));
    match code.and_then(ApiKey::from_code) {
        Some(ApiKey::Produce) => RequestKind::Produce,
        Some(ApiKey::Fetch) => RequestKind::Fetch,
        _ => RequestKind::Exclusive,
    }
}

/// Reads the header of a frame.
///
/// # Errors
///
/// Says what is wrong with it. There is no answer to that: the correlation id may be wrong too.
pub(crate) fn read(session: Arc<Session>, frame: BytesMut) -> Result<Incoming, String> {
    let mut rest: &[u8] = &frame;
    let short = || format!("a frame of {} bytes holds no request header", frame.len());
    let code = take_i16(&mut rest).ok_or_else(short)?;
    let api_version = take_i16(&mut rest).ok_or_else(short)?;
    let correlation_id = take(&mut rest).map(i32::from_be_bytes).ok_or_else(short)?;
    let api_key = ApiKey::from_code(code).ok_or_else(|| format!("unknown API key {code}"))?;
    let client_id = take_client_id(&mut rest).ok_or_else(short)?;
    let is_probe = api_key == ApiKey::ApiVersions;
    let is_junk = is_probe && !api_key.valid_versions().contains(api_version);
    // What follows in the header of a version that we do not know, we do not know.
    if !is_junk && api_key.request_header_version(api_version) == 2 {
        skip_tags(&mut rest).ok_or_else(short)?;
    }
    let body_at = frame.len() - rest.len();
    let request =
        Request { session, api_key: code, api_version, correlation_id, client_id, frame, body_at };
    Ok(Incoming { request, is_junk })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

fn take_i16(rest: &mut &[u8]) -> Option<i16> {
    take(rest).map(i16::from_be_bytes)
}

/// None is a header that ends too early; Some(None) is the null client id.
fn take_client_id(rest: &mut &[u8]) -> Option<Option<String>> {
    let length = take_i16(rest)?;
    if length == -1 {
        return Some(None);
    }
    let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(Some(String::from_utf8_lossy(text).into_owned()))
}

fn skip_tags(rest: &mut &[u8]) -> Option<()> {
    let count = take_varint(rest).filter(|count| *count <= HEADER_TAGS_MAX)?;
    for _ in 0..count {
        take_varint(rest)?;
        let length = take_varint(rest)?;
        *rest = rest.get(usize::try_from(length).ok()?..)?;
    }
    Some(())
}

fn take_varint(rest: &mut &[u8]) -> Option<u32> {
    let mut value: u32 = 0;
    for shift in [0, 7, 14, 21, 28] {
        let [byte] = take(rest)?;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn session() -> Arc<Session> {
        let client_host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = "PLAINTEXT".to_owned();
        Arc::new(Session { listener, is_controller_listener: false, client_host })
    }

    fn read_bytes(bytes: &[u8]) -> Result<Incoming, String> {
        read(session(), BytesMut::from(bytes))
    }

    #[test]
    fn reads_both_headers_and_finds_the_body() {
        // Metadata 8 has header 1, Metadata 12 has header 2 with one tag here.
        let old = read_bytes(&[0, 3, 0, 8, 0, 0, 0, 7, 0, 2, b'm', b'e', 99]).unwrap().request;
        assert_eq!((old.api_key, old.api_version, old.correlation_id), (3, 8, 7));
        assert_eq!(old.client_id.as_deref(), Some("me"));
        assert_eq!(old.frame[old.body_at..], [99]);
        let new = [0, 3, 0, 12, 0, 0, 0, 7, 255, 255, 1, 5, 2, 1, 1, 99];
        let new = read_bytes(&new).unwrap().request;
        assert_eq!(new.client_id, None);
        assert_eq!(new.frame[new.body_at..], [99]);
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        let whole = [0, 3, 0, 12, 0, 0, 0, 7, 0, 1, b'm', 1, 5, 2, 1, 1];
        for cut in 0..whole.len() {
            assert!(read_bytes(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(read_bytes(&whole).is_ok());
        assert_eq!(read_bytes(&[9; 20]).unwrap_err(), "unknown API key 2313");
        // A client id of length -2, and more tags than anybody sends.
        assert!(read_bytes(&[0, 3, 0, 8, 0, 0, 0, 7, 255, 254]).is_err());
        assert!(read_bytes(&[0, 3, 0, 12, 0, 0, 0, 7, 255, 255, 65]).is_err());
    }

    #[test]
    fn a_probe_with_a_version_of_the_future_is_junk() {
        assert!(!read_bytes(&[0, 18, 0, 0, 0, 0, 0, 7, 255, 255]).unwrap().is_junk);
        assert!(read_bytes(&[0, 18, 0, 99, 0, 0, 0, 7, 255, 255]).unwrap().is_junk);
    }

    #[test]
    fn only_produce_and_fetch_overlap() {
        assert_eq!(kind(&[0, 0]), RequestKind::Produce);
        assert_eq!(kind(&[0, 1]), RequestKind::Fetch);
        assert_eq!(kind(&[0, 3]), RequestKind::Exclusive);
        assert_eq!(kind(&[0]), RequestKind::Exclusive);
        assert_eq!(kind(&[255, 255]), RequestKind::Exclusive);
    }
}
