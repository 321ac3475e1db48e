//! Leases: one holder at a time, and whoever lost it can write nothing more.

use std::time::Duration;

use domain::{EventBody, StreamName};
use store::{Lease, Status, Store, StoreError};

use crate::database::{Database, TTL};
use crate::samples;

/// Asserts that none of the holder's operations works any more, and what the error says.
async fn assert_lost(store: &Store, lease: &Lease, seq: u64, now: Status) {
    let events = store.events(lease.investigation).await.unwrap();
    let main = StreamName::main();
    let refused = [
        store
            .append(lease, &main, seq, samples::gap("late"))
            .await
            .map(|_| ()),
        store.renew(lease, TTL).await.map(|_| ()),
        store.release(lease).await,
    ];
    for result in refused {
        let Err(StoreError::LeaseLost { epoch, status, .. }) = result else {
            panic!("not refused: {result:?}");
        };
        assert_eq!((epoch, status), (lease.epoch, Some(now)));
    }
    assert_eq!(store.events(lease.investigation).await.unwrap(), events);
}

pub(crate) async fn an_expired_lease_passes_to_the_next_worker_and_fences_the_first(database: &Database) {
    let [one, two] = database.replicas().await;
    let main = StreamName::main();
    let id = one.enqueue(database.question("fencing")).await.unwrap().id;
    let a = one.claim("a", TTL).await.unwrap().unwrap();
    one.append(&a, &main, 2, EventBody::Started { epoch: a.epoch })
        .await
        .unwrap();
    assert_eq!(two.claim("b", TTL).await.unwrap(), None);

    database.advance(TTL);
    // Expired, but nobody else has it: the work may go on.
    one.append(&a, &main, 3, samples::gap("events")).await.unwrap();

    let b = two.claim("b", TTL).await.unwrap().unwrap();
    assert_eq!((b.investigation, b.epoch), (id, a.epoch + 1));
    assert_lost(&one, &a, 4, Status::Running).await;
    let finished = one.finish(&a, Status::Finished).await;
    assert!(
        matches!(finished, Err(StoreError::LeaseLost { .. })),
        "{finished:?}"
    );

    two.append(&b, &main, 4, EventBody::Started { epoch: b.epoch })
        .await
        .unwrap();
    two.renew(&b, TTL).await.unwrap();
    two.finish(&b, Status::Finished).await.unwrap();
    let row = one.investigation(id).await.unwrap().unwrap();
    assert_eq!((row.status, row.epoch), (Status::Finished, 2));
}

pub(crate) async fn a_renewed_lease_is_left_alone(database: &Database) {
    let store = database.open().await;
    store.enqueue(database.question("long")).await.unwrap();
    let lease = store.claim("a", TTL).await.unwrap().unwrap();
    database.advance(TTL - Duration::from_secs(1));
    let renewed = store.renew(&lease, TTL).await.unwrap();
    assert_eq!(renewed.expires_at, database.now() + TTL);
    assert_eq!(renewed.epoch, lease.epoch);

    database.advance(TTL - Duration::from_secs(1));
    assert_eq!(store.claim("b", TTL).await.unwrap(), None);
    database.advance(Duration::from_secs(1));
    assert_eq!(store.claim("b", TTL).await.unwrap().unwrap().epoch, 2);
}

pub(crate) async fn a_released_item_is_claimed_again(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("handed over")).await.unwrap().id;
    let a = store.claim("a", TTL).await.unwrap().unwrap();
    store.release(&a).await.unwrap();
    let row = store.investigation(id).await.unwrap().unwrap();
    assert_eq!(row.status, Status::Queued);
    assert_lost(&store, &a, 2, Status::Queued).await;

    let b = store.claim("b", TTL).await.unwrap().unwrap();
    assert_eq!((b.investigation, b.epoch), (id, 2));
}

pub(crate) async fn finishing_twice_is_no_error(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("done")).await.unwrap().id;
    let lease = store.claim("a", TTL).await.unwrap().unwrap();
    let reported = samples::reported(id, database.now());
    store
        .append(&lease, &StreamName::main(), 2, reported)
        .await
        .unwrap();
    store.finish(&lease, Status::Finished).await.unwrap();
    store.finish(&lease, Status::Finished).await.unwrap();

    let otherwise = store.finish(&lease, Status::Failed).await;
    assert!(
        matches!(otherwise, Err(StoreError::LeaseLost { .. })),
        "{otherwise:?}"
    );
    let no_end = store.finish(&lease, Status::Queued).await;
    assert!(matches!(no_end, Err(StoreError::NotAnEnd { .. })), "{no_end:?}");
}

pub(crate) async fn a_cancelled_investigation_takes_no_more_events(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("stop it")).await.unwrap().id;
    let lease = store.claim("a", TTL).await.unwrap().unwrap();
    assert!(store.cancel(id).await.unwrap());
    assert_lost(&store, &lease, 2, Status::Cancelled).await;
    database.advance(TTL);
    assert_eq!(store.claim("b", TTL).await.unwrap(), None);

    assert!(!store.cancel(id).await.unwrap());
    let unknown = database.question("never stored").id;
    assert!(!store.cancel(unknown).await.unwrap());
}
