//! Codes that are of a table: one that is in none cannot be made.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Reads a stored code. Older builds stored what the PG wrote where it was none of ours: that is read as no code, and the
/// next look-up shows it again.
pub(super) fn known<'de, D: Deserializer<'de>, C: FromStr>(stored: D) -> Result<Option<C>, D::Error> {
    let text = Option::<String>::deserialize(stored)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Makes the type of the codes of the table `$entry::ALL`, whose entries have a `code`.
macro_rules! code_type {
    ($(#[$doc:meta])* $name:ident, $entry:ident, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize)]
        pub struct $name(&'static str);

        impl $name {
            /// The digits.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::model::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let entry = $entry::ALL.iter().find(|entry| entry.code.0 == text);
                entry.map(|entry| entry.code).ok_or($crate::model::InvalidText($rule))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}

pub(super) use code_type;
