-- The lists that a run stands in: all runs, those of its cpid, those of each piece of its metadata. A page of any of
-- them, also of one project's or of the failed ones only, is a piece of one index; a time series reads nothing else.
--   list      sha256 of "all", "cpid:" and the cpid, or "meta:", the key's bytes, ":", the key and the value
--   project   run_info.project
--   run_at    run_info.run_at
--   status    2: a test failed; 1: none did and one passed; 0: neither
--   passes, fails, skips, run_time   as in runs
-- unless: table run_lists
CREATE TABLE run_lists (
    run_id BIGINT NOT NULL,
    list BINARY(32) NOT NULL,
    project VARCHAR(255) DEFAULT NULL,
    run_at DATETIME(6) NOT NULL,
    status TINYINT NOT NULL,
    passes INT NOT NULL,
    fails INT NOT NULL,
    skips INT NOT NULL,
    run_time DOUBLE NOT NULL,
    PRIMARY KEY (run_id, list),
    KEY ix_run_lists_list (list, run_at, run_id, passes, fails, skips, run_time),
    KEY ix_run_lists_list_status (list, status, run_at, run_id),
    KEY ix_run_lists_project (project, list, run_at, run_id, passes, fails, skips, run_time),
    KEY ix_run_lists_project_status (project, list, status, run_at, run_id),
    CONSTRAINT fk_run_lists_run_id FOREIGN KEY (run_id) REFERENCES run_info (run_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO run_lists (run_id, list, project, run_at, status, passes, fails, skips, run_time)
SELECT i.run_id, l.list, i.project, i.run_at, IF(COALESCE(r.fails, 0) > 0, 2, COALESCE(r.passes, 0) > 0),
       COALESCE(r.passes, 0), COALESCE(r.fails, 0), COALESCE(r.skips, 0), COALESCE(r.run_time, 0)
FROM (SELECT run_id, UNHEX(SHA2('all', 256)) AS list FROM run_info
      UNION ALL SELECT run_id, UNHEX(SHA2(CONCAT('cpid:', cpid), 256)) FROM run_info WHERE cpid IS NOT NULL
      UNION ALL SELECT run_id, UNHEX(SHA2(CONCAT('meta:', OCTET_LENGTH(`key`), ':', `key`, value), 256))
                FROM run_metadata WHERE `key` IS NOT NULL AND value IS NOT NULL) l
JOIN run_info i ON i.run_id = l.run_id JOIN runs r ON r.id = i.run_id;

-- What a project's runs have for metadata, and how many of them have it; written in the upload's and the delete's own
-- transaction. Not what Tally itself puts there for other tools: that is another with each run.
--   project     run_info.project; '' for adopted runs (project NULL there)
--   list        as in run_lists
--   key, value  their bytes: whatever is not the same byte by byte is another value
--   runs        a row that comes down to 0 is deleted
-- unless: table project_run_metadata
CREATE TABLE project_run_metadata (
    project VARCHAR(255) NOT NULL,
    list BINARY(32) NOT NULL,
    `key` VARBINARY(1020) NOT NULL,
    value VARBINARY(1020) NOT NULL,
    runs INT NOT NULL,
    PRIMARY KEY (project, list),
    KEY ix_project_run_metadata_project (project, `key`, value),
    KEY ix_project_run_metadata_key (`key`, value)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO project_run_metadata (project, list, `key`, value, runs)
SELECT COALESCE(i.project, ''), UNHEX(SHA2(CONCAT('meta:', OCTET_LENGTH(m.`key`), ':', m.`key`, m.value), 256)),
       MIN(CAST(m.`key` AS BINARY)), MIN(CAST(m.value AS BINARY)), COUNT(*)
FROM run_metadata m JOIN run_info i ON i.run_id = m.run_id
WHERE m.`key` IS NOT NULL AND m.value IS NOT NULL
  AND m.`key` NOT IN ('refstack_result_id', 'tally_project', 'tally_user', 'tally_sha256')
GROUP BY 1, 2;
