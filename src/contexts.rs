//! Contexts: clusters by name, from the user's file and the project's, and which one is in use.
//!
//! The user's file is `kt/config.toml` in the user's configuration home (`XDG_CONFIG_HOME`); the
//! project's is the `.kt.toml` that is nearest upwards, no further than the folder with `.git`. A
//! context of the project hides one of the user's with its name.

mod color;
pub(crate) mod edit;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

pub(crate) use self::color::ContextColor;
use crate::error::{CliError, Kind};
use crate::nearest::nearest;

/// The name of a project's file.
pub(crate) const PROJECT_FILE: &str = ".kt.toml";

/// Where clients look if nothing names a broker.
pub(crate) const DEFAULT_BOOTSTRAP: &str = "127.0.0.1:9092";

/// What a file holds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// The context in use.
    pub(crate) context: Option<String>,
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// One cluster, and how it is reached.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Context {
    /// `HOST:PORT,…`
    pub(crate) bootstrap: String,
    /// Changes need `--unlock NAME`.
    pub(crate) protected: bool,
    /// What the dashboard paints its first line with.
    pub(crate) color: Option<ContextColor>,
    /// The only cluster that is meant.
    pub(crate) cluster_id: Option<String>,
    /// A properties file of Kafka client keys; relative to the file that names it.
    pub(crate) command_config: Option<PathBuf>,
    /// Kafka client keys. Secrets belong into a file of their own.
    pub(crate) client: BTreeMap<String, Scalar>,
}

/// A client key's value, as people write it in TOML.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Flag(bool),
    Number(i64),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Flag(flag) => flag.fmt(f),
            Scalar::Number(number) => number.fmt(f),
            Scalar::Text(text) => text.fmt(f),
        }
    }
}

/// Where a value comes from; the earlier wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File(PathBuf),
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Environment(name) => f.write_str(name),
            Origin::File(path) => path.display().fmt(f),
            Origin::BuiltIn => f.write_str("built in"),
        }
    }
}

/// What flags and environment say of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) bootstrap: Option<(String, OriginOfFlag)>,
    pub(crate) context: Option<(String, OriginOfFlag)>,
}

/// How a flag was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OriginOfFlag {
    CommandLine,
    Environment,
}

/// The cluster that a command works on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) bootstrap: String,
    pub(crate) origin: Origin,
    /// None if the address was given by itself, or nothing was.
    pub(crate) context: Option<InUse>,
}

/// A context, chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InUse {
    pub(crate) name: String,
    /// What chose it.
    pub(crate) chosen_by: Origin,
    /// The file that it stands in.
    pub(crate) file: PathBuf,
    pub(crate) context: Context,
}

/// All files there are, the nearest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contexts {
    files: Vec<(PathBuf, ConfigFile)>,
}

impl Contexts {
    /// Reads the files. One that is not there is an empty one.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or says what kt does not know.
    pub(crate) fn load() -> Result<Contexts, CliError> {
        let folder = std::env::current_dir().ok();
        let project = folder.as_deref().and_then(project_file);
        let paths = project.into_iter().chain(user_file());
        let mut files = Vec::new();
        for path in paths {
            if let Some(file) = read(&path)? {
                files.push((path, file));
            }
        }
        Ok(Contexts { files })
    }

    /// Every context, those of the project first; hidden ones are left out.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Context, &Path)> {
        let all = self.files.iter().enumerate().flat_map(|(at, (path, file))| {
            file.contexts.iter().map(move |(name, it)| (at, name.as_str(), it, path.as_path()))
        });
        all.filter(|(at, name, ..)| {
            !self.files[..*at].iter().any(|(_, nearer)| nearer.contexts.contains_key(*name))
        })
        .map(|(_, name, context, path)| (name, context, path))
    }

    /// A context by its name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn find(&self, name: &str) -> Result<(&Context, &Path), CliError> {
        if let Some((_, context, path)) = self.all().find(|it| it.0 == name) {
            return Ok((context, path));
        }
        let error = CliError::not_found(format!("context \"{name}\" does not exist"));
        Err(match nearest(name, self.all().map(|it| it.0)) {
            Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
            None => error.hint("kt context list; kt context add NAME --bootstrap HOST:PORT"),
        })
    }

    /// The context that the files say is in use.
    fn by_files(&self) -> Option<(String, Origin)> {
        self.files.iter().find_map(|(path, file)| {
            file.context.clone().map(|name| (name, Origin::File(path.clone())))
        })
    }

    /// The cluster that is meant: by flag, environment, project, user, or the default.
    ///
    /// # Errors
    ///
    /// Two that exclude each other, or a context that does not exist.
    pub(crate) fn target(&self, asked: &Asked) -> Result<Target, CliError> {
        use OriginOfFlag::{CommandLine, Environment};
        let chosen = match (&asked.bootstrap, &asked.context) {
            (Some((_, CommandLine)), Some((_, CommandLine))) => {
                return Err(CliError::usage("--bootstrap and --context exclude each other"));
            }
            (Some((_, Environment)), Some((_, Environment))) => {
                let error = CliError::usage("KT_BOOTSTRAP and KT_CONTEXT are both set");
                return Err(error.hint("unset one of them, or give --context or -b"));
            }
            (Some((bootstrap, given)), None)
            | (Some((bootstrap, given @ CommandLine)), Some(_)) => {
                let origin = given.of("--bootstrap", "KT_BOOTSTRAP");
                return Ok(Target { bootstrap: bootstrap.clone(), origin, context: None });
            }
            (_, Some((name, given))) => Some((name.clone(), given.of("--context", "KT_CONTEXT"))),
            (None, None) => self.by_files(),
        };
        let Some((name, chosen_by)) = chosen else {
            let bootstrap = DEFAULT_BOOTSTRAP.to_owned();
            return Ok(Target { bootstrap, origin: Origin::BuiltIn, context: None });
        };
        let (context, path) = self.find(&name)?;
        let (context, file) = (context.clone(), path.to_owned());
        Ok(Target {
            bootstrap: context.bootstrap.clone(),
            origin: Origin::File(file.clone()),
            context: Some(InUse { name, chosen_by, file, context }),
        })
    }
}

impl OriginOfFlag {
    fn of(self, flag: &'static str, variable: &'static str) -> Origin {
        match self {
            OriginOfFlag::CommandLine => Origin::Flag(flag),
            OriginOfFlag::Environment => Origin::Environment(variable),
        }
    }
}

/// The user's own file; none for a user without a home.
pub(crate) fn user_file() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("kt").join("config.toml"))
}

/// The nearest project file from `folder` upwards, no further than a folder with `.git`.
fn project_file(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let file = folder.join(PROJECT_FILE);
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn read(path: &Path) -> Result<Option<ConfigFile>, CliError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            return Err(CliError::new(Kind::Other, "ERROR", message));
        }
    };
    parse(&text).map(Some).map_err(|error| CliError {
        message: format!("{}: {}", path.display(), error.message),
        ..error
    })
}

/// What is wrong with a file and in which line, without quoting it.
fn parse_fault(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    let line = span.map(|it| text[..it.start].matches('\n').count() + 1);
    let place = line.map_or(String::new(), |line| format!("line {line}: "));
    format!("{place}{message}")
}

fn parse(text: &str) -> Result<ConfigFile, CliError> {
    let file: ConfigFile = toml::from_str(text)
        .map_err(|error| CliError::usage(parse_fault(text, error.span(), error.message())))?;
    for (name, context) in &file.contexts {
        if context.bootstrap.is_empty() {
            return Err(CliError::usage(format!("context \"{name}\" has no bootstrap")));
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(files: &[(&str, &str)]) -> Contexts {
        let read = |(path, text): &(&str, &str)| (PathBuf::from(path), parse(text).unwrap());
        Contexts { files: files.iter().map(read).collect() }
    }

    fn both() -> Contexts {
        contexts(&[
            ("/p/.kt.toml", "context = \"dev\"\n[contexts.dev]\nbootstrap = \"dev:1\""),
            (
                "/u/config.toml",
                "context = \"prod\"\n[contexts.dev]\nbootstrap = \"hidden:1\"\n\
                 [contexts.prod]\nbootstrap = \"prod:1\"\nprotected = true\n\
                 [contexts.prod.client]\n\"client.id\" = \"ops\"\n\"linger.ms\" = 5",
            ),
        ])
    }

    fn asked(bootstrap: Option<&str>, context: Option<&str>, given: OriginOfFlag) -> Asked {
        let give = |it: Option<&str>| it.map(|it| (it.to_owned(), given));
        Asked { bootstrap: give(bootstrap), context: give(context) }
    }

    fn chosen(contexts: &Contexts, asked: &Asked) -> String {
        match contexts.target(asked) {
            Ok(target) => {
                let name = target.context.map(|it| format!("{} by {}", it.name, it.chosen_by));
                format!("{} from {}, {name:?}", target.bootstrap, target.origin)
            }
            Err(error) => format!("{} ({:?})", error.message, error.hint),
        }
    }

    #[test]
    fn the_nearest_source_wins() {
        use OriginOfFlag::{CommandLine, Environment};
        let none = Asked::default();
        insta::assert_snapshot!(chosen(&Contexts::default(), &none), @"127.0.0.1:9092 from built in, None");
        insta::assert_snapshot!(chosen(&both(), &none), @r#"dev:1 from /p/.kt.toml, Some("dev by /p/.kt.toml")"#);
        let by_environment = asked(None, Some("prod"), Environment);
        insta::assert_snapshot!(chosen(&both(), &by_environment), @r#"prod:1 from /u/config.toml, Some("prod by KT_CONTEXT")"#);
        let address = asked(Some("x:1"), None, CommandLine);
        insta::assert_snapshot!(chosen(&both(), &address), @"x:1 from --bootstrap, None");
        let mixed = Asked {
            context: Some(("prod".to_owned(), CommandLine)),
            ..asked(Some("x:1"), None, Environment)
        };
        insta::assert_snapshot!(chosen(&both(), &mixed), @r#"prod:1 from /u/config.toml, Some("prod by --context")"#);
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        use OriginOfFlag::{CommandLine, Environment};
        let twice = |given| asked(Some("x:1"), Some("prod"), given);
        insta::assert_snapshot!(chosen(&both(), &twice(CommandLine)), @"--bootstrap and --context exclude each other (None)");
        insta::assert_snapshot!(chosen(&both(), &twice(Environment)), @r#"KT_BOOTSTRAP and KT_CONTEXT are both set (Some("unset one of them, or give --context or -b"))"#);
        insta::assert_snapshot!(chosen(&both(), &asked(None, Some("prdo"), CommandLine)), @r#"context "prdo" does not exist (Some("did you mean \"prod\"?"))"#);
    }

    #[test]
    fn faults_of_files_name_the_line() {
        let fault = |text: &str| parse(text).unwrap_err().message;
        insta::assert_snapshot!(fault("[contexts.a]\nbootstrap = \"a:1\"\nprotect = true"), @"line 3: unknown field `protect`, expected one of `bootstrap`, `protected`, `color`, `cluster_id`, `command_config`, `client`");
        insta::assert_snapshot!(fault("[contexts.a]\nprotected = true"), @r#"context "a" has no bootstrap"#);
        insta::assert_snapshot!(fault("[contexts.a]\nbootstrap = \"a:1\"\ncolor = \"pink\""), @r#"line 3: color "pink" is unknown: black, red, green, yellow, blue, magenta, cyan, white, one of them with bright- before it, or #rrggbb"#);
        insta::assert_snapshot!(fault("context = 1"), @"line 1: invalid type: integer `1`, expected a string");
    }

    #[test]
    fn a_project_ends_at_its_repository() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("repository/src");
        fs::create_dir_all(&inner).unwrap();
        fs::write(folder.path().join(PROJECT_FILE), "").unwrap();
        assert_eq!(project_file(&inner).unwrap(), folder.path().join(PROJECT_FILE));
        fs::create_dir(folder.path().join("repository/.git")).unwrap();
        assert_eq!(project_file(&inner), None);
        fs::write(folder.path().join("repository").join(PROJECT_FILE), "").unwrap();
        assert_eq!(
            project_file(&inner).unwrap(),
            folder.path().join("repository").join(PROJECT_FILE)
        );
    }
}
