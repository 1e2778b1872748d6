-- A container's name may have 256 bytes, as the object store's own limit is.
ALTER TABLE store_objects
    MODIFY container VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL;
