//! The changes behind `a`: which there are on a screen, and what each makes of what is chosen.

use crate::shell_words::quoted;
use crate::tui::model::screen::Screen;

/// A change by its letter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) key: char,
    pub(crate) says: &'static str,
    /// What it may cost: 0 adds, 1 changes, 2 may lose data.
    pub(crate) level: u8,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    CreateTopic,
    DeleteTopics,
    Trim,
    Partitions,
    SetConfig,
    Reset,
    DeleteGroups,
    DeleteOffsets,
    RemoveMember,
    SetEntityConfig,
    UnsetEntityConfig,
    Undo,
}

const fn item(key: char, says: &'static str, level: u8, what: What) -> Item {
    Item { key, says, level, what }
}

const UNDO: Item = item('u', "undo last change", 1, What::Undo);

const OF_TOPICS: &[Item] = &[
    item('n', "new topic", 0, What::CreateTopic),
    item('d', "delete topic", 2, What::DeleteTopics),
    item('t', "trim records", 2, What::Trim),
    item('p', "add partitions", 1, What::Partitions),
    item('s', "set config", 1, What::SetConfig),
    UNDO,
];

const OF_GROUPS: &[Item] = &[
    item('r', "reset offsets", 1, What::Reset),
    item('d', "delete group", 2, What::DeleteGroups),
    item('o', "delete offsets", 1, What::DeleteOffsets),
    item('m', "remove member", 1, What::RemoveMember),
    UNDO,
];

const OF_CONFIGS: &[Item] = &[
    item('s', "set config", 1, What::SetEntityConfig),
    item('d', "unset config", 1, What::UnsetEntityConfig),
    UNDO,
];

/// What a screen offers.
pub(crate) fn items(screen: Screen) -> &'static [Item] {
    match screen {
        Screen::Topics | Screen::Topic | Screen::Records | Screen::Segments => OF_TOPICS,
        Screen::Groups | Screen::Group => OF_GROUPS,
        Screen::Configs => OF_CONFIGS,
        // What is done there is done to alerts.
        Screen::Alerts => &[],
        _ => ONLY_UNDO,
    }
}

const ONLY_UNDO: &[Item] = &[UNDO];

/// What the footer calls the menu of a screen that changes nothing of its own.
pub(crate) fn footer_word(screen: Screen) -> Option<&'static str> {
    matches!(items(screen), [it] if it.what == What::Undo).then_some("undo")
}

/// What the user has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// What the screen is about, else the marked rows, else the row of the cursor.
    pub(crate) names: Vec<String>,
    /// What is under the cursor of a screen that is about one thing: a member, a config.
    pub(crate) part: Option<String>,
    /// The value of that config.
    pub(crate) value: Option<String>,
}

/// What a letter comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// A line that says all.
    Line(String),
    /// The beginning of one, to be typed to its end.
    Begun(String),
    /// It cannot be, and why.
    Not(String),
}

impl Item {
    fn takes_one(self) -> bool {
        use What::{DeleteGroups, DeleteTopics, Partitions, SetConfig, Trim};
        !matches!(self.what, DeleteTopics | Trim | Partitions | SetConfig | DeleteGroups)
    }

    pub(crate) fn make(self, chosen: &Chosen) -> Made {
        if self.what == What::Undo {
            return Made::Line("undo".to_owned());
        }
        if self.what == What::CreateTopic {
            return Made::Begun("topics create ".to_owned());
        }
        let Some(first) = chosen.names.first() else {
            return Made::Not("nothing under the cursor".to_owned());
        };
        if self.takes_one() && 1 < chosen.names.len() {
            let marked = chosen.names.len();
            return Made::Not(format!("{} takes one: {marked} are marked", self.says));
        }
        let names: Vec<String> = chosen.names.iter().map(|it| quoted(it)).collect();
        let (first, names) = (quoted(first), names.join(" "));
        match self.what {
            What::DeleteTopics => Made::Line(format!("topics delete {names}")),
            What::DeleteGroups => Made::Line(format!("groups delete {names}")),
            What::Trim => Made::Begun(format!("topics trim {names} --before ")),
            What::Partitions => Made::Begun(format!("topics alter {names} --partitions ")),
            What::SetConfig => Made::Begun(setting(&format!("topics alter {names}"), chosen)),
            What::Reset => Made::Begun(format!("groups reset {first} --all-topics --to ")),
            What::DeleteOffsets => Made::Begun(format!("groups delete-offsets {first} -t ")),
            What::RemoveMember => match &chosen.part {
                Some(id) => {
                    Made::Line(format!("groups remove-member {first} --member {}", quoted(id)))
                }
                None => Made::Begun(format!("groups remove-member {first} --member ")),
            },
            What::SetEntityConfig => {
                Made::Begun(setting(&format!("configs alter {first}"), chosen))
            }
            What::UnsetEntityConfig => match &chosen.part {
                Some(key) => Made::Line(format!("configs alter {first} --unset {}", quoted(key))),
                None => Made::Begun(format!("configs alter {first} --unset ")),
            },
            What::CreateTopic | What::Undo => unreachable!("these take no names"),
        }
    }
}

/// `configs alter topic/orders --set retention.ms=604800000`: the value is there to be changed.
pub(crate) fn setting(words: &str, chosen: &Chosen) -> String {
    let pair = chosen.part.as_ref().map(|key| {
        let value = chosen.value.as_deref().unwrap_or_default();
        format!("{key}={}", if value.is_empty() { String::new() } else { quoted(value) })
    });
    format!("{words} --set {}", pair.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(screen: Screen, names: &[&str], part: Option<&str>) -> String {
        let names = names.iter().map(|it| (*it).to_owned()).collect();
        let chosen = Chosen { names, part: part.map(str::to_owned), value: Some("5".to_owned()) };
        let line = |it: &Item| format!("{} {} {:?}", it.key, it.level, it.make(&chosen));
        items(screen).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn letters_make_lines() {
        insta::assert_snapshot!(made(Screen::Topics, &["a", "b c"], None), @r#"
        n 0 Begun("topics create ")
        d 2 Line("topics delete a 'b c'")
        t 2 Begun("topics trim a 'b c' --before ")
        p 1 Begun("topics alter a 'b c' --partitions ")
        s 1 Begun("topics alter a 'b c' --set ")
        u 1 Line("undo")
        "#);
        insta::assert_snapshot!(made(Screen::Group, &["g"], Some("m-1")), @r#"
        r 1 Begun("groups reset g --all-topics --to ")
        d 2 Line("groups delete g")
        o 1 Begun("groups delete-offsets g -t ")
        m 1 Line("groups remove-member g --member m-1")
        u 1 Line("undo")
        "#);
        insta::assert_snapshot!(made(Screen::Configs, &["topic/x"], Some("retention.ms")), @r#"
        s 1 Begun("configs alter topic/x --set retention.ms=5")
        d 1 Line("configs alter topic/x --unset retention.ms")
        u 1 Line("undo")
        "#);
        insta::assert_snapshot!(made(Screen::Groups, &["g", "h"], None), @r#"
        r 1 Not("reset offsets takes one: 2 are marked")
        d 2 Line("groups delete g h")
        o 1 Not("delete offsets takes one: 2 are marked")
        m 1 Not("remove member takes one: 2 are marked")
        u 1 Line("undo")
        "#);
        insta::assert_snapshot!(made(Screen::Topics, &[], None), @r#"
        n 0 Begun("topics create ")
        d 2 Not("nothing under the cursor")
        t 2 Not("nothing under the cursor")
        p 1 Not("nothing under the cursor")
        s 1 Not("nothing under the cursor")
        u 1 Line("undo")
        "#);
    }

    #[test]
    fn a_letter_means_one_thing_on_a_screen() {
        for screen in Screen::ALL {
            let keys: Vec<char> = items(screen).iter().map(|it| it.key).collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[at + 1..].contains(key), "{key} on {screen:?}");
            }
        }
    }
}
