-- Where in the log a piece of evidence or the report is: the text itself is stored once, in events.
CREATE TABLE evidence (
    investigation TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    PRIMARY KEY (investigation, id),
    FOREIGN KEY (investigation, position) REFERENCES events (investigation, position) ON DELETE CASCADE
) STRICT;

CREATE TABLE reports (
    investigation TEXT    NOT NULL PRIMARY KEY,
    position      INTEGER NOT NULL,
    FOREIGN KEY (investigation, position) REFERENCES events (investigation, position) ON DELETE CASCADE
) STRICT;
