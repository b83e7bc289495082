-- History holds, beside imports, what was done to them: repairs of many rejected rows, and undos.
ALTER TABLE import_jobs
    ADD COLUMN kind text NOT NULL DEFAULT 'import' CHECK (kind IN ('import', 'repair', 'undo')),
    -- The job whose rows a repair or a file of corrections brings in, or which an undo takes back.
    ADD COLUMN target_job_id uuid REFERENCES import_jobs (id) ON DELETE SET NULL,
    ADD COLUMN position jsonb,  -- where a repair or an undo goes on
    ADD COLUMN open_error_count bigint NOT NULL DEFAULT 0;

CREATE INDEX import_jobs_target ON import_jobs (target_job_id) WHERE target_job_id IS NOT NULL;

UPDATE import_jobs SET target_job_id = (read_as ->> 'corrects')::uuid
WHERE EXISTS (SELECT FROM import_jobs AS owner WHERE owner.id = (import_jobs.read_as ->> 'corrects')::uuid);

-- From now on error_count is what was rejected when the file was read; before, it was what was still open.
UPDATE import_jobs SET
    open_error_count = error_count,
    error_count = error_count + resolved,
    success_count = success_count - least(resolved, success_count),
    skipped_count = skipped_count - (resolved - least(resolved, success_count))
FROM (
    SELECT jobs.id, count(errors.resolved_at) AS resolved
    FROM import_jobs AS jobs LEFT JOIN import_row_errors AS errors ON errors.import_job_id = jobs.id
    GROUP BY jobs.id
) AS counted
WHERE import_jobs.id = counted.id;

-- What imports and repairs overwrote in books that were there: the book as it was before, and when that was.
CREATE TABLE book_changes (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_job_id    uuid NOT NULL REFERENCES import_jobs (id) ON DELETE CASCADE,
    book_id          uuid NOT NULL,
    title            varchar(2000) NOT NULL,
    author           varchar(2000) NOT NULL,
    publication_year integer,
    updated_at       timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL DEFAULT now(),  -- what updated_at became
    is_kept          boolean NOT NULL DEFAULT false       -- an undo came upon it, and the book was edited since
);

CREATE INDEX book_changes_job ON book_changes (import_job_id, id);

-- Who brought which rejected row in after all, and how.
CREATE TABLE row_repairs (
    id            uuid PRIMARY KEY,
    import_job_id uuid NOT NULL REFERENCES import_jobs (id) ON DELETE CASCADE,
    row_error_id  uuid NOT NULL,   -- goes with the job: errors are never deleted one by one
    repair_job_id uuid,            -- the job that repaired many at once, or took a file of corrections; NULL: by hand
    changes       jsonb NOT NULL,  -- {field: [as the file has it, repaired]}
    isbn          varchar(32) COLLATE "C" NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('added', 'changed', 'skipped')),
    repaired_by   text,
    repaired_at   timestamptz NOT NULL DEFAULT now(),
    undone_at     timestamptz,
    is_kept       boolean NOT NULL DEFAULT false
);

CREATE INDEX row_repairs_error ON row_repairs (row_error_id);
CREATE INDEX row_repairs_repair_job ON row_repairs (repair_job_id, id) WHERE undone_at IS NULL;
CREATE INDEX row_repairs_import_job ON row_repairs (import_job_id);
