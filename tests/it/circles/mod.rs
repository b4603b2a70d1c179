//! No files of a crate form a circle, and the methods of a type stand in the file that defines it.

#![expect(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use self::source::{Crate, Names};

/// The crates that this holds for.
const CRATES: [&str; 6] = ["gateway-core", "provider-portone", "provider-toss", "sandbox", "server", "store"];

/// Types that may have their methods in several files: the core's `Gateway` has a file for every use case.
const SPREAD: [&str; 1] = ["Gateway"];

static READ: LazyLock<Vec<Crate>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    CRATES.iter().map(|name| Crate::read(&root.join(name).join("src"))).collect()
});

/// The part of a folder that a module belongs to.
fn part<'a>(folder: &Names, module: &'a Names) -> Option<&'a [String]> {
    module.starts_with(folder).then(|| &module[..module.len().min(folder.len() + 1)])
}

/// What uses each other in a folder, however far around, with the arrows between them. A folder in a folder counts as
/// one, with all that is in it, and the `mod.rs` of the folder is called by the folder's name.
fn circles_in(of: &Crate, used: &BTreeMap<&Names, Vec<&Names>>, folder: &Names) -> Vec<String> {
    let mut arrows: BTreeMap<&[String], BTreeMap<&[String], String>> = BTreeMap::new();
    for (module, used) in used {
        for used in used {
            if let (Some(from), Some(to)) = (part(folder, module), part(folder, used))
                && from != to
            {
                let arrow = format!("{} → {}", of.0[*module].path, of.0[*used].path);
                arrows.entry(from).or_default().insert(to, arrow);
            }
        }
    }
    let leads_to = |from, to| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(part) = open.pop() {
            open.extend(
                arrows.get(part).into_iter().flat_map(BTreeMap::keys).filter(|next| seen.insert(**next)),
            );
        }
        seen.contains(to)
    };
    let all = arrows.iter().flat_map(|(from, to)| to.iter().map(|(to, arrow)| (*from, *to, arrow)));
    all.filter(|(from, to, _)| leads_to(*to, *from)).map(|(_, _, arrow)| arrow.clone()).collect()
}

/// The circles of every folder.
fn circles(of: &Crate) -> Vec<String> {
    let used = of.0.keys().map(|module| (module, of.used_by(module))).collect();
    of.0.keys().flat_map(|folder| circles_in(of, &used, folder)).collect()
}

/// The `impl` blocks that stand outside of the file that defines their type.
fn outside(of: &Crate) -> Vec<String> {
    let mut outside = Vec::new();
    for (module, file) in &of.0 {
        for inherent in &file.impls {
            let home = of.home(module, inherent).filter(|_| !SPREAD.contains(&inherent.name()));
            outside.extend(
                home.map(|home| format!("{}: {} of {}", file.path, inherent.name(), of.0[home].path)),
            );
        }
    }
    outside
}

/// The private methods that are called in another file than their own, which only one in a module below can do.
fn reached_into(of: &Crate) -> Vec<String> {
    let mut calls = Vec::new();
    for owner in of.0.keys() {
        for module in of.0.keys().filter(|module| module.len() > owner.len() && module.starts_with(owner)) {
            let names = of.private_calls(owner, module).into_iter();
            calls.extend(names.map(|name| format!("{}: {name} of {}", of.0[module].path, of.0[owner].path)));
        }
    }
    calls
}

/// What a rule finds in all the crates, a paragraph each.
fn found(rule: impl Fn(&Crate) -> Vec<String>) -> String {
    let found = CRATES.iter().zip(&*READ).map(|(name, of)| (name, rule(of)));
    let found = found.filter(|(_, found)| !found.is_empty());
    found.map(|(name, found)| format!("{name}:\n{}\n", found.join("\n"))).collect()
}

#[test]
fn no_files_form_a_circle() {
    let circles = found(circles);
    assert!(circles.is_empty(), "these use each other:\n{circles}");
}

#[test]
fn methods_stand_with_their_type() {
    let outside = found(outside);
    assert!(outside.is_empty(), "these stand away from their type:\n{outside}");
}

#[test]
fn private_methods_are_called_in_their_own_file() {
    let calls = found(reached_into);
    assert!(calls.is_empty(), "these call private methods of another file:\n{calls}");
}

/// The arrows of the circles among files of a made-up crate.
fn circles_among(files: &[(&str, &str)]) -> Vec<String> {
    circles(&Crate::of(files.iter().copied()))
}

#[test]
fn circle_is_found_however_the_names_are_written() {
    let lib = ("lib.rs", "mod a;\nmod b;\npub use a::A;");
    let a = ("a.rs", "use crate::b::B;\npub struct A(B);");
    for b in [
        "use crate::A;",
        "use super::{a::{self}};",
        "pub(crate) struct B;\nimpl B { fn a(&self) -> crate::a::A { todo!() } }",
        "use crate::A as Other;",
        "fn f() { println!(\"{}\", super::a::name()) }",
    ] {
        assert_eq!(circles_among(&[lib, a, ("b.rs", b)]), ["a.rs → b.rs", "b.rs → a.rs"], "{b}");
    }
}

#[test]
fn names_for_tests_and_in_texts_make_no_circle() {
    let (lib, a) = (("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;"));
    for b in [
        "// use crate::a::A;\n/// [`crate::a::A`]\nstruct B;",
        "fn f() -> &'static str { \"use crate::a::A;\" }",
        "#[cfg(test)]\nmod tests { use crate::a::A; }",
        "#[cfg(test)]\nuse crate::a::A;",
        "use other::a::A;",
    ] {
        assert_eq!(circles_among(&[lib, a, ("b.rs", b)]), [""; 0], "{b}");
    }
    assert_eq!(circles_among(&[lib, a, ("b/tests.rs", "use crate::a::A;"), ("b.rs", "")]), [""; 0]);
}

#[test]
fn table_of_contents_is_no_arrow() {
    let child = ("a/b.rs", "use super::C;\npub(super) struct B(C);");
    let sibling = ("a/c.rs", "pub(super) struct C;");
    let contents = "mod b;\nmod c;\npub(crate) use b::B;\nuse self::c::C;";
    assert_eq!(circles_among(&[("lib.rs", "mod a;"), ("a/mod.rs", contents), child, sibling]), [""; 0]);
    let of_its_name = [("lib.rs", "mod a;\npub use a::a;\nfn f() { a::b() }"), ("a.rs", "pub fn a() {}")];
    assert_eq!(circles_among(&of_its_name), [""; 0]);
    let user = "mod b;\npub(crate) use b::B;\nstruct C;\nfn b() -> B { B::new() }";
    let circle = ["a/mod.rs → a/b.rs", "a/b.rs → a/mod.rs"];
    assert_eq!(circles_among(&[("lib.rs", "mod a;"), ("a/mod.rs", user), child]), circle);
}

#[test]
fn folders_form_a_circle_when_their_files_do_not() {
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a/mod.rs", "mod one;\nmod two;"),
        ("a/one.rs", "use crate::b::B;"),
        ("a/two.rs", "pub(crate) struct Two;"),
        ("b.rs", "use crate::a::two::Two;"),
    ];
    assert_eq!(circles_among(&files), ["a/one.rs → b.rs", "b.rs → a/two.rs"]);
}

#[test]
fn method_away_from_its_type_is_found() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A;"),
        ("a.rs", "pub struct A;\nimpl A { fn own(&self) {} }\npub(crate) struct P<T>(T);"),
        (
            "b.rs",
            "use crate::{A, a::P};\nimpl A { fn more(&self) {} }\nimpl<T: Fn() -> u8> P<T> {}\nimpl Clone for A {}",
        ),
    ];
    assert_eq!(outside(&Crate::of(files)), ["b.rs: A of a.rs", "b.rs: P of a.rs"]);
}

#[test]
fn private_method_called_below_its_file_is_found() {
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod b;\nstruct A;\nimpl A { fn hidden(&self) {} fn made() -> Self { A } pub(super) fn open(&self) {} }",
        ),
        ("a/b.rs", "use super::A;\nfn f() { let a = A::made(); a.hidden(); a.open(); }"),
    ];
    assert_eq!(reached_into(&Crate::of(files)), ["a/b.rs: hidden of a/mod.rs", "a/b.rs: made of a/mod.rs"]);
}
