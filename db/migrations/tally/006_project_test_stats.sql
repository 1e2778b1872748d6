-- Counts of a test over one project's runs, written in the upload's and the delete's own transaction. They
-- can be added up over projects and taken back.
--   project   run_info.project; '' for adopted runs (project NULL there)
--   tests_id  tests.id
--   runs      test_runs rows of any status; a row that comes down to 0 is deleted
--   success   of these: success, xfail
--   failure   of these: fail, uxsuccess
--   run_time  seconds, the sum of stop - start over those counted in success that have both times; the average
--             is run_time / success
-- unless: table project_test_stats
CREATE TABLE project_test_stats (
    project VARCHAR(255) NOT NULL,
    tests_id BIGINT NOT NULL,
    runs INT NOT NULL DEFAULT 0,
    success INT NOT NULL DEFAULT 0,
    failure INT NOT NULL DEFAULT 0,
    run_time DOUBLE NOT NULL DEFAULT 0,
    PRIMARY KEY (project, tests_id),
    KEY ix_project_test_stats_tests_id (tests_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO project_test_stats (project, tests_id, runs, success, failure, run_time)
SELECT '', test_id, COUNT(*), SUM(status IN ('success', 'xfail')), SUM(status IN ('fail', 'uxsuccess')),
       COALESCE(SUM(CASE WHEN status IN ('success', 'xfail')
                    THEN TIMESTAMPDIFF(SECOND, start_time, stop_time)
                         + (COALESCE(stop_time_microsecond, 0) - COALESCE(start_time_microsecond, 0)) / 1e6
                    END), 0)
FROM test_runs WHERE test_id IS NOT NULL AND status IS NOT NULL GROUP BY test_id;
