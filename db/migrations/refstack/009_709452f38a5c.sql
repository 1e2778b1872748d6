-- when: column product.product_id
ALTER TABLE product CHANGE product_id product_ref_id VARCHAR(36) DEFAULT NULL;
