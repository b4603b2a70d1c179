//! Random bytes for keys and ids.

use rustls::crypto::ring;

/// Bytes nobody can guess.
///
/// # Panics
///
/// If the operating system has no randomness to give, without which no key is safe.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ring::default_provider().secure_random.fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
