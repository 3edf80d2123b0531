//! Every public type that a program names has an example, which runs, or says where one is.

use std::fs;
use std::path::Path;

/// Files of machines, which are public for the simulator alone.
const HIDDEN: &[&str] = &[
    "consumer/fetcher.rs",
    "consumer/fetcher/checked.rs",
    "consumer/fetcher/giving.rs",
    "consumer/group/commits.rs",
    "consumer/group/machine.rs",
    "consumer/group/membership.rs",
    "consumer/group/membership/events.rs",
    "consumer/group/request.rs",
    "consumer/group/subscription.rs",
    "producer/sender/find.rs",
];

/// Calls `see` with each source file's name below `src`, and its text.
fn each_file(directory: &Path, see: &mut dyn FnMut(&str, &str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, see);
            continue;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        see(name, &fs::read_to_string(&path).unwrap());
    }
}

/// The public types of a file that show no example and name none.
fn without_example(text: &str) -> Vec<String> {
    let is_type = |line: &str| {
        ["pub struct ", "pub enum ", "pub trait "].iter().any(|it| line.starts_with(it))
    };
    let (mut found, mut doc) = (Vec::new(), String::new());
    for line in text.lines() {
        let has_example = doc.contains("```") || doc.contains("Shown at [`");
        if line.starts_with("///") {
            doc.push_str(line);
        } else if is_type(line) && !has_example {
            found.push(line.to_owned());
        }
        // Attributes may stand between a comment and its type.
        if line.is_empty() || line.starts_with('}') {
            doc.clear();
        }
    }
    found
}

#[test]
fn each_type_that_a_program_names_has_an_example() {
    let mut bare = Vec::new();
    each_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |name, text| {
        if !HIDDEN.contains(&name) {
            bare.extend(without_example(text).into_iter().map(|it| format!("{name}: {it}")));
        }
    });
    assert!(bare.is_empty(), "no example, and no \"Shown at\": {bare:#?}");
}

#[test]
fn examples_run() {
    let mut idle = Vec::new();
    each_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |name, text| {
        let fences = text.lines().map(str::trim).filter_map(|it| it.strip_prefix("/// ```"));
        idle.extend(fences.filter(|it| !it.is_empty()).map(|it| format!("{name}: {it}")));
    });
    assert!(idle.is_empty(), "examples that do not run: {idle:#?}");
}
