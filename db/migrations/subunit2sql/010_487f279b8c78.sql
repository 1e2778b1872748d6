-- unless: table attachments
-- collation: test_runs.id
CREATE TABLE attachments (
    id VARCHAR(36) NOT NULL,
    test_run_id VARCHAR(36) NOT NULL,
    label VARCHAR(255) DEFAULT NULL,
    attachment BLOB,
    PRIMARY KEY (id),
    KEY test_run_id (test_run_id),
    CONSTRAINT attachments_ibfk_1 FOREIGN KEY (test_run_id) REFERENCES test_runs (id)
) ENGINE=InnoDB DEFAULT @collation@;
