//! From the text of a condition to what it means; faults name their place and the field that was
//! probably meant.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::bytes::Regex;

use crate::nearest::nearest;
use crate::position::At;

use super::expression::{Comparison, Expression, Field, Literal, Number, Test};
use super::token::{self, Token, TokenKind};

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilterError {
    /// The character that it begins at, from 1 on.
    column: usize,
    reason: String,
    pub(super) hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--where: {} (column {})", self.reason, self.column)
    }
}

impl std::error::Error for FilterError {}

/// Parentheses and `not`s inside one another.
const DEPTH_MAX: usize = 100;

const FIELDS: [&str; 8] =
    ["topic", "partition", "offset", "timestamp", "key", "value", "header.NAME", "value.PATH"];

/// Reads a condition. Times are meant at `now` in `zone`.
pub(super) fn parse(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Expression, FilterError> {
    let tokens = token::tokens(text).map_err(|(at, reason)| fault(text, at, reason))?;
    let mut parser = Parser { text, tokens: &tokens, next: 0, depth: 0, now, zone };
    let expression = parser.any()?;
    match parser.peek().kind {
        TokenKind::End => Ok(expression),
        TokenKind::Close => Err(parser.wrong("this ) closes nothing")),
        _ => Err(parser.wrong("and, or, or the end is expected here")),
    }
}

fn fault(text: &str, at: usize, reason: impl Into<String>) -> FilterError {
    let column = text.get(..at).map_or(0, |it| it.chars().count()) + 1;
    FilterError { column, reason: reason.into(), hint: None }
}

/// The line of a regex error that says what is wrong; those above draw where.
pub(super) fn regex_fault(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().replace("error: ", "")
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    next: usize,
    depth: usize,
    now: Timestamp,
    zone: &'a TimeZone,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        let end = Token { at: self.text.len(), kind: TokenKind::End };
        self.tokens.get(self.next).copied().unwrap_or(end)
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// A fault at the next token.
    fn wrong(&self, reason: impl Into<String>) -> FilterError {
        fault(self.text, self.peek().at, reason)
    }

    /// Takes the next word if it is this one.
    fn takes_word(&mut self, word: &str) -> bool {
        let is_it =
            matches!(self.peek().kind, TokenKind::Word(it) if it.eq_ignore_ascii_case(word));
        self.next += usize::from(is_it);
        is_it
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.all()?;
        while self.takes_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.one()?;
        while self.takes_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(self.wrong("this is too deep inside parentheses"));
        }
        let found = self.nested()?;
        self.depth -= 1;
        Ok(found)
    }

    fn nested(&mut self) -> Result<Expression, FilterError> {
        if self.takes_word("not") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.peek().kind != TokenKind::Open {
            return self.test();
        }
        let open = self.take();
        let inside = self.any()?;
        match self.take().kind {
            TokenKind::Close => Ok(inside),
            _ => Err(fault(self.text, open.at, "this ( is not closed")),
        }
    }

    fn test(&mut self) -> Result<Expression, FilterError> {
        let field = self.field()?;
        let is_negated = self.takes_word("not");
        let test = if self.takes_word("in") {
            Test::In(self.list(&field)?)
        } else if self.takes_word("like") {
            Test::Matches(self.like()?)
        } else if is_negated {
            return Err(self.wrong("in or like is expected after not"));
        } else if self.takes_word("is") {
            return self.null(field);
        } else {
            self.comparison(&field)?
        };
        let found = Expression::Test(field, test);
        Ok(if is_negated { Expression::Not(Box::new(found)) } else { found })
    }

    /// What follows `is`.
    fn null(&mut self, field: Field) -> Result<Expression, FilterError> {
        let is_negated = self.takes_word("not");
        if !self.takes_word("null") {
            return Err(self.wrong("null is expected after is"));
        }
        let found = Expression::Test(field, Test::IsNull);
        Ok(if is_negated { Expression::Not(Box::new(found)) } else { found })
    }

    fn comparison(&mut self, field: &Field) -> Result<Test, FilterError> {
        let comparison = match self.peek().kind {
            TokenKind::Sign("~") => {
                self.take();
                return Ok(Test::Matches(self.pattern()?));
            }
            TokenKind::Sign("=" | "==") => Comparison::Equal,
            TokenKind::Sign("!=" | "<>") => Comparison::NotEqual,
            TokenKind::Sign("<") => Comparison::Less,
            TokenKind::Sign("<=") => Comparison::LessOrEqual,
            TokenKind::Sign(">") => Comparison::Greater,
            TokenKind::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return Err(self.wrong("= != < <= > >= ~ in like or is is expected here")),
        };
        self.take();
        Ok(Test::Compare(comparison, self.literal(field)?))
    }

    fn list(&mut self, field: &Field) -> Result<Vec<Literal>, FilterError> {
        if self.take().kind != TokenKind::Open {
            self.next -= 1;
            return Err(self.wrong("a list is expected after in: (1, 2)"));
        }
        let mut literals = vec![self.literal(field)?];
        loop {
            match self.peek().kind {
                TokenKind::Comma => {
                    self.take();
                    literals.push(self.literal(field)?);
                }
                TokenKind::Close => {
                    self.take();
                    return Ok(literals);
                }
                _ => return Err(self.wrong(", or ) is expected in this list")),
            }
        }
    }

    fn field(&mut self) -> Result<Field, FilterError> {
        let token = self.peek();
        let TokenKind::Word(word) = token.kind else {
            return Err(self.wrong("a field is expected here").with_hint(FIELDS.join(" ")));
        };
        let path = token::path(word).ok_or_else(|| self.wrong(format!("{word} is no field")))?;
        let field = match path.as_slice() {
            [name] => match name.as_str() {
                "topic" => Field::Topic,
                "partition" => Field::Partition,
                "offset" => Field::Offset,
                "timestamp" => Field::Timestamp,
                "key" => Field::Key,
                "value" => Field::Value,
                "header" | "headers" => {
                    return Err(self.wrong("name the header: header.NAME"));
                }
                _ => return Err(self.no_field(word, name)),
            },
            [name, rest @ ..] if name == "value" => Field::Json(rest.to_vec()),
            // Names of headers may hold dots.
            [name, rest @ ..] if name == "header" => Field::Header(rest.join(".")),
            [name, ..] => return Err(self.no_field(word, name)),
            [] => return Err(self.no_field(word, word)),
        };
        self.take();
        Ok(field)
    }

    fn no_field(&self, word: &str, name: &str) -> FilterError {
        let names = ["topic", "partition", "offset", "timestamp", "key", "value", "header"];
        let hint = match nearest(name, &names) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("the fields are {}", FIELDS.join(" ")),
        };
        self.wrong(format!("there is no field \"{word}\"")).with_hint(hint)
    }

    /// A word where a value is expected, and the text of it if it is quoted.
    fn word(&mut self) -> Result<(&'a str, Option<String>), FilterError> {
        let TokenKind::Word(word) = self.peek().kind else {
            return Err(self.wrong("a value is expected here: a number or 'text'"));
        };
        let text = match word.starts_with(['\'', '"']) {
            true => {
                let text = token::unquoted(word);
                Some(text.ok_or_else(|| self.wrong("a quote inside text is written twice"))?)
            }
            false => None,
        };
        Ok((word, text))
    }

    fn literal(&mut self, field: &Field) -> Result<Literal, FilterError> {
        let (word, quoted) = self.word()?;
        if quoted.is_none() && word.eq_ignore_ascii_case("null") {
            return Err(self.wrong("nothing is equal to null: write is null"));
        }
        let literal = match field {
            Field::Timestamp => Literal::Number(Number::Whole(self.time(word, quoted)?)),
            Field::Partition | Field::Offset => match Number::read(word.as_bytes()) {
                Some(number) => Literal::Number(number),
                None => return Err(self.wrong(format!("{word} is not a number"))),
            },
            Field::Topic => Literal::Text(quoted.unwrap_or_else(|| word.to_owned())),
            Field::Key | Field::Value | Field::Header(_) | Field::Json(_) => {
                match (quoted, Number::read(word.as_bytes()), word) {
                    (Some(text), _, _) => Literal::Text(text),
                    (None, Some(number), _) => Literal::Number(number),
                    (None, None, "true") if matches!(field, Field::Json(_)) => Literal::Bool(true),
                    (None, None, "false") if matches!(field, Field::Json(_)) => {
                        Literal::Bool(false)
                    }
                    (None, None, word) => Literal::Text(word.to_owned()),
                }
            }
        };
        self.take();
        Ok(literal)
    }

    /// A time as every AT has it, in milliseconds.
    fn time(&self, word: &str, quoted: Option<String>) -> Result<i64, FilterError> {
        let text = quoted.unwrap_or_else(|| word.to_owned());
        let no_time = || {
            let wrong = self.wrong(format!("{text} is not a time"));
            wrong.with_hint("write -1h, 2026-11-21T02:00, 02:00 or @1700000000000")
        };
        match text.parse() {
            Ok(At::Time(time)) => {
                let instant = time.instant(self.now, self.zone).ok_or_else(no_time)?;
                Ok(instant.timestamp.as_millisecond())
            }
            _ => Err(no_time()),
        }
    }

    fn pattern(&mut self) -> Result<Regex, FilterError> {
        let (word, quoted) = self.word()?;
        let text = quoted.unwrap_or_else(|| word.to_owned());
        let pattern = Regex::new(&text).map_err(|error| {
            let reason = regex_fault(&error);
            self.wrong(format!("{word} is not a regular expression: {reason}"))
        })?;
        self.take();
        Ok(pattern)
    }

    /// `%` is any text, `_` one character, a backslash takes the meaning from both.
    fn like(&mut self) -> Result<Regex, FilterError> {
        let (word, quoted) = self.word()?;
        let text = quoted.unwrap_or_else(|| word.to_owned());
        let mut pattern = "(?s)^".to_owned();
        let mut characters = text.chars();
        while let Some(it) = characters.next() {
            match it {
                '%' => pattern.push_str(".*"),
                '_' => pattern.push('.'),
                '\\' => {
                    let next = characters.next().unwrap_or('\\');
                    pattern.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                }
                it => pattern.push_str(&regex::escape(it.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        let pattern = Regex::new(&pattern)
            .map_err(|error| self.wrong(format!("{word}: {}", regex_fault(&error))))?;
        self.take();
        Ok(pattern)
    }
}

impl FilterError {
    fn with_hint(mut self, hint: impl Into<String>) -> FilterError {
        self.hint = Some(hint.into());
        self
    }
}
