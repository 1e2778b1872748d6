-- unless: table test_runs
-- collation: tests.id
CREATE TABLE test_runs (
    id VARCHAR(36) NOT NULL,
    test_id VARCHAR(36) NOT NULL,
    run_id VARCHAR(36) NOT NULL,
    status VARCHAR(256) DEFAULT NULL,
    start_time DATETIME DEFAULT NULL,
    stop_time DATETIME DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_test_runs_test_id (test_id),
    KEY ix_test_runs_run_id (run_id),
    CONSTRAINT test_runs_ibfk_1 FOREIGN KEY (test_id) REFERENCES tests (id),
    CONSTRAINT test_runs_ibfk_2 FOREIGN KEY (run_id) REFERENCES runs (id)
) ENGINE=InnoDB DEFAULT @collation@;
