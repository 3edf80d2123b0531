//! Headers from a file, so that secrets stand in no file of rules. Read anew each time: tokens
//! change.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

const FILE_BYTES_MAX: u64 = 64 << 10;

/// One header a line, `Name: value`; empty lines and those that begin with `#` say nothing.
pub(super) fn read(path: &Path) -> Result<HeaderMap, String> {
    let cannot = |reason: &str| format!("{}: {reason}", path.display());
    let mut text = String::new();
    let read =
        File::open(path).and_then(|it| it.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => return Err(cannot(&error.to_string())),
        Ok(bytes) if FILE_BYTES_MAX < bytes as u64 => return Err(cannot("it is too long")),
        Ok(_) => {}
    }
    parse(&text).map_err(|line| cannot(&format!("line {line} is no \"Name: value\"")))
}

/// The number of the line that is wrong, which is not quoted: it may be a secret.
fn parse(text: &str) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    for (number, line) in (1_usize..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(number)?;
        let name: HeaderName = name.trim().parse().map_err(|_| number)?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| number)?;
        value.set_sensitive(true);
        headers.try_append(name, value).map_err(|_| number)?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_headers_and_what_is_wrong_is_not_quoted() {
        let headers = parse("# for ops\n\nAuthorization: Bearer a:b\nx-tag:  kt \n").unwrap();
        assert_eq!(headers["authorization"], "Bearer a:b");
        assert_eq!(headers["x-tag"], "kt");
        assert_eq!(parse("a: b\nsecret").unwrap_err(), 2);
        assert_eq!(parse("a b: c").unwrap_err(), 1);
        assert_eq!(read(Path::new("/nosuch")).unwrap_err().split(':').next(), Some("/nosuch"));
    }
}
