"""What subunit2sql's tables hold of one run, without ids."""
QUERIES = {
    'runs': 'SELECT skips, fails, passes, ROUND(run_time, 4), artifacts, CAST(run_at AS CHAR) FROM runs',
    'run_metadata': "SELECT `key`, value FROM run_metadata WHERE `key` NOT LIKE 'tally\\_%' AND `key` <>"
                    " 'refstack_result_id' ORDER BY 1, 2",
    'tests': 'SELECT test_id, run_count, success, failure, ROUND(run_time, 4) FROM tests ORDER BY 1',
    'test_runs': 'SELECT t.test_id, status, CAST(start_time AS CHAR), start_time_microsecond, CAST(stop_time AS CHAR),'
                 ' stop_time_microsecond FROM test_runs r JOIN tests t ON t.id = r.test_id ORDER BY 1',
    'test_run_metadata': 'SELECT t.test_id, `key`, value FROM test_run_metadata m JOIN test_runs r'
                         ' ON r.id = m.test_run_id JOIN tests t ON t.id = r.test_id ORDER BY 1, 2, 3',
    'test_metadata': 'SELECT t.test_id, `key`, value FROM test_metadata m JOIN tests t ON t.id = m.test_id'
                     ' ORDER BY 1, 2, 3',
}
