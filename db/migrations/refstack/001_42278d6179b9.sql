-- unless: table test
CREATE TABLE test (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    id VARCHAR(36) NOT NULL,
    created_at DATETIME NOT NULL,
    cpid VARCHAR(128) NOT NULL,
    duration_seconds INT NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;

-- unless: table meta
CREATE TABLE meta (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    _id INT NOT NULL AUTO_INCREMENT,
    created_at DATETIME NOT NULL,
    test_id VARCHAR(36) NOT NULL,
    meta_key VARCHAR(64) NOT NULL,
    value TEXT DEFAULT NULL,
    PRIMARY KEY (_id),
    UNIQUE KEY test_id (test_id, meta_key),
    CONSTRAINT meta_ibfk_1 FOREIGN KEY (test_id) REFERENCES test (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;

-- unless: table results
CREATE TABLE results (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    _id INT NOT NULL AUTO_INCREMENT,
    created_at DATETIME NOT NULL,
    test_id VARCHAR(36) NOT NULL,
    name VARCHAR(512) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL,
    uuid VARCHAR(36) DEFAULT NULL,
    PRIMARY KEY (_id),
    UNIQUE KEY test_id (test_id, name),
    CONSTRAINT results_ibfk_1 FOREIGN KEY (test_id) REFERENCES test (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;
