//! The crates know only those they may know, and only the registry names a payment gateway.

#![expect(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Words that only make sense at one payment gateway.
const PG_WORDS: [&str; 9] = [
    "toss",
    "portone",
    "iamport",
    "imp_uid",
    "imp_key",
    "merchant_uid",
    "paymentkey",
    "payment_key",
    "channel_key",
];

/// A bank and a securities firm, which are no payment gateways although their group has one.
const BANKS: [&str; 2] = ["toss bank", "toss securities"];

/// Where the server may name them: what knows which payment gateways there are.
const MAY_NAME: [&str; 4] = [
    "server/src/registry/",
    "server/src/config/default.toml",
    "server/src/config/demo.toml",
    "server/src/demo/",
];

/// Which packages of ours the package in each folder may be built from (design: arrows point one way).
const ARROWS: [(&str, &[&str]); 7] = [
    ("gateway-core", &[]),
    ("sandbox", &[]),
    ("provider-toss", &["paymux-core"]),
    ("provider-portone", &["paymux-core"]),
    ("store", &["paymux-core"]),
    ("tests/simulation", &["paymux-core"]),
    ("server", &["paymux-core", "paymux-portone", "paymux-sandbox", "paymux-store", "paymux-toss"]),
];

/// The rooms of the core, and which others each may use (design: gateway → {dispatch, account} → lifecycle → {provider,
/// store, model}). A dispatch asks by its account. Everybody may know what time it is.
const ROOMS: [(&str, &[&str]); 8] = [
    ("clock", &[]),
    ("model", &[]),
    ("provider", &["model"]),
    ("store", &["model", "provider"]),
    ("lifecycle", &["clock", "model", "provider", "store"]),
    ("account", &["clock", "model", "provider", "store", "lifecycle"]),
    ("dispatch", &["clock", "model", "provider", "store", "lifecycle", "account"]),
    ("gateway", &["clock", "model", "provider", "store", "lifecycle", "account", "dispatch"]),
];

/// How many lines of code a file of the core may have: tests, comments and blank lines are not counted. More is several
/// things in one place.
const MOST_LINES: usize = 340;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file under a folder, with its path from the root.
fn files(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let files: Vec<_> = paths.iter().map(|path| (name(path), text(path))).collect();
    assert!(!files.is_empty(), "{folder} is gone");
    files
}

/// The part of a file that is shipped: tests may name whom they imitate.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// What a file of the core says to the compiler.
fn code(text: &str) -> String {
    let lines = shipped(text).lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_the_registry_names_a_payment_gateway() {
    let mut named = Vec::new();
    // Not the core's examples: they show a shop, which chooses its PG.
    for folder in ["gateway-core/src", "store/src", "store/migrations", "server/src"] {
        for (path, text) in files(folder) {
            if is_test(&path) || MAY_NAME.iter().any(|allowed| path.starts_with(allowed)) {
                continue;
            }
            for (number, line) in code(&text).lines().enumerate() {
                let line = BANKS.iter().fold(line.to_lowercase(), |line, bank| line.replace(bank, ""));
                if let Some(word) = PG_WORDS.iter().find(|word| line.contains(*word)) {
                    named.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(named.is_empty(), "named outside of the registry:\n{}", named.join("\n"));
}

/// The crates of ours that a manifest's `[dependencies]` name.
fn ours(manifest: &str) -> BTreeSet<String> {
    let (_, after) = manifest.split_once("[dependencies]\n").unwrap();
    let table = after.split("\n[").next().unwrap();
    let names = table.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    let is_ours = |name: &&str| *name == "tests" || *name == "simulation" || name.starts_with("paymux-");
    names.filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn arrows_between_the_crates_point_one_way() {
    for (name, allowed) in ARROWS {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let used = ours(&manifest);
        assert!(used.is_subset(&allowed), "{name} is built from {used:?}, and may be from {allowed:?}");
    }
}

#[test]
fn every_crate_has_its_place() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, after) = manifest.split_once("members = [").unwrap();
    let members: BTreeSet<_> = after.split(']').next().unwrap().split('"').skip(1).step_by(2).collect();
    let known: BTreeSet<_> = ARROWS.iter().map(|(name, _)| *name).chain(["tests"]).collect();
    assert_eq!(members, known, "say which crates a new one may be built from");
}

/// The files of a room of the core, tests left out.
fn room(name: &str) -> Vec<(String, String)> {
    let mut files = files(&format!("gateway-core/src/{name}"));
    files.retain(|(path, _)| !is_test(path));
    files
}

/// What stands between the brace that a text begins with and its partner.
fn in_braces(text: &str) -> &str {
    let mut depth = 0_usize;
    let end = text.find(|c| {
        depth = if c == '{' { depth + 1 } else { depth - usize::from(c == '}') };
        depth == 0
    });
    &text[1..end.unwrap()]
}

/// The identifier that a text begins with.
fn identifier(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())]
}

/// The first names of a list of paths: `a::{b, c}, D` are `a` and `D`.
fn first_names(list: &str) -> Vec<&str> {
    let (mut depth, mut names, mut rest) = (0_usize, vec![identifier(list)], list);
    while let Some(place) = rest.find(['{', '}', ',']) {
        let (c, after) = (rest.as_bytes()[place], &rest[place + 1..]);
        match c {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ if depth == 0 => names.push(identifier(after)),
            _ => {}
        }
        rest = after;
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What a file takes from the crate, by its first name.
fn taken(code: &str) -> BTreeSet<&str> {
    let after = code.split("crate::").skip(1);
    after
        .flat_map(|after| {
            if after.starts_with('{') { first_names(in_braces(after)) } else { vec![identifier(after)] }
        })
        .collect()
}

#[test]
fn arrows_between_the_rooms_of_the_core_point_one_way() {
    let mut wrong = Vec::new();
    for (name, allowed) in ROOMS {
        for (path, text) in room(name) {
            let code = code(&text);
            let used = taken(&code).into_iter().filter(|used| *used != name && !allowed.contains(used));
            wrong.extend(used.map(|used| format!("{path}: {used}")));
        }
    }
    assert!(wrong.is_empty(), "these point back up:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_core_is_a_room() {
    let entries = fs::read_dir(root().join("gateway-core/src")).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let rooms: BTreeSet<_> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, rooms, "say which rooms a new one may use");
}

#[test]
fn no_file_of_the_core_is_too_long() {
    let lines = |(path, text): (String, String)| {
        let lines = code(&text).lines().filter(|line| !line.trim().is_empty()).count();
        (path, lines)
    };
    let files = files("gateway-core/src").into_iter().filter(|(path, _)| !is_test(path)).map(lines);
    let long: Vec<_> = files.filter(|(_, lines)| *lines > MOST_LINES).collect();
    assert!(long.is_empty(), "split them: {long:?}");
}

#[test]
fn names_are_read_out_of_uses() {
    let code = "use crate::{\n    A, b::{c, d::{E}}, f::G,\n};\nlet x = crate::h::i(crate::J);";
    assert_eq!(taken(code), BTreeSet::from(["A", "b", "f", "h", "J"]));
}
