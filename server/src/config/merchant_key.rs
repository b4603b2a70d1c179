//! The keys merchants call us with. We keep their hashes only.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::random::random_bytes;

const PREFIX: &str = "sha256:";

/// The SHA-256 of a merchant key, written `sha256:<64 hexadecimal digits>`.
///
/// No salt and no slow hash: a key is 32 random bytes and not a password, so it
/// can be neither guessed nor looked up in a table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads the written form. The error is a predicate that does not repeat the text.
    ///
    /// # Errors
    ///
    /// If it is not `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused = || {
            "must hold hashes of the form sha256:<64 hexadecimal digits>; `paymux key` makes one".to_owned()
        };
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 64);
        let digits = digits.ok_or_else(refused)?.as_bytes();
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
            let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = value.ok_or_else(refused)?;
        }
        Ok(Self(hash))
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// A new merchant key: shown once, to the merchant.
#[derive(Debug)]
pub struct NewMerchantKey {
    /// What the merchant sends: `sk_…`.
    pub key: SecretString,
    /// What the configuration keeps.
    pub hash: KeyHash,
}

impl NewMerchantKey {
    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn generate() -> Self {
        let key = format!("sk_{}", BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
        Self { hash: KeyHash::of(&key), key: key.into() }
    }

    /// The two lines `paymux key` prints.
    #[must_use]
    pub fn report(&self) -> String {
        format!("key   {}\nhash  {}\n", self.key.expose_secret(), self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_new_key_can_be_written_and_read_back() {
        let new = NewMerchantKey::generate();
        let read = KeyHash::parse(&new.hash.to_string()).unwrap();
        assert!(read.matches(&KeyHash::of(new.key.expose_secret())));
        assert!(!read.matches(&KeyHash::of("sk_test_demo")));
    }

    #[test]
    fn the_hash_is_the_one_other_tools_compute() {
        // printf '%s' abc | sha256sum
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of("abc").to_string(), expected);
    }

    #[test]
    fn two_new_keys_differ() {
        assert_ne!(NewMerchantKey::generate().hash, NewMerchantKey::generate().hash);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for text in [
            "",
            "sha256:",
            digits,
            "sha256:ba7816",
            &format!("sha512:{digits}"),
            &format!("sha256:{}", digits.replace('a', "g")),
            &format!("sha256:{}", digits.replace("ba", "+1")),
            &format!("sha256:{}", "é".repeat(32)),
        ] {
            assert!(KeyHash::parse(text).is_err(), "{text}");
        }
    }
}
