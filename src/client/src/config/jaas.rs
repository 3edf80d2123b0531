//! `sasl.jaas.config`: the name of a login module, a flag, options, a semicolon.
//!
//! ```text
//! org.apache.kafka.common.security.plain.PlainLoginModule required
//!     username="alice" password="secret";
//! ```

use std::collections::BTreeMap;

use kt_transport::Secret;

/// A login module with its options. Any of the options may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jaas {
    /// Its Java class, without the packages.
    pub(crate) module: String,
    pub(crate) options: BTreeMap<String, Secret>,
}

/// What stands between spaces and comments.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Equals,
    End,
}

const FLAGS: [&str; 4] = ["required", "requisite", "sufficient", "optional"];

impl Jaas {
    /// Reads a text. The reason why it cannot be read never quotes it: it holds passwords.
    pub(crate) fn parse(text: &str) -> Result<Jaas, &'static str> {
        let mut tokens = tokens(text)?.into_iter();
        let Some(Token::Word(class)) = tokens.next() else {
            return Err("a login module is needed");
        };
        match tokens.next() {
            Some(Token::Word(flag)) if FLAGS.iter().any(|it| it.eq_ignore_ascii_case(&flag)) => {}
            _ => return Err("\"required\" is needed behind the login module"),
        }
        let mut options = BTreeMap::new();
        loop {
            let name = match tokens.next() {
                Some(Token::Word(name)) => name,
                Some(Token::End) => break,
                Some(Token::Equals) => return Err("a name is needed before ="),
                None => return Err("a semicolon is needed at the end"),
            };
            let (Some(Token::Equals), Some(Token::Word(value))) = (tokens.next(), tokens.next())
            else {
                return Err("each option needs = and a value");
            };
            options.insert(name, Secret::new(value));
        }
        if tokens.next().is_some() {
            return Err("one login module is needed, not several");
        }
        let module = class.rsplit('.').next().unwrap_or_default().to_owned();
        Ok(Jaas { module, options })
    }

    pub(crate) fn option(&self, name: &str) -> Option<&Secret> {
        self.options.get(name)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or("a comment does not end")?.1;
        } else if first == '=' || first == ';' {
            tokens.push(if first == '=' { Token::Equals } else { Token::End });
            rest = &rest[1..];
        } else if first == '"' || first == '\'' {
            let (word, after) = quoted(&rest[1..], first)?;
            tokens.push(Token::Word(word));
            rest = after;
        } else {
            let is_end = |it: char| it.is_whitespace() || matches!(it, '=' | ';' | '"' | '\'');
            // A base64 value may end in =, which is no assignment there: it has to be quoted.
            let (word, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        }
    }
}

/// A text up to its closing quote, with Java's escapes; and what stands behind.
fn quoted(text: &str, quote: char) -> Result<(String, &str), &'static str> {
    let mut word = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\n' | '\r' => break,
            '\\' => match letters.next() {
                Some((_, 'n')) => word.push('\n'),
                Some((_, 't')) => word.push('\t'),
                Some((_, 'r')) => word.push('\r'),
                Some((_, escaped)) => word.push(escaped),
                None => break,
            },
            letter if letter == quote => return Ok((word, &text[at + letter.len_utf8()..])),
            letter => word.push(letter),
        }
    }
    Err("a quoted value does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options, shown.
    fn read(text: &str) -> String {
        match Jaas::parse(text) {
            Err(reason) => reason.to_owned(),
            Ok(jaas) => {
                let options: Vec<String> = jaas
                    .options
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.reveal()))
                    .collect();
                format!("{}: {}", jaas.module, options.join(" "))
            }
        }
    }

    #[test]
    fn modules_have_options() {
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
        let text = format!("{plain} required\n username=\"alice\" password='a\"b;=\\\\ \\'c';");
        insta::assert_snapshot!(read(&text), @r#"PlainLoginModule: password=a"b;=\ 'c username=alice"#);
        insta::assert_snapshot!(read("ScramLoginModule REQUIRED tokenauth=true ; "), @"ScramLoginModule: tokenauth=true");
        insta::assert_snapshot!(read("M required // a comment\n a = b /* c=\"d\" */ e=f;"), @"M: a=b e=f");
        insta::assert_snapshot!(read("M required;"), @"M: ");
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting() {
        insta::assert_snapshot!(read(""), @"a login module is needed");
        insta::assert_snapshot!(read("M"), @r#""required" is needed behind the login module"#);
        insta::assert_snapshot!(read("M password=secret;"), @r#""required" is needed behind the login module"#);
        insta::assert_snapshot!(read("M required password=\"secret\""), @"a semicolon is needed at the end");
        insta::assert_snapshot!(read("M required password=\"secret;"), @"a quoted value does not end");
        insta::assert_snapshot!(read("M required password;"), @"each option needs = and a value");
        insta::assert_snapshot!(read("M required password=;"), @"each option needs = and a value");
        insta::assert_snapshot!(read("M required; N required;"), @"one login module is needed, not several");
        insta::assert_snapshot!(read("M required /* password"), @"a comment does not end");
    }

    #[test]
    fn options_are_hidden() {
        let jaas = Jaas::parse("M required password=geheim;").unwrap();
        assert!(!format!("{jaas:?}").contains("geheim"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-zé\"'\\\\/*=; \n]{0,40}") {
            let _ = Jaas::parse(&text);
        }

        #[test]
        fn every_password_can_be_quoted(password: String) {
            let escaped: String = password
                .chars()
                .flat_map(|it| match it {
                    '\n' => vec!['\\', 'n'],
                    '\r' => vec!['\\', 'r'],
                    '"' | '\\' => vec!['\\', it],
                    it => vec![it],
                })
                .collect();
            let jaas = Jaas::parse(&format!("M required password=\"{escaped}\";")).unwrap();
            proptest::prop_assert_eq!(jaas.option("password").unwrap().reveal(), password);
        }
    }
}
