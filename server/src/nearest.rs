//! What somebody may have meant who misspelled a name.

/// The known name that looks most like `name`, if any looks like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Of ten characters, four may be wrong.
    const ALIKE: f64 = 0.6;
    let alike = |known: &'a str| (known, strsim::normalized_damerau_levenshtein(name, known));
    let known = known.into_iter().map(alike).filter(|(_, alike)| *alike >= ALIKE);
    known.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(known, _)| known.to_owned())
}
