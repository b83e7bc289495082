-- How many open row errors of a job have each code: kept with its counts, so that nobody has to read a million of them.
ALTER TABLE import_jobs ADD COLUMN error_codes jsonb NOT NULL DEFAULT '{}';

UPDATE import_jobs SET error_codes = found.codes
FROM (
    SELECT import_job_id, jsonb_object_agg(code, rows) AS codes
    FROM (
        SELECT import_job_id, problem ->> 'code' AS code, count(DISTINCT import_row_errors.id) AS rows
        FROM import_row_errors, jsonb_array_elements(problems) AS problem
        WHERE resolved_at IS NULL
        GROUP BY 1, 2
    ) AS counted
    GROUP BY import_job_id
) AS found
WHERE import_jobs.id = found.import_job_id;
