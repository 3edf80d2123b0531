//! The form for one record: it adds something and takes nothing away, so it runs without a question.

use super::input::{Line, Purpose};
use crate::tui::keymap::Key;

/// A record to produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewRecord {
    pub(crate) topic: String,
    /// `None`: the one that the partitioner chooses.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<String>,
    pub(crate) value: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// What is typed.
#[derive(Clone, Debug)]
pub(crate) struct ProduceForm {
    pub(crate) topic: String,
    pub(crate) partition: Option<i32>,
    fields: [Line; 3],
    at: usize,
}

/// The names of its lines.
pub(crate) const FIELDS: [&str; 3] = ["key", "value", "headers"];

/// What a key came to.
#[derive(Debug)]
pub(crate) enum Filled {
    Goes(ProduceForm),
    Left,
    Produce(NewRecord),
    /// It cannot be produced so.
    Wrong(ProduceForm, String),
}

impl ProduceForm {
    pub(crate) fn new(topic: String, partition: Option<i32>) -> ProduceForm {
        let fields = [0; 3].map(|_| Line::new(Purpose::Command, ""));
        ProduceForm { topic, partition, fields, at: 0 }
    }

    /// Its lines: name, text, and whether it has the keys.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, &str, bool)> {
        let lines = FIELDS.into_iter().zip(&self.fields).enumerate();
        lines.map(|(index, (name, line))| (name, line.text(), index == self.at))
    }

    /// Pasted text goes where the keys go. It is one line by now: it never acts as Enter.
    pub(crate) fn paste(&mut self, text: &str) {
        self.fields[self.at].paste(text);
    }

    /// Enter goes on to the next line; on the last one the record is produced.
    pub(crate) fn on_key(mut self, key: Key) -> Filled {
        let last = FIELDS.len() - 1;
        match key {
            Key::Esc => return Filled::Left,
            Key::Enter if self.at == last => return self.taken(),
            Key::Enter | Key::Down | Key::Tab => self.at = (self.at + 1) % FIELDS.len(),
            Key::Up | Key::BackTab => self.at = (self.at + last) % FIELDS.len(),
            Key::Backspace if self.fields[self.at].text().is_empty() => {}
            key => drop(self.fields[self.at].on_key(key)),
        }
        Filled::Goes(self)
    }

    /// A line without text is null for the key, and empty for the value.
    fn taken(self) -> Filled {
        let [key, value, headers] = self.fields.each_ref().map(Line::text);
        let mut pairs = Vec::new();
        for pair in headers.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) => pairs.push((name.to_owned(), value.to_owned())),
                None => {
                    let why = format!("\"{pair}\" is no header: name=value, name=value");
                    return Filled::Wrong(self, why);
                }
            }
        }
        Filled::Produce(NewRecord {
            topic: self.topic.clone(),
            partition: self.partition,
            key: Some(key.to_owned()).filter(|it| !it.is_empty()),
            value: value.to_owned(),
            headers: pairs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(texts: [&str; 3]) -> Filled {
        let mut form = ProduceForm::new("orders".to_owned(), Some(3));
        for (index, text) in texts.into_iter().enumerate() {
            for it in text.chars() {
                let Filled::Goes(next) = form.on_key(Key::Char(it)) else { panic!("{it}") };
                form = next;
            }
            match form.on_key(Key::Enter) {
                Filled::Goes(next) if index < 2 => form = next,
                end => return end,
            }
        }
        unreachable!("the last line ends it")
    }

    #[test]
    fn three_lines_make_a_record() {
        let Filled::Produce(record) = typed(["", "a, b=c", "trace=1, source=web=x"]) else {
            panic!("it is whole");
        };
        assert_eq!((record.key, record.value.as_str()), (None, "a, b=c"));
        let headers = [("trace", "1"), ("source", "web=x")];
        assert_eq!(record.headers, headers.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let Filled::Wrong(_, why) = typed(["k", "v", "trace"]) else { panic!("it is no header") };
        assert_eq!(why, "\"trace\" is no header: name=value, name=value");
    }

    #[test]
    fn escape_leaves_and_backspace_does_not() {
        let form = ProduceForm::new("orders".to_owned(), None);
        let Filled::Goes(form) = form.on_key(Key::Backspace) else { panic!("it stays") };
        assert!(matches!(form.on_key(Key::Esc), Filled::Left));
    }
}
