#include "config.h"
#include "db/schema_check.h"
#include "db/duration.h"

#include <stdio.h>

#define META_LIST "UNHEX(SHA2(CONCAT('meta:', OCTET_LENGTH(m.`key`), ':', m.`key`, m.value), 256))"

#define RUN_LISTS                                                                                            \
    "SELECT run_id, UNHEX(SHA2('all', 256)) AS list FROM run_info UNION ALL "                                \
    "SELECT run_id, UNHEX(SHA2(CONCAT('cpid:', cpid), 256)) FROM run_info WHERE cpid IS NOT NULL UNION ALL " \
    "SELECT m.run_id, " META_LIST " FROM run_metadata m WHERE m.`key` IS NOT NULL AND m.value IS NOT NULL"

/* Each says what is wrong in a column `what`, a row a fault. */
static const char *const checks[] = {
    "SELECT CONCAT('run ', COALESCE(r.uuid, r.id), ' has no run_info: another tool loaded it') AS what "
    "FROM runs r LEFT JOIN run_info i ON i.run_id = r.id LEFT JOIN run_trash d ON d.run_id = r.id "
    "WHERE i.run_id IS NULL AND d.run_id IS NULL ORDER BY r.id",

    "SELECT CONCAT('run ', run_id, ' was deleted at ', deleted_at, ', its rows are still there: run db "
    "expire') "
    "AS what FROM run_trash ORDER BY run_id",

    "SELECT CONCAT('run ', i.run_id, ': run_info.tests is ', i.tests, ', but it has ', COALESCE(t.n, 0)) AS "
    "what "
    "FROM run_info i LEFT JOIN (SELECT run_id, COUNT(*) AS n FROM test_runs GROUP BY run_id) t "
    "ON t.run_id = i.run_id WHERE i.tests <> COALESCE(t.n, 0) ORDER BY i.run_id",

    /* An attachment belongs to a test of the run, or (attachment_info) to the run itself. */
    "SELECT CONCAT('run ', i.run_id, ': run_info says ', i.attachments, ' attachments of ', "
    "i.attachment_bytes, ' bytes, but it has ', COALESCE(a.n, 0), ' of ', COALESCE(a.bytes, 0)) AS what "
    "FROM run_info i LEFT JOIN (SELECT COALESCE(tr.run_id, x.run_id) AS run_id, COUNT(*) AS n, "
    "SUM(OCTET_LENGTH(a.attachment)) AS bytes FROM attachments a "
    "LEFT JOIN test_runs tr ON tr.id = a.test_run_id LEFT JOIN attachment_info x ON x.attachment_id = a.id "
    "GROUP BY COALESCE(tr.run_id, x.run_id)) a ON a.run_id = i.run_id "
    "WHERE i.attachments <> COALESCE(a.n, 0) OR i.attachment_bytes <> COALESCE(a.bytes, 0) ORDER BY i.run_id",

    "SELECT CONCAT('attachment ', x.attachment_id, ': attachment_info.size is ', x.size, ', but it ', "
    "COALESCE(CONCAT('has ', OCTET_LENGTH(a.attachment)), 'is not there')) AS what "
    "FROM attachment_info x LEFT JOIN attachments a ON a.id = x.attachment_id "
    "WHERE a.id IS NULL OR x.size <> OCTET_LENGTH(a.attachment) ORDER BY x.attachment_id",

    /* What is kept less what is there must be nothing. */
    "SELECT CONCAT('test ', d.tests_id, CASE d.project WHEN '' THEN ' of adopted runs' ELSE "
    "CONCAT(' of project ', d.project) END, ': project_test_stats is off by runs ', d.runs, ', success ', "
    "d.success, ', failure ', d.failure, ', run_time ', ROUND(d.run_time, 6)) AS what FROM ("
    "SELECT u.project AS project, u.tests_id AS tests_id, SUM(u.runs) AS runs, SUM(u.success) AS success, "
    "SUM(u.failure) AS failure, SUM(u.run_time) AS run_time, SUM(ABS(u.run_time)) AS size FROM ("
    "SELECT project, tests_id, runs, success, failure, run_time FROM project_test_stats UNION ALL "
    "SELECT COALESCE(i.project, d.project, ''), tr.test_id, -1, -COALESCE(tr.status IN ('success', 'xfail'), "
    "0), "
    "-COALESCE(tr.status IN ('fail', 'uxsuccess'), 0), "
    "-COALESCE(CASE WHEN tr.status IN ('success', 'xfail') THEN " SQL_SECONDS " END, 0) "
    "FROM test_runs tr LEFT JOIN run_info i ON i.run_id = tr.run_id "
    "LEFT JOIN run_trash d ON d.run_id = tr.run_id "
    "WHERE tr.test_id IS NOT NULL) u GROUP BY u.project, u.tests_id) d "
    "WHERE d.runs <> 0 OR d.success <> 0 OR d.failure <> 0 OR ABS(d.run_time) > 1e-4 + 1e-9 * d.size "
    "ORDER BY d.project, d.tests_id",

    /* The lists that a run stands in and those that it should stand in are the same, or something is left
       over. runs.run_time is a FLOAT, of which a dump tells six digits: they are what is compared. */
    "SELECT CONCAT('run ', run_id, ' does not stand in its lists as it is: another tool changed it') AS what "
    "FROM "
    "(SELECT u.run_id AS run_id FROM (SELECT run_id, list, COALESCE(project, '') AS project, run_at, status, "
    "passes, fails, skips, CONCAT(CAST(run_time AS FLOAT)) AS run_time, 1 AS n FROM run_lists UNION ALL "
    "SELECT i.run_id, l.list, "
    "COALESCE(i.project, "
    "''), i.run_at, IF(COALESCE(r.fails, 0) > 0, 2, COALESCE(r.passes, 0) > 0), COALESCE(r.passes, 0), "
    "COALESCE(r.fails, 0), COALESCE(r.skips, 0), COALESCE(CONCAT(r.run_time), '0'), -1 FROM (" RUN_LISTS
    ") l "
    "JOIN run_info i ON i.run_id = l.run_id JOIN runs r ON r.id = i.run_id) u "
    "GROUP BY u.run_id, u.list, u.project, u.run_at, u.status, u.passes, u.fails, u.skips, u.run_time "
    "HAVING SUM(u.n) <> 0) d GROUP BY run_id ORDER BY run_id",

    "SELECT CONCAT('metadata ', `key`, '=', value, CASE project WHEN '' THEN ' of adopted runs' ELSE "
    "CONCAT(' of project ', project) END, ': project_run_metadata is off by runs ', runs) AS what FROM "
    "(SELECT u.project AS project, u.list AS list, MIN(u.`key`) AS `key`, MIN(u.value) AS value, SUM(u.runs) "
    "AS "
    "runs FROM (SELECT project, list, `key`, value, runs FROM project_run_metadata UNION ALL "
    "SELECT COALESCE(i.project, ''), " META_LIST ", CAST(m.`key` AS BINARY), CAST(m.value AS BINARY), -1 "
    "FROM run_metadata m JOIN run_info i ON i.run_id = m.run_id WHERE m.`key` IS NOT NULL AND m.value IS NOT "
    "NULL "
    "AND m.`key` NOT IN ('refstack_result_id', 'tally_project', 'tally_user', 'tally_sha256')) u "
    "GROUP BY u.project, u.list) d WHERE runs <> 0 ORDER BY project, `key`, value",

    "SELECT CONCAT('test ', t.id, ' is not in test_keys: another tool made it') AS what FROM tests t "
    "LEFT JOIN test_keys k ON k.name_sha256 = t.test_id_sha256 WHERE k.name_sha256 IS NULL ORDER BY t.id",

    "SELECT CONCAT('test_keys leads to test ', COALESCE(k.tests_id, 'NULL'), ', which is not that test') AS "
    "what "
    "FROM test_keys k LEFT JOIN tests t ON t.id = k.tests_id "
    "WHERE t.id IS NULL OR t.test_id_sha256 <> k.name_sha256 ORDER BY k.tests_id",

    "SELECT CONCAT('result ', t.id, ' has no result_info: another tool made it') AS what FROM test t "
    "LEFT JOIN result_info o ON o.result_id = t.id WHERE o.result_id IS NULL ORDER BY t.id",

    "SELECT CONCAT('result ', t.id, ': another tool has shared, verified or changed it: lists show it as it "
    "was') "
    "AS what FROM test t JOIN result_info o ON o.result_id = t.id "
    "WHERE o.verified <> (t.verification_status <> 0) OR BINARY COALESCE(o.cpid, '') <> BINARY t.cpid "
    "OR o.listed <> (o.anonymous OR EXISTS (SELECT 1 FROM meta m WHERE m.test_id = t.id "
    "AND m.meta_key = 'shared' AND m.value <> '')) ORDER BY t.id",

    "SELECT CONCAT('run ', i.run_id, ': its result ', i.result_id, ' is not there') AS what FROM run_info i "
    "LEFT JOIN test t ON t.id = i.result_id WHERE i.result_id IS NOT NULL AND t.id IS NULL ORDER BY i.run_id",

    "SELECT CONCAT('image ', i.id, ': another tool has shared it: lists of shared images do not show it') AS "
    "what FROM image_members m JOIN images i ON i.id = m.image_id WHERE m.image_created_at <> i.created_at "
    "ORDER BY i.id, m.id",
};

static bool run_check(struct db_conn *c, const char *sql, version_say_fn say, void *arg,
                      uint64_t *differences, struct error *err)
{
    struct db_rows *rows = db_query(c, sql, NULL, 0, err);

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        char text[600];

        snprintf(text, sizeof(text), "%.*s", STR_ARG(db_str(rows, "what")));
        say(arg, text);
        ++*differences;
    }
    return db_end(rows);
}

bool schema_check_counts(struct db_conn *c, version_say_fn say, void *arg, uint64_t *differences,
                         struct error *err)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
        if (!run_check(c, checks[i], say, arg, differences, err))
            return false;
    return true;
}
