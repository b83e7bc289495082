-- The daemons that share a queue, each by a row that it renews every few seconds; and who has, or had, a job.

CREATE TABLE daemons (
    id         uuid PRIMARY KEY,
    host       text NOT NULL,
    home       text NOT NULL,
    pid        integer NOT NULL,
    workers    integer NOT NULL,
    busy       integer NOT NULL DEFAULT 0,
    hung       integer NOT NULL DEFAULT 0,
    spool_mark text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE import_jobs ADD COLUMN worker text;
