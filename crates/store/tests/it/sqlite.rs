//! The contract on a SQLite file, and what only SQLite does.

use std::task::Poll;

use domain::Clock;
use store::{Store, StoreError};

use crate::contract;
use crate::database::{Database, TTL};

macro_rules! on_a_file {
    ($($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                contract::$module::$case(&Database::sqlite_file()).await;
            }
        )*
    };
}
contract::for_each_case!(on_a_file);

#[tokio::test]
async fn a_second_process_on_the_same_file_is_refused() {
    let database = Database::sqlite_file();
    let first = database.open().await;

    // The lock belongs to the open file, so a second opening within the process stands for a second process.
    let refused = Store::open(database.url(), Clock::System).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    assert!(
        refused
            .to_string()
            .contains("dogwatch.db is in use by another dogwatch process")
    );

    first.close().await;
    drop(first);
    database.open().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_in_memory_lives_as_long_as_its_store() {
    let database = Database::sqlite_file();
    let store = Store::open("sqlite::memory:", Clock::System).await.unwrap();
    let id = store.enqueue(database.question("in memory")).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    assert_eq!(lease.investigation, id);
    assert_eq!(store.events(id).await.unwrap().len(), 1);

    let other = Store::open("sqlite::memory:", Clock::System).await.unwrap();
    assert!(other.events(id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_take_a_database_in_memory_along() {
    let database = Database::sqlite_file();
    let store = Store::open("sqlite::memory:", Clock::System).await.unwrap();
    let id = store.enqueue(database.question("in memory")).await.unwrap().id;
    for patience in (1..=4).cycle().take(16) {
        give_up(store.ping(), patience).await;
        // A connection that was closed just now is gone when this one is open.
        Store::open("sqlite::memory:", Clock::System).await.unwrap();
        assert_eq!(store.events(id).await.unwrap().len(), 1);
    }
}

/// Drops a call when it waits for that many times, as a client of the service does that hangs up.
async fn give_up(call: impl Future, patience: usize) {
    let mut call = Box::pin(call);
    let mut waits = 0;
    std::future::poll_fn(|context| {
        waits += 1;
        match call.as_mut().poll(context) {
            Poll::Pending if waits < patience => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_named() {
    let url = "sqlite:/nonexistent/folder/dogwatch.db";
    let refused = Store::open(url, Clock::System).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot lock /nonexistent/folder/dogwatch.db.lock"
    );
}

#[tokio::test]
async fn an_unknown_scheme_is_refused_without_repeating_the_password() {
    let refused = Store::open("mysql://root:hunter2@db/dogwatch", Clock::System)
        .await
        .unwrap_err();
    assert!(matches!(&refused, StoreError::UnknownScheme { scheme } if scheme == "mysql"));
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
}
