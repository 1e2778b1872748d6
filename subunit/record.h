/* record.h - a test while its events come in, and the table of all such. Internal to the library. */
#ifndef SUBUNIT_RECORD_H
#define SUBUNIT_RECORD_H

#include "subunit/spill.h"
#include "subunit/tally-subunit.h"

/* A secret, so that nobody can choose ids whose hashes collide. */
struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

struct file {
    struct subunit_content content;
    uint64_t hash;
    struct subunit_str name;
    struct subunit_str mime;
    bool has_mime;
};

struct record {
    struct record *older; /* in order of their first event */
    struct record *newer;
    uint64_t hash;
    uint64_t bytes; /* of memory, without contents */
    struct subunit_test test;
    struct subunit_str *tags;
    struct file *files;
    size_t files_n;
    size_t files_cap;
    size_t last_file;  /* chunks of one file follow each other */
    uint32_t *by_name; /* hash index over files once there are many: 0 or 1 + number */
    size_t by_name_cap;
    char text[]; /* id and route code */
};

/* The open records. */
struct table {
    struct hash_key key;
    struct record **slots;
    size_t cap; /* a power of two */
    size_t n;
    uint64_t bytes; /* of all records */
    struct record *oldest;
    struct record *newest;
};

bool subunit_table_init(struct table *t);
/* Frees what is in it too. */
void subunit_table_end(struct table *t);
uint64_t subunit_table_hash(const struct table *t, const struct subunit_event *event);
/* The record that EVENT belongs to; NULL if none is open. HASH is its subunit_table_hash(). */
struct record *subunit_table_find(const struct table *t, const struct subunit_event *event, uint64_t hash);
/* A new record for it; NULL: out of memory. */
struct record *subunit_table_add(struct table *t, const struct subunit_event *event, uint64_t hash);
/* Takes the record out and frees it. */
void subunit_table_remove(struct table *t, struct record *record);

/* What went wrong is told by code: SUBUNIT_OK, _MEMORY. */
enum subunit_error_code subunit_record_set_tags(struct table *t, struct record *record,
                                                const struct subunit_event *event);

/* The file that EVENT's bytes belong to, made if it is new; NULL: out of memory. */
struct file *subunit_record_file(struct table *t, struct record *record, const struct subunit_event *event,
                                 struct spill *spill);
/* Another MIME type; false: out of memory. */
bool subunit_file_set_mime(struct table *t, struct record *record, struct file *file,
                           const struct subunit_event *event);
void subunit_record_void_files(struct table *t, struct record *record);

/* SipHash-2-4 of the N bytes at P. */
uint64_t subunit_hash_bytes(const struct hash_key *key, const void *p, size_t n);

#endif
