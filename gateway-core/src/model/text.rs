//! The one way the names of this crate are checked, kept and written.

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
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(hidden)
}
