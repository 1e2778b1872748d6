-- What a stream says that subunit2sql's columns cannot hold, so that it can be written again as it came.

-- A row only where something differs from what subunit2sql's rows give back.
--   test_run_id  test_runs.id
--   run_id       test_runs.run_id
--   stream_id    the test's id as it came in; NULL: tests.test_id, with [attrs] behind it where there are any
--   route_code   v2's route code; NULL: none
--   tags         a JSON array of strings, in the order in which they came; NULL: none
-- unless: table test_run_info
CREATE TABLE test_run_info (
    test_run_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    stream_id TEXT DEFAULT NULL,
    route_code TEXT DEFAULT NULL,
    tags MEDIUMTEXT DEFAULT NULL,
    PRIMARY KEY (test_run_id),
    KEY ix_test_run_info_run_id (run_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row for each attachment that Tally stored; adopted ones have none.
--   attachment_id  attachments.id
--   test_run_id    attachments.test_run_id; NULL: it belongs to the run as a whole
--   name           the file's whole name (attachments.label is cut at 255 characters and at the first ':')
--   mime_type      as it came in; NULL: none
--   size           bytes
-- unless: table attachment_info
CREATE TABLE attachment_info (
    attachment_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    test_run_id BIGINT DEFAULT NULL,
    name TEXT NOT NULL,
    mime_type TEXT DEFAULT NULL,
    size BIGINT NOT NULL,
    sha256 BINARY(32) NOT NULL,
    PRIMARY KEY (attachment_id),
    KEY ix_attachment_info_run_id (run_id, attachment_id),
    KEY ix_attachment_info_test_run_id (test_run_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
