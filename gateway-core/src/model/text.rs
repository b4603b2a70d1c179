//! The one way the names of this crate are checked, kept and written, and what is done with texts for display.

use unicode_segmentation::UnicodeSegmentation as _;

/// Makes a newtype over `String` that holds only what `$valid` accepts, with the
/// conversions and serde of a plain string. The error never quotes the input.
macro_rules! text_type {
    ($(#[$meta:meta])* $name:ident, $rule:literal, $valid:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("What is accepted: ", $rule, ".")]
            pub const RULE: &'static str = $rule;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::InvalidText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err($crate::model::InvalidText(Self::RULE)) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_type;

/// A text broke the rule of its type. The message states the rule and quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidText(pub &'static str);

/// Whether a text is at most `longest` characters, and a person can read all of it: no control or
/// line-breaking characters, nothing that reverses the reading direction.
pub fn is_printable(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(is_hidden)
}

/// Whether a text for display has 1 to `longest` characters and a person can read all of it. Unlike [`is_printable`] it may
/// hold emoji that are joined.
pub(crate) fn is_display_text(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && readable(text) == text
}

/// What a person can read of a text for display: line breaks and tabs become spaces, and what cannot be seen is taken out.
/// Of the joiners (U+200D) those between emoji stay: without them a family is a row of single people.
///
/// For display texts only. Two ids that look alike are two ids, so they are refused instead ([`is_printable`]).
#[must_use]
pub fn readable(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let joins = c == JOINER
            && kept.chars().next_back().is_some_and(is_emoji)
            && characters.peek().copied().is_some_and(is_emoji);
        if matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            // "\r\n" is one line break.
            if !kept.ends_with(' ') {
                kept.push(' ');
            }
        } else if joins || continues_flag(&kept, c) || !(is_hidden(c) || is_blank(c)) {
            kept.push(c);
        }
    }
    kept.trim().to_owned()
}

/// The beginning of a text, at most `longest` UTF-16 units long, which is how browsers and most PGs count. What a person
/// sees as one character stays whole or is left out: an emoji of several, a letter and its accents.
#[must_use]
pub fn cut(text: &str, longest: usize) -> &str {
    let mut units = 0_usize;
    let fits = |cluster: &(usize, &str)| {
        units = units.saturating_add(cluster.1.chars().map(char::len_utf16).sum());
        units <= longest
    };
    let end =
        text.grapheme_indices(true).take_while(fits).last().map_or(0, |(at, cluster)| at + cluster.len());
    text.get(..end).unwrap_or_default().trim_end()
}

/// Whether it is a tag that says which country's flag a black flag is: England's, Scotland's, Wales'.
fn continues_flag(before: &str, c: char) -> bool {
    let is_tag = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
    is_tag(c) && before.ends_with(|last: char| last == '🏴' || is_tag(last))
}

/// Joins emoji to one: zero-width joiner.
const JOINER: char = '\u{200d}';

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Further characters that show nothing: soft hyphens, Hangul fillers, tags. Ids may hold them, as they always could.
const fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether a joiner may stand beside it: pictures, the signs that are drawn as such, and what chooses their look.
const fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A family, a health worker, and a rainbow flag.
    const JOINED: [&str; 3] = ["👨\u{200d}👩\u{200d}👧", "🧑🏽\u{200d}⚕\u{fe0f}", "🏳\u{fe0f}\u{200d}🌈"];

    #[test]
    fn joined_emoji_stay_and_hidden_characters_go() {
        for family in JOINED {
            assert_eq!(readable(&format!("도서 {family}")), format!("도서 {family}"));
        }
        for (text, expected) in [
            ("도서\n1권", "도서 1권"),
            ("도서\r\n1권\t", "도서 1권"),
            ("도서\u{2028}1권", "도서 1권"),
            ("a\u{200d}b", "ab"),
            ("\u{200d}👧\u{200d}", "👧"),
            ("👧\u{200d}a", "👧a"),
            ("홍\u{200b}길\u{202e}동\u{feff}", "홍길동"),
            ("\u{3164}홍길동\u{ad}", "홍길동"),
            ("🏴\u{e0067}\u{e007f}", "🏴\u{e0067}\u{e007f}"),
            ("a\u{e0067}", "a"),
            ("\u{1b}[31m", "[31m"),
            ("é", "é"),
            ("\u{200b}\u{3164} \n", ""),
        ] {
            assert_eq!(readable(text), expected, "{text:?}");
        }
    }

    #[test]
    fn cut_falls_between_what_people_see() {
        let [family, ..] = JOINED;
        assert_eq!(cut("도서 1권", 3), "도서");
        assert_eq!(cut("도서", 2), "도서");
        assert_eq!(cut(family, 8), family, "five characters in eight units");
        for longest in 1..8 {
            assert_eq!(cut(family, longest), "", "{longest}");
            assert_eq!(cut(&format!("x{family}"), longest), "x", "{longest}");
        }
        // A syllable in its parts, as file names of macOS are written.
        assert_eq!(cut("\u{1112}\u{1161}\u{11ab}\u{1100}", 3), "\u{1112}\u{1161}\u{11ab}");
        assert_eq!(cut("e\u{301}", 1), "");
    }
}
