//! Files of Java properties: `server.properties` and those of Kafka's clients.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use kt_protocol::properties::parse_properties;

use crate::error::CliError;

/// All pairs of a file, in their order.
///
/// # Errors
///
/// It is not there, cannot be read, or has an escape that means nothing.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, String)>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        match error.kind() {
            ErrorKind::NotFound => CliError::not_found(message),
            _ => CliError::other(message),
        }
    })?;
    parse_properties(&text).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))
}
