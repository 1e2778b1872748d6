#include "config.h"
#include "handlers/average.h"
#include "base/clock.h"
#include "handlers/subunit.h"

enum { DEFAULT_LAST = 50 };

static bool to_client(void *ctx, const void *bytes, size_t n)
{
    return response_write(ctx, bytes, n);
}

bool average_get(struct request *r, struct error *err)
{
    struct average_of of = {.viewer = subunit_viewer(r), .last = DEFAULT_LAST};

    if (!query_get(r, "key", false, &of.key, err) || !query_get(r, "value", true, &of.value, err) ||
        !query_u64(r, "last", 1, FAILURES_RUNS, &of.last, err) || !query_check(r, err))
        return false;
    if (!of.key.p != !of.value.p)
        return error_set(err, ERROR_BAD_REQUEST, "key and value are given together or not at all");
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c)
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", "application/x-subunit");
    response_header(r, "Content-Disposition", "attachment; filename=\"average.subunit\"");
    response_header(r, "X-Content-Type-Options", "nosniff");
    return r->method == METHOD_HEAD || average_stream(c, &of, clock_now_us(), to_client, r, err);
}
