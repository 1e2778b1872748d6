#include "config.h"
#include "store/driver.h"

#include <string.h>

static const struct store_ops *const drivers[] = {&store_dir, &store_swift};

enum { MAX_CONTAINER = 256, MAX_OBJECT = 1024 }; /* bytes; Swift's own limits */

static const struct store_caller nobody;

/* --- what drivers share ------------------------------------------------------------------------- */

bool store_stopped(const struct store_caller *caller, struct error *err)
{
    if (!caller->stop || !caller->stop(caller->ctx))
        return false;
    error_set(err, ERROR_ABORTED, "stopped");
    return true;
}

bool store_no_container(struct str container, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "Container not found. Container: %.*s", STR_ARG(container));
}

bool store_no_object(const struct store_name *name, struct error *err)
{
    if (!name->container.p)
        return error_set(err, ERROR_NOT_FOUND, "Object not found. Object: %.*s", STR_ARG(name->object));
    return error_set(err, ERROR_NOT_FOUND, "Object not found. Object: %.*s/%.*s", STR_ARG(name->container),
                     STR_ARG(name->object));
}

bool store_key_ok(struct str s)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";
    size_t start = 0;

    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '/') {
            if (!memchr(allowed, s.p[i], sizeof(allowed) - 1))
                return false;
            continue;
        }
        if (i == start || i - start > 255 || s.p[start] == '.')
            return false;
        start = i + 1;
    }
    return true;
}

/* --- names -------------------------------------------------------------------------------------- */

static bool text_ok(struct str s, size_t max)
{
    return s.n > 0 && s.n <= max && !memchr(s.p, '\0', s.n) && str_is_utf8(s);
}

static bool container_ok(const struct store *s, struct str container, struct error *err)
{
    if (s->role == STORE_IMAGES)
        return !container.p || error_set(err, ERROR_INTERNAL, "the image store has no containers");
    if (!text_ok(container, MAX_CONTAINER) || memchr(container.p, '/', container.n))
        return error_set(err, ERROR_BAD_REQUEST,
                         "a container's name is 1 to %d bytes of UTF-8 without '/' and NUL", MAX_CONTAINER);
    return true;
}

static bool name_ok(const struct store *s, const struct store_name *name, struct error *err)
{
    if (!container_ok(s, name->container, err))
        return false;
    if (!text_ok(name->object, MAX_OBJECT))
        return error_set(err, ERROR_BAD_REQUEST, "an object's name is 1 to %d bytes of UTF-8 without NUL",
                         MAX_OBJECT);
    if (s->role == STORE_IMAGES && !store_key_ok(name->object))
        return error_set(err, ERROR_BAD_REQUEST, "not a name of the image store");
    return true;
}

static bool meta_ok(const struct store_meta *meta, struct error *err)
{
    for (size_t i = 0; meta && i < meta->n; i++) {
        struct str name = meta->item[i].name, value = meta->item[i].value;

        if (!name.n || name.n > 128 || value.n > 256 || !store_key_ok(name) || memchr(name.p, '/', name.n))
            return error_set(err, ERROR_INTERNAL, "metadata of a form that cannot be stored");
        for (size_t k = 0; k < value.n; k++)
            if ((unsigned char)value.p[k] < 0x20 || value.p[k] == 0x7f)
                return error_set(err, ERROR_INTERNAL, "metadata of a form that cannot be stored");
    }
    return true;
}

static const struct store_caller *caller_of(const struct store_caller *caller)
{
    return caller ? caller : &nobody;
}

/* --- store.h ------------------------------------------------------------------------------------ */

static struct store *start(const struct conf *conf, enum store_role role, const char *driver,
                           const struct service_auth *auth, struct error *err)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
        if (strcmp(drivers[i]->name, driver) == 0) {
            struct store *s = drivers[i]->start(conf, role, auth, err);

            if (s) {
                s->ops = drivers[i];
                s->role = role;
                s->conf = conf_ref((struct conf *)conf);
            }
            return s;
        }
    error_set(err, ERROR_BAD_REQUEST, "no driver \"%s\" for %s", driver,
              role == STORE_IMAGES ? "[image_store]" : "[object_store]");
    return NULL;
}

struct store *store_images_new(const struct conf *conf, const struct service_auth *auth, struct error *err)
{
    return start(conf, STORE_IMAGES, conf->image_store.driver, auth, err);
}

struct store *store_containers_new(const struct conf *conf, const struct service_auth *auth,
                                   struct error *err)
{
    return start(conf, STORE_CONTAINERS, conf->object_store.driver, auth, err);
}

void store_free(struct store *s)
{
    struct conf *conf;

    if (!s)
        return;
    conf = s->conf;
    s->ops->stop(s);
    conf_unref(conf);
}

unsigned store_features(const struct store *s)
{
    return s->features;
}

bool store_healthy(struct store *s)
{
    return s->ops->healthy(s);
}

bool store_stat(struct store *s, const struct store_caller *caller, const struct store_name *name,
                struct arena *arena, struct store_info *out, struct error *err)
{
    return name_ok(s, name, err) && s->ops->stat(s, caller_of(caller), name, arena, out, err);
}

struct store_reader *store_open(struct store *s, const struct store_caller *caller,
                                const struct store_name *name, uint64_t offset, struct str etag,
                                struct arena *arena, struct store_info *info, struct error *err)
{
    struct store_reader *r;

    if (!name_ok(s, name, err))
        return NULL;
    r = s->ops->open(s, caller_of(caller), name, offset, etag, arena, info, err);
    if (r)
        r->store = s;
    return r;
}

bool store_read(struct store_reader *r, void *p, size_t n, size_t *got, struct error *err)
{
    return r->store->ops->read(r, p, n, got, err);
}

void store_close(struct store_reader *r)
{
    if (r)
        r->store->ops->close(r);
}

struct store_writer *store_create(struct store *s, const struct store_caller *caller,
                                  const struct store_name *name, const struct store_write_options *options,
                                  struct error *err)
{
    struct store_writer *w;

    if (!name_ok(s, name, err) || !meta_ok(options->meta, err))
        return NULL;
    if (!options->tag || !store_key_ok(str_of(options->tag)) || strchr(options->tag, '/')) {
        error_set(err, ERROR_INTERNAL, "a writer without a usable tag");
        return NULL;
    }
    w = s->ops->create(s, caller_of(caller), name, options, err);
    if (w)
        w->store = s;
    return w;
}

bool store_write(struct store_writer *w, const void *p, size_t n, struct error *err)
{
    return n == 0 || w->store->ops->write(w, p, n, err);
}

bool store_commit(struct store_writer *w, struct arena *arena, struct store_info *out, struct error *err)
{
    return w->store->ops->commit(w, arena, out, err);
}

void store_abort(struct store_writer *w)
{
    if (w)
        w->store->ops->abort(w);
}

bool store_remove(struct store *s, const struct store_caller *caller, const struct store_name *name,
                  struct error *err)
{
    return name_ok(s, name, err) && s->ops->remove(s, caller_of(caller), name, err);
}

bool store_copy(struct store *s, const struct store_caller *caller, const struct store_name *from,
                const struct store_name *to, const struct store_meta *meta, struct error *err)
{
    if (!(s->features & STORE_COPY))
        return error_set(err, ERROR_INTERNAL, "the store cannot copy");
    return name_ok(s, from, err) && name_ok(s, to, err) && meta_ok(meta, err) &&
           s->ops->copy(s, caller_of(caller), from, to, meta, err);
}

const char *store_local_path(struct store *s, const struct store_name *name, struct arena *arena)
{
    if (!(s->features & STORE_LOCAL_PATH) || !name_ok(s, name, NULL))
        return NULL;
    return s->ops->local_path(s, name, true, arena);
}

const char *store_accel_path(struct store *s, const struct store_name *name, struct arena *arena)
{
    struct str prefix = str_of(s->conf->image_store.accel_prefix);
    const char *path;

    if (!(s->features & STORE_LOCAL_PATH) || !prefix.n || !name_ok(s, name, NULL))
        return NULL;
    path = s->ops->local_path(s, name, false, arena);
    return arena_printf(arena, "%.*s%s%s", STR_ARG(prefix), str_ends(prefix, STR("/")) ? "" : "/", path);
}

bool store_list(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
                store_each_fn each, void *ctx, struct error *err)
{
    struct error local;

    if (!err)
        err = &local;
    error_clear(err);
    /* EACH may have ended the list with an error of its own */
    return container_ok(s, container, err) &&
           s->ops->list(s, caller_of(caller), container, prefix, each, ctx, err) && err->kind == ERROR_NONE;
}

bool store_sweep(struct store *s, uint64_t min_age, uint64_t *removed, struct error *err)
{
    *removed = 0;
    return !s->ops->sweep || s->ops->sweep(s, min_age, removed, err);
}
