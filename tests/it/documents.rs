//! What the documents point at exists: paths in backticks, scripts in commands, links and the headings they name.

#![expect(clippy::unwrap_used, reason = "documents that cannot be read are a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the documents are: these folders' own files, not those of folders in them.
const FOLDERS: [&str; 5] = ["", "docs", "docs/adr", "sandbox", "tests"];

/// What reads like a path of the repository and is none: media types, what a build or a merchant makes.
const NO_PATHS: [&str; 3] = ["application/json", "target/release/paymux", "paymux.toml"];

/// By what a name without a folder is a file.
const ENDINGS: [&str; 8] = [".rs", ".md", ".sh", ".toml", ".json", ".sql", ".py", ".patch"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every document, with its path from the root.
fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 15, "{} documents found", found.len());
    found
}

/// Whether a text in backticks is written as a path of the repository is.
fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/*".contains(c);
    let is_named = text.contains('/') || ENDINGS.iter().any(|ending| text.ends_with(ending));
    let is_ours = !text.starts_with('/') && !text.starts_with('.') || text.starts_with("./tests/");
    is_named && is_ours && text.chars().all(plain) && !NO_PATHS.contains(&text)
}

/// The paths that a document names, each with the folder that stands before it in the same paragraph or row: `a/b.rs`,
/// `c.rs` are two files of `a`.
fn named_paths(text: &str) -> Vec<(&str, &str)> {
    let (mut found, mut in_block, mut folder) = (Vec::new(), false, "");
    for line in text.lines() {
        in_block ^= line.starts_with("```");
        if line.is_empty() || line.starts_with('|') {
            folder = "";
        }
        let words: Vec<_> = if in_block {
            line.split_whitespace().filter(|word| word.starts_with("./tests/")).collect()
        } else {
            in_backticks(line)
        };
        for word in words.into_iter().filter(|word| is_path(word)) {
            found.push((folder, word));
            let (before, last) = word.trim_end_matches('/').rsplit_once('/').unwrap_or((folder, word));
            match (last.contains('.'), folder) {
                (true, _) => folder = before,
                (false, "") => folder = word.trim_end_matches('/'),
                (false, _) => {}
            }
        }
    }
    found
}

/// What stands in backticks in a line, but for the texts of links.
fn in_backticks(line: &str) -> Vec<&str> {
    let parts: Vec<_> = line.split('`').collect();
    let pairs = parts.windows(3).step_by(2);
    let texts = pairs.filter(|parts| !(parts[0].ends_with('[') && parts[2].starts_with("](")));
    texts.map(|parts| parts[1]).collect()
}

/// What the links of a document lead to, but for other sites.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let after = prose.flat_map(|prose| prose.split("](").skip(1));
    after.filter_map(|after| after.split(')').next()).filter(|link| !link.contains("://"))
}

/// How a heading is named in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_heading(text: &str, name: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|heading| heading == name)
}

/// Whether a path that may end in `*.toml` is there.
fn exists(path: &Path) -> bool {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) if name.contains('*') => path.parent().is_some_and(Path::is_dir),
        _ => path.exists(),
    }
}

/// A path is one from the root, or from the document; what stands behind another may leave out its folder. In the
/// architecture it may leave out the core's.
#[test]
fn paths_that_the_documents_name_exist() {
    let (mut seen, mut missing) = (0, Vec::new());
    for (document, text) in documents() {
        let beside = Path::new(&document).parent().unwrap().to_owned();
        let core = if document.starts_with("docs/") { "gateway-core/src" } else { "" };
        for (folder, path) in named_paths(&text) {
            let places =
                [Path::new(""), &beside, Path::new(folder), Path::new(core), &Path::new(core).join(folder)];
            if !places.iter().any(|place| exists(&root().join(place).join(path))) {
                missing.push(format!("{document}: {path}"));
            }
            seen += 1;
        }
    }
    assert!(missing.is_empty(), "these are not there:\n{}", missing.join("\n"));
    assert!(seen > 80, "{seen} paths found");
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let (mut seen, mut missing) = (0, Vec::new());
    for (document, text) in documents() {
        for link in links(&text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root().join(&document),
                path => root().join(&document).parent().unwrap().join(path),
            };
            let is_there = target.exists()
                && (heading.is_empty() || has_heading(&fs::read_to_string(&target).unwrap(), heading));
            if !is_there {
                missing.push(format!("{document}: {link}"));
            }
            seen += 1;
        }
    }
    assert!(missing.is_empty(), "these lead nowhere:\n{}", missing.join("\n"));
    assert!(seen > 50, "{seen} links found");
}

#[test]
fn paths_are_read_out_of_documents() {
    let text = "`a/b.rs`, `c.rs`: `POST /v1/x`, `/docs`, `money`\n```sh\n./tests/run.sh 5\n```\n\n`d/`,\n\
        `e/`, [`f.rs`](d/f.rs)\n";
    let paths = [("", "a/b.rs"), ("a", "c.rs"), ("a", "./tests/run.sh"), ("", "d/"), ("d", "e/")];
    assert_eq!(named_paths(text), paths);
}
