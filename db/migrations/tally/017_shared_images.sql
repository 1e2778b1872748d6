-- Lists of what is shared with a project come newest first: with the image's time beside the member a page of them costs
-- what it holds, not what is shared.
--   image_created_at  images.created_at, which never changes
-- unless: column image_members.image_created_at
ALTER TABLE image_members
    ADD COLUMN image_created_at DATETIME(6) NOT NULL DEFAULT '1970-01-01 00:00:00',
    DROP KEY ix_image_members_member,
    ADD KEY ix_image_members_member (member, image_created_at, image_id),
    ADD KEY ix_image_members_member_status (member, status, image_created_at, image_id);

UPDATE image_members m STRAIGHT_JOIN images i ON i.id = m.image_id SET m.image_created_at = i.created_at;

-- Who adds a member has to say it.
ALTER TABLE image_members MODIFY COLUMN image_created_at DATETIME(6) NOT NULL;
