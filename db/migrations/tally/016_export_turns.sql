-- Exports of one image to one container take turns: what is written there has one name, and an object store has no
-- removal on a condition.
--   export_target  sha256 of project, container and image; NULL: no export, or one that an older Tally has put there
--   export_turn    the same for the one of them that has the turn: the claim takes it, and nobody else can
-- unless: column task_leases.export_target
ALTER TABLE task_leases ADD COLUMN export_target BINARY(32) DEFAULT NULL AFTER project;

-- unless: column task_leases.export_turn
ALTER TABLE task_leases ADD COLUMN export_turn BINARY(32) DEFAULT NULL AFTER export_target;

-- unless: index task_leases.uq_task_leases_export_turn
ALTER TABLE task_leases ADD UNIQUE KEY uq_task_leases_export_turn (export_turn);
