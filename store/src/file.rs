//! The file of the database: whose it is, and whether it is still there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::open_error::OpenError;

/// The file of a database, held for one server alone until this is dropped.
///
/// To be dropped after SQLite has closed the file: closing any handle on a file takes the process's `fcntl` locks on it
/// away (POSIX), and those are SQLite's.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    file: File,
    _lock: File,
}

impl DatabaseFile {
    /// Locks the file, made if it is missing, together with its folder.
    pub(crate) fn lock(path: &Path) -> Result<Self, OpenError> {
        let path = resolve(path)?;
        // Beside the database, because SQLite's own locks come and go with transactions.
        let lock = create(&beside(&path, ".lock"))?;
        try_lock(&lock, &path)?;
        // Its log holds what was committed last. A new database would throw that away.
        if !path.exists() && beside(&path, "-wal").exists() {
            return Err(OpenError::LogAlone(path));
        }
        let file = create(&path)?;
        // A file with two names has two locks beside it. On Linux a lock on the file itself (`flock`) does not
        // concern those that SQLite takes (`fcntl`); elsewhere the two kinds may exclude each other.
        if cfg!(target_os = "linux") {
            try_lock(&file, &path)?;
        }
        Ok(Self { path, file, _lock: lock })
    }

    /// The one name of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether the files at the paths are still those that SQLite has open: the database, its log and the log's index.
    /// Where files have no identity it tells whether there are any.
    ///
    /// To be called once SQLite has opened all three, which it then keeps until its last connection is closed.
    pub(crate) fn is_in_place(&self) -> Result<impl Fn() -> bool + Send + use<>, OpenError> {
        let mut ours = vec![(self.path.clone(), self.file.metadata().map_err(file_error(&self.path))?)];
        // What was committed stands in the log for a while, and without its index a second process reads none of it.
        for ending in ["-wal", "-shm"] {
            let path = beside(&self.path, ending);
            let metadata = fs::metadata(&path).map_err(file_error(&path))?;
            ours.push((path, metadata));
        }
        let is_ours = |(path, ours): &(PathBuf, fs::Metadata)| {
            fs::metadata(path).is_ok_and(|there| identity(&there) == identity(ours))
        };
        Ok(move || ours.iter().all(is_ours))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) {}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::File { path: path.to_owned(), source }
}

/// The one name of the file, so that two ways to it meet at one lock. Makes its folder.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(known) = path.canonicalize() {
        return Ok(known);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder().create(folder).map_err(file_error(folder))?;
    let folder = folder.canonicalize().map_err(file_error(folder))?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory));
    Ok(folder.join(name.map_err(file_error(path))?))
}

fn try_lock(file: &File, path: &Path) -> Result<(), OpenError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse(path.to_owned()),
        TryLockError::Error(source) => OpenError::File { path: path.to_owned(), source },
    })
}

/// The file, made if it is missing, for its owner alone. SQLite gives the log the same permissions.
fn create(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(file_error(path))
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}
