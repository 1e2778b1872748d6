/* json_flat.h - a JSON object whose members are all strings, read from pieces of any size in constant memory.
 *
 * For bodies such as {"data": "<a gigabyte of base64>"}: the strings go to the caller as they come. As strict
 * as base/json.h: UTF-8 only, no halves of surrogate pairs, nothing behind the object. Keys have 256 bytes at
 * most; whether one comes twice is the caller's to see.
 */
#ifndef TALLY_BASE_JSON_FLAT_H
#define TALLY_BASE_JSON_FLAT_H

#include "base/error.h"
#include "base/str.h"

/* Each returns false with ERR filled to end the reading. */
struct json_flat_sink {
    void *ctx;
    /* A member begins; KEY is decoded and valid during the call. */
    bool (*member)(void *ctx, struct str key, struct error *err);
    /* N decoded bytes of its value; never 0, a character is never cut. */
    bool (*data)(void *ctx, const char *p, size_t n, struct error *err);
    /* The value is whole. */
    bool (*end)(void *ctx, struct error *err);
};

struct json_flat {
    struct json_flat_sink sink;
    uint64_t offset; /* of the byte being looked at */
    uint64_t line_start;
    uint64_t line;
    int state;
    bool in_value;          /* the string is a value, not a key */
    unsigned char held[12]; /* an escape, or a character, that is not whole yet */
    unsigned n_held;
    char key[256];
    size_t n_key;
};

void json_flat_init(struct json_flat *f, const struct json_flat_sink *sink);

/* False: ERR is the sink's, or ERROR_BAD_REQUEST with line, column (in bytes) and offset. Not to be called
 * again then. */
bool json_flat_feed(struct json_flat *f, const char *p, size_t n, struct error *err);

/* The input has ended. */
bool json_flat_end(struct json_flat *f, struct error *err);

#endif
