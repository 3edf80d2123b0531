//! The lines of `kt` that read: each has a screen that shows the same, live.

use super::line::{Takes, without_program};
use crate::shell_words;
use crate::tui::model::screen::Screen;

/// A command that reads, for the completion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// Its first words.
    pub(crate) words: &'static str,
    /// The name that follows; `None` of all.
    pub(crate) takes: Option<Takes>,
    pub(crate) screen: Screen,
}

const fn read(words: &'static str, takes: Option<Takes>, screen: Screen) -> Read {
    Read { words, takes, screen }
}

/// Every command that reads and has a screen.
pub(crate) const READS: [Read; 8] = [
    read("topics list", None, Screen::Topics),
    read("topics describe", Some(Takes::Topic), Screen::Topic),
    read("topics offsets", Some(Takes::Topic), Screen::Topic),
    read("groups list", None, Screen::Groups),
    read("groups describe", Some(Takes::Group), Screen::Group),
    read("groups offsets", Some(Takes::Group), Screen::Group),
    read("configs describe", Some(Takes::Entity), Screen::Configs),
    read("consume", Some(Takes::Topic), Screen::Records),
];

/// The command that reads which a typed line begins with.
pub(crate) fn begun(text: &str) -> Option<&'static Read> {
    let text = without_program(text);
    READS.iter().find(|it| {
        let rest = text.strip_prefix(it.words);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The screen of a line that reads, and its subject, empty of all.
///
/// # Errors
///
/// A quote that is not closed, or more than a screen can show at once.
pub(crate) fn screen(text: &str, read: &Read) -> Result<(Screen, String), String> {
    let rest = without_program(text).strip_prefix(read.words).unwrap_or_default();
    let names = shell_words::split(rest).ok_or("a quote is not closed")?;
    if let Some(flag) = names.iter().find(|it| it.starts_with('-')) {
        let words = read.words;
        return Err(format!(
            "{flag}: {words} opens its screen here; kt {words} in a shell has flags"
        ));
    }
    match (read.takes, names.as_slice()) {
        (None, []) => Ok((read.screen, String::new())),
        (None, [..]) => Err(format!("{} takes no names here: / filters", read.words)),
        (Some(_), [name]) => Ok((read.screen, name.clone())),
        (Some(takes), _) => Err(format!("{} takes one {} here", read.words, takes.word())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match begun(text).map(|it| screen(text, it)) {
            None => "no such line".to_owned(),
            Some(Ok((screen, subject))) => format!("{} {subject:?}", screen.name()),
            Some(Err(why)) => why,
        }
    }

    #[test]
    fn lines_that_read_open_the_screen_of_the_same() {
        insta::assert_snapshot!(told("topics list"), @r#"topics """#);
        insta::assert_snapshot!(told("kt topics describe 'a b'"), @r#"topic "a b""#);
        insta::assert_snapshot!(told("consume orders"), @r#"records "orders""#);
        insta::assert_snapshot!(told("topics lists"), @"no such line");
        insta::assert_snapshot!(told("topics list -o json"), @"-o: topics list opens its screen here; kt topics list in a shell has flags");
        insta::assert_snapshot!(told("groups describe"), @"groups describe takes one GROUP here");
        insta::assert_snapshot!(told("groups list 'pay.*'"), @"groups list takes no names here: / filters");
    }
}
