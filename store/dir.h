/* dir.h - the driver of files below a directory. Inside store/dir*.c only.
 *
 * The image store's object ab12.../TASK.EPOCH is DIR/ab/ab12.../TASK.EPOCH; a customer's is
 * DIR/PROJECT_ID/CONTAINER/OBJECT, and the administrator makes the containers with mkdir. What is being
 * written is in DIR/.tmp under a lock that ends with its writer. No path is ever followed through a symbolic
 * link below DIR or out of its container.
 */
#ifndef TALLY_STORE_DIR_H
#define TALLY_STORE_DIR_H

#include "store/driver.h"

#include <sys/stat.h>

enum { DIR_PATH_SIZE = 1024 + 8, DIR_MAX_DEPTH = 100, DIR_META_SIZE = 8192 };

#define DIR_TEMPORARY ".tmp" /* below the directory; no project's or image's name begins with a dot */
#define DIR_SIDECARS ".meta"

struct dir_store {
    struct store base;
    const char *path; /* the configuration's */
    uint64_t min_free;
};

/* --- dir_path.c: from names to descriptors; -1 or false with *ERR ----------------------------------- */

/* The directory itself. */
int dir_root(const struct dir_store *d, struct error *err);
/* Where the objects are: the image store's directory, or the container's. */
int dir_base(const struct dir_store *d, const struct store_caller *caller, struct str container,
             struct error *err);
/* The object's path below that; false (no *ERR) where no file can have this name. */
bool dir_object_path(const struct dir_store *d, const struct store_name *name, char out[DIR_PATH_SIZE]);
/* open(2) beneath AT without symbolic links; -1 and errno. */
int dir_open_beneath(int at, const char *path, int flags);
/* The object's file for reading, and its state; not found unless it is a regular file. */
int dir_open_object(const struct dir_store *d, const struct store_caller *caller,
                    const struct store_name *name, struct stat *st, struct error *err);
/* The folder PATH's last segment is in, opened; made first where MAKE. *LAST points into PATH. -1 and errno.
 */
int dir_open_parent(int base, const char *path, bool make, const char **last);
/* Removes the folders of PATH that have become empty. */
void dir_prune(int base, const char *path);
/* DIR/NAME, made if it is not there. */
int dir_open_private(const struct dir_store *d, const char *name, struct error *err);
/* errno of a disk operation as our kind: no room is ERROR_TOO_LARGE. */
bool dir_error(int errnum, const char *what, struct error *err);

/* --- dir_meta.c: what goes with a file -------------------------------------------------------------- */

/* Records META and the content's MD5 ("": not known) with the file of FD, whose bytes are all written. */
bool dir_meta_put(const struct dir_store *d, int fd, const struct store_meta *meta, const char *md5,
                  struct error *err);
/* Fills *OUT from the file and what was recorded. */
void dir_meta_get(const struct dir_store *d, int fd, const struct stat *st, struct arena *arena,
                  struct store_info *out);
/* Forgets what was recorded beside the file. */
void dir_meta_forget(const struct dir_store *d, const struct stat *st);

/* --- dir_write.c, dir_copy.c, dir_list.c: functions of the driver ----------------------------------- */

struct store_writer *dir_create(struct store *s, const struct store_caller *caller,
                                const struct store_name *name, const struct store_write_options *options,
                                struct error *err);
bool dir_write(struct store_writer *w, const void *p, size_t n, struct error *err);
bool dir_commit(struct store_writer *w, struct arena *arena, struct store_info *out, struct error *err);
void dir_abort(struct store_writer *w);
/* For a copy: the writer's file, and that SIZE bytes with this MD5 ("": not known) have been put into it. */
int dir_writer_fd(const struct store_writer *w);
void dir_writer_filled(struct store_writer *w, uint64_t size, const char *md5);
/* Is there room for N more bytes? */
bool dir_room(const struct dir_store *d, int fd, uint64_t n, struct error *err);

bool dir_copy(struct store *s, const struct store_caller *caller, const struct store_name *from,
              const struct store_name *to, const struct store_meta *meta, struct error *err);

bool dir_list(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
              store_each_fn each, void *ctx, struct error *err);
bool dir_sweep(struct store *s, uint64_t min_age, uint64_t *removed, struct error *err);

#endif
