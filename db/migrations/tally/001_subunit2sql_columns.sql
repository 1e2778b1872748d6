-- subunit2sql's tables, wide enough for what streams hold. Its code goes on working: no column is renamed,
-- and what is new has no need of a value.

-- Ids of up to 4,096 characters, compared by bytes. They exceed InnoDB's longest key: equality goes through
-- the digest, WHERE test_id_sha256 = <sha256 of the UTF-8 bytes>. (utf8mb4_bin pads with blanks in a plain
-- comparison; the digest does not.)
-- unless: column tests.test_id_sha256
ALTER TABLE tests
    MODIFY test_id VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    ADD COLUMN test_id_sha256 BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(test_id, 256))) STORED,
    ADD KEY ix_tests_test_id_sha256 (test_id_sha256),
    ROW_FORMAT=DYNAMIC, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The remaining statements can be repeated: they say what the columns are to be.
ALTER TABLE attachments
    MODIFY label VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY attachment LONGBLOB,
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Keys and values compared by bytes: the unique keys would take `A` and `a` for one tag otherwise.
ALTER TABLE run_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE test_run_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE test_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE runs
    MODIFY uuid VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY artifacts TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE test_runs
    MODIFY status VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
