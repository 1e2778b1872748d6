-- unless: table user
CREATE TABLE `user` (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    _id INT NOT NULL AUTO_INCREMENT,
    created_at DATETIME NOT NULL,
    openid VARCHAR(128) NOT NULL,
    email VARCHAR(128) DEFAULT NULL,
    fullname VARCHAR(128) DEFAULT NULL,
    PRIMARY KEY (_id),
    UNIQUE KEY openid (openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;
