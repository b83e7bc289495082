CREATE TYPE import_status AS ENUM ('PENDING', 'PROCESSING', 'SUCCESS', 'FAILURE', 'CANCELLED');

CREATE TABLE import_jobs (
    id              uuid PRIMARY KEY,
    filename        text NOT NULL,
    status          import_status NOT NULL DEFAULT 'PENDING',
    source          text NOT NULL CHECK (source IN ('cli', 'dashboard', 'watch')),
    file_sha256     text,
    file_size       bigint,
    spool_path      text,
    options         jsonb NOT NULL DEFAULT '{}',
    read_as         jsonb,  -- dialect and header, as the importer understood the file
    total_rows      bigint,
    processed_rows  bigint NOT NULL DEFAULT 0,
    success_count   bigint NOT NULL DEFAULT 0,
    error_count     bigint NOT NULL DEFAULT 0,
    skipped_count   bigint NOT NULL DEFAULT 0,
    bytes_read      bigint NOT NULL DEFAULT 0,
    task_id         text,
    failure_reason  text,
    submitted_by    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    undone_at       timestamptz,
    CONSTRAINT every_row_is_counted_once
        CHECK (processed_rows = success_count + error_count + skipped_count),
    CONSTRAINT success_means_every_row
        CHECK (status <> 'SUCCESS' OR (total_rows IS NOT NULL AND processed_rows = total_rows))
);

-- The unfinished jobs are few; the reconciler asks for them every few seconds.
CREATE INDEX import_jobs_unfinished ON import_jobs (id) WHERE status IN ('PENDING', 'PROCESSING');
CREATE INDEX import_jobs_sha256 ON import_jobs (file_sha256);

-- No further index and no foreign key: each costs an import of a million rows more than a second.
-- The books of one import lie in one range of the primary key, as UUIDv7 begins with the time.
CREATE TABLE books (
    id               uuid PRIMARY KEY,
    title            varchar(2000) NOT NULL,
    author           varchar(2000) NOT NULL,
    isbn             varchar(32) COLLATE "C" NOT NULL CONSTRAINT books_isbn_key UNIQUE,
    publication_year integer CHECK (publication_year BETWEEN 1000 AND 2100),
    import_job_id    uuid,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE import_row_errors (
    id             uuid PRIMARY KEY,
    import_job_id  uuid NOT NULL REFERENCES import_jobs (id) ON DELETE CASCADE,
    row_number     bigint NOT NULL,
    raw_data       text NOT NULL,
    error_message  text NOT NULL,
    problems       jsonb NOT NULL,
    resolved_at    timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX import_row_errors_job_row ON import_row_errors (import_job_id, row_number);
