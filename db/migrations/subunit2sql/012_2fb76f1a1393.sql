-- Some servers do not rename a column that has a foreign key.
-- when: column test_metadata.test_run_id
-- when: foreign key test_metadata.test_metadata_ibfk_1
ALTER TABLE test_metadata DROP FOREIGN KEY test_metadata_ibfk_1;

-- when: column test_metadata.test_run_id
-- collation: tests.id
ALTER TABLE test_metadata CHANGE test_run_id test_id VARCHAR(36) @collation@ NOT NULL;

-- The new foreign key brings an index of its own name in place of the old one's.
-- when: index test_metadata.test_run_id
-- unless: index test_metadata.test_metadata_ibfk_1
ALTER TABLE test_metadata DROP KEY test_run_id, ADD KEY test_metadata_ibfk_1 (test_id);

-- unless: foreign key test_metadata.test_metadata_ibfk_1
ALTER TABLE test_metadata
    ADD CONSTRAINT test_metadata_ibfk_1 FOREIGN KEY (test_id) REFERENCES tests (id);
