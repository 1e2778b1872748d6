-- when: index test_runs.ix_test_runs_test_id
-- when: index test_runs.ix_test_run_test_id
DROP INDEX ix_test_run_test_id ON test_runs;

-- when: index test_runs.ix_test_runs_run_id
-- when: index test_runs.ix_test_run_run_id
DROP INDEX ix_test_run_run_id ON test_runs;

-- unless: index tests.ix_test_ids
CREATE INDEX ix_test_ids ON tests (id(30), test_id(30));
