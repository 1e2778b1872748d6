-- The unique keys cannot be had while a table says one thing twice: of equal rows the first stays. Compared by
-- bytes from here on, so that `A` and `a` both stay. Of an old server's COMPACT rows no key takes 255 characters of
-- four bytes.

ALTER TABLE run_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC;

DELETE m FROM run_metadata m
JOIN run_metadata k ON k.run_id = m.run_id AND k.`key` = m.`key` AND k.value = m.value AND k.id < m.id;

-- unless: index run_metadata.uq_run_metadata
ALTER TABLE run_metadata ADD CONSTRAINT uq_run_metadata UNIQUE (run_id, `key`, value);

ALTER TABLE test_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC;

DELETE m FROM test_metadata m
JOIN test_metadata k ON k.test_id = m.test_id AND k.`key` = m.`key` AND k.value = m.value AND k.id < m.id;

-- unless: index test_metadata.uq_test_metadata
ALTER TABLE test_metadata ADD CONSTRAINT uq_test_metadata UNIQUE (test_id, `key`, value);

ALTER TABLE test_run_metadata
    MODIFY `key` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    MODIFY value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
    ROW_FORMAT=DYNAMIC;

DELETE m FROM test_run_metadata m
JOIN test_run_metadata k ON k.test_run_id = m.test_run_id AND k.`key` = m.`key` AND k.value = m.value AND k.id < m.id;

-- unless: index test_run_metadata.uq_test_run_metadata
ALTER TABLE test_run_metadata ADD CONSTRAINT uq_test_run_metadata UNIQUE (test_run_id, `key`, value);
