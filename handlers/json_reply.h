/* json_reply.h - a JSON reply of any length, written while it is sent, and what our replies write alike. */
#ifndef TALLY_HANDLERS_JSON_REPLY_H
#define TALLY_HANDLERS_JSON_REPLY_H

#include "base/json.h"
#include "handlers/request.h"

struct json_reply {
    struct request *r;
    struct json_writer w;
    struct buf b;
};

/* Status 200 and the type. What is written to OUT->w goes out as json_reply_flush() sees that it is much.
 * Free with json_reply_free(). */
void json_reply_begin(struct json_reply *out, struct request *r);
void json_reply_free(struct json_reply *out);

/* Sends what has come together, if it is much or ALL. False (ERROR_ABORTED) once the client is gone. */
bool json_reply_flush(struct json_reply *out, bool all, struct error *err);

/* The member KEY ("next"): R's path and query again, with MARKER in place of the one that came; p NULL: none.
 */
void json_key_link(struct json_writer *w, const struct request *r, const char *key, struct str marker);

/* Ends a list: the array, "next" with NEXT as its marker (p NULL: none), the object; sends and frees it. With
 * OK false, an error has been set, it is only freed. */
bool json_reply_end_list(struct json_reply *out, bool ok, struct str next, struct error *err);

/* The marker of what has numbers, on R's arena; ID 0: none. */
struct str json_marker(const struct request *r, int64_t id);

/* MySQL's "YYYY-MM-DD HH:MM:SS" as ISO 8601 in UTC; null where it is no time. */
void json_key_time(struct json_writer *w, const char *key, struct str sql);

/* A FLOAT column's value in as few digits as tell it from its neighbours. */
void json_key_float(struct json_writer *w, const char *key, double v);

#endif
