/* results.h - RefStack results: who may see and change them, their metadata, and what links evidence to them.
 *
 * Whose a result is says result_info, never its metadata: the owner is a project; an adopted result has none
 * and belongs to the user that its metadata named. Everybody sees an anonymous result and one whose metadata
 * "shared" says something. What a caller may not see does not exist for him.
 */
#ifndef TALLY_DB_RESULTS_H
#define TALLY_DB_RESULTS_H

#include "db/runs.h"
#include "db/spool.h"

struct result_caller {
    struct str project; /* p NULL: anonymous */
    struct str user;
    bool staff;
};

/* What somebody is to a result; each may do what those before it may. */
enum result_role { RESULT_NOBODY, RESULT_USER, RESULT_OWNER, RESULT_FOUNDATION };
/* "user", "owner", "foundation": RefStack's words. */
const char *result_role_name(enum result_role role);

struct result_meta {
    struct str key;
    struct str value; /* p NULL: it has none */
};

struct result {
    struct str id;
    struct str cpid;
    struct str created_at; /* "YYYY-MM-DD HH:MM:SS" */
    struct str product_version_id;
    int64_t duration_seconds;
    int64_t verification_status; /* 1: verified */
    enum result_role role;       /* the caller's */
    const struct result_meta *meta;
    size_t n_meta;
};

/* The result as CALLER sees it: metadata that is not his to see is left out. ERROR_NOT_FOUND where there is
 * none or he may not see it. Strings live in ARENA. */
bool result_get(struct db_conn *c, struct arena *arena, const struct result_caller *caller, struct str id,
                struct result *out, struct error *err);

/* Its tests: name, in the order in which they were stored. */
struct db_rows *result_names(struct db_conn *c, struct str id, struct error *err);

/* --- lists -------------------------------------------------------------------------------------- */

struct result_filter {
    struct str cpid;  /* p NULL: any */
    int64_t start_us; /* of created_at, inclusive; INT64_MIN: from the beginning */
    int64_t end_us;   /* inclusive, in whole seconds; INT64_MAX: to the end */
    int verified;     /* 0, 1, or -1: any */
    bool own;         /* the caller's own results; else what everybody may see */
};

/* How many results a list has over all its pages. */
bool result_count(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                  const struct result_filter *filter, uint64_t *n, struct error *err);

/* A page of it, newest first, in ARENA: *PAGE has *N of at most LIMIT (RESULTS_MAX) results. One that was
 * deleted since the count, or that other software has taken back from the public, is left out. */
bool result_list(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                 const struct result_filter *filter, uint64_t offset, uint64_t limit, struct result **page,
                 size_t *n, struct error *err);

/* --- storing and changing ----------------------------------------------------------------------- */

struct result_test {
    struct str name;
    struct str uuid; /* p NULL: none */
};

struct result_upload {
    struct str project; /* the owner; p NULL: anonymous */
    struct str user;
    struct str cpid;
    int64_t duration_seconds;
    const struct result_test *tests; /* no name twice */
    size_t n_tests;
    const unsigned char *key_sha256; /* the signing key's digest, or NULL; then BODY_SHA256 was signed */
    const unsigned char *body_sha256;
    char id[UUID_TEXT_SIZE]; /* out; after ERROR_CONFLICT that of what is there already */
};

/* Stores a result, all of it or nothing. ERROR_CONFLICT: this key has signed this body before. */
bool result_store(struct db_conn *c, struct result_upload *upload, struct error *err);

/* What PUT may change. */
struct result_change {
    bool has_verification;
    int64_t verification_status; /* 0 or 1 */
    bool has_product_version;
    struct str product_version_id; /* p NULL: none */
};

/* Changes it for CALLER; the rules are RefStack's. ERROR_NOT_FOUND, ERROR_FORBIDDEN. */
bool result_change(struct db_conn *c, const struct result_caller *caller, struct str id,
                   const struct result_change *change, struct error *err);

/* Deletes it with its run: in one transaction for all who look (run_delete() says what follows).
 * ERROR_NOT_FOUND, ERROR_FORBIDDEN (not the owner; verified). */
bool result_delete(struct db_conn *c, const struct result_caller *caller, struct str id, struct error *err);

/* --- metadata ----------------------------------------------------------------------------------- */

enum { RESULT_META_BYTES = 65535 };

/* Is KEY one of those that owners write and everybody who sees the result reads? */
bool result_meta_is_open(struct str key);

/* Sets KEY to VALUE, or with p NULL takes it away. ERROR_NOT_FOUND (the result, or the key to take away),
 * ERROR_FORBIDDEN (not the owner; verified). */
bool result_meta_set(struct db_conn *c, const struct result_caller *caller, struct str id, struct str key,
                     struct str value, struct error *err);

/* --- linking ------------------------------------------------------------------------------------ */

/* May the viewer link a run to this result? ERROR_NOT_FOUND where it is not there or not the viewer's (an
 * anonymous one is staff's), ERROR_FORBIDDEN for a verified one, ERROR_CONFLICT where it has a run, whose
 * uuid goes to RUN_UUID. *PROJECT, in ARENA, is whose the result is, and so will be the run that staff links
 * to it; p NULL: nobody's. *CPID, in ARENA, is the result's cloud. */
bool result_check_link(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str result_id, char run_uuid[UUID_TEXT_SIZE], struct str *project,
                       struct str *cpid, struct error *err);

enum { RESULT_DIFFERENCES = 20 };

struct result_difference {
    struct str only_in_stream[RESULT_DIFFERENCES]; /* passed there, not among the result's tests */
    struct str only_in_result[RESULT_DIFFERENCES];
    uint64_t n_only_in_stream; /* all of them; the lists hold the first */
    uint64_t n_only_in_result;
};

/* Compares the tests that passed in the stream (success alone, as refstack-client counts) with the result's
 * tests. */
bool result_compare(struct db_conn *c, struct arena *arena, struct str result_id, struct spool *spool,
                    struct result_difference *out, struct error *err);

/* --- for the files of this family --------------------------------------------------------------- */

enum { RESULTS_MAX = 500 };

/* Those of the N_IDS (at most RESULTS_MAX) results that CALLER may see, in OUT, which has room for all; by
 * two queries. */
bool results_get_page(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                      const struct str *ids, size_t n_ids, struct result *out, size_t *n, struct error *err);

/* The caller's role by what result_info and the metadata say; p NULL where a column is. */
enum result_role result_role(const struct result_caller *caller, struct str project, struct str user,
                             bool anonymous, bool shared);

/* In a transaction: locks the result until its end and finds the caller's role and whether it is verified.
 * ERROR_NOT_FOUND where he may not see it, ERROR_FORBIDDEN where he is not its owner. */
bool result_lock(struct db_conn *c, const struct result_caller *caller, struct str id, enum result_role *role,
                 bool *verified, struct error *err);

#endif
