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

/// Where the server may name them: what knows which payment gateways there are.
const MAY_NAME: [&str; 4] = [
    "server/src/registry/",
    "server/src/config/default.toml",
    "server/src/config/demo.toml",
    "server/src/demo/",
];

/// Which crates of ours each crate may be built from (design: arrows point one way).
const ARROWS: [(&str, &[&str]); 6] = [
    ("gateway-core", &[]),
    ("sandbox", &[]),
    ("provider-toss", &["gateway-core"]),
    ("provider-portone", &["gateway-core"]),
    ("store", &["gateway-core"]),
    ("server", &["gateway-core", "provider-portone", "provider-toss", "sandbox", "store"]),
];

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

#[test]
fn only_the_registry_names_a_payment_gateway() {
    let mut named = Vec::new();
    for folder in ["gateway-core", "store/src", "store/migrations", "server/src"] {
        for (path, text) in files(folder) {
            if is_test(&path) || MAY_NAME.iter().any(|allowed| path.starts_with(allowed)) {
                continue;
            }
            for (number, line) in shipped(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default().to_lowercase();
                if let Some(word) = PG_WORDS.iter().find(|word| code.contains(*word)) {
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
    let is_ours = |name: &&str| *name == "tests" || ARROWS.iter().any(|(ours, _)| ours == name);
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
