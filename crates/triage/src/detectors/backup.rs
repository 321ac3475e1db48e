//! Backup runs that end in errors: CronJobs by their template and their last runs' logs, Velero's Backups by their
//! status.

use std::sync::LazyLock;

use cluster::{ClusterView, LogLine, Look, Object};
use domain::{Severity, Signal};
use regex::Regex;

use super::finding::signal;
use super::text::ago;
use super::{Context, Detector, volume};

pub(super) const DETECTOR: Detector = Detector {
    name: "backup",
    mechanisms: &[ID],
    run,
};

const ID: &str = "storage-and-persistence/backup-failed";

/// Programs and words of backups in a pod template.
static TOOL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:pg_dump(?:all)?|pg_basebackup|mysqldump|mariadb-dump|xtrabackup|mariabackup|mongodump|restic|borg|kopia|duplicity|velero|barman|wal-g|pgbackrest|etcdctl\s+snapshot|redis-cli\s+--rdb|backup|back-up)\b").ok()
});

fn run(context: &Context<'_>) -> Vec<Signal> {
    let view = context.view;
    view.of_kind("CronJob")
        .filter_map(|cron| failing(view, cron))
        .chain(view.of_kind("Backup").filter_map(velero))
        .collect()
}

/// The newest finished run of a CronJob that makes backups has failed, and none has succeeded since.
fn failing(view: &ClusterView, cron: &Object) -> Option<Signal> {
    let mut runs: Vec<&Object> = view
        .in_namespace("Job", cron.namespace())
        .filter(|job| job.controller().as_ref() == Some(cron.reference()))
        .filter(|job| {
            ["Complete", "Failed"]
                .iter()
                .any(|kind| job.str(&format!("status.conditions[{kind}].status")) == "True")
        })
        .collect();
    runs.sort_by_key(|job| job.created());
    let newest = runs.last()?;
    if newest.str("status.conditions[Failed].status") != "True" {
        return None;
    }
    let success = cron.time("status.lastSuccessfulTime");
    if success.is_some_and(|at| newest.created().is_some_and(|created| at > created)) {
        return None;
    }
    let lines = telling(view, newest);
    let tool = cron
        .at("spec.jobTemplate.spec.template.spec.containers")
        .is_some_and(|containers| {
            TOOL.as_ref()
                .is_some_and(|tool| tool.is_match(&containers.to_string()))
        });
    if !tool && lines.is_empty() {
        return None;
    }
    let certainty = match (tool, lines.is_empty()) {
        (true, false) => 0.92,
        (false, false) => 0.82,
        _ => 0.65,
    };
    let age = match success {
        Some(at) => format!("the last good run was {} ago", ago(view.now.duration_since(at))),
        None => "no good run is known".to_owned(),
    };
    let said = lines.first().map_or_else(
        || newest.str("status.conditions[Failed].message").to_owned(),
        |line| line.text.truncated(300).as_str().to_owned(),
    );
    let message = format!("{} makes no backups, {age}: {said}", cron.reference());
    let mut built = signal("backup", cron.reference(), &message)
        .mechanism(ID, certainty)
        .severity(Severity::Critical)
        .onset(newest.time("status.conditions[Failed].lastTransitionTime"))
        .affects([newest.reference().clone(), cron.reference().clone()])
        .affects(view.pods_of(cron.reference()).map(|pod| pod.reference().clone()))
        .facts(
            cron,
            [
                "status.lastSuccessfulTime",
                "status.lastScheduleTime",
                "spec.schedule",
                "spec.suspend",
            ],
        )
        .facts(
            newest,
            [
                "status.failed",
                "status.conditions[Failed].reason",
                "status.conditions[Failed].message",
            ],
        );
    for line in lines.iter().take(2) {
        built = built.computed(
            newest.reference(),
            "log.line",
            line.text.truncated(300).as_str(),
            line.at,
        );
    }
    if let Some(write) = cron.last_write("spec") {
        let at = write.time.map_or_else(String::new, |at| at.to_string());
        built = built.param("last_write", &format!("{} {at}", write.name));
    }
    Some(built.build())
}

/// Lines of a Job's pods in which a backup tool complains.
fn telling<'a>(view: &'a ClusterView, job: &Object) -> Vec<&'a LogLine> {
    let pods: Vec<&Object> = view
        .in_namespace("Pod", job.namespace())
        .filter(|pod| pod.controller().as_ref() == Some(job.reference()))
        .collect();
    view.logs
        .iter()
        .filter(|(source, _)| {
            pods.iter()
                .any(|pod| pod.namespace() == source.namespace && pod.name() == source.pod)
        })
        .filter_map(|(_, log)| match log {
            Look::Found(lines) => Some(lines),
            _ => None,
        })
        .flatten()
        .filter(|line| volume::line_means(line.text.as_str(), ID))
        .collect()
}

/// A backup of Velero that did not complete (`pkg/apis/velero/v1`, `BackupPhase`).
fn velero(backup: &Object) -> Option<Signal> {
    let phase = backup.str("status.phase");
    if !matches!(phase, "Failed" | "PartiallyFailed" | "FailedValidation") {
        return None;
    }
    let message = format!(
        "{} ended as {phase} with {} errors: {}",
        backup.reference(),
        backup.int("status.errors"),
        backup.str("status.failureReason")
    );
    Some(
        signal("backup", backup.reference(), &message)
            .mechanism(ID, 0.7)
            .onset(backup.time("status.completionTimestamp"))
            .facts(
                backup,
                [
                    "status.phase",
                    "status.errors",
                    "status.failureReason",
                    "status.completionTimestamp",
                ],
            )
            .build(),
    )
}
