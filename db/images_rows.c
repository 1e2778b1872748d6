#include "config.h"
#include "db/images_rows.h"

#include <stdlib.h>

/* A copy that outlives the row; p NULL stays so. */
static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

static int64_t number(struct db_rows *rows, const char *column)
{
    return db_is_null(rows, column) ? -1 : db_i64(rows, column);
}

void images_read_row(struct db_rows *rows, struct arena *arena, struct image *out)
{
    *out = (struct image){
        .id = keep(arena, db_str(rows, "id")),
        .name = keep(arena, db_str(rows, "name")),
        .status = keep(arena, db_str(rows, "status")),
        .visibility = keep(arena, db_str(rows, "visibility")),
        .owner = keep(arena, db_str(rows, "owner")),
        .disk_format = keep(arena, db_str(rows, "disk_format")),
        .container_format = keep(arena, db_str(rows, "container_format")),
        .checksum = keep(arena, db_str(rows, "checksum")),
        .os_hash_algo = keep(arena, db_str(rows, "os_hash_algo")),
        .os_hash_value = keep(arena, db_str(rows, "os_hash_value")),
        .size = number(rows, "size"),
        .virtual_size = number(rows, "virtual_size"),
        .min_disk = db_i64(rows, "min_disk"),
        .min_ram = db_i64(rows, "min_ram"),
        .is_protected = db_i64(rows, "protected") != 0,
        .os_hidden = db_i64(rows, "os_hidden") != 0,
        .deleted = db_i64(rows, "deleted") != 0,
        .created_us = db_i64(rows, "created_us"),
        .updated_us = db_i64(rows, "updated_us"),
    };
}

/* --- tags and properties ------------------------------------------------------------------------ */

/* A row of either table. */
struct detail {
    struct detail *next;
    size_t image;
    bool is_tag;
    struct image_property p;
};

static size_t index_of(const struct image *images, size_t n, struct str id)
{
    size_t i = 0;

    while (i + 1 < n && !str_eq(images[i].id, id))
        i++;
    return i;
}

static struct detail *read_rows(struct db_rows *rows, struct arena *arena, struct image *images, size_t n,
                                struct error *at_end)
{
    struct detail *list = NULL;

    while (db_next(rows, at_end)) {
        struct detail *d = arena_calloc(arena, 1, sizeof(*d));

        d->next = list;
        d->image = index_of(images, n, db_str(rows, "image_id"));
        d->is_tag = db_i64(rows, "is_tag") != 0;
        d->p.name = keep(arena, db_str(rows, "name"));
        d->p.value = keep(arena, db_str(rows, "value"));
        if (d->is_tag)
            images[d->image].n_tags++;
        else
            images[d->image].n_properties++;
        list = d;
    }
    return list;
}

static int compare_tags(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int compare_properties(const void *a, const void *b)
{
    return str_cmp(((const struct image_property *)a)->name, ((const struct image_property *)b)->name);
}

/* Gives every image its lists. */
static void deal_out(struct arena *arena, const struct detail *list, struct image *images, size_t n)
{
    struct str *tags[IMAGES_BATCH];
    struct image_property *properties[IMAGES_BATCH];

    for (size_t i = 0; i < n; i++) {
        images[i].tags = tags[i] = arena_calloc(arena, images[i].n_tags + 1, sizeof(**tags));
        images[i].properties = properties[i] =
            arena_calloc(arena, images[i].n_properties + 1, sizeof(**properties));
    }
    for (const struct detail *d = list; d; d = d->next)
        if (d->is_tag)
            *tags[d->image]++ = d->p.name;
        else
            *properties[d->image]++ = d->p;
    for (size_t i = 0; i < n; i++) {
        qsort(tags[i] - images[i].n_tags, images[i].n_tags, sizeof(**tags), compare_tags);
        qsort(properties[i] - images[i].n_properties, images[i].n_properties, sizeof(**properties),
              compare_properties);
    }
}

#define DETAILS(ids)                                                                              \
    "SELECT image_id, 0 AS is_tag, name, value FROM image_properties WHERE image_id IN (" ids ")" \
    " AND deleted = 0 UNION ALL"                                                                  \
    " SELECT image_id, 1, value, NULL FROM image_tags WHERE image_id IN (" ids ") AND deleted = 0"

bool images_read_details(struct db_conn *c, struct arena *arena, struct image *images, size_t n,
                         struct error *err)
{
    struct db_value values[2 * IMAGES_BATCH];
    size_t n_ids = n == 1 ? 1 : IMAGES_BATCH;

    if (n == 0)
        return true;
    for (size_t i = 0; i < 2 * n_ids; i++) {
        size_t at = i % n_ids;

        values[i] = DB_STR(images[at < n ? at : n - 1].id);
    }
    struct db_rows *rows =
        n_ids == 1 ? db_query(c, DETAILS("?"), values, 2, err)
                   : db_query(c, DETAILS("?, ?, ?, ?, ?, ?, ?, ?"), values, 2 * IMAGES_BATCH, err);
    if (!rows)
        return false;
    const struct detail *list = read_rows(rows, arena, images, n, err);
    if (!db_end(rows))
        return false;
    deal_out(arena, list, images, n);
    return true;
}
