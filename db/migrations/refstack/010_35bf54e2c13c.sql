-- unless: table product_version
CREATE TABLE product_version (
    updated_at DATETIME DEFAULT NULL,
    deleted_at DATETIME DEFAULT NULL,
    deleted INT DEFAULT NULL,
    created_at DATETIME NOT NULL,
    created_by_user VARCHAR(128) NOT NULL,
    id VARCHAR(36) NOT NULL,
    product_id VARCHAR(36) NOT NULL,
    version VARCHAR(36) DEFAULT NULL,
    cpid VARCHAR(36) DEFAULT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY prod_ver_uc (product_id, version),
    KEY created_by_user (created_by_user),
    CONSTRAINT product_version_ibfk_1 FOREIGN KEY (product_id) REFERENCES product (id),
    CONSTRAINT product_version_ibfk_2 FOREIGN KEY (created_by_user) REFERENCES `user` (openid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci;

-- when: column product.product_ref_id
ALTER TABLE product DROP COLUMN product_ref_id;
