-- Lists of a project's own images of one visibility, as those of its shared ones among many private, cost what they
-- show; and an image is found by its checksum, as Glance finds it.
-- unless: index images.ix_images_owner_visibility
ALTER TABLE images
    ADD KEY ix_images_owner_visibility (owner, deleted, visibility, created_at, id),
    ADD KEY ix_images_checksum (checksum);
