/* images_rows.h - rows of the image tables as struct image: what db/images.c and db/images_list.c share. */
#ifndef TALLY_DB_IMAGES_ROWS_H
#define TALLY_DB_IMAGES_ROWS_H

#include "db/images.h"

#define IMAGES_US(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ")"

/* Of images under the name i. */
#define IMAGES_COLUMNS                                                                                    \
    "i.id, i.name, i.size, i.status, i.disk_format, i.container_format, i.checksum, i.owner, i.min_disk," \
    " i.min_ram, i.protected, i.virtual_size, i.visibility, i.os_hidden, i.os_hash_algo,"                 \
    " i.os_hash_value, i.deleted, " IMAGES_US("i.created_at") " AS created_us,"                           \
                                                              " " IMAGES_US("i.updated_at") " AS updated_us"

/* The time of a parameter in microseconds since 1970. */
#define IMAGES_TIME "TIMESTAMPADD(MICROSECOND, ?, TIMESTAMP'1970-01-01 00:00:00')"

/* The current row, without tags and properties, in ARENA. */
void images_read_row(struct db_rows *rows, struct arena *arena, struct image *out);

/* So many images' tags and properties are read by one statement. */
enum { IMAGES_BATCH = 8 };

/* Adds tags and properties to the N <= IMAGES_BATCH images, in ARENA. */
bool images_read_details(struct db_conn *c, struct arena *arena, struct image *images, size_t n,
                         struct error *err);

#endif
