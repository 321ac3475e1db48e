//! The log: what was appended is read back, in order, by snapshot and by cursor.

use std::time::Duration;

use domain::{Event, EventBody, InvestigationId, StreamName};
use store::{Lease, Store, StoreError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::database::{Database, TTL};
use crate::samples;

const STREAMS: [&str; 4] = ["helm-1", "orchestrator", "storage-2", "triage"];
const PER_STREAM: u64 = 25;

fn stream(name: &str) -> StreamName {
    StreamName(name.to_owned())
}

pub(crate) async fn events_are_read_back_as_they_were_appended(database: &Database) {
    let store = database.open().await;
    let new = database.question("a \"question\" with\0 NUL – and ümlauts");
    let id = store.enqueue(new.clone()).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    let mut appended = Vec::new();
    for (name, seq) in [("triage", 1), ("main", 2), ("Zeta", 1), ("triage", 2)] {
        database.advance(Duration::from_micros(1));
        let body = samples::gap(&format!("{name} {seq}"));
        appended.push(store.append(&lease, &stream(name), seq, body).await.unwrap());
    }

    let [triage_1, main_2, zeta, triage_2] = <[Event; 4]>::try_from(appended).unwrap();
    assert_eq!((triage_1.seq, triage_1.investigation), (1, id));
    assert!(triage_1.at < main_2.at);
    let snapshot = store.events(id).await.unwrap();
    let opened = snapshot[1].clone();
    assert_eq!(
        (&opened.stream, opened.seq, opened.at),
        (&StreamName::main(), 1, new.created_at)
    );
    assert_eq!(
        opened.body,
        EventBody::Opened {
            subject: new.subject,
            cluster: new.cluster
        }
    );
    // By bytes, also where the database's language would sort otherwise.
    let by_stream = [&zeta, &opened, &main_2, &triage_1, &triage_2];
    assert_eq!(snapshot.iter().collect::<Vec<_>>(), by_stream);
    let by_position: Vec<_> = [opened, triage_1, main_2, zeta, triage_2]
        .into_iter()
        .zip(1_i64..)
        .collect();
    let read: Vec<_> = store.events_after(id, 0, 10).await.unwrap();
    assert_eq!(
        read.into_iter()
            .map(|(position, event)| (event, position))
            .collect::<Vec<_>>(),
        by_position
    );
}

pub(crate) async fn a_sequence_number_is_used_once_and_without_holes(database: &Database) {
    let store = database.open().await;
    let id = store.enqueue(database.question("sequence")).await.unwrap().id;
    let lease = store.claim("worker", TTL).await.unwrap().unwrap();
    let main = StreamName::main();
    for wrong in [0, 1, 3] {
        let refused = store.append(&lease, &main, wrong, samples::gap("wrong")).await;
        let Err(StoreError::SequenceTaken {
            stream,
            expected,
            next,
        }) = refused
        else {
            panic!("not refused: {refused:?}");
        };
        assert_eq!((stream, expected, next), (main.clone(), wrong, 2));
    }
    store
        .append(&lease, &main, 2, samples::gap("right"))
        .await
        .unwrap();

    // A refused event leaves no trace, not even a hole in the positions.
    let positions: Vec<i64> = store
        .events_after(id, 0, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|(position, _)| position)
        .collect();
    assert_eq!(positions, [1, 2]);
}

pub(crate) async fn cursors_skip_nothing_while_streams_append_in_parallel(database: &Database) {
    let [writer, reader] = database.replicas().await;
    let hints = writer.subscribe();
    let id = writer.enqueue(database.question("parallel")).await.unwrap().id;
    let lease = writer.claim("worker", TTL).await.unwrap().unwrap();
    let mut agents = JoinSet::new();
    for name in STREAMS {
        agents.spawn(append_all(writer.clone(), lease.clone(), stream(name)));
    }
    let total = 1 + STREAMS.len() * usize::try_from(PER_STREAM).unwrap();
    let seen = timeout(Duration::from_secs(60), follow(&reader, id, hints, total))
        .await
        .unwrap();
    agents.join_all().await;

    let positions: Vec<i64> = seen.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=i64::try_from(total).unwrap()).collect::<Vec<_>>());
    let mut seen: Vec<Event> = seen.into_iter().map(|(_, event)| event).collect();
    seen.sort_by(|a, b| (&a.stream, a.seq).cmp(&(&b.stream, b.seq)));
    assert_eq!(seen, reader.events(id).await.unwrap());
}

async fn append_all(store: Store, lease: Lease, stream: StreamName) {
    for seq in 1..=PER_STREAM {
        let body = samples::gap(&format!("{stream} {seq}"));
        store.append(&lease, &stream, seq, body).await.unwrap();
    }
}

/// Reads on from the last position, as an event stream does, until `total` events were seen.
async fn follow(
    store: &Store,
    id: InvestigationId,
    mut hints: Receiver<InvestigationId>,
    total: usize,
) -> Vec<(i64, Event)> {
    let mut seen: Vec<(i64, Event)> = Vec::new();
    while seen.len() < total {
        let cursor = seen.last().map_or(0, |(position, _)| *position);
        let page = store.events_after(id, cursor, 7).await.unwrap();
        if page.is_empty() {
            match hints.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the store is gone"),
            }
        }
        seen.extend(page);
    }
    seen
}

pub(crate) async fn a_restarted_process_resumes_from_the_events(database: &Database) {
    let triage = stream("triage");
    let store = database.open().await;
    let id = store.enqueue(database.question("resume")).await.unwrap().id;
    let lease = store.claim("before", TTL).await.unwrap().unwrap();
    let body = samples::evidence_stored(triage.evidence(1), database.now());
    store.append(&lease, &triage, 1, body).await.unwrap();
    let written = store.events(id).await.unwrap();
    // Killed: nothing is released.
    store.close().await;
    drop(store);

    let store = database.open().await;
    assert_eq!(store.events(id).await.unwrap(), written);
    assert_eq!(store.claim("after", TTL).await.unwrap(), None);
    database.advance(TTL);
    let lease = store.claim("after", TTL).await.unwrap().unwrap();
    assert_eq!((lease.investigation, lease.epoch), (id, 2));
    store
        .append(&lease, &triage, 2, samples::gap("logs"))
        .await
        .unwrap();
    assert_eq!(store.events(id).await.unwrap().len(), written.len() + 1);
}
