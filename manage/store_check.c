#include "config.h"
#include "manage/manage.h"
#include "db/store_check.h"
#include "identity/service.h"
#include "store/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { DIFFERENT = 1, PAGE = 500 };

struct check {
    struct db_conn *c;
    struct store *store;
    struct arena *arena; /* of one object or one page */
    bool remove;
    uint64_t ownerless, ownerless_bytes, without_bytes, removed;
};

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

static bool one_object(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *err)
{
    struct check *k = ctx;
    struct store_name name = {{NULL, 0}, arena_str(k->arena, object)};
    bool known, there;

    (void)modified_us;
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
        if (k->remove && !store_remove(k->store, NULL, &name, err))
            return false;
        k->removed += k->remove;
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
    if (why.kind != ERROR_NONE && why.kind != ERROR_NOT_FOUND && why.kind != ERROR_BAD_REQUEST) {
        *err = why;
        return false;
    }
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
    struct error err = {.kind = ERROR_NONE};

    /* an error of one_object() ends the list with what it says */
    if (!store_list(k->store, NULL, (struct str){NULL, 0}, STR(""), one_object, k, &err) ||
        err.kind != ERROR_NONE || !all_images(k, &err))
        return manage_fail(&err);
    printf("%" PRIu64 " object%s that nobody owns (%" PRIu64 " bytes), %" PRIu64 " removed; %" PRIu64
           " image%s without bytes\n",
           k->ownerless, k->ownerless == 1 ? "" : "s", k->ownerless_bytes, k->removed, k->without_bytes,
           k->without_bytes == 1 ? "" : "s");
    return k->ownerless > k->removed || k->without_bytes ? DIFFERENT : EX_OK;
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
