-- The average of the successful runs, for tests that were there before the column was.
UPDATE tests t JOIN (
    SELECT test_id, SUM(TIMESTAMPDIFF(SECOND, start_time, stop_time)) / 1e0 / COUNT(*) AS average
    FROM test_runs
    WHERE status = 'success' AND start_time IS NOT NULL AND stop_time IS NOT NULL
    GROUP BY test_id) d ON d.test_id = t.id
SET t.run_time = d.average
WHERE t.success > 0 AND t.run_time IS NULL;
