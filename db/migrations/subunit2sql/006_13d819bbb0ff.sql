-- unless: index tests.ix_test_id
CREATE INDEX ix_test_id ON tests (test_id(30));

-- unless: index test_runs.uq_test_runs
ALTER TABLE test_runs ADD CONSTRAINT uq_test_runs UNIQUE (test_id, run_id);

-- unless: index test_runs.ix_test_run_test_id
CREATE INDEX ix_test_run_test_id ON test_runs (test_id);

-- unless: index test_runs.ix_test_run_run_id
CREATE INDEX ix_test_run_run_id ON test_runs (run_id);
