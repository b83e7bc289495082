-- Where in the inbox the file of a watched import came from: {"path": percent-encoded, relative to the inbox;
-- "kept": whether the file is still there and the spool has a copy}.
ALTER TABLE import_jobs ADD COLUMN inbox jsonb;
