-- Numbers instead of UUIDs as ids. New tables are filled and put in the old ones' place by one RENAME. Until
-- then the column `uuid` of tests_new and test_runs_new leads from an old id to the new one; of runs it stays.
-- A row whose parent is gone is kept, its reference NULL.

-- unless: column runs.uuid
-- unless: table tests_new
-- collation: test_runs.test_id
CREATE TABLE tests_new (
    uuid VARCHAR(36) @collation@ DEFAULT NULL,
    id BIGINT NOT NULL AUTO_INCREMENT,
    test_id VARCHAR(256) NOT NULL,
    run_count INT DEFAULT NULL,
    success INT DEFAULT NULL,
    failure INT DEFAULT NULL,
    run_time FLOAT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_uuid (uuid),
    KEY ix_test_ids (id, test_id(30)),
    KEY ix_tests_test_id (test_id(30))
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table runs_new
-- collation: test_runs.run_id
CREATE TABLE runs_new (
    uuid VARCHAR(36) @collation@ DEFAULT NULL,
    id BIGINT NOT NULL AUTO_INCREMENT,
    skips INT DEFAULT NULL,
    fails INT DEFAULT NULL,
    passes INT DEFAULT NULL,
    run_time FLOAT DEFAULT NULL,
    artifacts TEXT DEFAULT NULL,
    run_at DATETIME DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_run_uuid (uuid)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table test_runs_new
-- collation: test_runs.id
CREATE TABLE test_runs_new (
    uuid VARCHAR(36) @collation@ DEFAULT NULL,
    id BIGINT NOT NULL AUTO_INCREMENT,
    test_id BIGINT DEFAULT NULL,
    run_id BIGINT DEFAULT NULL,
    status VARCHAR(256) DEFAULT NULL,
    start_time DATETIME DEFAULT NULL,
    stop_time DATETIME DEFAULT NULL,
    start_time_microsecond INT DEFAULT NULL,
    stop_time_microsecond INT DEFAULT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_test_runs (test_id, run_id),
    KEY ix_uuid (uuid),
    KEY ix_test_id_status (test_id, status(30)),
    KEY ix_test_id_start_time (test_id, start_time),
    KEY ix_test_runs_test_id (test_id),
    KEY ix_test_runs_run_id (run_id),
    KEY ix_test_runs_start_time (start_time),
    KEY ix_test_runs_stop_time (stop_time)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table run_metadata_new
-- collation: test_runs.id
CREATE TABLE run_metadata_new (
    id BIGINT NOT NULL AUTO_INCREMENT,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    run_id BIGINT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_run_key_value (`key`, value)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table test_run_metadata_new
-- collation: test_runs.id
CREATE TABLE test_run_metadata_new (
    id BIGINT NOT NULL AUTO_INCREMENT,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    test_run_id BIGINT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_test_run_key_value (`key`, value)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table test_metadata_new
-- collation: test_runs.id
CREATE TABLE test_metadata_new (
    id BIGINT NOT NULL AUTO_INCREMENT,
    `key` VARCHAR(255) DEFAULT NULL,
    value VARCHAR(255) DEFAULT NULL,
    test_id BIGINT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_test_key_value (`key`, value)
) ENGINE=InnoDB DEFAULT @collation@;

-- unless: column runs.uuid
-- unless: table attachments_new
-- collation: test_runs.id
CREATE TABLE attachments_new (
    id BIGINT NOT NULL AUTO_INCREMENT,
    test_run_id BIGINT DEFAULT NULL,
    label VARCHAR(255) DEFAULT NULL,
    attachment BLOB,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT @collation@;

INSERT INTO tests_new (uuid, test_id, run_count, success, failure, run_time)
SELECT id, test_id, run_count, success, failure, run_time FROM tests ORDER BY id;

INSERT INTO runs_new (uuid, skips, fails, passes, run_time, artifacts, run_at)
SELECT id, skips, fails, passes, run_time, artifacts, run_at FROM runs ORDER BY id;

INSERT INTO test_runs_new (uuid, test_id, run_id, status, start_time, stop_time, start_time_microsecond,
                           stop_time_microsecond)
SELECT tr.id, t.id, r.id, tr.status, tr.start_time, tr.stop_time, tr.start_time_microsecond,
       tr.stop_time_microsecond
FROM test_runs tr LEFT JOIN tests_new t ON t.uuid = tr.test_id LEFT JOIN runs_new r ON r.uuid = tr.run_id
ORDER BY tr.id;

INSERT INTO run_metadata_new (`key`, value, run_id)
SELECT m.`key`, m.value, r.id FROM run_metadata m LEFT JOIN runs_new r ON r.uuid = m.run_id ORDER BY m.id;

INSERT INTO test_run_metadata_new (`key`, value, test_run_id)
SELECT m.`key`, m.value, tr.id
FROM test_run_metadata m LEFT JOIN test_runs_new tr ON tr.uuid = m.test_run_id ORDER BY m.id;

INSERT INTO test_metadata_new (`key`, value, test_id)
SELECT m.`key`, m.value, t.id FROM test_metadata m LEFT JOIN tests_new t ON t.uuid = m.test_id ORDER BY m.id;

INSERT INTO attachments_new (test_run_id, label, attachment)
SELECT tr.id, a.label, a.attachment
FROM attachments a LEFT JOIN test_runs_new tr ON tr.uuid = a.test_run_id ORDER BY a.id;

-- when: table tests_new
RENAME TABLE tests TO tests_old, tests_new TO tests,
    runs TO runs_old, runs_new TO runs,
    test_runs TO test_runs_old, test_runs_new TO test_runs,
    run_metadata TO run_metadata_old, run_metadata_new TO run_metadata,
    test_run_metadata TO test_run_metadata_old, test_run_metadata_new TO test_run_metadata,
    test_metadata TO test_metadata_old, test_metadata_new TO test_metadata,
    attachments TO attachments_old, attachments_new TO attachments;

-- Children before their parents.
DROP TABLE IF EXISTS attachments_old, test_run_metadata_old, test_metadata_old, run_metadata_old;

DROP TABLE IF EXISTS test_runs_old;

DROP TABLE IF EXISTS runs_old;

DROP TABLE IF EXISTS tests_old;

-- when: column tests.uuid
ALTER TABLE tests DROP KEY ix_uuid, DROP COLUMN uuid;

-- when: column test_runs.uuid
ALTER TABLE test_runs DROP KEY ix_uuid, DROP COLUMN uuid;
