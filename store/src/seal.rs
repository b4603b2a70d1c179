//! Seals what the database must not show: XChaCha20-Poly1305, every text bound to its place and its version.

use std::{fmt, sync::Arc};

use chacha20poly1305::{
    AeadCore, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, OsRng, Payload},
};
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretBox};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::fault::Fault;

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;

/// A key that seals rows: 32 random bytes.
///
/// ```
/// use paymux_store::{Key, Keys};
///
/// let written = Key::generate().to_base64();
/// let first = Key::from_base64(&written)?;
/// assert_eq!(format!("{first:?}"), "Key(…)");
/// assert!(Key::from_base64("too short").is_err());
///
/// // A rotation: new rows are sealed with the new key, older ones still open.
/// let keys = Keys { current: Key::generate(), previous: vec![first] };
/// # Ok::<(), paymux_store::InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct Key(Arc<SecretBox<[u8; KEY_LENGTH]>>);

impl Key {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// A new key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(XChaCha20Poly1305::generate_key(&mut OsRng).into())
    }

    /// Reads a key as [`to_base64`](Self::to_base64) writes it. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if it is not base64 of exactly 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| InvalidKey)?;
        bytes.try_into().map(Self::new).map_err(|_| InvalidKey)
    }

    /// The key as text, to be kept where only the gateway reads it. Never for a log.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.0.expose_secret())
    }

    /// Tells keys apart in front of a sealed text. One byte of a digest says nothing about the key.
    fn id(&self) -> u8 {
        Sha256::new_with_prefix("paymux key id").chain_update(self.0.expose_secret()).finalize()[0]
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be base64 of exactly 32 bytes")]
pub struct InvalidKey;

/// The keys that open rows.
#[derive(Clone, Debug)]
pub struct Keys {
    /// What is written now is sealed with this one.
    pub current: Key,
    /// What was written before a rotation still opens with these.
    pub previous: Vec<Key>,
}

impl Keys {
    /// One key, never rotated.
    #[must_use]
    pub const fn only(current: Key) -> Self {
        Self { current, previous: Vec::new() }
    }
}

/// Where a sealed text stands and, for what is written again, in which version. A text that was moved to another
/// place does not open, nor does an older one that was put back.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    table: &'static str,
    /// Each part after its length, so that no two places look alike.
    bound: Vec<u8>,
}

impl Place {
    pub(crate) fn new(table: &'static str, key: &[&str]) -> Self {
        let place = Self { table, bound: Vec::new() };
        key.iter().fold(place.and(table.as_bytes()), |place, part| place.and(part.as_bytes()))
    }

    pub(crate) fn version(self, version: u64) -> Self {
        self.and(&version.to_be_bytes())
    }

    /// Also bound to these bytes.
    pub(crate) fn and(mut self, part: &[u8]) -> Self {
        self.bound.extend((part.len() as u64).to_be_bytes());
        self.bound.extend(part);
        self
    }

    fn bytes(&self, key_id: u8) -> Vec<u8> {
        [&[key_id], self.bound.as_slice()].concat()
    }
}

/// Seals with the current key, opens with any.
pub(crate) struct Sealer {
    current: (u8, XChaCha20Poly1305),
    previous: Vec<(u8, XChaCha20Poly1305)>,
}

impl Sealer {
    pub(crate) fn new(keys: &Keys) -> Self {
        let cipher = |key: &Key| (key.id(), key.cipher());
        Self { current: cipher(&keys.current), previous: keys.previous.iter().map(cipher).collect() }
    }

    /// The value as a sealed text: key id, nonce, and the sealed JSON.
    pub(crate) fn seal(&self, place: &Place, value: &impl Serialize) -> Result<Vec<u8>, Fault> {
        let json = serde_json::to_vec(value).map_err(|_| Fault::Unreadable(place.table))?;
        let (id, cipher) = &self.current;
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: &json, aad: &place.bytes(*id) };
        let sealed = cipher.encrypt(&nonce, payload).map_err(|_| Fault::Sealed(place.table))?;
        Ok([&[*id], nonce.as_slice(), &sealed].concat())
    }

    /// The value that was sealed at this place.
    pub(crate) fn open<T: DeserializeOwned>(&self, place: &Place, sealed: &[u8]) -> Result<T, Fault> {
        let json = self.unseal(place, sealed).ok_or(Fault::Sealed(place.table))?;
        serde_json::from_slice(&json).map_err(|_| Fault::Unreadable(place.table))
    }

    /// Whether this was sealed with the key that seals now.
    pub(crate) fn is_current(&self, place: &Place, sealed: &[u8]) -> bool {
        unseal_with(&self.current, place, sealed).is_some()
    }

    fn unseal(&self, place: &Place, sealed: &[u8]) -> Option<Vec<u8>> {
        // Two keys may share an id: whichever opens it is the right one.
        std::iter::once(&self.current).chain(&self.previous).find_map(|key| unseal_with(key, place, sealed))
    }
}

fn unseal_with((id, cipher): &(u8, XChaCha20Poly1305), place: &Place, sealed: &[u8]) -> Option<Vec<u8>> {
    let rest = sealed.strip_prefix(&[*id])?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_LENGTH)?;
    let payload = Payload { msg: sealed, aad: &place.bytes(*id) };
    cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Place {
        Place::new("payments", &["demo", "pay_1"]).version(1)
    }

    fn sealer() -> (Keys, Sealer) {
        let keys = Keys::only(Key::generate());
        let sealer = Sealer::new(&keys);
        (keys, sealer)
    }

    fn is_sealed(result: Result<String, Fault>) -> bool {
        matches!(result, Err(Fault::Sealed("payments")))
    }

    #[test]
    fn sealed_text_opens_at_its_place_only() {
        let (_, sealer) = sealer();
        let sealed = sealer.seal(&here(), &"canary").unwrap();
        assert_eq!(sealer.open::<String>(&here(), &sealed).unwrap(), "canary");
        for key in [&["demo", "pay_2"][..], &["dem", "opay_1"], &["demo"], &["demo", "pay_1", ""]] {
            assert!(is_sealed(sealer.open(&Place::new("payments", key).version(1), &sealed)), "{key:?}");
        }
    }

    #[test]
    fn sealed_text_opens_in_its_version_only() {
        let (_, sealer) = sealer();
        let sealed = sealer.seal(&here(), &"canary").unwrap();
        let place = Place::new("payments", &["demo", "pay_1"]);
        for other in [place.clone(), place.clone().version(2), here().and(b"more"), here().version(1)] {
            assert!(is_sealed(sealer.open(&other, &sealed)), "{other:?}");
        }
    }

    #[test]
    fn text_with_any_byte_changed_or_missing_does_not_open() {
        let (_, sealer) = sealer();
        let sealed = sealer.seal(&here(), &"canary").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(is_sealed(sealer.open(&here(), &changed)), "byte {at}");
            assert!(is_sealed(sealer.open(&here(), &sealed[..at])), "cut at {at}");
        }
    }

    #[test]
    fn same_text_is_never_sealed_the_same_way() {
        let (_, sealer) = sealer();
        assert_ne!(sealer.seal(&here(), &"canary").unwrap(), sealer.seal(&here(), &"canary").unwrap());
    }

    #[test]
    fn rotated_key_still_opens_and_a_forgotten_one_does_not() {
        let (old, sealer) = sealer();
        let sealed = sealer.seal(&here(), &"canary").unwrap();
        let rotated = Keys { current: Key::generate(), previous: vec![old.current] };
        let after = Sealer::new(&rotated);
        assert_eq!(after.open::<String>(&here(), &sealed).unwrap(), "canary");
        assert!(!after.is_current(&here(), &sealed));
        assert!(is_sealed(Sealer::new(&Keys::only(rotated.current)).open(&here(), &sealed)));
    }

    #[test]
    fn key_reads_back_from_base64_and_debug_hides_it() {
        let key = Key::generate();
        let text = key.to_base64();
        assert_eq!(Key::from_base64(&format!(" {text}\n")).unwrap().to_base64(), text);
        assert!(!format!("{key:?}").contains(&text));
        for bad in ["", "AAAA", &text[1..], "not base64 at all, whatever its length is.."] {
            assert_eq!(Key::from_base64(bad).err(), Some(InvalidKey), "{bad}");
        }
    }
}
