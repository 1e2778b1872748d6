-- What Glance lacks: a queue that survives its workers, secrets that go with a task, what was imported and exported,
-- and every object that may have bytes.

-- The queue: a row for each task that has not ended. All times are the database's clock.
--   worker, epoch, lease_until  who works on it, the how-manieth claim it is, until when he may; NULL: nobody.
--                               Every write of a worker says "AND epoch = ?"
--   attempts                    claims that did not end by handing it back
--   next_run_at                 not before this
--   project                     tasks.owner, for fairness
--   started_at                  of the first attempt: the deadline counts from it
--   bytes_done, bytes_total     progress of this attempt; total NULL: not known
--   cancel                      an administrator wants it to end
--   note                        why it waits, for tally-manage
-- unless: table task_leases
CREATE TABLE task_leases (
    task_id VARCHAR(36) NOT NULL,
    project VARCHAR(255) NOT NULL,
    worker VARCHAR(128) DEFAULT NULL,
    epoch BIGINT NOT NULL DEFAULT 0,
    lease_until DATETIME(6) DEFAULT NULL,
    attempts INT NOT NULL DEFAULT 0,
    next_run_at DATETIME(6) NOT NULL,
    started_at DATETIME(6) DEFAULT NULL,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    bytes_total BIGINT DEFAULT NULL,
    cancel TINYINT(1) NOT NULL DEFAULT 0,
    note VARCHAR(255) DEFAULT NULL,
    PRIMARY KEY (task_id),
    KEY ix_task_leases_next_run_at (worker, next_run_at),
    KEY ix_task_leases_project (project, worker, next_run_at),
    KEY ix_task_leases_lease_until (lease_until),
    CONSTRAINT fk_task_leases_task_id FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The requester's token and roles, sealed (AES-256-GCM, key from the configuration, bound to the task's id); the row
-- goes when the task ends.
-- unless: table task_secrets
CREATE TABLE task_secrets (
    task_id VARCHAR(36) NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (task_id),
    CONSTRAINT fk_task_secrets_task_id FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Workers that run or ran lately.
-- unless: table workers
CREATE TABLE workers (
    name VARCHAR(128) NOT NULL,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    slots INT NOT NULL,
    draining TINYINT(1) NOT NULL DEFAULT 0,
    started_at DATETIME(6) NOT NULL,
    heartbeat_at DATETIME(6) NOT NULL,
    PRIMARY KEY (name),
    KEY ix_workers_heartbeat_at (heartbeat_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every object in the image store, and every part of an export that could be left behind in a customer's container;
-- written before the first byte, so that a sweeper finds what nobody owns.
--   object_key    in the image store: IMAGE_ID/TASK_OR_REQUEST_ID.EPOCH; in a container: the segment's full name
--   container     NULL: the image store; else the customer's container that it lies in
--   project       whose it is
--   task_id, epoch  the attempt that writes it; task_id NULL: an upload through tally.fcgi
--   state         writing; live: an image's or an export's; dead: to be removed
--   size          bytes, once known; counts against the project's quota until the object is gone
--   writer_until  an upload through tally.fcgi cannot be at work after this
-- unless: table store_objects
CREATE TABLE store_objects (
    object_key VARCHAR(255) NOT NULL,
    container VARCHAR(255) DEFAULT NULL,
    project VARCHAR(255) NOT NULL,
    image_id VARCHAR(36) DEFAULT NULL,
    task_id VARCHAR(36) DEFAULT NULL,
    epoch BIGINT NOT NULL DEFAULT 0,
    state ENUM('writing','live','dead') NOT NULL,
    size BIGINT NOT NULL DEFAULT 0,
    created_at DATETIME(6) NOT NULL,
    writer_until DATETIME(6) DEFAULT NULL,
    PRIMARY KEY (object_key),
    KEY ix_store_objects_state (state, created_at),
    KEY ix_store_objects_image_id (image_id),
    KEY ix_store_objects_task_id (task_id, epoch),
    KEY ix_store_objects_project (project, container, state, size)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A row for each project that has a quota: transactions that decide on it write the row, and so come one after the
-- other, also in a cluster that replicates no locks.
-- unless: table image_quota_locks
CREATE TABLE image_quota_locks (
    project VARCHAR(255) NOT NULL,
    changes BIGINT NOT NULL,
    PRIMARY KEY (project)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What each imported image came from, as long as the image exists: the same may not be imported twice.
--   source_sha256  of the source's name and ETag; NULL: it had none
--   content_sha512 of its bytes
-- unless: table import_sources
CREATE TABLE import_sources (
    image_id VARCHAR(36) NOT NULL,
    task_id VARCHAR(36) NOT NULL,
    project VARCHAR(255) NOT NULL,
    source_sha256 BINARY(32) DEFAULT NULL,
    content_sha512 BINARY(64) NOT NULL,
    PRIMARY KEY (image_id),
    UNIQUE KEY uq_import_sources_content (project, content_sha512),
    UNIQUE KEY uq_import_sources_source (project, source_sha256),
    CONSTRAINT fk_import_sources_image_id FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a project has exported: it cannot be imported there again, also after it was downloaded and uploaded.
-- unless: table exported_contents
CREATE TABLE exported_contents (
    project VARCHAR(255) NOT NULL,
    content_sha512 BINARY(64) NOT NULL,
    task_id VARCHAR(36) NOT NULL,
    exported_at DATETIME(6) NOT NULL,
    PRIMARY KEY (project, content_sha512)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
