/* store_dir.h - an image store and containers in a folder of their own, anew for each test of store/dir*.c.
 */
#ifndef TALLY_TESTS_UNIT_STORE_DIR_H
#define TALLY_TESTS_UNIT_STORE_DIR_H

#include "base/conf_options.h"
#include "store/store.h"

#define KEY "ab01-image/task.1"
#define PROJECT "0123456789abcdef0123456789abcdef"

extern char top[64]; /* the folder: images/ and containers/PROJECT/box/ are in it */
extern struct conf *conf;
extern struct store *images, *containers;
extern struct arena *arena; /* of the test */
extern struct error err;    /* of whatever failed last */
extern struct store_caller demo;

/* For cmocka: before and after each test. */
int store_dir_setup(void **state);
int store_dir_teardown(void **state);

/* The path of BELOW, a path in `top`. */
const char *path_of(const char *below);

struct store_name named(const char *container, const char *object);

/* Begins an object of SIZE bytes (-1: not said); NULL and `err` if it is refused. */
struct store_writer *begin(struct store *s, const char *container, const char *object, int64_t size,
                           const struct store_meta *meta);

/* Writes the whole of an object. */
bool put_meta(struct store *s, const char *container, const char *object, const char *bytes,
              const struct store_meta *meta);
bool put(struct store *s, const char *container, const char *object, const char *bytes);

/* Reads an object of less than 4096 bytes, a few at a time; NULL and `err` if it cannot be read. */
const char *get(struct store *s, const char *container, const char *object, struct store_info *info);

/* How many files there are in a folder of `top`, at any depth. */
unsigned files_in(const char *folder);

/* Overwrites a file as an administrator would, past the store. */
void overwrite(const char *path, const char *bytes);

#endif
