-- unless: column test.verification_status
ALTER TABLE test ADD COLUMN verification_status INT NOT NULL;
