-- unless: index test_runs.ix_test_start_time
CREATE INDEX ix_test_start_time ON test_runs (start_time);

-- unless: index test_runs.ix_test_stop_time
CREATE INDEX ix_test_stop_time ON test_runs (stop_time);

-- unless: index runs.ix_run_at
CREATE INDEX ix_run_at ON runs (run_at);

-- unless: index run_metadata.ix_run_key_value
CREATE INDEX ix_run_key_value ON run_metadata (`key`, value);

-- unless: index test_run_metadata.ix_test_run_key_value
CREATE INDEX ix_test_run_key_value ON test_run_metadata (`key`, value);

-- unless: index test_metadata.ix_test_key_value
CREATE INDEX ix_test_key_value ON test_metadata (`key`, value);

-- unless: index test_runs.ix_test_id_status
CREATE INDEX ix_test_id_status ON test_runs (test_id, status(30));

-- unless: index test_runs.ix_test_id_start_time
CREATE INDEX ix_test_id_start_time ON test_runs (test_id, start_time);
