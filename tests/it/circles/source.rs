//! Reads the files of a crate as tokens: what each takes from which other, and whose methods it has.

use std::{collections::BTreeMap, fs, path::Path};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// `crate::model::Money` is three names.
pub(super) type Names = Vec<String>;

/// A crate, by the names of its modules. `src/a/b.rs` and `src/a/b/mod.rs` are both `a`, `b`.
pub(super) struct Crate(pub(super) BTreeMap<Names, File>);

/// One file, without what is only built for tests.
#[derive(Default)]
pub(super) struct File {
    pub(super) path: String,
    /// What its `use` items bring in, by the name that they give it.
    uses: BTreeMap<String, Names>,
    /// What its code names. A `pub use` names nothing for itself: it is a table of contents.
    named: Vec<Names>,
    /// Its `impl Type` blocks.
    pub(super) impls: Vec<Inherent>,
    /// The methods that its code calls, by their names alone: `a.b()` is `b`.
    calls: Vec<String>,
}

/// An `impl Type` block.
pub(super) struct Inherent {
    of: Names,
    /// Its methods that are neither `pub` nor `pub(…)`.
    pub(super) private: Vec<String>,
}

impl Inherent {
    /// The type's own name.
    pub(super) fn name(&self) -> &str {
        self.of.last().map_or("", String::as_str)
    }
}

impl Crate {
    /// Reads every file under a folder, but those of tests.
    pub(super) fn read(folder: &Path) -> Self {
        let mut texts = Vec::new();
        collect(folder, &mut Vec::new(), &mut texts);
        Self::of(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    /// The crate that has these files, by their paths from `src`.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let shipped = files.into_iter().filter(|(path, _)| !is_test(path));
        Self(shipped.map(|(path, text)| (module(path), File::parse(path, text))).collect())
    }

    /// The modules that a module's file uses, itself left out.
    pub(super) fn used_by<'a>(&'a self, module: &Names) -> Vec<&'a Names> {
        let file = &self.0[module];
        let mut used: Vec<_> = file.named.iter().filter_map(|path| self.resolve(module, path)).collect();
        used.retain(|other| *other != module);
        used.sort();
        used.dedup();
        used
    }

    /// The other module whose file defines the type of an `impl`.
    pub(super) fn home(&self, module: &Names, inherent: &Inherent) -> Option<&Names> {
        self.resolve(module, &inherent.of).filter(|home| *home != module)
    }

    /// The private methods of `owner` that `module` calls. Only a module below it can; the compiler sees to the others.
    pub(super) fn private_calls(&self, owner: &Names, module: &Names) -> Vec<&str> {
        let is_private =
            |name: &&String| self.0[owner].impls.iter().any(|inherent| inherent.private.contains(name));
        let file = &self.0[module];
        let of_owner =
            file.named.iter().filter(|path| path.len() > 1 && self.resolve(module, path) == Some(owner));
        let called = file.calls.iter().chain(of_owner.filter_map(|path| path.last()));
        called.filter(is_private).map(String::as_str).collect()
    }

    /// The module whose file defines what a path says in `module`. `None` if that is another crate's, or a local name.
    fn resolve<'a>(&'a self, module: &[String], path: &[String]) -> Option<&'a Names> {
        let (first, rest) = path.split_first()?;
        let (parent, child) = (module.split_last().map(|(_, parent)| parent), [module, &path[..1]].concat());
        match (first.as_str(), self.0.get(module)?.uses.get(first)) {
            ("crate", _) => self.walk(&[], rest),
            ("self", _) if !rest.is_empty() => self.walk(module, rest),
            ("super", _) if rest.first().is_some_and(|next| next == "super") => self.resolve(parent?, rest),
            ("super", _) => self.walk(parent?, rest),
            // Before the `use`: a module may hold a function of its own name, which is brought in beside it.
            _ if !rest.is_empty() && self.0.contains_key(&child) => self.walk(&child, rest),
            (_, Some(used)) if used.as_slice() != path => {
                self.resolve(module, &[used.as_slice(), rest].concat())
            }
            _ => None,
        }
    }

    /// The module whose file defines what a path says that starts at a module.
    fn walk<'a>(&'a self, module: &[String], path: &[String]) -> Option<&'a Names> {
        let (module, file) = self.0.get_key_value(module)?;
        let Some((first, rest)) = path.split_first() else { return Some(module) };
        let child = [module, &path[..1]].concat();
        match file.uses.get(first) {
            _ if self.0.contains_key(&child) => self.walk(&child, rest),
            Some(used) => self.resolve(module, &[used.as_slice(), rest].concat()),
            None => Some(module),
        }
    }
}

impl File {
    fn parse(path: &str, text: &str) -> Self {
        let tokens = shipped(text.parse().unwrap_or_else(|error| panic!("{path}: {error}")));
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        file.read_impls(&tokens);
        file.read(&tokens);
        file
    }

    /// Every path in the code, and every `use`.
    fn read(&mut self, mut tokens: &[TokenTree]) {
        let mut is_public = false;
        while let [token, rest @ ..] = tokens {
            tokens = rest;
            match token {
                TokenTree::Group(group) => self.read(&inside(group)),
                TokenTree::Punct(dot) if dot.as_char() == '.' => {
                    if let [TokenTree::Ident(name), TokenTree::Group(_), ..] = rest {
                        self.calls.push(name.to_string());
                    }
                }
                TokenTree::Ident(word)
                    if word == "use" && !rest.first().is_some_and(|next| is(next, '<')) =>
                {
                    let end = rest.iter().position(|token| is(token, ';')).unwrap_or(rest.len());
                    for (name, path) in tree(&rest[..end]) {
                        if !is_public {
                            self.named.push(path.clone());
                        }
                        self.uses.insert(name, path);
                    }
                    tokens = &rest[end..];
                }
                TokenTree::Ident(word) if word == "pub" => {
                    is_public = true;
                    if let [TokenTree::Group(_), after @ ..] = rest {
                        tokens = after;
                    }
                    continue;
                }
                TokenTree::Ident(word) => {
                    let (path, after) = path(word.to_string(), rest);
                    self.named.push(path);
                    tokens = after;
                }
                _ => {}
            }
            is_public = false;
        }
    }

    /// Every `impl Type { … }`; an `impl Trait for Type` may stand with either.
    fn read_impls(&mut self, tokens: &[TokenTree]) {
        for (place, token) in tokens.iter().enumerate() {
            let is_item = match place.checked_sub(1).map(|before| &tokens[before]) {
                None | Some(TokenTree::Group(_)) => true,
                Some(before) => is(before, ';'),
            };
            if !is_item || !matches!(token, TokenTree::Ident(word) if word == "impl") {
                continue;
            }
            let header = &tokens[place + 1..];
            let Some((end, body)) =
                header.iter().enumerate().find_map(|(end, token)| Some((end, braces(token)?)))
            else {
                continue;
            };
            let header = after_generics(&header[..end]);
            let is_trait =
                header.iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "for"));
            if let (false, [TokenTree::Ident(first), rest @ ..]) = (is_trait, header) {
                let (of, _) = path(first.to_string(), rest);
                self.impls.push(Inherent { of, private: private_methods(&inside(body)) });
            }
        }
    }
}

fn collect(folder: &Path, names: &mut Names, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        if path.is_dir() {
            collect(&path, names, texts);
        } else if names.last().unwrap().ends_with(".rs") {
            texts.push((names.join("/"), fs::read_to_string(&path).unwrap()));
        }
        names.pop();
    }
}

/// A `main.rs` is a program over the library beside it: nothing can use it.
fn is_test(path: &str) -> bool {
    path.split('/').any(|name| matches!(name, "tests" | "tests.rs" | "main.rs" | "testing.rs"))
}

fn module(path: &str) -> Names {
    let names = path.trim_end_matches(".rs").trim_end_matches("/mod");
    names.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

/// Tokens without the items under `#[cfg(test)]`.
fn shipped(tokens: TokenStream) -> Vec<TokenTree> {
    let (mut kept, mut tokens) = (Vec::new(), tokens.into_iter());
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) if is_for_tests(&group) => {
                kept.pop();
                let _item = tokens.by_ref().find(|token| is(token, ';') || braces(token).is_some());
            }
            TokenTree::Group(group) => {
                let inside = shipped(group.stream()).into_iter().collect();
                kept.push(TokenTree::Group(Group::new(group.delimiter(), inside)));
            }
            token => kept.push(token),
        }
    }
    kept
}

/// Whether it is the `[cfg(test)]` of an attribute.
fn is_for_tests(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket && group.to_string().replace(' ', "") == "[cfg(test)]"
}

/// The path that begins with a name, and what comes after it.
fn path(first: String, mut rest: &[TokenTree]) -> (Names, &[TokenTree]) {
    let mut names = vec![first];
    while let [one, two, TokenTree::Ident(name), after @ ..] = rest
        && is(one, ':')
        && is(two, ':')
    {
        names.push(name.to_string());
        rest = after;
    }
    (names, rest)
}

/// What a `use` brings in, with the name that it gives: `a::{self, b as c}` is `a` for `a` and `c` for `a::b`.
fn tree(tokens: &[TokenTree]) -> Vec<(String, Names)> {
    let [TokenTree::Ident(first), rest @ ..] = tokens else { return Vec::new() };
    let (path, rest) = path(first.to_string(), rest);
    if let [one, two, TokenTree::Group(list)] = rest
        && is(one, ':')
        && is(two, ':')
    {
        let list = inside(list);
        let trees = list.split(|token| is(token, ',')).flat_map(tree);
        let below = |(name, names): (String, Names)| match names.as_slice() {
            [only] if only == "self" => (path.last().cloned().unwrap_or_default(), path.clone()),
            _ => (name, [path.as_slice(), &names].concat()),
        };
        return trees.map(below).collect();
    }
    let name = match rest {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => name.to_string(),
        _ => path.last().cloned().unwrap_or_default(),
    };
    vec![(name, path)]
}

/// The names of the methods in an `impl` that are not visible outside of its module.
fn private_methods(tokens: &[TokenTree]) -> Vec<String> {
    let (mut private, mut is_public) = (Vec::new(), false);
    for pair in tokens.windows(2) {
        match pair {
            [TokenTree::Ident(word), _] if word == "pub" => is_public = true,
            [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "fn" && !is_public => {
                private.push(name.to_string())
            }
            [TokenTree::Group(group), _] if group.delimiter() == Delimiter::Brace => is_public = false,
            _ => {}
        }
    }
    private
}

/// The header of an `impl` without the `<…>` that it may begin with.
fn after_generics(header: &[TokenTree]) -> &[TokenTree] {
    let mut depth = 0_usize;
    for (place, token) in header.iter().enumerate() {
        let is_of_arrow = place.checked_sub(1).is_some_and(|before| is(&header[before], '-'));
        if is(token, '<') {
            depth += 1;
        } else if depth == 0 {
            return &header[place..];
        } else if is(token, '>') && !is_of_arrow {
            depth -= 1;
        }
    }
    &[]
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn braces(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}
