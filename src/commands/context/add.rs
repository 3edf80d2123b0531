//! `kt context add`

use std::path::PathBuf;

use clap::Args;

use crate::client_config;
use crate::contexts::edit::Edit;
use crate::contexts::{Context, ContextColor, Scalar};
use crate::error::{CliError, Kind};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt context add dev --bootstrap localhost:9092
  kt context add prod -b kafka-1:9092,kafka-2:9092 --protected --paint red --cluster-id MkU3OEVBNTcwNTJENDM2Qk
  kt context add lab -b lab:9092 --command-config lab.properties -X client.id=me";

/// Add a context to your file
///
/// Address, properties file and client keys are those of --bootstrap, --command-config and -X.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct AddArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// Refuse changes without --unlock NAME
    #[arg(long)]
    protected: bool,

    /// Paint the dashboard's first line: black, red, green, yellow, blue, magenta, cyan, white, each
    /// also bright-…, or #rrggbb
    #[arg(long, value_name = "COLOR")]
    paint: Option<ContextColor>,

    /// Refuse any cluster but the one with this id
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
}

pub(super) fn run(args: &AddArgs, session: &Session) -> Result<(), CliError> {
    let context = context(args, session)?;
    let mut edit = Edit::begin()?;
    if !edit.add(&args.name, &context) {
        let message = format!("context \"{}\" exists already", args.name);
        let error = CliError::new(Kind::Other, "ALREADY_EXISTS", message);
        return Err(error.hint(format!("change it in {}", edit.path().display())));
    }
    let name = &args.name;
    if session.globals.dry_run {
        session.say(&format!("would add context \"{name}\" to {}", edit.path().display()));
        return Ok(());
    }
    edit.save()?;
    session.say(&format!("context \"{name}\" is in {}", edit.path().display()));
    session.say(&format!("kt context use {name} makes it the one in use"));
    Ok(())
}

fn context(args: &AddArgs, session: &Session) -> Result<Context, CliError> {
    let globals = &session.globals;
    let Some(bootstrap) = &globals.bootstrap else {
        return Err(CliError::usage("the context needs an address").hint("--bootstrap HOST:PORT"));
    };
    client_config::addresses(bootstrap)?;
    let pairs = globals.client_config.iter().map(|pair| client_config::pair(pair));
    // The file stands elsewhere than where the command runs.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let client = pairs.map(|pair| {
        let (key, value) = pair?;
        let value = match key.ends_with(".location") {
            true => absolute(&PathBuf::from(value)).display().to_string(),
            false => value,
        };
        Ok((key, Scalar::Text(value)))
    });
    let context = Context {
        bootstrap: bootstrap.clone(),
        protected: args.protected,
        color: args.paint,
        cluster_id: args.cluster_id.clone(),
        command_config: globals.command_config.as_ref().map(absolute),
        client: client.collect::<Result<_, CliError>>()?,
    };
    client_config::check(&context)?;
    Ok(context)
}
