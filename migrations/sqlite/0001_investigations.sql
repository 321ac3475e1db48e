-- Investigations are work items with a lease. A queued item has no lease: lease_until is 0, so that
-- "may be taken" is one comparison for queued and for expired items. Times are microseconds since 1970, UTC.
CREATE TABLE investigations (
    id          TEXT    NOT NULL PRIMARY KEY,
    cluster     TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    dedupe_key  TEXT,
    status      TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
    verdict     TEXT,
    firings     INTEGER NOT NULL DEFAULT 1,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    worker      TEXT,
    epoch       INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    position    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX investigations_by_age ON investigations (created_at, id);

CREATE INDEX investigations_claimable ON investigations (created_at, id) WHERE status IN ('queued', 'running');

CREATE INDEX investigations_by_dedupe_key ON investigations (cluster, dedupe_key, created_at);

-- At most one unfinished investigation per key, also when two webhooks race.
CREATE UNIQUE INDEX investigations_unfinished_dedupe_key ON investigations (cluster, dedupe_key)
    WHERE status IN ('queued', 'running');
