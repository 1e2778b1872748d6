/* json.h - JSON (RFC 8259): small texts as a tree, and a writer.
 *
 * The parser is yajl's, behind this header. Stricter than the RFC lets us be: UTF-8 only, no key twice in an
 * object, no half of a surrogate pair, bounded depth and size. Numbers are kept as their text. Large bodies
 * with one long string go through base/json_flat.h.
 */
#ifndef TALLY_BASE_JSON_H
#define TALLY_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value. Read the fields; all memory is the arena's. */
struct json {
    enum json_type type;
    bool boolean;
    struct str key; /* the member's name, where the parent is an object */
    struct str
        str; /* JSON_STRING: the characters (NUL may be one), and a NUL behind; JSON_NUMBER: its text */
    struct json *first; /* the first element or member, in the text's order */
    struct json *next;  /* the next one of the same parent */
    size_t n;           /* elements or members */
    size_t offset;      /* where it ends in the text; of an array or object, where it begins */
};

struct json_limits {
    size_t max_bytes;   /* of the text; ERROR_TOO_LARGE above */
    size_t max_values;  /* all values together */
    unsigned max_depth; /* of nested arrays and objects */
};
/* 1 MiB, 100,000 values, depth 64. */
extern const struct json_limits json_default_limits;

/* --- reading -------------------------------------------------------------------------------------- */

/* Parses TEXT, which must be one value; LIMITS NULL for the default ones. NULL with ERROR_BAD_REQUEST
 * ("... at line 2 column 7", and the offset) or ERROR_TOO_LARGE. */
struct json *json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
                        struct error *err);

/* The same, for a text that must be an object: what a request's body is. */
struct json *json_parse_object(struct arena *arena, struct str text, const struct json_limits *limits,
                               struct error *err);

/* for (const struct json *v = JSON_FIRST(j); v; v = v->next): works for NULL and for what has no members. */
#define JSON_FIRST(j) ((j) ? (j)->first : NULL)

/* The member KEY of an object; NULL where there is none, or J is no object or NULL. */
const struct json *json_get(const struct json *j, const char *key);

/* Is J (NULL: no) of this type? "null" for a NULL pointer in json_type_name(). */
bool json_is(const struct json *j, enum json_type type);
const char *json_type_name(const struct json *j); /* "a string", "an object", ... */

/* The value, where J is of the right type and fits; else false and *OUT is untouched. A number with a
 * fraction or an exponent is no integer. json_to_double() refuses what is not finite. */
bool json_to_str(const struct json *j, struct str *out);
bool json_to_i64(const struct json *j, int64_t min, int64_t max, int64_t *out);
bool json_to_double(const struct json *j, double *out);
bool json_to_bool(const struct json *j, bool *out);

/* The member KEY of OBJ for handlers: false with 400 that names it and says what it must be, where it has
 * another type (null included), or is missing while REQUIRED; a missing one leaves *OUT untouched. */
bool json_member_str(const struct json *obj, const char *key, bool required, struct str *out,
                     struct error *err);
bool json_member_i64(const struct json *obj, const char *key, bool required, int64_t min, int64_t max,
                     int64_t *out, struct error *err);
bool json_member_bool(const struct json *obj, const char *key, bool required, bool *out, struct error *err);
/* TYPE JSON_ARRAY or JSON_OBJECT; *OUT is NULL where it is missing. */
bool json_member_node(const struct json *obj, const char *key, bool required, enum json_type type,
                      const struct json **out, struct error *err);

/* 400 that names the first member of OBJ that is not among the N KEYS. */
bool json_only(const struct json *obj, const char *const *keys, size_t n, struct error *err);

/* --- writing -------------------------------------------------------------------------------------- */

/* Appends to a struct buf, with commas where they belong. The caller may empty the buffer between any two
 * calls (buf_clear() after sending): the writer keeps no place in it. Nesting wrongly, a key outside an
 * object, or more than 64 levels are bugs: an assertion ends the process. Whether all fitted says
 * buf_ok(). */
struct json_writer {
    struct buf *buf;
    uint64_t in_object; /* a bit a level */
    uint64_t has_items;
    unsigned depth;
    bool after_key;
};

void json_writer_init(struct json_writer *w, struct buf *buf);

void json_obj_begin(struct json_writer *w);
void json_obj_end(struct json_writer *w);
void json_arr_begin(struct json_writer *w);
void json_arr_end(struct json_writer *w);

/* A member's name; one value must follow. */
void json_key(struct json_writer *w, const char *key);
void json_key_s(struct json_writer *w, struct str key);

/* Values. A string's control characters, DEL, U+2028 and U+2029 are escaped; each byte that is not part of
 * well-formed UTF-8 becomes U+FFFD. A view whose p is NULL, and a NULL pointer, are null. */
void json_str(struct json_writer *w, struct str s);
void json_cstr(struct json_writer *w, const char *s);
void json_i64(struct json_writer *w, int64_t v);
void json_u64(struct json_writer *w, uint64_t v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* The shortest text that reads back as V; null where V is not finite. */
void json_double(struct json_writer *w, double v);
/* A parsed value again: same order, same numbers' text. */
void json_value(struct json_writer *w, const struct json *v);
/* TEXT, a complete JSON value, as it stands. */
void json_raw(struct json_writer *w, struct str text);

/* A string in pieces (attachments of any size): as many json_str_piece() as it takes between begin and end.
 * A character may be cut between two pieces. */
struct json_str_state {
    unsigned char held[4]; /* the beginning of a character */
    unsigned n;
};
void json_str_begin(struct json_writer *w, struct json_str_state *s);
void json_str_piece(struct json_writer *w, struct json_str_state *s, struct str piece);
void json_str_end(struct json_writer *w, struct json_str_state *s);

/* Key and value in one. */
void json_key_str(struct json_writer *w, const char *key, struct str s);
void json_key_cstr(struct json_writer *w, const char *key, const char *s);
void json_key_i64(struct json_writer *w, const char *key, int64_t v);
void json_key_u64(struct json_writer *w, const char *key, uint64_t v);
void json_key_bool(struct json_writer *w, const char *key, bool v);
void json_key_null(struct json_writer *w, const char *key);
void json_key_double(struct json_writer *w, const char *key, double v);

#endif
