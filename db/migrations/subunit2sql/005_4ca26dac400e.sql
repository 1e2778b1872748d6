-- A column that references another has its collation, which in an adopted database is whatever that database's
-- default was at that time.

-- unless: table run_metadata
-- collation: runs.id
CREATE TABLE run_metadata (
    id VARCHAR(36) NOT NULL,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    run_id VARCHAR(36) NOT NULL,
    PRIMARY KEY (id),
    KEY run_id (run_id),
    CONSTRAINT run_metadata_ibfk_1 FOREIGN KEY (run_id) REFERENCES runs (id)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: table test_run_metadata
-- collation: test_runs.id
CREATE TABLE test_run_metadata (
    id VARCHAR(36) NOT NULL,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    test_run_id VARCHAR(36) NOT NULL,
    PRIMARY KEY (id),
    KEY test_run_id (test_run_id),
    CONSTRAINT test_run_metadata_ibfk_1 FOREIGN KEY (test_run_id) REFERENCES test_runs (id)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: table test_metadata
-- collation: tests.id
CREATE TABLE test_metadata (
    id VARCHAR(36) NOT NULL,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    test_run_id VARCHAR(36) NOT NULL,
    PRIMARY KEY (id),
    KEY test_run_id (test_run_id),
    CONSTRAINT test_metadata_ibfk_1 FOREIGN KEY (test_run_id) REFERENCES tests (id)
) ENGINE=InnoDB DEFAULT @collation@;
