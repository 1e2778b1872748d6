-- unless: table pubkeys
CREATE TABLE pubkeys (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    id VARCHAR(36) NOT NULL,
    created_at DATETIME NOT NULL,
    openid VARCHAR(128) NOT NULL,
    format VARCHAR(24) NOT NULL,
    pubkey TEXT NOT NULL,
    md5_hash VARCHAR(32) NOT NULL,
    comment VARCHAR(128) DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_pubkeys_md5_hash (md5_hash),
    KEY ix_pubkeys_openid (openid),
    CONSTRAINT pubkeys_ibfk_1 FOREIGN KEY (openid) REFERENCES `user` (openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;

-- unless: index meta.indx_meta_value
CREATE INDEX indx_meta_value ON meta (value(32));
