-- Runs that are deleted and whose rows are still being removed, a thousand tests at a time, so that no upload waits for
-- the deletion of a large run. Nothing shows them any more: their run_info is gone.
--   project     run_info.project, '' where that was NULL: whose counts are still to be taken back
--   deleted_at  when, UTC
-- unless: table run_trash
CREATE TABLE run_trash (
    run_id BIGINT NOT NULL,
    project VARCHAR(255) NOT NULL,
    deleted_at DATETIME(6) NOT NULL,
    PRIMARY KEY (run_id),
    KEY ix_run_trash_deleted_at (deleted_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
