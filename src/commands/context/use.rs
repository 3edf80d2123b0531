//! `kt context use`

use clap::Args;

use crate::contexts::edit::Edit;
use crate::contexts::{Contexts, Origin};
use crate::error::CliError;
use crate::session::Session;

/// Make a context the one in use
///
/// For every folder without a .kt.toml that says another.
#[derive(Args, Clone, Debug)]
pub(super) struct UseArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

pub(super) fn run(args: &UseArgs, session: &Session) -> Result<(), CliError> {
    let contexts = Contexts::load()?;
    contexts.find(&args.name)?;
    let mut edit = Edit::begin()?;
    edit.choose(&args.name);
    if session.globals.dry_run {
        session.say(&format!("would use context \"{}\"", args.name));
        return Ok(());
    }
    edit.save()?;
    session.say(&format!("context \"{}\" is in use", args.name));
    let target = Contexts::load()?.target(&Default::default())?;
    if let Some(in_use) = target.context
        && in_use.name != args.name
        && let Origin::File(file) = in_use.chosen_by
    {
        session.warn(&format!("here {} says \"{}\"", file.display(), in_use.name));
    }
    Ok(())
}
