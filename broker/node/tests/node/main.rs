//! A node through its one entry: inputs in, effects out, over a simulated disk.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod api_table;
#[cfg(test)]
mod cleaning;
#[cfg(test)]
mod config_table;
#[cfg(test)]
mod crash_points;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fetch_sessions;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod kafkas_groups;
#[cfg(test)]
mod metadata_log;
#[cfg(test)]
mod offsets;
#[cfg(test)]
mod produce_and_fetch;
#[cfg(test)]
mod produce_rules;
#[cfg(test)]
mod records;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod versions;
