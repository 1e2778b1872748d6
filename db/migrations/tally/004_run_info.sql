-- Whose a run is, and what subunit2sql's runs cannot hold.
--   run_id        runs.id; goes with it, also when subunit2sql's own tools delete a run
--   project       Keystone's id of the owner; NULL: adopted, for foundation staff only
--   user          who uploaded it; NULL: adopted
--   result_id     test.id of the RefStack result that it is linked to: one run a result
--   sha256        of the decoded stream; NULL: adopted
--   stream_format 1 or 2 (subunit v1, v2); NULL: adopted
--   bytes         of the decoded stream
--   tests         test_runs rows
--   attachments, attachment_bytes  how many, and what they hold together
--   run_at        runs.run_at with its microseconds; never NULL, since lists page by it (adopted runs without
--                 one: 1970-01-01)
--   created_at    when it was stored, UTC
-- unless: table run_info
CREATE TABLE run_info (
    run_id BIGINT NOT NULL,
    project VARCHAR(255) DEFAULT NULL,
    user VARCHAR(255) DEFAULT NULL,
    result_id VARCHAR(36) DEFAULT NULL,
    cpid VARCHAR(128) DEFAULT NULL,
    sha256 BINARY(32) DEFAULT NULL,
    stream_format TINYINT DEFAULT NULL,
    bytes BIGINT NOT NULL DEFAULT 0,
    tests INT NOT NULL DEFAULT 0,
    attachments INT NOT NULL DEFAULT 0,
    attachment_bytes BIGINT NOT NULL DEFAULT 0,
    run_at DATETIME(6) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (run_id),
    UNIQUE KEY uq_run_info_project_sha256 (project, sha256),
    UNIQUE KEY uq_run_info_result_id (result_id),
    KEY ix_run_info_project_run_at (project, run_at, run_id),
    KEY ix_run_info_project_cpid (project, cpid, run_at, run_id),
    KEY ix_run_info_run_at (run_at, run_id),
    CONSTRAINT fk_run_info_run_id FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO run_info (run_id, tests, attachments, attachment_bytes, run_at, created_at)
SELECT r.id, COALESCE(t.tests, 0), COALESCE(a.attachments, 0), COALESCE(a.attachment_bytes, 0),
       COALESCE(r.run_at, '1970-01-01'), UTC_TIMESTAMP(6)
FROM runs r
LEFT JOIN (SELECT run_id, COUNT(*) AS tests FROM test_runs GROUP BY run_id) t ON t.run_id = r.id
LEFT JOIN (SELECT tr.run_id, COUNT(*) AS attachments, SUM(OCTET_LENGTH(x.attachment)) AS attachment_bytes
           FROM attachments x JOIN test_runs tr ON tr.id = x.test_run_id GROUP BY tr.run_id) a
       ON a.run_id = r.id;
