//! Headers from a file, so that secrets stand in no file of rules. Read anew each time: tokens
//! change.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::Limit;

const FILE_BYTES_MAX: u64 = 64 << 10;

/// One header a line, `Name: value`; empty lines and those that begin with `#` say nothing. A disk
/// that does not answer holds nobody else up.
pub(super) async fn read(path: &Path, limit: Limit) -> Result<HeaderMap, String> {
    let cannot = |reason: String| format!("{}: {reason}", path.display());
    let own = path.to_owned();
    let reading = async {
        let read = tokio::task::spawn_blocking(move || text_of(&own)).await;
        read.unwrap_or_else(|_| Err("its reader has failed".to_owned()))
    };
    let text = limit.hold("it could not be read", reading).await.map_err(cannot)?;
    parse(&text).map_err(|line| cannot(format!("line {line} is no \"Name: value\"")))
}

fn text_of(path: &Path) -> Result<String, String> {
    let words = |error: io::Error| error.to_string();
    // Opened, a pipe would wait for who writes it; read, it would be empty the next time.
    if !fs::metadata(path).map_err(words)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(words)?;
    let bytes = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(words)?;
    if FILE_BYTES_MAX < bytes as u64 {
        return Err("it is too long".to_owned());
    }
    Ok(text)
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
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let limit = Limit::from_now(std::time::Duration::from_secs(60));
        let refused = read(&pipe, limit).await.unwrap_err();
        assert_eq!(refused, format!("{}: it is no regular file", pipe.display()));
        let refused = read(Path::new("/nosuch"), limit).await.unwrap_err();
        insta::assert_snapshot!(refused, @"/nosuch: No such file or directory (os error 2)");
    }
}
