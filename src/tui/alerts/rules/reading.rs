//! From the file's tables to rules: every value is checked, and the first that is wrong is named.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

use super::file::{Amount, ChecksTable, Document, RuleTable, TargetTable, Words};
use super::limits::{self, Bounds};
use super::{
    Checks, Limits, Matching, Resolved, Rule, RuleKind, Rules, RulesError, Subjects, Target, Value,
    Way,
};
use crate::duration::Span;
use crate::topic_selection::Patterns;
use crate::tui::model::checks::{CheckKind, Level};

const RULES_MAX: usize = 200;
const TARGETS_MAX: usize = 50;
const NAME_LETTERS_MAX: usize = 64;
const PATTERNS_MAX: usize = 50;
const PATTERN_LETTERS_MAX: usize = 1_000;
const ARGUMENTS_MAX: usize = 100;
const URL_LETTERS_MAX: usize = 2_000;

const TIMEOUT: Span = Span { milliseconds: 10_000 };
const TIMEOUT_MAX: Span = Span { milliseconds: 300_000 };
const REPEAT_LEAST: Span = Span { milliseconds: 1_000 };
const PER_HOUR: usize = 60;
const PER_HOUR_MAX: i64 = 1_000;

const LEVELS: [(&str, Level); 2] = [("warn", Level::Warn), ("bad", Level::Bad)];

/// One file: `folder` is where it lies, and where its relative paths begin.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Rules, RulesError> {
    let document: Document =
        toml::from_str(text).map_err(|error| RulesError::of_parser(text, &error))?;
    Reader { text, folder }.rules(document)
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn at(&self, span: &Range<usize>, message: &str) -> RulesError {
        RulesError::at(self.text, span, message)
    }

    fn rules(&self, document: Document) -> Result<Rules, RulesError> {
        let targets = self.targets(document.target)?;
        if RULES_MAX < document.rule.len() {
            return Err(RulesError::new(format!("there are more than {RULES_MAX} rules")));
        }
        let mut rules: Vec<Rule> = Vec::new();
        for table in document.rule {
            let span = table.span();
            let table = table.into_inner();
            let name = table.name.span();
            let rule = self.rule(table, &span, &targets)?;
            if rules.iter().any(|it| it.name == rule.name) {
                let message = format!("name: there are two rules \"{}\"", rule.name);
                return Err(self.at(&name, &message));
            }
            rules.push(rule);
        }
        let checks = document.checks.map(|it| self.checks(it, &targets)).transpose()?;
        Ok(Rules { rules, checks, targets, origin: None })
    }

    fn rule(
        &self,
        table: RuleTable,
        span: &Range<usize>,
        targets: &BTreeMap<String, Target>,
    ) -> Result<Rule, RulesError> {
        let name = self.name("name", table.name.as_ref(), &table.name.span())?;
        if CheckKind::ALL.iter().any(|it| it.name() == name) {
            let message = format!("name: \"{name}\" is the name of a built-in check");
            let fault = self.at(&table.name.span(), &message);
            return Err(fault.hint("[checks] says who is told of those"));
        }
        let kind = self.word("kind", &table.kind, RuleKind::ALL.map(|it| (it.name(), it)))?;
        let limits = self.limits(kind, &name, &table, span)?;
        let subjects = self.subjects(table.r#match, table.except)?;
        let holds = table.r#for.map_or(Ok(Span { milliseconds: 0 }), |it| self.span("for", &it))?;
        let send = self.send(&table.send, targets)?;
        Ok(Rule { name, kind, subjects, limits, holds, send })
    }

    fn limits(
        &self,
        kind: RuleKind,
        name: &str,
        table: &RuleTable,
        span: &Range<usize>,
    ) -> Result<Limits, RulesError> {
        let points = [("warn", &table.warn), ("bad", &table.bad)];
        let ends = [
            ("warn_below", &table.warn_below),
            ("warn_above", &table.warn_above),
            ("bad_below", &table.bad_below),
            ("bad_above", &table.bad_above),
        ];
        let is_range = kind == RuleKind::ProduceRate;
        let (others, meant): (&[_], _) = match is_range {
            true => (&points, "warn_below, warn_above, bad_below or bad_above"),
            false => (&ends, "warn or bad"),
        };
        let other = others.iter().find_map(|(key, it)| Some((key, it.as_ref()?)));
        if let Some((key, value)) = other {
            let message = format!("{key}: a rule of kind {} has {meant}", kind.name());
            return Err(self.at(&value.span(), &message));
        }
        let read = |(key, amount): (&str, &Option<Spanned<Amount>>)| {
            let amount = amount.as_ref();
            amount.map(|it| self.limit(kind, key, it)).transpose()
        };
        let limits = match is_range {
            true => Limits {
                warn: Bounds { below: read(ends[0])?, from: read(ends[1])? },
                bad: Bounds { below: read(ends[2])?, from: read(ends[3])? },
            },
            false => Limits {
                warn: Bounds { below: None, from: read(points[0])? },
                bad: Bounds { below: None, from: read(points[1])? },
            },
        };
        if !limits.is_empty() {
            self.check_order(&limits, name, span)?;
            return Ok(limits);
        }
        usual(kind).ok_or_else(|| {
            self.at(span, &format!("rule \"{name}\" has no limit: it needs {meant}"))
        })
    }

    fn limit(
        &self,
        kind: RuleKind,
        key: &str,
        amount: &Spanned<Amount>,
    ) -> Result<Value, RulesError> {
        limits::parse(kind, amount.as_ref())
            .map_err(|reason| self.at(&amount.span(), &format!("{key}: {reason}")))
    }

    /// A warning that comes later than what is bad would never be seen.
    fn check_order(
        &self,
        limits: &Limits,
        name: &str,
        span: &Range<usize>,
    ) -> Result<(), RulesError> {
        let Limits { warn, bad } = limits;
        let number = |it: Option<Value>| it.map(Value::number);
        let is_above = number(warn.from) > number(bad.from) && bad.from.is_some();
        let is_below = number(warn.below) < number(bad.below) && warn.below.is_some();
        match is_above || is_below {
            true => Err(self.at(span, &format!("rule \"{name}\" warns only beyond what is bad"))),
            false => Ok(()),
        }
    }

    fn subjects(
        &self,
        wanted: Option<Spanned<Words>>,
        unwanted: Option<Spanned<Words>>,
    ) -> Result<Subjects, RulesError> {
        let (wanted, only) = self.patterns("match", wanted)?;
        let (unwanted, except) = self.patterns("except", unwanted)?;
        Ok(Subjects { wanted, unwanted, only, except })
    }

    fn patterns(
        &self,
        key: &str,
        words: Option<Spanned<Words>>,
    ) -> Result<(Vec<String>, Option<Matching>), RulesError> {
        let Some(words) = words else { return Ok((Vec::new(), None)) };
        let span = words.span();
        let words = words.into_inner().into_vec();
        let is_long = |it: &String| PATTERN_LETTERS_MAX < it.len();
        if words.is_empty() || PATTERNS_MAX < words.len() || words.iter().any(is_long) {
            let message = format!(
                "{key}: 1 to {PATTERNS_MAX} patterns of at most {PATTERN_LETTERS_MAX} letters"
            );
            return Err(self.at(&span, &message));
        }
        let patterns = Patterns::new(&words)
            .map_err(|error| self.at(&span, &format!("{key}: {}", error.message)))?;
        Ok((words, Some(Matching(Arc::new(patterns)))))
    }

    fn send(
        &self,
        send: &[Spanned<String>],
        targets: &BTreeMap<String, Target>,
    ) -> Result<Vec<String>, RulesError> {
        let mut names = Vec::new();
        for it in send {
            let name = it.as_ref();
            if !targets.contains_key(name) {
                let message = format!("send: there is no [target.{name}]");
                let fault = self.at(&it.span(), &message);
                return Err(fault.meant(name, targets.keys().map(String::as_str)));
            }
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(names)
    }

    fn checks(
        &self,
        table: ChecksTable,
        targets: &BTreeMap<String, Target>,
    ) -> Result<Checks, RulesError> {
        let send = self.send(&table.send, targets)?;
        let kinds = CheckKind::ALL.map(|it| (it.name(), it));
        let only = table.only.map(|it| self.words("only", &it, &kinds)).transpose()?;
        Ok(Checks { send, only })
    }

    fn targets(
        &self,
        tables: BTreeMap<Spanned<String>, TargetTable>,
    ) -> Result<BTreeMap<String, Target>, RulesError> {
        if TARGETS_MAX < tables.len() {
            return Err(RulesError::new(format!("there are more than {TARGETS_MAX} targets")));
        }
        let mut targets = BTreeMap::new();
        for (name, table) in tables {
            let text = self.name("target", name.as_ref(), &name.span())?;
            let target = self.target(&text, &name.span(), &table)?;
            targets.insert(text, target);
        }
        Ok(targets)
    }

    fn target(
        &self,
        name: &str,
        span: &Range<usize>,
        table: &TargetTable,
    ) -> Result<Target, RulesError> {
        let timeout = match &table.timeout {
            None => TIMEOUT,
            Some(it) => self.span("timeout", it)?,
        };
        if !(REPEAT_LEAST..=TIMEOUT_MAX).contains(&timeout) {
            let span = table.timeout.as_ref().map_or(span.clone(), Spanned::span);
            return Err(self.at(&span, "timeout: 1s to 5m"));
        }
        let way = self.way(name, span, table, timeout)?;
        let repeat = table.repeat.as_ref().map(|it| self.span("repeat", it)).transpose()?;
        if let Some(it) = table.repeat.as_ref().filter(|_| repeat < Some(REPEAT_LEAST)) {
            return Err(self.at(&it.span(), "repeat: 1s is the least"));
        }
        let levels = match &table.levels {
            None => LEVELS.map(|it| it.1).to_vec(),
            Some(words) => self.words("levels", words, &LEVELS)?,
        };
        let max_per_hour = match &table.max_per_hour {
            None => PER_HOUR,
            Some(it) if (1..=PER_HOUR_MAX).contains(it.as_ref()) => {
                usize::try_from(*it.as_ref()).unwrap_or(PER_HOUR)
            }
            Some(it) => return Err(self.at(&it.span(), "max_per_hour: 1 to 1000")),
        };
        let resolved = match table.resolved {
            None | Some(true) => Resolved::Told,
            Some(false) => Resolved::Untold,
        };
        Ok(Target { way, levels, repeat, max_per_hour, resolved })
    }

    fn way(
        &self,
        name: &str,
        span: &Range<usize>,
        table: &TargetTable,
        timeout: Span,
    ) -> Result<Way, RulesError> {
        if let (None, Some(it)) = (&table.webhook, &table.headers_file) {
            return Err(self.at(&it.span(), "headers_file: only a webhook has headers"));
        }
        let bell = table.bell.as_ref().filter(|it| *it.as_ref());
        match (bell, &table.command, &table.webhook) {
            (Some(_), None, None) => Ok(Way::Bell),
            (None, Some(argv), None) => {
                let words = argv.as_ref();
                let is_runnable = words.first().is_some_and(|it| !it.is_empty())
                    && words.len() <= ARGUMENTS_MAX
                    && !words.iter().any(|it| it.contains('\0'));
                match is_runnable {
                    true => Ok(Way::Command { argv: words.clone(), timeout }),
                    false => Err(self.at(
                        &argv.span(),
                        "command: a program and its arguments, such as [\"notify-send\", \"kt\"]",
                    )),
                }
            }
            (None, None, Some(url)) => {
                if let Some(fault) = fault_of_url(url.as_ref()) {
                    return Err(self.at(&url.span(), &format!("webhook: {fault}")));
                }
                let headers_file = table.headers_file.as_ref();
                let headers_file = headers_file.map(|it| self.folder.join(it.as_ref()));
                Ok(Way::Webhook { url: url.as_ref().clone(), headers_file, timeout })
            }
            _ => {
                let message =
                    format!("target \"{name}\" needs one of bell = true, command and webhook");
                Err(self.at(span, &message))
            }
        }
    }

    fn name(&self, key: &str, name: &str, span: &Range<usize>) -> Result<String, RulesError> {
        let length = name.chars().count();
        match (1..=NAME_LETTERS_MAX).contains(&length) && !name.chars().any(char::is_control) {
            true => Ok(name.to_owned()),
            false => {
                let message = format!("{key}: 1 to {NAME_LETTERS_MAX} letters on one line");
                Err(self.at(span, &message))
            }
        }
    }

    fn span(&self, key: &str, text: &Spanned<String>) -> Result<Span, RulesError> {
        let parsed = text.as_ref().parse::<Span>();
        parsed.map_err(|reason| self.at(&text.span(), &format!("{key}: {reason}")))
    }

    fn words<T: Copy>(
        &self,
        key: &str,
        words: &[Spanned<String>],
        known: &[(&str, T)],
    ) -> Result<Vec<T>, RulesError> {
        words.iter().map(|it| self.word(key, it, known.iter().copied())).collect()
    }

    fn word<'b, T>(
        &self,
        key: &str,
        word: &Spanned<String>,
        known: impl IntoIterator<Item = (&'b str, T)>,
    ) -> Result<T, RulesError> {
        let mut names = Vec::new();
        for (name, value) in known {
            if name == word.as_ref() {
                return Ok(value);
            }
            names.push(name);
        }
        let message = format!("{key}: \"{}\" is none of {}", word.as_ref(), names.join(", "));
        Err(self.at(&word.span(), &message).meant(word.as_ref(), names))
    }
}

/// What a kind fires at if the rule does not say.
fn usual(kind: RuleKind) -> Option<Limits> {
    let from = |it: Value| Bounds { below: None, from: Some(it) };
    let nothing = Bounds::default();
    match kind {
        RuleKind::BrokerDown => Some(Limits { warn: nothing, bad: from(Value::Down(0)) }),
        RuleKind::UnderReplicated => Some(Limits { warn: from(Value::Count(1)), bad: nothing }),
        RuleKind::Disk => {
            Some(Limits { warn: from(Value::Share(0.8)), bad: from(Value::Share(0.9)) })
        }
        RuleKind::Lag | RuleKind::TimeLag | RuleKind::TopicSize | RuleKind::ProduceRate => None,
    }
}

/// Why a URL cannot be asked.
fn fault_of_url(url: &str) -> Option<&'static str> {
    if URL_LETTERS_MAX < url.len() {
        return Some("it is too long");
    }
    let Ok(uri) = url.parse::<hyper::Uri>() else { return Some("it is no URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Some("it must begin with https:// or http://");
    }
    let Some(authority) = uri.authority() else { return Some("it names no host") };
    if authority.as_str().contains('@') {
        return Some("a password does not belong here: headers_file names a file of headers");
    }
    None
}
