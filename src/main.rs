//! `kt`: parse, run, print the error, exit.

fn main() {}
