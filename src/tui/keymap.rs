//! Which key asks for what: one table, from which the footer and the help are built too.

use super::model::screen::Screen;

/// A key as a terminal says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A command or a screen, completed.
    Line,
    Help,
    Filter,
    Open,
    /// Closes an input, clears the filter, then goes up.
    Back,
    LastScreen,
    Quit,
    QuitAtOnce,
    Suspend,
    Go(Screen),
    NextRow,
    PreviousRow,
    FirstRow,
    LastRow,
    HalfPageDown,
    HalfPageUp,
    PageDown,
    PageUp,
    NextColumn,
    PreviousColumn,
    NextPane,
    PreviousPane,
    Sort,
    SortReverse,
    FaultsOnly,
    Internal,
    Wide,
    Mark,
    MarkAll,
    /// Freezes the picture; on records it follows.
    Freeze,
    Refresh,
    ShorterWindow,
    LongerWindow,
    Earlier,
    Later,
    GoTo,
    Find,
    ViewAs,
    Actions,
    Edit,
    New,
    Produce,
    Details,
    Save,
    CopyCell,
    CopyLine,
    Unlock,
    Mouse,
    Theme,
    Alerts,
}

/// Where the help shows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under the name of the screen.
    Screen,
    Move,
    Everywhere,
}

/// One command and its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) command: Command,
    pub(crate) keys: &'static [Key],
    pub(crate) place: Place,
    /// What the help says, unless the screen has another word for it.
    pub(crate) word: &'static str,
}

const fn binding(
    command: Command,
    keys: &'static [Key],
    place: Place,
    word: &'static str,
) -> Binding {
    Binding { command, keys, place, word }
}

use Command as C;
use Key::{Char, Ctrl};

/// Every key but the numbers of the bar.
pub(crate) const KEYMAP: &[Binding] = &[
    binding(C::Open, &[Key::Enter], Place::Screen, "open"),
    binding(C::NextPane, &[Key::Tab], Place::Move, "pane"),
    binding(C::PreviousPane, &[Key::BackTab], Place::Move, "pane back"),
    binding(C::Sort, &[Char('s')], Place::Screen, "sort"),
    binding(C::SortReverse, &[Char('S')], Place::Screen, "reverse"),
    binding(C::FaultsOnly, &[Char('x')], Place::Screen, "faults only"),
    binding(C::Internal, &[Char('i')], Place::Screen, "internal"),
    binding(C::Wide, &[Char('w')], Place::Screen, "wide"),
    binding(C::Mark, &[Char(' ')], Place::Screen, "mark"),
    binding(C::MarkAll, &[Char('*')], Place::Screen, "mark all"),
    binding(C::GoTo, &[Char('@')], Place::Screen, "go to"),
    binding(C::Find, &[Char('F')], Place::Screen, "find"),
    binding(C::ViewAs, &[Char('v')], Place::Screen, "view"),
    binding(C::Edit, &[Char('e')], Place::Screen, "edit"),
    binding(C::New, &[Char('n')], Place::Screen, "new"),
    binding(C::Produce, &[Char('p')], Place::Screen, "produce"),
    binding(C::Details, &[Char('d')], Place::Screen, "details"),
    binding(C::Actions, &[Char('a')], Place::Screen, "actions"),
    binding(C::NextRow, &[Char('j'), Key::Down], Place::Move, "row"),
    binding(C::PreviousRow, &[Char('k'), Key::Up], Place::Move, "row back"),
    binding(C::FirstRow, &[Char('g'), Key::Home], Place::Move, "first"),
    binding(C::LastRow, &[Char('G'), Key::End], Place::Move, "last"),
    binding(C::HalfPageDown, &[Ctrl('d')], Place::Move, "half page"),
    binding(C::HalfPageUp, &[Ctrl('u')], Place::Move, "half page back"),
    binding(C::PageDown, &[Key::PageDown], Place::Move, "page"),
    binding(C::PageUp, &[Key::PageUp], Place::Move, "page back"),
    binding(C::PreviousColumn, &[Char('h'), Key::Left], Place::Move, "column back"),
    binding(C::NextColumn, &[Char('l'), Key::Right], Place::Move, "column"),
    binding(C::ShorterWindow, &[Char('<')], Place::Move, "shorter time"),
    binding(C::LongerWindow, &[Char('>')], Place::Move, "longer time"),
    binding(C::Earlier, &[Char('[')], Place::Move, "earlier"),
    binding(C::Later, &[Char(']')], Place::Move, "later"),
    binding(C::Line, &[Char(':')], Place::Everywhere, "command or screen"),
    binding(C::Filter, &[Char('/')], Place::Everywhere, "filter"),
    binding(C::Freeze, &[Char('f')], Place::Everywhere, "freeze"),
    binding(C::Refresh, &[Char('r')], Place::Everywhere, "refresh"),
    binding(C::Alerts, &[Char('!')], Place::Everywhere, "alerts"),
    binding(C::LastScreen, &[Char('-')], Place::Everywhere, "last"),
    binding(C::Theme, &[Char('T')], Place::Everywhere, "theme"),
    binding(C::Mouse, &[Char('m')], Place::Everywhere, "mouse"),
    binding(C::CopyCell, &[Char('y')], Place::Everywhere, "copy"),
    binding(C::CopyLine, &[Char('Y')], Place::Everywhere, "kt line"),
    binding(C::Save, &[Char('o')], Place::Everywhere, "save screen"),
    binding(C::Unlock, &[Char('u')], Place::Everywhere, "unlock"),
    binding(C::Back, &[Key::Esc], Place::Everywhere, "back"),
    binding(C::Help, &[Char('?')], Place::Everywhere, "help"),
    binding(C::Quit, &[Char('q')], Place::Everywhere, "quit"),
    binding(C::QuitAtOnce, &[Ctrl('c')], Place::Everywhere, "quit at once"),
    binding(C::Suspend, &[Ctrl('z')], Place::Everywhere, "suspend"),
];

/// What a key asks for, where no input has the focus.
pub(crate) fn command(key: Key) -> Option<Command> {
    if let Char(digit @ '1'..='9') = key {
        let index = u32::from(digit) - u32::from('1');
        return Screen::BAR.get(index as usize).map(|it| Command::Go(*it));
    }
    let found = KEYMAP.iter().find(|it| it.keys.contains(&key));
    found.map(|it| it.command)
}

/// Keys of the footer, and the screen's word for what they do.
type Hint = (&'static [Command], &'static str);

const OPEN: Hint = (&[C::Open], "open");
const FILTER: Hint = (&[C::Filter], "filter");
const SORT: Hint = (&[C::Sort], "sort");
const FAULTS: Hint = (&[C::FaultsOnly], "faults");
const ACTIONS: Hint = (&[C::Actions], "actions");
const PANE: Hint = (&[C::NextPane], "pane");
const WINDOW: Hint = (&[C::ShorterWindow, C::LongerWindow], "window");
const LINE: Hint = (&[C::CopyLine], "kt line");
const GO_TO: Hint = (&[C::GoTo], "go to");
const PRODUCE: Hint = (&[C::Produce], "produce");
const DETAILS: Hint = (&[C::Details], "details");
const HELP: Hint = (&[C::Help], "help");
const QUIT: Hint = (&[C::Quit], "quit");

/// The footer of each screen, in its order. `? help` is kept whatever the width.
const FOOTERS: [(Screen, &[Hint]); 13] = [
    (
        Screen::Overview,
        &[
            OPEN,
            FAULTS,
            (&[C::Alerts], "alerts"),
            WINDOW,
            (&[C::Freeze], "freeze"),
            ACTIONS,
            HELP,
            QUIT,
        ],
    ),
    (
        Screen::Topics,
        &[
            OPEN,
            FILTER,
            SORT,
            FAULTS,
            (&[C::Internal], "internal"),
            (&[C::New], "new"),
            ACTIONS,
            HELP,
        ],
    ),
    (
        Screen::Topic,
        &[
            (&[C::Open], "records"),
            PANE,
            GO_TO,
            PRODUCE,
            (&[C::Edit], "edit config"),
            ACTIONS,
            HELP,
        ],
    ),
    (
        Screen::Records,
        &[
            (&[C::Freeze], "follow"),
            (&[C::Find], "find"),
            GO_TO,
            (&[C::ViewAs], "view"),
            (&[C::CopyCell], "copy"),
            LINE,
            PRODUCE,
            HELP,
        ],
    ),
    (
        Screen::Segments,
        &[
            (&[C::Open], "batch, record, bytes"),
            PANE,
            GO_TO,
            (&[C::ViewAs], "hex"),
            FILTER,
            (&[C::Save], "save"),
            HELP,
        ],
    ),
    (Screen::Groups, &[OPEN, FILTER, SORT, FAULTS, ACTIONS, LINE, HELP, QUIT]),
    (
        Screen::Group,
        &[
            (&[C::Open], "records at commit"),
            (&[C::NextPane], "members"),
            WINDOW,
            SORT,
            ACTIONS,
            HELP,
        ],
    ),
    (Screen::Brokers, &[(&[C::Open], "log dirs"), DETAILS, FILTER, SORT, ACTIONS, HELP, QUIT]),
    (Screen::Quorum, &[(&[C::Open], "details"), ACTIONS, WINDOW, LINE, HELP, QUIT]),
    (
        Screen::Reassignments,
        &[
            (&[C::Open], "topic"),
            SORT,
            (&[C::Actions], "cancel, clear throttles"),
            LINE,
            HELP,
            QUIT,
        ],
    ),
    (
        Screen::LogDirs,
        &[
            (&[C::Open], "partitions"),
            PANE,
            SORT,
            (&[C::Actions], "move replica"),
            FILTER,
            HELP,
            QUIT,
        ],
    ),
    (
        Screen::Configs,
        &[
            (&[C::Edit], "edit"),
            FILTER,
            FAULTS,
            (&[C::NextPane], "entities"),
            ACTIONS,
            LINE,
            HELP,
            QUIT,
        ],
    ),
    (
        Screen::Alerts,
        &[
            (&[C::Open], "subject"),
            (&[C::NextPane], "events"),
            (&[C::Details], "rule"),
            (&[C::Actions], "mute, test, reload"),
            HELP,
            QUIT,
        ],
    ),
];

/// The words of a screen's footer.
pub(crate) fn footer(screen: Screen) -> &'static [Hint] {
    FOOTERS.iter().find(|(of, _)| *of == screen).map_or(&[], |(_, hints)| hints)
}

/// The footer's parts as they are drawn: `Enter open`. `actions` is the word for what `a` does,
/// where there is less to do than the table says.
pub(crate) fn footer_parts(screen: Screen, actions: Option<&str>) -> Vec<String> {
    let part = |(commands, word): &Hint| {
        let keys: Vec<String> = commands.iter().map(|it| first_key(*it)).collect();
        let less = actions.filter(|_| *commands == [C::Actions]);
        format!("{} {}", keys.join(" "), less.unwrap_or(word))
    };
    footer(screen).iter().map(part).collect()
}

/// A column of the help: its head, and keys with what they do.
pub(crate) type HelpPart = (&'static str, Vec<(Vec<Key>, &'static str)>);

/// All keys of a screen, as the help shows them: its own, those that move, those that work
/// everywhere. Where the screen has its own word for a key, that is said; `actions` is the word for
/// what `a` does, where there is less to do.
pub(crate) fn help(screen: Screen, actions: Option<&'static str>) -> [HelpPart; 3] {
    let own = footer(screen);
    let word = |binding: &Binding| {
        let hint = own.iter().find(|(commands, _)| *commands == [binding.command]);
        let less = actions.filter(|_| binding.command == C::Actions);
        less.unwrap_or_else(|| hint.map_or(binding.word, |(_, word)| *word))
    };
    let part = |place: Place| {
        let of_place =
            KEYMAP.iter().filter(move |it| it.place == place && is_of(it.command, screen));
        of_place.map(|it| (it.keys.to_vec(), word(it))).collect()
    };
    [
        ("this screen", part(Place::Screen)),
        ("move", part(Place::Move)),
        ("everywhere", part(Place::Everywhere)),
    ]
}

/// Whether a command means anything on a screen.
fn is_of(command: Command, screen: Screen) -> bool {
    use Screen::{
        Alerts, Configs, Group, LogDirs, Overview, Quorum, Records, Segments, Topic, Topics,
    };
    match command {
        C::Find => screen == Records,
        C::ViewAs => matches!(screen, Records | Segments),
        C::Edit => matches!(screen, Topic | Configs),
        C::New => screen == Topics,
        C::Produce => matches!(screen, Topic | Records),
        C::Internal => matches!(screen, Topics | Overview),
        C::NextPane | C::PreviousPane => {
            matches!(screen, Overview | Topic | Group | Segments | LogDirs | Configs | Alerts)
        }
        C::ShorterWindow | C::LongerWindow | C::Earlier | C::Later => has_charts(screen),
        C::GoTo => has_charts(screen) || matches!(screen, Records | Segments),
        // Records stand as they are in the log.
        C::Sort | C::SortReverse => screen != Records,
        C::FaultsOnly => !matches!(screen, Records | Quorum),
        C::Mark | C::MarkAll => screen != Quorum,
        _ => true,
    }
}

/// Whether there are charts, which have a window of time.
fn has_charts(screen: Screen) -> bool {
    use Screen::{Brokers, Group, Groups, Overview, Quorum, Topic, Topics};
    matches!(screen, Overview | Topics | Topic | Groups | Group | Brokers | Quorum)
}

fn first_key(command: Command) -> String {
    let bound = KEYMAP.iter().find(|it| it.command == command);
    bound.and_then(|it| it.keys.first()).map_or_else(String::new, |it| it.shown())
}

impl Key {
    /// As the footer and the help write it.
    pub(crate) fn shown(self) -> String {
        match self {
            Char(' ') => "Space".to_owned(),
            Char(it) => it.to_string(),
            Ctrl(it) => format!("^{}", it.to_ascii_uppercase()),
            Key::Enter => "Enter".to_owned(),
            Key::Esc => "Esc".to_owned(),
            Key::Tab => "Tab".to_owned(),
            Key::BackTab => "Shift-Tab".to_owned(),
            Key::Backspace => "Backspace".to_owned(),
            Key::Delete => "Del".to_owned(),
            // Words: ASCII has no arrows.
            Key::Up => "Up".to_owned(),
            Key::Down => "Down".to_owned(),
            Key::Left => "Left".to_owned(),
            Key::Right => "Right".to_owned(),
            Key::Home => "Home".to_owned(),
            Key::End => "End".to_owned(),
            Key::PageUp => "PgUp".to_owned(),
            Key::PageDown => "PgDn".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_asks_for_two_things_and_no_command_lacks_a_key() {
        let keys: Vec<Key> = KEYMAP.iter().flat_map(|it| it.keys).copied().collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{key:?} is bound twice");
            assert!(!matches!(key, Char('0'..='9')), "{key:?} is of the bar");
        }
        for screen in Screen::ALL {
            for (commands, word) in footer(screen) {
                for it in *commands {
                    assert_ne!(first_key(*it), "", "{word} of {screen:?} has no key");
                }
            }
        }
        assert_eq!(command(Char('7')), Some(Command::Go(Screen::LogDirs)));
        assert_eq!(command(Char('0')), None);
    }

    #[test]
    fn footers_are_as_the_screens_have_them() {
        let lines: Vec<String> =
            Screen::ALL.into_iter().map(|it| footer_parts(it, None).join("  ")).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        Enter open  x faults  ! alerts  < > window  f freeze  a actions  ? help  q quit
        Enter open  / filter  s sort  x faults  i internal  n new  a actions  ? help
        Enter records  Tab pane  @ go to  p produce  e edit config  a actions  ? help
        f follow  F find  @ go to  v view  y copy  Y kt line  p produce  ? help
        Enter batch, record, bytes  Tab pane  @ go to  v hex  / filter  o save  ? help
        Enter open  / filter  s sort  x faults  a actions  Y kt line  ? help  q quit
        Enter records at commit  Tab members  < > window  s sort  a actions  ? help
        Enter log dirs  d details  / filter  s sort  a actions  ? help  q quit
        Enter details  a actions  < > window  Y kt line  ? help  q quit
        Enter topic  s sort  a cancel, clear throttles  Y kt line  ? help  q quit
        Enter partitions  Tab pane  s sort  a move replica  / filter  ? help  q quit
        e edit  / filter  x faults  Tab entities  a actions  Y kt line  ? help  q quit
        Enter subject  Tab events  d rule  a mute, test, reload  ? help  q quit
        ");
    }
}
