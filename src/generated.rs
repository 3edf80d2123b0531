//! Files that are generated from the definitions and committed: `man/`, `completions/`, and the
//! screens of the README, as the dashboard draws them before a cluster that is made up.
//!
//! `KT_WRITE_GENERATED=1 cargo test --bin kt generated` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::man_pages::pages;
use crate::shell_completion::{SHELLS, register};
use crate::tui;

/// The file that a shell's own folders call so.
fn file_of(shell: &str) -> &'static str {
    match shell {
        "bash" => "kt.bash",
        "zsh" => "_kt",
        "fish" => "kt.fish",
        "powershell" => "kt.ps1",
        "nushell" => "kt.nu",
        "elvish" => "kt.elv",
        other => panic!("{other} has no file yet"),
    }
}

fn generated() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for page in pages().unwrap() {
        files.insert(Path::new("man").join(page.file_name()), page.text);
    }
    for shell in SHELLS.iter() {
        let mut script = Vec::new();
        register(shell, &mut script).unwrap();
        files.insert(Path::new("completions").join(file_of(shell.name())), script);
    }
    files.insert(PathBuf::from("README.md"), readme().into_bytes());
    files
}

/// The README with its screens drawn anew: each stands in a block below a line that names it.
fn readme() -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(SCREEN) {
        let (name, after) = after.split_once(" -->\n```text\n").unwrap();
        let (_, after) = after.split_once("```\n").unwrap();
        let screen = tui::stage::screen_of_readme(name);
        out.push_str(&format!("{before}{SCREEN}{name} -->\n```text\n{screen}```\n"));
        rest = after;
    }
    out + rest
}

/// What stands above a screen.
const SCREEN: &str = "<!-- kt dashboard --once ";

#[test]
fn generated_files_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = generated();
    let present = ["man", "completions"].iter().flat_map(|folder| {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        entries.map(move |it| Path::new(folder).join(it.unwrap().file_name()))
    });
    let surplus: Vec<PathBuf> = present.filter(|it| !generated.contains_key(it)).collect();
    let is_stale =
        |path: &Path, text: &[u8]| fs::read(root.join(path)).ok().as_deref() != Some(text);
    let stale: Vec<&PathBuf> =
        generated.iter().filter(|(path, text)| is_stale(path, text)).map(|it| it.0).collect();
    if std::env::var_os("KT_WRITE_GENERATED").is_some() {
        surplus.iter().for_each(|it| fs::remove_file(root.join(it)).unwrap());
        stale.iter().for_each(|it| fs::write(root.join(it), &generated[*it]).unwrap());
        return;
    }
    assert!(
        stale.is_empty() && surplus.is_empty(),
        "stale: {stale:?}, surplus: {surplus:?}; KT_WRITE_GENERATED=1 cargo test --bin kt generated"
    );
}
