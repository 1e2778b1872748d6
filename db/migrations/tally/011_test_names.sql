-- Tests in the order of their names, a page at a time: the names themselves are too long for a key that orders.
-- unless: column tests.test_id_head
ALTER TABLE tests
    ADD COLUMN test_id_head VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        GENERATED ALWAYS AS (LEFT(test_id, 255)) VIRTUAL,
    ADD KEY ix_tests_test_id_head (test_id_head);
