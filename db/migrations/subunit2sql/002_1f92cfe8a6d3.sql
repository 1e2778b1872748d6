-- unless: table runs
-- collation: tests.id
CREATE TABLE runs (
    id VARCHAR(36) NOT NULL,
    skips INT DEFAULT NULL,
    fails INT DEFAULT NULL,
    passes INT DEFAULT NULL,
    run_time FLOAT DEFAULT NULL,
    artifacts TEXT DEFAULT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT @collation@;
