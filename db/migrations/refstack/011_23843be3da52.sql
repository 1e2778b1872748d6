-- unless: column test.product_version_id
ALTER TABLE test ADD COLUMN product_version_id VARCHAR(36) DEFAULT NULL;

-- unless: foreign key test.fk_test_prod_version_id
ALTER TABLE test
    ADD CONSTRAINT fk_test_prod_version_id FOREIGN KEY (product_version_id) REFERENCES product_version (id);
