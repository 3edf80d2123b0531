//! A node through its one entry: inputs in, effects out, over a simulated disk.

#[cfg(test)]
mod api_table;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod metadata_log;
#[cfg(test)]
mod offsets;
#[cfg(test)]
mod produce_and_fetch;
#[cfg(test)]
mod records;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod versions;
