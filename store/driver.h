/* driver.h - what a driver of store/ is made of. Inside store/ only. */
#ifndef TALLY_STORE_DRIVER_H
#define TALLY_STORE_DRIVER_H

#include "base/conf_options.h"
#include "store/store.h"

enum store_role { STORE_IMAGES, STORE_CONTAINERS };

/* Functions of store.h with its contract; names were checked, callers are never NULL. What a driver cannot do
 * is NULL. */
struct store_ops {
    const char *name; /* as [image_store] driver has it */
    struct store *(*start)(const struct conf *conf, enum store_role role, const struct service_auth *auth,
                           struct error *err);
    void (*stop)(struct store *s);
    bool (*healthy)(struct store *s);
    bool (*stat)(struct store *s, const struct store_caller *caller, const struct store_name *name,
                 struct arena *arena, struct store_info *out, struct error *err);
    struct store_reader *(*open)(struct store *s, const struct store_caller *caller,
                                 const struct store_name *name, uint64_t offset, struct str etag,
                                 struct arena *arena, struct store_info *info, struct error *err);
    bool (*read)(struct store_reader *r, void *p, size_t n, size_t *got, struct error *err);
    void (*close)(struct store_reader *r);
    struct store_writer *(*create)(struct store *s, const struct store_caller *caller,
                                   const struct store_name *name, const struct store_write_options *options,
                                   struct error *err);
    bool (*write)(struct store_writer *w, const void *p, size_t n, struct error *err);
    bool (*commit)(struct store_writer *w, struct arena *arena, struct store_info *out, struct error *err);
    void (*abort)(struct store_writer *w);
    bool (*remove)(struct store *s, const struct store_caller *caller, const struct store_name *name,
                   struct error *err);
    bool (*copy)(struct store *s, const struct store_caller *caller, const struct store_name *from,
                 const struct store_name *to, const struct store_meta *meta, struct error *err);
    /* Below the directory, and the directory itself where WHOLE. */
    const char *(*local_path)(struct store *s, const struct store_name *name, bool whole,
                              struct arena *arena);
    bool (*list)(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
                 store_each_fn each, void *ctx, struct error *err);
    bool (*sweep)(struct store *s, uint64_t min_age, uint64_t *removed, struct error *err);
};

/* The beginning of each driver's own structs. */
struct store {
    const struct store_ops *ops;
    struct conf *conf;
    enum store_role role;
    unsigned features;
};
struct store_reader {
    struct store *store;
};
struct store_writer {
    struct store *store;
};

extern const struct store_ops store_dir;
extern const struct store_ops store_swift;

/* Asks the caller whether to stop: true, and ERROR_ABORTED, where he says so. */
bool store_stopped(const struct store_caller *caller, struct error *err);

/* "Container not found. Container: NAME" and "Object not found. Object: CONTAINER/NAME" (the image store: the
 * name alone). Always false. */
bool store_no_container(struct str container, struct error *err);
bool store_no_object(const struct store_name *name, struct error *err);

/* Is S segments of [A-Za-z0-9._-] joined by '/', none beginning with a dot? */
bool store_key_ok(struct str s);

#endif
