-- unless: column tests.run_time
ALTER TABLE tests ADD COLUMN run_time FLOAT DEFAULT NULL;
