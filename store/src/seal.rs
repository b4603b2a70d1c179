//! Seals what the database must not show: XChaCha20-Poly1305, every row bound to its place.

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

/// Where a sealed text stands. A text moved to another place does not open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) key: &'a [&'a str],
}

impl Place<'_> {
    /// Each part after its length, so that no two places look alike.
    fn bytes(&self, key_id: u8) -> Vec<u8> {
        let mut bytes = vec![key_id];
        for part in std::iter::once(&self.table).chain(self.key) {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
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
    pub(crate) fn seal(&self, place: Place<'_>, value: &impl Serialize) -> Result<Vec<u8>, Fault> {
        let json = serde_json::to_vec(value).map_err(|_| Fault::Unreadable(place.table))?;
        let (id, cipher) = &self.current;
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: &json, aad: &place.bytes(*id) };
        let sealed = cipher.encrypt(&nonce, payload).map_err(|_| Fault::Sealed(place.table))?;
        Ok([&[*id], nonce.as_slice(), &sealed].concat())
    }

    /// The value that was sealed at this place.
    pub(crate) fn open<T: DeserializeOwned>(&self, place: Place<'_>, sealed: &[u8]) -> Result<T, Fault> {
        let json = self.unseal(place, sealed).ok_or(Fault::Sealed(place.table))?;
        serde_json::from_slice(&json).map_err(|_| Fault::Unreadable(place.table))
    }

    /// Whether this was sealed with the key that seals now.
    pub(crate) fn is_current(&self, place: Place<'_>, sealed: &[u8]) -> bool {
        unseal_with(&self.current, place, sealed).is_some()
    }

    fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        // Two keys may share an id: whichever opens it is the right one.
        std::iter::once(&self.current).chain(&self.previous).find_map(|key| unseal_with(key, place, sealed))
    }
}

fn unseal_with((id, cipher): &(u8, XChaCha20Poly1305), place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
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

    const HERE: Place<'_> = Place { table: "payments", key: &["demo", "pay_1"] };

    fn sealer() -> (Keys, Sealer) {
        let keys = Keys::only(Key::generate());
        let sealer = Sealer::new(&keys);
        (keys, sealer)
    }

    fn is_sealed(result: Result<String, Fault>) -> bool {
        matches!(result, Err(Fault::Sealed("payments")))
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
        let (_, sealer) = sealer();
        let sealed = sealer.seal(HERE, &"canary").unwrap();
        assert_eq!(sealer.open::<String>(HERE, &sealed).unwrap(), "canary");
        for key in [&["demo", "pay_2"][..], &["dem", "opay_1"], &["demo"], &["demo", "pay_1", ""]] {
            assert!(is_sealed(sealer.open(Place { table: "payments", key }, &sealed)), "{key:?}");
        }
    }

    #[test]
    fn a_text_with_any_byte_changed_or_missing_does_not_open() {
        let (_, sealer) = sealer();
        let sealed = sealer.seal(HERE, &"canary").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(is_sealed(sealer.open(HERE, &changed)), "byte {at}");
            assert!(is_sealed(sealer.open(HERE, &sealed[..at])), "cut at {at}");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same_way() {
        let (_, sealer) = sealer();
        assert_ne!(sealer.seal(HERE, &"canary").unwrap(), sealer.seal(HERE, &"canary").unwrap());
    }

    #[test]
    fn a_rotated_key_still_opens_and_a_forgotten_one_does_not() {
        let (old, sealer) = sealer();
        let sealed = sealer.seal(HERE, &"canary").unwrap();
        let rotated = Keys { current: Key::generate(), previous: vec![old.current] };
        let after = Sealer::new(&rotated);
        assert_eq!(after.open::<String>(HERE, &sealed).unwrap(), "canary");
        assert!(!after.is_current(HERE, &sealed));
        assert!(is_sealed(Sealer::new(&Keys::only(rotated.current)).open(HERE, &sealed)));
    }

    #[test]
    fn a_key_survives_being_written_down_and_is_shown_by_nothing_else() {
        let key = Key::generate();
        let text = key.to_base64();
        assert_eq!(Key::from_base64(&format!(" {text}\n")).unwrap().to_base64(), text);
        assert!(!format!("{key:?}").contains(&text));
        for bad in ["", "AAAA", &text[1..], "not base64 at all, whatever its length is.."] {
            assert_eq!(Key::from_base64(bad).err(), Some(InvalidKey), "{bad}");
        }
    }
}
