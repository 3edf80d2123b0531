//! Secrets in what is typed: what the screen repeats of a line has none.

use super::App;
use crate::config_change::looks_secret;
use crate::tui::model::actions::words::{setting, without_secret};

impl App {
    /// Whether the value of this config must not be shown: rather hide too much.
    fn is_secret(&self, key: &str) -> bool {
        let told = self.watch.cluster.configs.values().filter_map(|it| it.told.as_ref());
        let mut entries = told.flat_map(|it| &it.value).map(|it| &it.entry);
        looks_secret(key) || entries.any(|it| it.name == key && it.is_sensitive)
    }

    /// The words of a line without the values of secrets.
    pub(crate) fn shown_words(&self, words: &[String]) -> Vec<String> {
        words.iter().map(|it| without_secret(it, |key| self.is_secret(key))).collect()
    }

    /// The secret that a line would set to nothing: its value is never there to be left as it is.
    pub(super) fn emptied_secret<'a>(&self, words: &'a [String]) -> Option<&'a str> {
        let empty = words.iter().filter_map(|it| setting(it)).filter(|it| it.1.is_empty());
        empty.map(|it| it.0).find(|key| self.is_secret(key))
    }
}
