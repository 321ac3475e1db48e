-- The log of an investigation. position orders all its events as they were committed, without holes;
-- seq orders those of one stream.
CREATE TABLE events (
    investigation TEXT COLLATE "C" NOT NULL REFERENCES investigations (id) ON DELETE CASCADE,
    position      BIGINT           NOT NULL,
    stream        TEXT COLLATE "C" NOT NULL,
    seq           BIGINT           NOT NULL,
    version       BIGINT           NOT NULL,
    epoch         BIGINT           NOT NULL,
    recorded_at   BIGINT           NOT NULL,
    body          TEXT             NOT NULL,
    PRIMARY KEY (investigation, position),
    UNIQUE (investigation, stream, seq)
);
