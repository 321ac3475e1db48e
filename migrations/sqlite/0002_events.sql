-- The log of an investigation. position orders all its events as they were committed, without holes;
-- seq orders those of one stream.
CREATE TABLE events (
    investigation TEXT    NOT NULL REFERENCES investigations (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    stream        TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    recorded_at   INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (investigation, position),
    UNIQUE (investigation, stream, seq)
) STRICT;
