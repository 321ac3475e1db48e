//! The wordings against real messages that nobody here wrote: `tests/wording/*.tsv`, one file per mechanism. A message
//! is classified when its mechanism is among the candidates; a near-miss is taken when the file's mechanism is.

use std::path::Path;

use triage::wording::{Place, Words, classify};

/// Share of the messages that must be classified, in percent.
const CLASSIFIED_PERCENT: usize = 95;

struct Row {
    file: String,
    mechanism: String,
    label: String,
    place: Place,
    reason: String,
    message: String,
}

fn rows() -> Vec<Row> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wording");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the corpus").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "tsv") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it is text");
        for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
            out.push(row(&path, line));
        }
    }
    out
}

fn row(path: &Path, line: &str) -> Row {
    let file = path.file_name().expect("a name").to_string_lossy().into_owned();
    let fields: Vec<&str> = line.split('\t').collect();
    let [mechanism, label, place, reason, message, ..] = fields[..] else {
        panic!("{file}: too few columns: {line}");
    };
    assert_eq!(fields.len(), 8, "{file}: {line}");
    assert!(!fields[5].is_empty(), "{file}: no source: {line}");
    Row {
        mechanism: mechanism.to_owned(),
        label: label.to_owned(),
        place: match place {
            "event" => Place::Event,
            "waiting" => Place::Waiting,
            "terminated" => Place::Terminated,
            "condition" => Place::Condition,
            "status" => Place::Status,
            "log" => Place::Log,
            other => panic!("{file}: unknown place {other}"),
        },
        reason: reason.to_owned(),
        message: message.to_owned(),
        file,
    }
}

fn candidates(row: &Row) -> Vec<&'static str> {
    classify(Words {
        place: row.place,
        reason: &row.reason,
        message: &row.message,
    })
}

#[test]
fn real_messages_are_classified() {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.label == "is").collect();
    let missed: Vec<&Row> = rows
        .iter()
        .filter(|row| !candidates(row).contains(&row.mechanism.as_str()))
        .collect();
    for row in &missed {
        println!(
            "missed {}: {:?} {} | {}",
            row.mechanism, row.place, row.reason, row.message
        );
    }
    let hits = rows.len() - missed.len();
    println!("{hits} of {} messages classified", rows.len());
    assert!(
        hits * 100 >= CLASSIFIED_PERCENT * rows.len(),
        "{hits} of {}",
        rows.len()
    );
}

#[test]
fn near_misses_are_not_taken() {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.label != "is").collect();
    let taken: Vec<String> = rows
        .iter()
        .filter(|row| candidates(row).contains(&row.mechanism.as_str()))
        .map(|row| {
            format!(
                "{} taken ({}): {:?} {} | {}",
                row.file, row.label, row.place, row.reason, row.message
            )
        })
        .collect();
    println!("{} of {} near-misses taken", taken.len(), rows.len());
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

#[test]
fn every_file_has_enough_messages_and_near_misses() {
    let rows = rows();
    let files: std::collections::BTreeSet<&str> = rows.iter().map(|row| row.file.as_str()).collect();
    for file in files {
        let count = |is: bool| {
            rows.iter()
                .filter(|row| row.file == file && (row.label == "is") == is)
                .count()
        };
        assert!(
            count(true) >= 8 && count(false) >= 3,
            "{file}: {} and {}",
            count(true),
            count(false)
        );
    }
}
