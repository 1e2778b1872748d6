-- unless: index attachments.ix_attach_test_run_id
CREATE INDEX ix_attach_test_run_id ON attachments (test_run_id);

-- unless: index run_metadata.ix_run_id
CREATE INDEX ix_run_id ON run_metadata (run_id);

-- unless: index runs.ix_run_at
CREATE INDEX ix_run_at ON runs (run_at);

-- unless: index test_metadata.ix_test_id
CREATE INDEX ix_test_id ON test_metadata (test_id);

-- unless: index test_run_metadata.ix_test_run_id
CREATE INDEX ix_test_run_id ON test_run_metadata (test_run_id);
