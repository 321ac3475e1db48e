//! One query text for both databases: arguments, rows and transactions without a word on investigations.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{
    Arguments, Database, Encode, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction, Type,
    query_as_with, query_with,
};

use crate::error::StoreError;

/// A value for a placeholder `$1`, `$2`, …
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    /// A 64-bit integer.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Text or NULL.
    OptionalText(Option<&'a str>),
}

/// A row that both databases can deliver.
pub(crate) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// The pools of one database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// SQLite has one writer at a time: writers queue for the one connection instead of for the file's lock.
    Sqlite {
        /// One connection, for transactions.
        write: SqlitePool,
        /// Several connections, for reads. The same pool as `write` for a database in memory.
        read: SqlitePool,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

impl Db {
    /// Begins a transaction that may write. `operation` names it in errors ("cannot …"). Do not read through
    /// the pools while it is open: in memory there is only one connection.
    pub(crate) async fn begin(&self, operation: &'static str) -> Result<Tx, StoreError> {
        let inner = match self {
            // A deferred transaction would fail when it turns from reading to writing beside another writer.
            Self::Sqlite { write, .. } => write.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite),
            Self::Postgres(pool) => pool.begin().await.map(Inner::Postgres),
        };
        match inner {
            Ok(inner) => Ok(Tx { inner, operation }),
            Err(source) => Err(StoreError::Database { operation, source }),
        }
    }

    /// All rows of a query outside of transactions.
    pub(crate) async fn rows<T: Record>(
        &self,
        operation: &'static str,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let failed = |source| StoreError::Database { operation, source };
        match self {
            Self::Sqlite { read, .. } => {
                let args = arguments::<Sqlite>(args).map_err(failed)?;
                query_as_with::<Sqlite, T, _>(sql, args)
                    .fetch_all(read)
                    .await
                    .map_err(failed)
            }
            Self::Postgres(pool) => {
                let args = arguments::<Postgres>(args).map_err(failed)?;
                query_as_with::<Postgres, T, _>(sql, args)
                    .fetch_all(pool)
                    .await
                    .map_err(failed)
            }
        }
    }

    /// The first row of a query outside of transactions.
    pub(crate) async fn row<T: Record>(
        &self,
        operation: &'static str,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(operation, sql, args).await?.into_iter().next())
    }

    /// Closes the connections, waiting for those in use.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction. Dropped without a commit, it is rolled back.
pub(crate) struct Tx {
    inner: Inner,
    operation: &'static str,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// True on PostgreSQL, for the few queries that differ.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// The first row of a query. The query runs to its end, as statements that write and return must.
    pub(crate) async fn row<T: Record>(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<T>, StoreError> {
        let operation = self.operation;
        let failed = |source| StoreError::Database { operation, source };
        let rows: Vec<T> = match &mut self.inner {
            Inner::Sqlite(tx) => {
                let args = arguments::<Sqlite>(args).map_err(failed)?;
                query_as_with::<Sqlite, T, _>(sql, args)
                    .fetch_all(&mut **tx)
                    .await
                    .map_err(failed)?
            }
            Inner::Postgres(tx) => {
                let args = arguments::<Postgres>(args).map_err(failed)?;
                query_as_with::<Postgres, T, _>(sql, args)
                    .fetch_all(&mut **tx)
                    .await
                    .map_err(failed)?
            }
        };
        Ok(rows.into_iter().next())
    }

    /// Runs a statement; the number of rows that it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let operation = self.operation;
        let failed = |source| StoreError::Database { operation, source };
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let args = arguments::<Sqlite>(args).map_err(failed)?;
                let done = query_with::<Sqlite, _>(sql, args).execute(&mut **tx).await;
                done.map(|done| done.rows_affected()).map_err(failed)
            }
            Inner::Postgres(tx) => {
                let args = arguments::<Postgres>(args).map_err(failed)?;
                let done = query_with::<Postgres, _>(sql, args).execute(&mut **tx).await;
                done.map(|done| done.rows_affected()).map_err(failed)
            }
        }
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let operation = self.operation;
        let done = match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        };
        done.map_err(|source| StoreError::Database { operation, source })
    }
}

fn arguments<'a, DB>(args: &[Arg<'a>]) -> Result<DB::Arguments, sqlx::Error>
where
    DB: Database,
    i64: Encode<'a, DB> + Type<DB>,
    &'a str: Encode<'a, DB> + Type<DB>,
    Option<&'a str>: Encode<'a, DB> + Type<DB>,
{
    let mut all = DB::Arguments::default();
    for arg in args {
        let added = match *arg {
            Arg::Int(value) => all.add(value),
            Arg::Text(value) => all.add(value),
            Arg::OptionalText(value) => all.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(all)
}
