-- unless: column test_runs.start_time_microsecond
ALTER TABLE test_runs
    ADD COLUMN start_time_microsecond INT DEFAULT 0,
    ADD COLUMN stop_time_microsecond INT DEFAULT 0;

UPDATE test_runs
SET start_time_microsecond = MICROSECOND(start_time), stop_time_microsecond = MICROSECOND(stop_time);

-- The real revision copies the table, and its foreign keys are lost on the way.
-- when: foreign key test_runs.test_runs_ibfk_1
ALTER TABLE test_runs DROP FOREIGN KEY test_runs_ibfk_1;

-- when: foreign key test_runs.test_runs_ibfk_2
ALTER TABLE test_runs DROP FOREIGN KEY test_runs_ibfk_2;

-- The foreign key on test_runs is made anew, and its index then has its name.
-- unless: index test_run_metadata.test_run_metadata_ibfk_1
-- when: index test_run_metadata.test_run_id
ALTER TABLE test_run_metadata
    DROP KEY test_run_id,
    ADD KEY test_run_metadata_ibfk_1 (test_run_id);
