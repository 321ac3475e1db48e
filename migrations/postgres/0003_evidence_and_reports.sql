-- Where in the log a piece of evidence or the report is: the text itself is stored once, in events.
CREATE TABLE evidence (
    investigation TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    position      BIGINT           NOT NULL,
    PRIMARY KEY (investigation, id),
    FOREIGN KEY (investigation, position) REFERENCES events (investigation, position) ON DELETE CASCADE
);

CREATE TABLE reports (
    investigation TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position      BIGINT           NOT NULL,
    FOREIGN KEY (investigation, position) REFERENCES events (investigation, position) ON DELETE CASCADE
);
