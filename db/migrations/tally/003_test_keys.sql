-- Who makes a tests row: the one that gets the name's digest into test_keys. Two uploads that bring the same
-- new test meet at this primary key, since tests.test_id has no unique key that they could meet at.
--   name_sha256  sha256 of the UTF-8 bytes of tests.test_id
--   tests_id     tests.id; NULL only inside the transaction that creates the row
-- unless: table test_keys
CREATE TABLE test_keys (
    name_sha256 BINARY(32) NOT NULL,
    tests_id BIGINT DEFAULT NULL,
    PRIMARY KEY (name_sha256),
    KEY ix_test_keys_tests_id (tests_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Doubles of an adopted database map to the lowest id.
INSERT IGNORE INTO test_keys (name_sha256, tests_id)
SELECT test_id_sha256, MIN(id) FROM tests GROUP BY test_id_sha256;
