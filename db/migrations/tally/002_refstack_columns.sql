-- RefStack's tables, wide enough for what Tally puts into them. Its code goes on working.

-- Test names as wide as tests.test_id and compared by bytes. The unique key takes the digest, as the name is
-- longer than a key may be; its first column serves the foreign key on test_id.
-- unless: column results.name_sha256
ALTER TABLE results
    MODIFY name VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ADD COLUMN name_sha256 BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(name, 256))) STORED,
    DROP KEY test_id,
    ADD UNIQUE KEY uq_results_test_id_name_sha256 (test_id, name_sha256);

-- The remaining statements can be repeated: they say what the columns are to be. What people write may hold
-- any character; metadata keys are compared by bytes.
ALTER TABLE meta
    MODIFY meta_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    MODIFY value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE test
    MODIFY cpid VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;

ALTER TABLE `user`
    MODIFY email VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY fullname VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL;

ALTER TABLE pubkeys
    MODIFY comment VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL;
