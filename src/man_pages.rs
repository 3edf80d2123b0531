//! The manual: one page for each command, from the same definitions as the help.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;

/// One page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The words of its command: `kt topics create`.
    pub(crate) command: Vec<String>,
    /// Its text for `man`.
    pub(crate) text: Vec<u8>,
}

impl Page {
    /// `kt-topics-create.1`
    #[cfg(test)]
    pub(crate) fn file_name(&self) -> String {
        format!("{}.1", self.command.join("-"))
    }
}

/// All pages, that of `kt` first.
pub(crate) fn pages() -> io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    add(&Cli::command(), &[], &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, above: &[String], pages: &mut Vec<Page>) -> io::Result<()> {
    let path: Vec<String> = above.iter().cloned().chain([command.get_name().to_owned()]).collect();
    pages.push(Page { text: page(command, &path)?, command: path.clone() });
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    for verb in shown {
        add(verb, &path, pages)?;
    }
    Ok(())
}

fn page(command: &Command, path: &[String]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let name = path.join("-");
    // Without its verbs' flags: each has a page of its own.
    let own = command.clone().display_name(&name).bin_name(path.join(" "));
    let source = format!("kt {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(own.clone()).title(&name).source(source).manual("kt");
    man.render_title(&mut out)?;
    let about = own.get_about().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {about}"))]);
    roff.to_writer(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if command.get_arguments().any(|it| !it.is_hide_set()) {
        man.render_options_section(&mut out)?;
    }
    verbs(command, path, &mut out)?;
    let more = command.get_after_long_help().or_else(|| command.get_after_help());
    if let Some(more) = more {
        paragraphs(&more.to_string(), &mut out)?;
    }
    if 1 < path.len() {
        also(&path[..path.len() - 1], &mut out)?;
    }
    Ok(out)
}

fn verbs(command: &Command, path: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut shown = command.get_subcommands().filter(|it| !it.is_hide_set()).peekable();
    if shown.peek().is_none() {
        return Ok(());
    }
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for verb in shown {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        roff.control("TP", []);
        roff.text([bold(format!("{}-{}", path.join("-"), verb.get_name())), roman("(1)")]);
        roff.text([roman(about)]);
    }
    roff.to_writer(out)
}

/// What stands behind the options in the help: titles that end with a colon, lines as they are.
fn paragraphs(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    let mut is_open = false;
    for line in text.lines() {
        let title = line.strip_suffix(':').filter(|it| !it.starts_with(' '));
        match title {
            Some(title) => {
                if std::mem::replace(&mut is_open, true) {
                    roff.control("fi", []);
                }
                roff.control("SH", [title.to_uppercase().as_str()]);
                roff.control("nf", []);
            }
            None => drop(roff.text([roman(line.strip_prefix("  ").unwrap_or(line))])),
        }
    }
    if is_open {
        roff.control("fi", []);
    }
    roff.to_writer(out)
}

/// The page above tells the rest.
fn also(above: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let mut words = vec![bold(above.join("-")), roman("(1)")];
    if 1 < above.len() {
        words.extend([roman(", "), bold("kt"), roman("(1)")]);
    }
    roff.text(words);
    roff.to_writer(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_examples_of_the_help() {
        let pages = pages().unwrap();
        let page = pages.iter().find(|it| it.file_name() == "kt-topics-create.1").unwrap();
        let text = String::from_utf8(page.text.clone()).unwrap();
        assert!(text.contains(".SH EXAMPLES\n.nf\nkt topics create orders"), "{text}");
        assert!(text.contains(".SH \"SEE ALSO\""), "{text}");
        assert!(!pages.iter().any(|it| it.file_name() == "kt-topic.1"));
    }
}
