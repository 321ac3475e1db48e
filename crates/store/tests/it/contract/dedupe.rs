//! Deduplication: repeated firings of an alert are counted, not investigated again.

use std::time::Duration;

use store::{DEDUPE_WINDOW, Enqueued, NewInvestigation, Status};
use tokio::task::JoinSet;

use crate::database::{Database, TTL};

const FIRINGS: u64 = 8;

pub(crate) async fn a_repeated_firing_joins_the_unfinished_investigation(database: &Database) {
    let store = database.open().await;
    let first = store.enqueue(database.firing("f00d")).await.unwrap();
    assert!(!first.duplicate);
    let again = store.enqueue(database.firing("f00d")).await.unwrap();
    assert_eq!(
        again,
        Enqueued {
            id: first.id,
            duplicate: true
        }
    );

    // However long it takes.
    store.claim("worker", TTL).await.unwrap().unwrap();
    database.advance(DEDUPE_WINDOW * 10);
    let again = store.enqueue(database.firing("f00d")).await.unwrap();
    assert_eq!(
        again,
        Enqueued {
            id: first.id,
            duplicate: true
        }
    );
    let row = store.investigation(first.id).await.unwrap().unwrap();
    assert_eq!(row.firings, 3);
    assert_eq!(store.events(first.id).await.unwrap().len(), 1);

    assert!(!store.enqueue(database.firing("beef")).await.unwrap().duplicate);
    let elsewhere = NewInvestigation {
        cluster: "staging".to_owned(),
        ..database.firing("f00d")
    };
    assert!(!store.enqueue(elsewhere).await.unwrap().duplicate);
    assert!(
        !store
            .enqueue(database.question("no key"))
            .await
            .unwrap()
            .duplicate
    );
    assert!(
        !store
            .enqueue(database.question("no key"))
            .await
            .unwrap()
            .duplicate
    );
}

pub(crate) async fn a_repeated_firing_joins_an_investigation_that_just_ended(database: &Database) {
    let store = database.open().await;
    let first = store.enqueue(database.firing("f00d")).await.unwrap();
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    store.finish(&lease, Status::Finished).await.unwrap();

    database.advance(DEDUPE_WINDOW - Duration::from_secs(1));
    let again = store.enqueue(database.firing("f00d")).await.unwrap();
    assert_eq!(
        again,
        Enqueued {
            id: first.id,
            duplicate: true
        }
    );

    database.advance(Duration::from_secs(1));
    let anew = store.enqueue(database.firing("f00d")).await.unwrap();
    assert!(!anew.duplicate);
    assert_ne!(anew.id, first.id);
}

pub(crate) async fn a_failed_investigation_answers_for_nothing(database: &Database) {
    let store = database.open().await;
    store.enqueue(database.firing("f00d")).await.unwrap();
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    store.finish(&lease, Status::Failed).await.unwrap();
    assert!(!store.enqueue(database.firing("f00d")).await.unwrap().duplicate);
}

pub(crate) async fn racing_firings_open_one_investigation(database: &Database) {
    let replicas = database.replicas().await;
    let mut webhooks = JoinSet::new();
    for n in 0..FIRINGS {
        let store = replicas[usize::from(n % 2 == 1)].clone();
        let new = database.firing("f00d");
        webhooks.spawn(async move { store.enqueue(new).await.unwrap() });
    }
    let enqueued = webhooks.join_all().await;
    let opened: Vec<_> = enqueued.iter().filter(|one| !one.duplicate).collect();
    assert_eq!(opened.len(), 1);
    assert!(enqueued.iter().all(|one| one.id == opened[0].id));
    let row = replicas[0].investigation(opened[0].id).await.unwrap().unwrap();
    assert_eq!(row.firings, FIRINGS);
}
