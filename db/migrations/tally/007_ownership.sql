-- Whose a result is. RefStack keeps it in metadata, which users can write.
--   result_id  test.id
--   project    Keystone's id of the owner; NULL: adopted or anonymous
--   user       who uploaded it; of an adopted result the openid in its metadata
--   anonymous  1: uploaded by nobody in particular, for everybody to see
-- unless: table result_info
CREATE TABLE result_info (
    result_id VARCHAR(36) NOT NULL,
    project VARCHAR(255) DEFAULT NULL,
    user VARCHAR(255) DEFAULT NULL,
    anonymous TINYINT NOT NULL DEFAULT 0,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (result_id),
    KEY ix_result_info_project_created_at (project, created_at, result_id),
    KEY ix_result_info_anonymous_created_at (anonymous, created_at, result_id),
    KEY ix_result_info_created_at (created_at, result_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO result_info (result_id, user, anonymous, created_at)
SELECT t.id, MAX(CASE WHEN m.meta_key = 'user' THEN LEFT(m.value, 255) END),
       MAX(m.meta_key) IS NULL, t.created_at
FROM test t LEFT JOIN meta m ON m.test_id = t.id AND m.meta_key IN ('user', 'public_key')
GROUP BY t.id, t.created_at;

-- Whose a key is: of a user and the project that it was registered under.
--   pubkey_id  pubkeys.id
--   project    NULL: adopted; signs for nobody until it is registered again
-- unless: table pubkey_info
CREATE TABLE pubkey_info (
    pubkey_id VARCHAR(36) NOT NULL,
    project VARCHAR(255) DEFAULT NULL,
    user VARCHAR(255) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (pubkey_id),
    KEY ix_pubkey_info_project_user (project, user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO pubkey_info (pubkey_id, user, created_at)
SELECT id, openid, created_at FROM pubkeys;
