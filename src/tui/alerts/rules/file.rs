//! The shapes of the file, as TOML has them; what they mean is read in `reading.rs`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::RulesError;

/// More than any file of rules holds.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    pub(super) rule: Vec<Spanned<RuleTable>>,
    pub(super) checks: Option<ChecksTable>,
    pub(super) target: BTreeMap<Spanned<String>, TargetTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    pub(super) name: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) r#match: Option<Spanned<Words>>,
    pub(super) except: Option<Spanned<Words>>,
    pub(super) warn: Option<Spanned<Amount>>,
    pub(super) bad: Option<Spanned<Amount>>,
    pub(super) warn_below: Option<Spanned<Amount>>,
    pub(super) warn_above: Option<Spanned<Amount>>,
    pub(super) bad_below: Option<Spanned<Amount>>,
    pub(super) bad_above: Option<Spanned<Amount>>,
    pub(super) r#for: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) send: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChecksTable {
    #[serde(default)]
    pub(super) send: Vec<Spanned<String>>,
    pub(super) only: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetTable {
    pub(super) bell: Option<Spanned<bool>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) webhook: Option<Spanned<String>>,
    pub(super) headers_file: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) levels: Option<Vec<Spanned<String>>>,
    pub(super) repeat: Option<Spanned<String>>,
    pub(super) max_per_hour: Option<Spanned<i64>>,
    pub(super) resolved: Option<bool>,
}

/// One word or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Words::One(word) => vec![word],
            Words::Several(words) => words,
        }
    }
}

/// A limit as it is written: a plain number, or one with its unit.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    Number(i64),
    Text(String),
}

pub(super) fn read(path: &Path) -> Result<String, RulesError> {
    let cannot =
        |reason: String| RulesError::new(format!("cannot read {}: {reason}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("the file {} does not exist", path.display());
            return Err(RulesError { is_missing: true, ..RulesError::new(message) });
        }
        Err(error) => return Err(cannot(error.to_string())),
    };
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if FILE_BYTES_MAX < bytes as u64 => {
            Err(cannot(format!("it holds more than {FILE_BYTES_MAX} bytes")))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(cannot(error.to_string())),
    }
}
