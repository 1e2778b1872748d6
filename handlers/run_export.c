#include "config.h"
#include "handlers/run_export.h"
#include "base/json.h"
#include "db/spool.h"

bool attachment_pieces(struct db_conn *c, int64_t id, uint64_t size, attachment_piece_fn fn, void *arg,
                       struct error *err)
{
    struct arena *arena = arena_new(0);
    bool ok = true;

    for (uint64_t at = 0; ok && at < size;) {
        struct str piece;

        arena_reset(arena);
        ok = run_attachment_read(c, arena, id, at, &piece, err);
        if (ok && piece.n == 0)
            ok = error_set(err, ERROR_NOT_FOUND, "Attachment %lld is gone", (long long)id);
        at += piece.n;
        ok = ok && fn(arg, piece, at >= size, err);
    }
    arena_free(arena);
    return ok;
}

struct export
{
    subunit_sink_fn *sink;
    void *ctx;
    struct db_conn *files; /* a second connection, for attachments while rows of the first are open */
    struct arena *arena;   /* of one test */
    struct subunit_event event;
};

static bool send_event(struct export *x, const struct subunit_event *e, struct error *err)
{
    struct subunit_error why;

    if (subunit_write_event(e, x->sink, x->ctx, &why))
        return true;
    if (why.code == SUBUNIT_ERROR_STOPPED)
        return error_set(err, ERROR_ABORTED, "nobody takes the stream any more");
    return error_set(err, ERROR_INTERNAL, "subunit: %s", why.message);
}

static struct subunit_str text(struct str s)
{
    return (struct subunit_str){s.p, s.n};
}

/* Of a packet's tags, each byte of which may have become six. */
static const struct json_limits tags_limits = {.max_bytes = 32 << 20, .max_values = 100000, .max_depth = 2};

/* Tags as they came where they were kept so, else what subunit2sql's rows say. */
static void set_tags(struct export *x, struct db_rows *rows)
{
    struct str kept = db_str(rows, "tags_json"), joined = db_str(rows, "tags"), one;
    struct json *list = kept.p ? json_parse(x->arena, kept, &tags_limits, NULL) : NULL;
    struct subunit_str *tags;
    size_t n = 0, most = list ? list->n : 1;

    for (size_t i = 0; !list && i < joined.n; i++)
        most += joined.p[i] == ',';
    tags = arena_calloc(x->arena, most, sizeof(*tags));
    for (const struct json *v = JSON_FIRST(list); v; v = v->next)
        tags[n++] = text(v->str);
    joined = list ? (struct str){NULL, 0} : arena_str(x->arena, joined);
    while (joined.n) {
        str_cut(joined, ',', &one, &joined);
        tags[n++] = text(one);
    }
    x->event.tags = tags;
    x->event.n_tags = n;
    x->event.has_tags = n > 0;
}

struct str run_export_id(struct db_rows *rows, struct arena *arena)
{
    struct str id = db_str(rows, "stream_id"), name = db_str(rows, "name"), attrs = db_str(rows, "attrs");

    if (id.p)
        return arena_str(arena, id);
    if (!attrs.n)
        return arena_str(arena, name);
    return str_of(arena_printf(arena, "%.*s[%.*s]", STR_ARG(name), STR_ARG(attrs)));
}

/* Version 2 holds times from 1970 to 2106. */
static bool set_time(struct subunit_event *e, struct db_rows *rows, const char *column)
{
    int64_t us = db_i64(rows, column);

    e->has_time = !db_is_null(rows, column) && us >= 0 && us < INT64_C(4294967296) * 1000000;
    e->time = e->has_time ? us : 0;
    return e->has_time;
}

static bool begin_test(struct export *x, struct db_rows *rows, struct error *err)
{
    struct str route = db_str(rows, "route_code");

    arena_reset(x->arena);
    x->event = (struct subunit_event){.has_id = true, .status = SUBUNIT_INPROGRESS, .runnable = true};
    if (str_eq_cstr(db_str(rows, "status"), spool_outcome_name(OUTCOME_UNKNOWN)))
        x->event.status = SUBUNIT_NONE; /* files alone told of it */
    x->event.id = text(run_export_id(rows, x->arena));
    x->event.has_route_code = route.p != NULL;
    if (route.p)
        x->event.route_code = text(arena_str(x->arena, route));
    set_tags(x, rows);
    set_time(&x->event, rows, "start_us");
    return send_event(x, &x->event, err);
}

static enum subunit_status status_of(struct str name)
{
    for (int s = SUBUNIT_SUCCESS; s <= SUBUNIT_XFAIL; s++)
        if (str_eq_cstr(name, subunit_status_name((enum subunit_status)s)))
            return (enum subunit_status)s;
    return SUBUNIT_NONE; /* inprogress and unknown: it never ended */
}

static bool send_piece(void *arg, struct str piece, bool last, struct error *err)
{
    struct export *x = arg;

    x->event.file = text(piece);
    x->event.eof = last;
    return send_event(x, &x->event, err);
}

static bool send_file(struct export *x, struct db_rows *rows, struct error *err)
{
    struct str name = db_str(rows, "file_name"), mime = db_str(rows, "mime_type");
    size_t n_tags = x->event.n_tags;

    /* The test's first event has its tags, and the last one again: in each piece of a file they could take
     * more room than the file. */
    x->event.has_tags = false;
    x->event.n_tags = 0;
    x->event.status = SUBUNIT_NONE;
    x->event.has_time = false;
    x->event.has_file = true;
    x->event.file_name = text(arena_str(x->arena, name));
    x->event.has_mime = mime.p != NULL;
    x->event.mime = mime.p ? text(arena_str(x->arena, mime)) : (struct subunit_str){NULL, 0};
    bool ok =
        attachment_pieces(x->files, db_i64(rows, "attachment_id"), db_u64(rows, "size"), send_piece, x, err);
    x->event.has_file = x->event.has_mime = false;
    x->event.n_tags = n_tags;
    x->event.has_tags = n_tags > 0;
    return ok;
}

struct ending {
    bool open;
    enum subunit_status status;
    bool has_time;
    int64_t time;
};

static bool end_test(struct export *x, struct ending *end, struct error *err)
{
    if (!end->open || end->status == SUBUNIT_NONE)
        return true;
    x->event.status = end->status;
    x->event.has_time = end->has_time;
    x->event.time = end->time;
    return send_event(x, &x->event, err);
}

/* Rows of one test follow each other, one for each attachment. */
static bool send_tests(struct export *x, struct db_rows *rows, struct error *err)
{
    struct ending end = {.open = false};
    int64_t open = 0;

    while (db_next(rows, err)) {
        int64_t id = db_i64(rows, "id");

        if (id != open) {
            if (!end_test(x, &end, err) || !begin_test(x, rows, err))
                return false;
            struct subunit_event stop;
            open = id;
            end = (struct ending){.open = true, .status = status_of(db_str(rows, "status"))};
            end.has_time = set_time(&stop, rows, "stop_us");
            end.time = stop.time;
        }
        if (!db_is_null(rows, "attachment_id") && !send_file(x, rows, err))
            return false;
    }
    return end_test(x, &end, err);
}

static bool send_own_files(struct export *x, struct db_rows *rows, struct error *err)
{
    while (db_next(rows, err)) {
        arena_reset(x->arena);
        x->event = (struct subunit_event){.status = SUBUNIT_NONE};
        if (!send_file(x, rows, err))
            return false;
    }
    return true;
}

static bool send_rows(struct export *x, struct db_rows *rows,
                      bool (*fn)(struct export *x, struct db_rows *rows, struct error *err),
                      struct error *err)
{
    if (!rows)
        return false;
    bool sent = fn(x, rows, err);
    bool whole = db_end(rows);
    return sent && whole;
}

bool run_export_stream(struct db_conn *c, struct db_conn *files, int64_t run_id, subunit_sink_fn *sink,
                       void *ctx, struct error *err)
{
    struct export x = {.sink = sink, .ctx = ctx, .files = files, .arena = arena_new(0)};
    bool ok = send_rows(&x, run_export(c, run_id, err), send_tests, err) &&
              send_rows(&x, run_export_own(c, run_id, err), send_own_files, err);

    arena_free(x.arena);
    return ok;
}
