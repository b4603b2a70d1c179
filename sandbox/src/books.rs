//! A simulated PG's own books: what it would know if the gateway forgot everything.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

/// One value behind a mutex, kept in one JSON file or, without a path, in memory.
///
/// Every [`write`](Self::write) replaces the file atomically (temporary file, then rename), so a killed
/// process leaves whole books. It is not synced to the disk: a power cut may lose the last change.
#[derive(Debug)]
pub struct Books<T> {
    path: Option<PathBuf>,
    content: Mutex<T>,
}

impl<T: Default + Serialize + DeserializeOwned> Books<T> {
    /// Opens the books at `path`, or new ones if there is no such file.
    ///
    /// # Errors
    ///
    /// The file cannot be read or does not hold these books.
    pub fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let content = match &path {
            Some(path) => load(path)?,
            None => T::default(),
        };
        Ok(Self { path, content: Mutex::new(content) })
    }

    /// Reads.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Changes, and saves the result before anybody can see it.
    pub fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut content = self.lock();
        let result = change(&mut content);
        if let Some(path) = &self.path
            && let Err(error) = save(path, &*content)
        {
            tracing::error!(%error, path = %path.display(), "the sandbox could not save its books");
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // A panicking handler is a bug of the simulator; what it left is still the best there is.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load<T: Default + DeserializeOwned>(path: &Path) -> io::Result<T> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("`{}` does not hold a simulator's books: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

fn save<T: Serialize>(path: &Path, content: &T) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    fs::write(&temporary, serde_json::to_vec(content)?)?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_outlive_the_process_that_wrote_them() {
        let folder = std::env::temp_dir().join(format!("sandbox-books-{}", std::process::id()));
        let path = folder.join("deep").join("toss.json");
        Books::<Vec<u64>>::open(Some(path.clone())).unwrap().write(|rows| rows.push(7));
        let reopened = Books::<Vec<u64>>::open(Some(path.clone())).unwrap();
        assert_eq!(reopened.read(Clone::clone), [7]);
        fs::write(&path, b"not json").unwrap();
        let error = Books::<Vec<u64>>::open(Some(path.clone())).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "broken books are not silently replaced: {error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
