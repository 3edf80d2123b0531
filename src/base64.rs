//! Base64 of RFC 4648 with padding: how bytes that are not text travel in JSON.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let mut group: u32 = 0;
        for index in 0..3 {
            group = group << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..4 {
            let six = (group >> (18 - 6 * index)) & 0x3f;
            // n bytes need n + 1 characters.
            out.push(if index <= chunk.len() { ALPHABET[six as usize] } else { b'=' });
        }
    }
}

/// The bytes that `text` stands for, or `None` if it is not base64 with padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.len() / 4;
    for (number, chunk) in text.chunks(4).enumerate() {
        let padding = chunk.iter().rev().take_while(|it| **it == b'=').count();
        if 2 < padding || (padding != 0 && number + 1 != groups) {
            return None;
        }
        let mut group: u32 = 0;
        for byte in &chunk[..4 - padding] {
            group = group << 6 | six_bits(*byte)?;
        }
        group <<= 6 * padding;
        let bytes = group.to_be_bytes();
        let kept = 3 - padding;
        // Bits beyond the last byte must be zero: else two texts would stand for the same bytes.
        if bytes[1 + kept..].iter().any(|it| *it != 0) {
            return None;
        }
        out.extend_from_slice(&bytes[1..=kept]);
    }
    Some(out)
}

fn six_bits(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        encode_into(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encoded(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encoded(&[0x00, 0xff]), "AP8=");
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in ["A", "AB", "ABC", "A===", "Zg=a", "Zg==Zg==", "Zh==", "Zm9=", "Z m9", "Zm9_"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encoded(&bytes)), Some(bytes));
        }
    }
}
