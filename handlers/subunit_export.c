/* GET of a run's stream and of its attachments. */
#include "config.h"
#include "handlers/subunit.h"
#include "handlers/run_export.h"

#include <string.h>

/* --- attachments -------------------------------------------------------------------------------- */

/* What a browser would run, draw or guess at goes out as bytes or as text. */
static const char *safe_type(struct str mime)
{
    return str_starts(mime, STR("text/")) ? "text/plain; charset=utf-8" : "application/octet-stream";
}

/* The name for Content-Disposition: what is no plain letter, digit, '.', '-' or '_' becomes '_'. */
static const char *safe_name(struct arena *arena, struct str name)
{
    size_t n = name.n < 100 ? name.n : 100;
    char *out = arena_memdup(arena, name.p, n);

    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", out[i]) ||
            out[i] == '\0')
            out[i] = '_';
    return n && out[0] != '.' ? out : "attachment";
}

static bool write_piece(void *arg, struct str piece, bool last, struct error *err)
{
    (void)last;
    return response_write(arg, piece.p, piece.n) || error_set(err, ERROR_ABORTED, "the client went away");
}

bool subunit_attachment(struct request *r, struct error *err)
{
    struct run run;
    struct run_attachment a;
    uint64_t id;
    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    if (!c || !subunit_run(r, c, &run, err))
        return false;
    if (!str_to_u64(r->capture[1], INT64_MAX, &id))
        return error_set(err, ERROR_NOT_FOUND, "Attachment %.*s was not found", STR_ARG(r->capture[1]));
    if (!run_attachment_get(c, r->arena, run.id, id, &a, err))
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", safe_type(a.mime));
    response_headerf(r, "Content-Disposition", "attachment; filename=\"%s\"", safe_name(r->arena, a.name));
    response_header(r, "X-Content-Type-Options", "nosniff");
    response_headerf(r, "Content-Length", "%llu", (unsigned long long)a.size);
    if (r->method == METHOD_HEAD)
        return true;
    return attachment_pieces(c, a.id, a.size, write_piece, r, err);
}

/* --- the stream --------------------------------------------------------------------------------- */

static bool to_client(void *ctx, const void *bytes, size_t n)
{
    return response_write(ctx, bytes, n);
}

bool subunit_stream(struct request *r, struct error *err)
{
    struct run run;
    struct db_conn *files, *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    if (!c || !subunit_run(r, c, &run, err) || !(files = db_acquire_for(r->db, r->arena, err)))
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", "application/x-subunit");
    response_headerf(r, "Content-Disposition", "attachment; filename=\"%.*s.subunit\"", STR_ARG(run.uuid));
    response_header(r, "X-Content-Type-Options", "nosniff");
    if (r->method == METHOD_HEAD)
        return true;
    return run_export_stream(c, files, run.id, to_client, r, err);
}
