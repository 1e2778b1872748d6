/* runs.h - runs, their tests and attachments, as those who may see them see them.
 *
 * A viewer is a project, or foundation staff. What a viewer may not see does not exist for it.
 */
#ifndef TALLY_DB_RUNS_H
#define TALLY_DB_RUNS_H

#include "base/uuid.h"
#include "db/db.h"

struct viewer {
    struct str project;
    bool staff; /* sees all */
};

struct run {
    int64_t id;
    struct str uuid;
    int64_t skips;
    int64_t fails;
    int64_t passes;
    double run_time; /* seconds */
    struct str artifacts;
    struct str run_at;    /* "YYYY-MM-DD HH:MM:SS", or p NULL */
    struct str result_id; /* p NULL: not linked */
    struct str project;   /* p NULL: adopted */
    struct str user;
    struct str cpid;
    struct str created_at; /* "YYYY-MM-DD HH:MM:SS.ffffff" */
    int64_t tests;
    int64_t attachments;
    int64_t stream_format; /* 0: not known */
};

/* The run of this uuid. ERROR_NOT_FOUND where there is none or the viewer may not see it. Strings live in
 * ARENA. */
bool run_get(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str uuid,
             struct run *out, struct error *err);

/* The run linked to a result. */
bool run_get_by_result(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str result_id, struct run *out, struct error *err);

/* Where in the order of lists (run_at, then id) the run UUID stands. ERROR_BAD_REQUEST where a viewer's
 * marker is no run that it may see. */
bool run_place(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str uuid,
               struct str *run_at, int64_t *id, struct error *err);

/* As run_lists.status says it. */
enum run_status {
    RUN_ANY = -1,
    RUN_PASSED = 1, /* no test failed, and one passed */
    RUN_FAILED = 2, /* a test failed */
};

enum { RUN_FILTER_META = 8 };

struct run_filter {
    struct str cpid;       /* p NULL: any */
    struct str start_date; /* of run_at, MySQL's form; inclusive */
    struct str end_date;
    enum run_status status;
    struct {
        struct str key;
        struct str value;
    } meta[RUN_FILTER_META];
    size_t n_meta;
    struct str marker; /* a run's uuid: the page begins after it; p NULL: at the newest */
    uint64_t limit;
};

/* A page of runs, newest first: *N of them at *PAGE, in ARENA. *MORE: there are others behind it.
 * ERROR_BAD_REQUEST for a marker that is no run that the viewer may see. */
bool run_list(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
              const struct run_filter *filter, struct run **page, size_t *n, bool *more, struct error *err);

/* The metadata of N runs (RUN_METADATA_MAX at most): run_id, key and value, in the order of RUNS, and of one
 * run in that in which they were written. */
enum { RUN_METADATA_MAX = 32 };
struct db_rows *run_metadata(struct db_conn *c, const struct run *runs, size_t n, struct error *err);

/* Part of a run: its test_runs with id in (AFTER, LAST], of STATUS only where it is not NULL. */
struct run_part {
    int64_t run_id;
    int64_t after;
    int64_t last;
    const char *status;
};

/* Finds where a page of LIMIT test_runs ends: sets part->last, and *MORE. */
bool run_page(struct db_conn *c, struct run_part *part, uint64_t limit, bool *more, struct error *err);

/* Columns id, test_id, and over the viewer's runs run_count, success, failure, run_time. By id. */
struct db_rows *run_tests(struct db_conn *c, const struct viewer *viewer, const struct run_part *part,
                          struct error *err);

/* A row for each pair of a test_run and a piece of its metadata (key, value NULL where it has none): id,
 * test_id, status, start_time, start_time_microsecond, stop_time, stop_time_microsecond, key, value. By id.
 */
struct db_rows *run_test_runs(struct db_conn *c, const struct run_part *part, struct error *err);

/* id, test_run_id, label, size, name, mime_type (the last two NULL where they are not known). By test_run. */
struct db_rows *run_attachments(struct db_conn *c, const struct run_part *part, struct error *err);
/* The same of those that belong to the run as a whole: test_run_id is NULL. */
struct db_rows *run_own_attachments(struct db_conn *c, int64_t run_id, struct error *err);

/* For a stream written anew: a row for each pair of a test_run and an attachment, in the order of start
 * times: id, name, attrs, stream_id, route_code, tags_json, tags, status, start_us and stop_us (microseconds
 * since 1970, NULL), attachment_id, label, file_name, mime_type, size. */
struct db_rows *run_export(struct db_conn *c, int64_t run_id, struct error *err);
/* Attachments of the run as a whole: attachment_id, file_name, mime_type, size. */
struct db_rows *run_export_own(struct db_conn *c, int64_t run_id, struct error *err);

/* What a run's tests come to. */
struct run_sums {
    uint64_t tests;
    uint64_t failures;   /* fail and uxsuccess */
    uint64_t skipped;    /* skip and xfail */
    uint64_t unfinished; /* whatever has another status than these and success */
    double seconds;      /* of the tests that have both times, none below 0 */
    char start[24];      /* the first one, "YYYY-MM-DDTHH:MM:SS"; empty where no test has one */
};
bool run_sum(struct db_conn *c, int64_t run_id, struct run_sums *out, struct error *err);

struct run_attachment {
    int64_t id;
    struct str name;
    struct str mime; /* p NULL */
    uint64_t size;
};
/* An attachment of this run. ERROR_NOT_FOUND where it is not there. */
bool run_attachment_get(struct db_conn *c, struct arena *arena, int64_t run_id, uint64_t id,
                        struct run_attachment *out, struct error *err);

enum { ATTACHMENT_PIECE = 4 * 1024 * 1024 };
/* Up to ATTACHMENT_PIECE bytes from OFFSET on, valid in ARENA. */
bool run_attachment_read(struct db_conn *c, struct arena *arena, int64_t id, uint64_t offset, struct str *out,
                         struct error *err);

/* Deletes the run: in one transaction for all who look, then its rows and what they added to counters in many
 * short ones. True once the first is done: what is left then (after a kill, a lost database)
 * run_trash_sweep() finds. Its result stays, unlinked; a verified one holds it: ERROR_FORBIDDEN.
 * ERROR_NOT_FOUND where the run is gone. */
bool run_delete(struct db_conn *c, int64_t run_id, struct error *err);

/* The first part, inside the caller's transaction; the second. */
bool run_discard(struct db_conn *c, int64_t run_id, struct error *err);
bool run_trash_empty(struct db_conn *c, int64_t run_id, struct error *err);

/* Goes on with up to a hundred deletions that were begun OLDER_THAN seconds ago and not finished. */
bool run_trash_sweep(struct db_conn *c, uint64_t older_than, struct error *err);

#endif
