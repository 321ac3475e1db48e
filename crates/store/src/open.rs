//! Opens a database by its URL: pools, the lock of a SQLite file, migrations.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::db::Db;
use crate::error::StoreError;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 10;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database; the lock is held as long as this lives.
pub(crate) struct Opened {
    pub(crate) db: Db,
    pub(crate) lock: Option<Arc<File>>,
}

/// Opens the database of `url` and brings its schema up to date.
pub(crate) async fn open(url: &str) -> Result<Opened, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", rest)) => open_sqlite(url, rest).await,
        Some(("postgres" | "postgresql", _)) => open_postgres(url).await,
        other => Err(StoreError::UnknownScheme {
            scheme: other.map_or_else(String::new, |(scheme, _)| scheme.to_owned()),
        }),
    }
}

async fn open_sqlite(url: &str, rest: &str) -> Result<Opened, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|source| StoreError::Open { source })?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // An accepted alert survives a power failure, too.
        .synchronous(SqliteSynchronous::Full);
    if rest.trim_start_matches('/').starts_with(":memory:") {
        let pool = sqlite_pool(1, options).await?;
        migrate_sqlite(&pool).await?;
        let db = Db::Sqlite {
            read: pool.clone(),
            write: pool,
        };
        return Ok(Opened { db, lock: None });
    }
    let lock = lock(options.get_filename())?;
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let write = sqlite_pool(1, options.clone()).await?;
    migrate_sqlite(&write).await?;
    let read = sqlite_pool(SQLITE_READERS, options).await?;
    Ok(Opened {
        db: Db::Sqlite { write, read },
        lock: Some(Arc::new(lock)),
    })
}

/// Connections without an end of life: the last one takes a database in memory with it. They are not tested before
/// use either: sqlx closes a connection when the caller goes away during that test, as an HTTP client may.
async fn sqlite_pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|source| StoreError::Open { source })
}

async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    SQLITE
        .run(pool)
        .await
        .map_err(|source| StoreError::Migrate { source })
}

async fn open_postgres(url: &str) -> Result<Opened, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .connect(url)
        .await
        .map_err(|source| StoreError::Open { source })?;
    POSTGRES
        .run(&pool)
        .await
        .map_err(|source| StoreError::Migrate { source })?;
    Ok(Opened {
        db: Db::Postgres(pool),
        lock: None,
    })
}

/// Locks a file beside the database, because SQLite's own locks let a second process in between two
/// transactions. The system releases the lock when the process ends, however it ends.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(source) => return Err(StoreError::LockFile { path, source }),
    };
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: database.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(StoreError::LockFile { path, source }),
    }
}
