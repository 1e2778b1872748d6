#include "config.h"
#include "manage/manage.h"
#include "base/json.h"
#include "base/uuid.h"
#include "db/store_check.h"
#include "identity/service.h"
#include "store/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { DIFFERENT = 1, PAGE = 500, LONGEST_LINE = 1 << 16 };

struct check {
    struct db_conn *c;
    struct store *store;
    struct arena *arena; /* of one object or one page */
    bool remove;
    uint64_t ownerless, ownerless_bytes, without_bytes, removed, foreign;
};

/* Is it a name that Tally gives: IMAGE/ATTEMPT.NUMBER, two uuids and a number (of an upload, hexadecimal)? */
static bool is_key(struct str object)
{
    enum { UUID = UUID_TEXT_SIZE - 1, NUMBER = 2 * UUID + 2 };

    if (object.n <= NUMBER || object.p[UUID] != '/' || object.p[NUMBER - 1] != '.' ||
        !uuid_is((struct str){object.p, UUID}) || !uuid_is((struct str){object.p + UUID + 1, UUID}))
        return false;
    for (size_t i = NUMBER; i < object.n; i++)
        if (!memchr("0123456789abcdef", object.p[i], 16))
            return false;
    return true;
}

/* Quoted, for whoever wrote there could call it anything. */
static void tell_foreign(struct check *k, struct str object, uint64_t size)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, LONGEST_LINE);
    json_writer_init(&w, &b);
    json_str(&w, object);
    printf("foreign %.*s (%" PRIu64 " bytes): no object of Tally's, left alone\n", STR_ARG(buf_str(&b)),
           size);
    buf_free(&b);
    k->foreign++;
}

/* Does WHY concern the one object that was asked for? Where the store does not answer, or not us, nothing
 * that it says of any of them is to be trusted. */
static bool only_this(const struct error *why)
{
    return why->kind == ERROR_NOT_FOUND || why->kind == ERROR_BAD_REQUEST || why->kind == ERROR_INTERNAL;
}

static bool see(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *err)
{
    const struct str *wanted = ((const struct str *const *)ctx)[0];
    bool *there = ((bool *const *)ctx)[1];

    (void)size, (void)modified_us, (void)err;
    *there = *there || str_eq(object, *wanted);
    return !*there;
}

/* Is the object, or a part of it, still there? Its owner may have removed it with its row a moment ago. */
static bool still_there(const struct check *k, struct str key, bool *there, struct error *err)
{
    const void *ctx[] = {&key, there};

    *there = false;
    return store_list(k->store, NULL, (struct str){NULL, 0}, key, see, ctx, err);
}

/* *ERR only where it is no use to go on. */
static bool remove_object(struct check *k, const struct store_name *name, struct error *err)
{
    if (store_remove(k->store, NULL, name, err)) {
        k->removed++;
        return true;
    }
    if (!only_this(err))
        return false;
    printf("object %.*s: it cannot be removed: %s\n", STR_ARG(name->object), err->message);
    error_clear(err);
    return true;
}

static bool one_object(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *err)
{
    struct check *k = ctx;
    struct store_name name = {.container = {NULL, 0}};
    bool known, there;

    (void)modified_us;
    if (!is_key(object)) {
        tell_foreign(k, object, size);
        return true;
    }
    name.object = arena_str(k->arena, object);
    if (!store_check_known(k->c, name.object, &known, err))
        return false;
    /* a key is recorded before its first byte: what has no row now never gets one */
    if (!known && !still_there(k, name.object, &there, err))
        return false;
    if (!known && there) {
        printf("object %.*s (%" PRIu64 " bytes): nobody owns it\n", STR_ARG(name.object), size);
        fflush(stdout);
        k->ownerless++;
        k->ownerless_bytes += size;
        if (k->remove && !remove_object(k, &name, err))
            return false;
    }
    arena_reset(k->arena);
    return true;
}

static bool one_image(struct check *k, const struct store_check_image *image, struct error *err)
{
    struct store_name name = {{NULL, 0}, image->key};
    struct store_info info;
    const char *what = NULL;
    struct error why = {.kind = ERROR_NONE};
    bool needed;

    if (!image->key.p)
        what = "the database does not say where its bytes are";
    else if (!store_stat(k->store, NULL, &name, k->arena, &info, &why))
        what = "its bytes are not there";
    else if (info.size != image->size)
        what = "it has another number of bytes than the database says";
    if (!what)
        return true;
    if (why.kind != ERROR_NONE && !only_this(&why)) {
        *err = why;
        return false;
    }
    if (why.kind == ERROR_INTERNAL)
        what = arena_printf(k->arena, "its bytes cannot be read: %s", why.message);
    if (!store_check_needed(k->c, image, &needed, err))
        return false;
    if (needed) {
        printf("image %.*s%s%.*s: %s\n", STR_ARG(image->id), image->key.p ? ", object " : "",
               STR_ARG(image->key), what);
        k->without_bytes++;
    }
    return true;
}

static bool all_images(struct check *k, struct error *err)
{
    struct store_check_image *page = arena_calloc(k->arena, PAGE, sizeof(*page));
    char last[256] = "";
    size_t n = PAGE;

    while (n == PAGE) {
        if (!store_check_images(k->c, k->arena, str_of(last), PAGE, page, &n, err))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!one_image(k, &page[i], err))
                return false;
        if (n)
            snprintf(last, sizeof(last), "%.*s", STR_ARG(page[n - 1].id));
        arena_reset(k->arena);
        page = arena_calloc(k->arena, PAGE, sizeof(*page));
    }
    return true;
}

static int check(struct check *k)
{
    struct error err = {.kind = ERROR_NONE}, unread = {.kind = ERROR_NONE};

    /* an error of one_object() ends the list with what it says */
    if (!store_list(k->store, NULL, (struct str){NULL, 0}, STR(""), one_object, k, &unread) &&
        unread.kind != ERROR_FORBIDDEN)
        return manage_fail(&unread);
    if (!all_images(k, &err))
        return manage_fail(&err);
    printf("%" PRIu64 " object%s that nobody owns (%" PRIu64 " bytes), %" PRIu64 " removed; %" PRIu64
           " image%s without bytes; %" PRIu64 " foreign\n",
           k->ownerless, k->ownerless == 1 ? "" : "s", k->ownerless_bytes, k->removed, k->without_bytes,
           k->without_bytes == 1 ? "" : "s", k->foreign);
    if (unread.kind != ERROR_NONE)
        return manage_fail(&unread);
    return k->ownerless > k->removed || k->without_bytes || k->foreign ? DIFFERENT : EX_OK;
}

int manage_store_check(struct manage *m, int argc, char **argv)
{
    static const struct option options[] = {
        {"remove", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    struct check k = {.remove = false};
    struct identity_service *service;
    struct error err;
    int opt, code;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'r')
            return manage_usage("store check: arguments not understood");
        k.remove = true;
    }
    if (optind != argc)
        return manage_usage("store check: arguments not understood");
    k.c = manage_connect(m, &err);
    if (!k.c)
        return manage_fail(&err);
    service = identity_service_new(m->conf, &err);
    k.store = service ? store_images_new(m->conf, identity_service_auth(service), &err) : NULL;
    k.arena = arena_new(1 << 18);
    code = k.store ? check(&k) : manage_fail(&err);
    arena_free(k.arena);
    store_free(k.store);
    identity_service_free(service);
    db_release(k.c);
    return code;
}
