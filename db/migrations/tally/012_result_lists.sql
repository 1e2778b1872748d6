-- What lists of results are read from, so that a page costs what the page holds.
--   cpid      test.cpid
--   listed    1: everybody sees it: it is anonymous, or its metadata "shared" says something
--   verified  1: test.verification_status is not 0
-- Each index ends in what a filter looks at, so that counting needs nothing else.
-- unless: column result_info.listed
ALTER TABLE result_info
    ADD COLUMN cpid VARCHAR(128) DEFAULT NULL,
    ADD COLUMN listed TINYINT NOT NULL DEFAULT 0,
    ADD COLUMN verified TINYINT NOT NULL DEFAULT 0,
    DROP KEY ix_result_info_anonymous_created_at,
    DROP KEY ix_result_info_project_created_at,
    DROP KEY ix_result_info_created_at,
    ADD KEY ix_result_info_listed (listed, created_at, result_id, verified),
    ADD KEY ix_result_info_listed_cpid (listed, cpid, created_at, result_id, verified),
    ADD KEY ix_result_info_project (project, created_at, result_id, verified),
    ADD KEY ix_result_info_project_cpid (project, cpid, created_at, result_id, verified),
    ADD KEY ix_result_info_user (user, project, created_at, result_id, cpid, verified);

UPDATE test t STRAIGHT_JOIN result_info o ON o.result_id = t.id
SET o.cpid = t.cpid, o.verified = t.verification_status <> 0,
    o.listed = o.anonymous OR EXISTS (SELECT 1 FROM meta m WHERE m.test_id = t.id AND m.meta_key = 'shared'
                                      AND m.value <> '');

-- One key, one owner: the digest of its bytes, whatever its base64 looks like. NULL: adopted, and no key that could
-- be read, or a double.
-- unless: column pubkey_info.key_sha256
ALTER TABLE pubkey_info
    ADD COLUMN key_sha256 BINARY(32) DEFAULT NULL,
    ADD UNIQUE KEY uq_pubkey_info_key_sha256 (key_sha256);

UPDATE IGNORE pubkeys p STRAIGHT_JOIN pubkey_info i ON i.pubkey_id = p.id
SET i.key_sha256 = UNHEX(SHA2(FROM_BASE64(p.pubkey), 256));

-- Signed uploads that were taken: the same body signed by the same key is not taken again, also when its result has
-- been deleted since.
--   key_sha256   as in pubkey_info
--   body_sha256  of what was signed
--   result_id    what became of it
-- unless: table result_signatures
CREATE TABLE result_signatures (
    key_sha256 BINARY(32) NOT NULL,
    body_sha256 BINARY(32) NOT NULL,
    result_id VARCHAR(36) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (key_sha256, body_sha256)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
