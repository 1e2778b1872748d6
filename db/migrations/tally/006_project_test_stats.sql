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

-- Seconds as subunit2sql counts them (db/duration.h): a negative difference is written as whole seconds towards
-- the past, a point, and the microseconds that remain.
INSERT IGNORE INTO project_test_stats (project, tests_id, runs, success, failure, run_time)
SELECT '', d.test_id, COUNT(*), COALESCE(SUM(d.passed), 0), COALESCE(SUM(d.failed), 0),
       COALESCE(SUM(CASE WHEN d.passed THEN
                    CASE WHEN d.us >= 0 THEN d.us ELSE 2000000 * FLOOR(d.us / 1000000) - d.us END / 1e6 END), 0)
FROM (SELECT test_id, status IN ('success', 'xfail') AS passed, status IN ('fail', 'uxsuccess') AS failed,
             TIMESTAMPDIFF(MICROSECOND, start_time, stop_time) + COALESCE(stop_time_microsecond, 0)
             - COALESCE(start_time_microsecond, 0) AS us
      FROM test_runs WHERE test_id IS NOT NULL) d
GROUP BY d.test_id;
