//! Evidence, reports and rows by their ids.

use std::time::Duration;

use domain::{InvestigationId, StreamName, Verdict};
use store::{InvestigationFilter, Status, StoreError};

use crate::database::{Database, TTL};
use crate::samples;

pub(crate) async fn evidence_is_found_by_its_id(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("evidence")).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    let storage = StreamName("storage-2".to_owned());
    for ordinal in 1..=2_u64 {
        let evidence = storage.evidence(usize::try_from(ordinal).unwrap());
        let body = samples::evidence_stored(evidence, database.now());
        store.append(&lease, &storage, ordinal, body).await.unwrap();
    }
    let wanted = storage.evidence(2);
    let found = store.evidence(id, &wanted).await.unwrap();
    assert_eq!(found, Some(samples::evidence(wanted, database.now())));
    assert_eq!(store.evidence(id, &storage.evidence(3)).await.unwrap(), None);
    let other = store.enqueue(database.question("other")).await.unwrap().id;
    assert_eq!(store.evidence(other, &storage.evidence(1)).await.unwrap(), None);
}

pub(crate) async fn an_evidence_id_is_used_once(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("twice")).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    let triage = StreamName("triage".to_owned());
    let body = samples::evidence_stored(triage.evidence(1), database.now());
    store.append(&lease, &triage, 1, body.clone()).await.unwrap();
    let again = store.append(&lease, &triage, 2, body).await;
    assert!(
        matches!(&again, Err(StoreError::EvidenceTaken { evidence }) if *evidence == triage.evidence(1)),
        "{again:?}"
    );
    assert_eq!(store.events(id).await.unwrap().len(), 2);
}

pub(crate) async fn a_report_ends_its_investigation(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("report")).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    assert_eq!(store.report(id).await.unwrap(), None);
    let row = store.investigation(id).await.unwrap().unwrap();
    assert_eq!((row.status, row.verdict), (Status::Running, None));

    database.advance(Duration::from_secs(1));
    let main = StreamName::main();
    let reported = samples::reported(id, database.now());
    store.append(&lease, &main, 2, reported).await.unwrap();
    let report = store.report(id).await.unwrap();
    assert_eq!(report, Some(samples::report(id, database.now())));
    let row = store.investigation(id).await.unwrap().unwrap();
    assert_eq!(row.status, Status::Finished);
    assert_eq!(row.verdict, Some(Verdict::Inconclusive));
    assert_eq!(row.updated_at, database.now());
    assert!(row.created_at < row.updated_at);

    let late = store.append(&lease, &main, 3, samples::gap("late")).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    database.advance(TTL);
    assert_eq!(store.claim("other", TTL).await.unwrap(), None);
}

pub(crate) async fn investigations_are_listed_newest_first_in_pages(database: &Database) {
    let store = database.open().await;
    let mut ids: Vec<InvestigationId> = Vec::new();
    for n in 0..5_u64 {
        // Two share each moment: the id decides.
        if n % 2 == 0 {
            database.advance(Duration::from_secs(1));
        }
        let new = database.question(&format!("question {n}"));
        ids.push(store.enqueue(new).await.unwrap().id);
    }
    ids.reverse();

    let first = InvestigationFilter {
        limit: 2,
        ..InvestigationFilter::default()
    };
    let mut listed = Vec::new();
    let mut page = store.investigations(&first).await.unwrap();
    while let Some(last) = page.last() {
        let next = InvestigationFilter {
            before: Some(last.id),
            ..first.clone()
        };
        listed.append(&mut page);
        page = store.investigations(&next).await.unwrap();
    }
    assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    assert_eq!(listed[0].title.as_str(), "question 4");
    assert_eq!(
        (listed[0].cluster.as_str(), listed[0].firings, listed[0].epoch),
        ("prod", 1, 0)
    );

    let oldest = store.claim("worker", TTL).await.unwrap().unwrap().investigation;
    let running = InvestigationFilter {
        status: Some(Status::Running),
        ..InvestigationFilter::default()
    };
    let rows = store.investigations(&running).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [oldest]);
    assert_eq!(Some(&oldest), ids.last());
}

pub(crate) async fn what_is_not_there_is_none(database: &Database) {
    let store = database.open().await;
    let unknown = database.question("never stored").id;
    assert_eq!(store.investigation(unknown).await.unwrap(), None);
    assert_eq!(store.report(unknown).await.unwrap(), None);
    assert!(store.events(unknown).await.unwrap().is_empty());
    assert!(store.events_after(unknown, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.claim("worker", TTL).await.unwrap(), None);
}

pub(crate) async fn the_store_answers_a_ping(database: &Database) {
    let store = database.open().await;
    store.ping().await.unwrap();
    store.close().await;
    let closed = store.ping().await;
    assert!(matches!(closed, Err(StoreError::Database { .. })), "{closed:?}");
}
