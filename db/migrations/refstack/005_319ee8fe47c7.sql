-- unless: table group
CREATE TABLE `group` (
    created_at DATETIME NOT NULL,
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    id VARCHAR(36) NOT NULL,
    name VARCHAR(80) NOT NULL,
    description TEXT DEFAULT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;

-- unless: table user_to_group
CREATE TABLE user_to_group (
    created_at DATETIME NOT NULL,
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    created_by_user VARCHAR(128) NOT NULL,
    _id INT NOT NULL AUTO_INCREMENT,
    group_id VARCHAR(36) NOT NULL,
    user_openid VARCHAR(128) NOT NULL,
    PRIMARY KEY (_id),
    KEY user_openid (user_openid),
    KEY group_id (group_id),
    CONSTRAINT user_to_group_ibfk_1 FOREIGN KEY (user_openid) REFERENCES `user` (openid),
    CONSTRAINT user_to_group_ibfk_2 FOREIGN KEY (group_id) REFERENCES `group` (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;
