//! The key that secrets and raw provider payloads are encrypted with at rest.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret as _, SecretBox};

use crate::random::random_bytes;

/// 32 bytes, written in base64.
#[derive(Debug)]
pub struct EncryptionKey(SecretBox<[u8; 32]>);

impl Clone for EncryptionKey {
    fn clone(&self) -> Self {
        Self::new(*self.0.expose_secret())
    }
}

impl EncryptionKey {
    fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(random_bytes())
    }

    /// Reads the written form. The error is a predicate that does not repeat the text.
    ///
    /// # Errors
    ///
    /// If it is not 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok();
        bytes
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self::new)
            .ok_or_else(|| "must be 32 bytes in base64; `openssl rand -base64 32` makes them".to_owned())
    }

    /// Reads the key from `path`, or makes one there that only its owner may read.
    ///
    /// For the demo, so that its data can be read again by the next start.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or made, or does not hold a key. A file that holds
    /// something else is left as it is: overwriting it could make data unreadable for ever.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => {
                Self::parse(&text).map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let key = Self::generate();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(file, "{}", BASE64_STANDARD.encode(key.expose()))?;
        file.sync_all()?;
        Ok(key)
    }

    /// The bytes, for the cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let text = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(EncryptionKey::parse(&text).unwrap().expose(), &[7; 32]);
        for text in ["", "c2hvcnQ=", "not base64!", &BASE64_STANDARD.encode([7; 33])] {
            assert!(EncryptionKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_generated_key_is_kept_where_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("paymux.key");
        let made = EncryptionKey::load_or_create(&path).unwrap();
        let read = EncryptionKey::load_or_create(&path).unwrap();
        assert_eq!(made.expose(), read.expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paymux.key");
        fs::write(&path, "precious").unwrap();
        let error = EncryptionKey::load_or_create(&path).unwrap_err();
        assert!(!error.to_string().contains("precious"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let shown = format!("{:?}", EncryptionKey::new([7; 32]));
        assert!(!shown.contains('7'), "{shown}");
    }
}
