-- unless: table organization
CREATE TABLE organization (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    created_at DATETIME NOT NULL,
    id VARCHAR(36) NOT NULL,
    type INT NOT NULL,
    name VARCHAR(80) NOT NULL,
    description TEXT DEFAULT NULL,
    group_id VARCHAR(36) NOT NULL,
    created_by_user VARCHAR(128) NOT NULL,
    properties TEXT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY group_id (group_id),
    KEY created_by_user (created_by_user),
    CONSTRAINT organization_ibfk_1 FOREIGN KEY (group_id) REFERENCES `group` (id),
    CONSTRAINT organization_ibfk_2 FOREIGN KEY (created_by_user) REFERENCES `user` (openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;
