-- Investigations are work items with a lease. A queued item has no lease: lease_until is 0, so that
-- "may be taken" is one comparison for queued and for expired items. Times are microseconds since 1970, UTC.
-- Keys are collated "C", so that they sort as in SQLite.
CREATE TABLE investigations (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cluster     TEXT             NOT NULL,
    title       TEXT             NOT NULL,
    dedupe_key  TEXT,
    status      TEXT             NOT NULL CHECK (status IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
    verdict     TEXT,
    firings     BIGINT           NOT NULL DEFAULT 1,
    created_at  BIGINT           NOT NULL,
    updated_at  BIGINT           NOT NULL,
    worker      TEXT,
    epoch       BIGINT           NOT NULL DEFAULT 0,
    attempts    BIGINT           NOT NULL DEFAULT 0,
    lease_until BIGINT           NOT NULL DEFAULT 0,
    position    BIGINT           NOT NULL DEFAULT 0
);

CREATE INDEX investigations_by_age ON investigations (created_at, id);

CREATE INDEX investigations_claimable ON investigations (created_at, id) WHERE status IN ('queued', 'running');

CREATE INDEX investigations_by_dedupe_key ON investigations (cluster, dedupe_key, created_at);

-- At most one unfinished investigation per key, also when two webhooks race.
CREATE UNIQUE INDEX investigations_unfinished_dedupe_key ON investigations (cluster, dedupe_key)
    WHERE status IN ('queued', 'running');
