//! Random texts for ids.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Lower-case letters and digits.
pub(crate) const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Letters of both cases and digits.
pub(crate) const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Hexadecimal digits.
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
/// Decimal digits.
pub(crate) const DIGITS: &[u8] = b"0123456789";

/// `length` characters of an alphabet.
///
/// Random enough that ids do not meet; nobody may guess real money by them, so no more than that.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[random_index(alphabet.len())])).collect()
}

fn random_index(below: usize) -> usize {
    // A fresh `RandomState` differs from every other one of the process and of other processes.
    let random = RandomState::new().build_hasher().finish();
    let below = u64::try_from(below).unwrap_or(u64::MAX);
    usize::try_from(random % below).unwrap_or(0)
}
