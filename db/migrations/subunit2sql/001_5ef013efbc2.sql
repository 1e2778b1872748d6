-- unless: table tests
CREATE TABLE tests (
    id VARCHAR(36) NOT NULL,
    test_id VARCHAR(256) NOT NULL,
    run_count INT DEFAULT NULL,
    success INT DEFAULT NULL,
    failure INT DEFAULT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
