/* images_filter.h - the kinds of filters that GET /v2/images takes, and its sorting: parameters as
 * conditions.
 */
#ifndef TALLY_HANDLERS_IMAGES_FILTER_H
#define TALLY_HANDLERS_IMAGES_FILTER_H

#include "handlers/images_query.h"

/* A parameter that is being read. */
struct images_reading {
    struct request *r;
    struct images_query *out;
    const struct query_param *p;
    enum image_column column;
    enum image_test test;
};

/* Adds what the parameter asks for to X->out. 400 in Glance's words. */
typedef bool (*images_filter_fn)(struct images_reading *x, struct error *err);

bool images_filter_text(struct images_reading *x, struct error *err);
bool images_filter_list(struct images_reading *x, struct error *err); /* VALUE, eq:VALUE, in:A,B,"C,D" */
bool images_filter_number(struct images_reading *x, struct error *err);
bool images_filter_bool(struct images_reading *x, struct error *err);
bool images_filter_time(struct images_reading *x,
                        struct error *err); /* TIME, gt:TIME, gte, lt, lte, eq, neq */
bool images_filter_tag(struct images_reading *x, struct error *err);
bool images_filter_property(struct images_reading *x, struct error *err);

/* Reads sort, or sort_key and sort_dir, of the whole query. */
bool images_sort_read(struct request *r, struct image_filter *out, struct error *err);

/* Splits S at its commas; what stands in double quotes keeps them, and \" there is a quotation mark. In
 * ARENA. 400 where a quotation mark is not closed or stands within a word. */
bool images_filter_split(struct arena *arena, struct str s, struct str **out, size_t *n, struct error *err);

/* A client's text in a message. */
#define IMAGES_SHOWN(s) (int)((s).n < 200 ? (s).n : 200), ((s).p ? (s).p : "")

#endif
