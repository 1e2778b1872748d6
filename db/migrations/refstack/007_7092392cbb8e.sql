-- unless: table product
CREATE TABLE product (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    created_at DATETIME NOT NULL,
    created_by_user VARCHAR(128) NOT NULL,
    id VARCHAR(36) NOT NULL,
    name VARCHAR(80) NOT NULL,
    description TEXT DEFAULT NULL,
    product_id VARCHAR(36) NOT NULL,
    type INT NOT NULL,
    product_type INT NOT NULL,
    public TINYINT(1) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    properties TEXT DEFAULT NULL,
    PRIMARY KEY (id),
    KEY organization_id (organization_id),
    KEY created_by_user (created_by_user),
    CONSTRAINT product_ibfk_1 FOREIGN KEY (organization_id) REFERENCES organization (id),
    CONSTRAINT product_ibfk_2 FOREIGN KEY (created_by_user) REFERENCES `user` (openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;
