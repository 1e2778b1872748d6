-- What the failures of a run come to, so that a group of them costs what it holds and no traceback is read again.

-- A row for each failed test (fail, uxsuccess) whose failure has been looked at: at its upload, or by
-- tally-manage db signatures where another tool or an older Tally brought it.
--   test_run_id  test_runs.id
--   run_id       test_runs.run_id
--   tests_id     test_runs.test_id
--   signature    the first 16 bytes of the SHA-256 of message
--   message      the line that says what went wrong, with placeholders for what differs from run to run
-- unless: table test_run_failures
CREATE TABLE test_run_failures (
    test_run_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    tests_id BIGINT NOT NULL,
    signature BINARY(16) NOT NULL,
    message VARCHAR(512) NOT NULL,
    PRIMARY KEY (test_run_id),
    KEY ix_test_run_failures_run_id (run_id, signature, tests_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
