-- Images and their tasks, under Glance's names and with its columns (Glance 25), so that people who know Glance's
-- tables can read ours. Where they differ: text is utf8mb4 and compared by bytes, times have microseconds, what is
-- free text has room (Glance cuts at 64 KiB). image_tags is unique, as Glance's code wishes it to be.
-- unless: table images
CREATE TABLE images (
    id VARCHAR(36) NOT NULL,
    name VARCHAR(255) DEFAULT NULL,
    size BIGINT DEFAULT NULL,
    status VARCHAR(30) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    disk_format VARCHAR(20) DEFAULT NULL,
    container_format VARCHAR(20) DEFAULT NULL,
    checksum VARCHAR(32) DEFAULT NULL,
    owner VARCHAR(255) DEFAULT NULL,
    min_disk INT NOT NULL DEFAULT 0,
    min_ram INT NOT NULL DEFAULT 0,
    protected TINYINT(1) NOT NULL DEFAULT 0,
    virtual_size BIGINT DEFAULT NULL,
    visibility ENUM('private','public','shared','community') NOT NULL DEFAULT 'shared',
    os_hidden TINYINT(1) NOT NULL DEFAULT 0,
    os_hash_algo VARCHAR(64) DEFAULT NULL,
    os_hash_value VARCHAR(128) DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_images_owner_created_at (owner, deleted, created_at, id),
    KEY ix_images_owner_updated_at (owner, deleted, updated_at, created_at, id),
    KEY ix_images_owner_name (owner, deleted, name, created_at, id),
    KEY ix_images_owner_status (owner, deleted, status, created_at, id),
    KEY ix_images_visibility_created_at (visibility, deleted, created_at, id),
    KEY ix_images_visibility_updated_at (visibility, deleted, updated_at, created_at, id),
    KEY ix_images_visibility_name (visibility, deleted, name, created_at, id),
    KEY ix_images_visibility_status (visibility, deleted, status, created_at, id),
    KEY ix_images_created_at (deleted, created_at, id),
    KEY ix_images_updated_at (deleted, updated_at, created_at, id),
    KEY ix_images_name (deleted, name, created_at, id),
    KEY ix_images_status (deleted, status, created_at, id),
    KEY ix_images_os_hash_value (os_hash_value)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- unless: table image_properties
CREATE TABLE image_properties (
    id INT NOT NULL AUTO_INCREMENT,
    image_id VARCHAR(36) NOT NULL,
    name VARCHAR(255) NOT NULL,
    value MEDIUMTEXT DEFAULT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) DEFAULT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY ix_image_properties_image_id_name (image_id, name),
    KEY ix_image_properties_name_value (name, value(64), image_id),
    CONSTRAINT image_properties_ibfk_1 FOREIGN KEY (image_id) REFERENCES images (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- unless: table image_tags
CREATE TABLE image_tags (
    id INT NOT NULL AUTO_INCREMENT,
    image_id VARCHAR(36) NOT NULL,
    value VARCHAR(255) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) DEFAULT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY ix_image_tags_image_id_tag_value (image_id, value),
    KEY ix_image_tags_value (value, image_id),
    CONSTRAINT image_tags_ibfk_1 FOREIGN KEY (image_id) REFERENCES images (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- unless: table image_members
CREATE TABLE image_members (
    id INT NOT NULL AUTO_INCREMENT,
    image_id VARCHAR(36) NOT NULL,
    member VARCHAR(255) NOT NULL,
    can_share TINYINT(1) NOT NULL DEFAULT 0,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    PRIMARY KEY (id),
    UNIQUE KEY ix_image_members_image_id_member (image_id, member),
    KEY ix_image_members_member (member, status, image_id),
    CONSTRAINT image_members_ibfk_1 FOREIGN KEY (image_id) REFERENCES images (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Where an image's bytes are: value is the key of a row of store_objects.
-- unless: table image_locations
CREATE TABLE image_locations (
    id INT NOT NULL AUTO_INCREMENT,
    image_id VARCHAR(36) NOT NULL,
    value VARCHAR(255) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) DEFAULT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    meta_data TEXT DEFAULT NULL,
    status VARCHAR(30) NOT NULL DEFAULT 'active',
    PRIMARY KEY (id),
    UNIQUE KEY ix_image_locations_image_id (image_id),
    KEY ix_image_locations_value (value),
    CONSTRAINT image_locations_ibfk_1 FOREIGN KEY (image_id) REFERENCES images (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- An index for each order in which lists come (db/tasks_list.c): an owner's, and all for an administrator.
-- unless: table tasks
CREATE TABLE tasks (
    id VARCHAR(36) NOT NULL,
    type VARCHAR(30) NOT NULL,
    status VARCHAR(30) NOT NULL,
    owner VARCHAR(255) NOT NULL,
    expires_at DATETIME(6) DEFAULT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) DEFAULT NULL,
    deleted TINYINT(1) NOT NULL DEFAULT 0,
    image_id VARCHAR(36) DEFAULT NULL,
    request_id VARCHAR(64) DEFAULT NULL,
    user_id VARCHAR(64) DEFAULT NULL,
    PRIMARY KEY (id),
    KEY ix_tasks_owner_created_at (owner, deleted, created_at, id),
    KEY ix_tasks_owner_updated_at (owner, deleted, updated_at, id),
    KEY ix_tasks_owner_expires_at (owner, deleted, expires_at, id),
    KEY ix_tasks_owner_type (owner, deleted, type, created_at, id),
    KEY ix_tasks_owner_status (owner, deleted, status, created_at, id),
    KEY ix_tasks_owner_type_id (owner, deleted, type, id),
    KEY ix_tasks_owner_status_id (owner, deleted, status, id),
    KEY ix_tasks_owner_id (owner, deleted, id),
    KEY ix_tasks_created_at (deleted, created_at, id),
    KEY ix_tasks_updated_at (deleted, updated_at, id),
    KEY ix_tasks_expires_at (deleted, expires_at, id),
    KEY ix_tasks_status (deleted, status, created_at, id),
    KEY ix_tasks_type_id (deleted, type, id),
    KEY ix_tasks_status_id (deleted, status, id),
    KEY ix_tasks_id (deleted, id),
    KEY ix_tasks_image_id (image_id, deleted, created_at, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- unless: table task_info
CREATE TABLE task_info (
    task_id VARCHAR(36) NOT NULL,
    input MEDIUMTEXT DEFAULT NULL,
    result MEDIUMTEXT DEFAULT NULL,
    message TEXT DEFAULT NULL,
    PRIMARY KEY (task_id),
    CONSTRAINT task_info_ibfk_1 FOREIGN KEY (task_id) REFERENCES tasks (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
