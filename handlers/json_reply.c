#include "config.h"
#include "handlers/json_reply.h"
#include "handlers/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH = 32 * 1024, LARGEST_PIECE = 16 * 1024 * 1024, LINK_MAX = 256 * 1024 };

void json_reply_begin(struct json_reply *out, struct request *r)
{
    out->r = r;
    buf_init(&out->b, LARGEST_PIECE);
    json_writer_init(&out->w, &out->b);
    response_status(r, 200);
    response_header(r, "Content-Type", "application/json");
}

void json_reply_free(struct json_reply *out)
{
    buf_free(&out->b);
}

bool json_reply_flush(struct json_reply *out, bool all, struct error *err)
{
    if (!all && out->b.n < FLUSH)
        return true;
    bool ok = response_write(out->r, out->b.p, out->b.n);
    buf_clear(&out->b);
    return ok || error_set(err, ERROR_ABORTED, "the client went away");
}

void json_key_link(struct json_writer *w, const struct request *r, const char *key, struct str marker)
{
    struct buf link;
    char mark = '?';

    buf_init(&link, LINK_MAX);
    buf_add_str(&link, r->path);
    for (size_t i = 0; i < r->n_query; i++) {
        if (str_eq_cstr(r->query[i].name, "marker"))
            continue;
        buf_add_char(&link, mark);
        uri_encode(&link, r->query[i].name);
        buf_add_char(&link, '=');
        uri_encode(&link, r->query[i].value);
        mark = '&';
    }
    if (marker.p) {
        buf_printf(&link, "%cmarker=", mark);
        uri_encode(&link, marker);
    }
    json_key_str(w, key, buf_str(&link));
    buf_free(&link);
}

bool json_reply_end_list(struct json_reply *out, bool ok, struct str next, struct error *err)
{
    if (ok) {
        json_arr_end(&out->w);
        if (next.p)
            json_key_link(&out->w, out->r, "next", next);
        json_obj_end(&out->w);
        ok = json_reply_flush(out, true, err);
    }
    json_reply_free(out);
    return ok;
}

struct str json_marker(const struct request *r, int64_t id)
{
    return id ? str_of(arena_printf(r->arena, "%lld", (long long)id)) : (struct str){NULL, 0};
}

void json_key_time(struct json_writer *w, const char *key, struct str sql)
{
    char text[24];

    if (sql.n < 19) {
        json_key_null(w, key);
        return;
    }
    memcpy(text, sql.p, 19);
    text[10] = 'T';
    memcpy(text + 19, "Z", 2);
    json_key_cstr(w, key, text);
}

void json_key_float(struct json_writer *w, const char *key, double v)
{
    char text[40];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtof(text, NULL) == (float)v)
            break;
    }
    json_key(w, key);
    json_double(w, strtod(text, NULL));
}
