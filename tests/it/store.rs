//! The `Store` suite, run on every backend.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be built is a failed test")]

use paymux_core::store::{MemoryStore, Store};
use paymux_store::{Key, Keys, SqliteStore};
use tempfile::TempDir;
use tests::store_suite::{INBOX_CAPACITY, StoreBench};

struct Memory(MemoryStore);

impl StoreBench for Memory {
    fn new() -> Self {
        Self(MemoryStore::with_inbox_capacity(INBOX_CAPACITY.into()))
    }

    fn store(&self) -> &dyn Store {
        &self.0
    }
}

/// SQLite in a file, as a server has it.
struct Sqlite {
    store: SqliteStore,
    _folder: TempDir,
}

impl StoreBench for Sqlite {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("paymux.db"), &Keys::only(Key::generate())).unwrap();
        Self { store: store.with_inbox_capacity(INBOX_CAPACITY.into()), _folder: folder }
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }
}

/// SQLite in memory: readers share the writer's connection.
struct SqliteInMemory(SqliteStore);

impl StoreBench for SqliteInMemory {
    fn new() -> Self {
        let store = SqliteStore::open(":memory:", &Keys::only(Key::generate())).unwrap();
        Self(store.with_inbox_capacity(INBOX_CAPACITY.into()))
    }

    fn store(&self) -> &dyn Store {
        &self.0
    }
}

mod memory {
    tests::store_suite!(super::Memory);
}

mod sqlite {
    tests::store_suite!(super::Sqlite);
}

mod sqlite_in_memory {
    tests::store_suite!(super::SqliteInMemory);
}

#[tokio::test]
async fn sqlite_and_memory_agree_on_random_calls() {
    for seed in 0..30 {
        let (memory, sqlite) = (Memory::new(), SqliteInMemory::new());
        tests::store_suite::agreement::two_stores_agree(memory.store(), sqlite.store(), seed).await;
    }
}
