//! Claims: each item goes to one worker, and an item that kills its workers is not handed out for ever.

use std::collections::HashSet;
use std::time::Duration;

use domain::{EventBody, InvestigationId, StreamName};
use store::{MAX_ATTEMPTS, Status, Store};
use tokio::task::JoinSet;

use crate::database::{Database, TTL};
use crate::samples;

const ITEMS: usize = 200;
const WORKERS: usize = 8;

pub(crate) async fn every_item_is_claimed_exactly_once(database: &Database) {
    let replicas = database.replicas().await;
    for n in 0..ITEMS {
        let new = database.question(&format!("item {n}"));
        replicas[0].enqueue(new).await.unwrap();
    }
    let mut workers = JoinSet::new();
    for n in 0..WORKERS {
        workers.spawn(drain(replicas[n % 2].clone(), format!("worker-{n}")));
    }
    let claimed: Vec<InvestigationId> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), ITEMS);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), ITEMS);
    assert_eq!(replicas[1].claim("late", TTL).await.unwrap(), None);
}

async fn drain(store: Store, worker: String) -> Vec<InvestigationId> {
    let mut claimed = Vec::new();
    while let Some(lease) = store.claim(&worker, TTL).await.unwrap() {
        assert_eq!(lease.epoch, 1);
        claimed.push(lease.investigation);
        store.finish(&lease, Status::Finished).await.unwrap();
    }
    claimed
}

pub(crate) async fn the_oldest_item_is_claimed_first(database: &Database) {
    let store = database.open().await;
    let younger = database.question("younger");
    let mut older = database.question("older");
    older.created_at = database.now() - Duration::from_secs(1);
    store.enqueue(younger.clone()).await.unwrap();
    store.enqueue(older.clone()).await.unwrap();

    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    assert_eq!(lease.investigation, older.id);
    assert_eq!(lease.worker, "worker");
    assert_eq!(lease.expires_at, database.now() + TTL);
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    assert_eq!(lease.investigation, younger.id);
}

pub(crate) async fn one_item_can_be_claimed_by_its_id(database: &Database) {
    let store = database.open().await;
    let first = store.enqueue(database.question("first")).await.unwrap().id;
    let second = store.enqueue(database.question("second")).await.unwrap().id;

    let lease = store.claim_one(second, "a", TTL).await.unwrap().unwrap();
    assert_eq!((lease.investigation, lease.epoch), (second, 1));
    assert_eq!(store.claim_one(second, "b", TTL).await.unwrap(), None);
    let lease = store.claim("b", TTL).await.unwrap().unwrap();
    assert_eq!(lease.investigation, first);

    let unknown = database.question("never stored").id;
    assert_eq!(store.claim_one(unknown, "a", TTL).await.unwrap(), None);
}

pub(crate) async fn an_item_that_kills_its_workers_is_given_up(database: &Database) {
    let store = database.open().await;
    let killer = store.enqueue(database.question("killer")).await.unwrap().id;
    for attempt in 1..=u64::from(MAX_ATTEMPTS) {
        let lease = store.claim("worker", TTL).await.unwrap().unwrap();
        let started = EventBody::Started { epoch: lease.epoch };
        store
            .append(&lease, &StreamName::main(), attempt + 1, started)
            .await
            .unwrap();
        database.advance(TTL);
    }
    database.advance(TTL);
    let harmless = store.enqueue(database.question("harmless")).await.unwrap().id;

    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    assert_eq!(lease.investigation, harmless);
    let row = store.investigation(killer).await.unwrap().unwrap();
    assert_eq!(row.status, Status::Failed);
}

pub(crate) async fn progress_and_orderly_release_are_no_failed_attempts(database: &Database) {
    let store = database.open().await;
    store.enqueue(database.question("long")).await.unwrap();
    for seq in 1..=u64::from(2 * MAX_ATTEMPTS) {
        let lease = store.claim("worker", TTL).await.unwrap().unwrap();
        store
            .append(
                &lease,
                &StreamName("triage".to_owned()),
                seq,
                samples::gap("logs"),
            )
            .await
            .unwrap();
        database.advance(TTL);
    }
    for _ in 0..2 * MAX_ATTEMPTS {
        let lease = store.claim("worker", TTL).await.unwrap().unwrap();
        store.release(&lease).await.unwrap();
    }
}
