#include "config.h"
#include "cli/listing.h"
#include "cli/api.h"

#include <string.h>
#include <sysexits.h>

enum { DEFAULT_LIMIT = 50, PAGE = 500, EMPTY_MAX = 1000 };

bool listing_limit(const struct cli *cli, uint64_t *limit, struct error *err)
{
    *limit = DEFAULT_LIMIT;
    if (!args_u64(cli->args, "limit", 0, INT64_MAX, limit, err))
        return false;
    if (*limit == 0)
        *limit = UINT64_MAX;
    return true;
}

static const char *with(struct cli *cli, const char *path, const char *name, uint64_t value)
{
    struct buf b;

    buf_init(&b, API_PATH_MAX);
    buf_add_cstr(&b, path);
    api_query(&b, name, arena_printf(cli->arena, "%llu", (unsigned long long)value));
    return api_path(cli, &b);
}

/* The path of the page after REPLY's, in CLI's arena; NULL: that was the last. A link of the service's leads
 * to itself only. */
static const char *next_page(struct cli *cli, const struct listing *l, const struct json *reply,
                             uint64_t page)
{
    int64_t pages = 0;
    struct str next;

    if (l->pages == LISTING_WHOLE)
        return NULL;
    if (l->pages == LISTING_NUMBERED) {
        json_to_i64(output_member(reply, "pagination.total_pages"), 0, INT64_MAX, &pages);
        return (int64_t)page < pages ? with(cli, l->path, "page", page + 1) : NULL;
    }
    if (!json_to_str(json_get(reply, "next"), &next) || !str_starts(next, STR("/v")))
        return NULL;
    return arena_str(cli->arena, next).p;
}

/* Prints up to *LIMIT items of the page at PATH and takes them off. *NEXT is the path of the page after it,
 * or NULL, in CLI's arena. *EMPTY: how many pages in a row had nothing, as behind many runs whose tests are
 * gone. */
static bool print_page(struct cli *cli, const struct listing *l, struct output *o, const char *path,
                       uint64_t page, uint64_t *limit, int *empty, const char **next, struct error *err)
{
    const struct json *reply, *list;

    if (!api_get(cli, path, &reply, err))
        return false;
    list = l->member ? json_get(reply, l->member) : reply;
    if (!json_is(list, JSON_ARRAY))
        return api_odd(cli, "no list", err);
    *next = next_page(cli, l, reply, page);
    *empty = list->first ? 0 : *empty + 1;
    bool endless = *empty > (l->pages == LISTING_NEXT ? EMPTY_MAX : 0);
    if (*next && (endless || (*empty && strcmp(*next, path) == 0)))
        return api_odd(cli, "pages without end", err);
    for (const struct json *item = list->first; item && *limit > 0; item = item->next, --*limit)
        output_item(o, item);
    return true;
}

/* Each page has an arena of its own: a list may be longer than the memory. */
static bool print_pages(struct cli *cli, const struct listing *l, struct output *o, uint64_t limit,
                        struct error *err)
{
    struct arena *whole = cli->arena, *before = NULL;
    const char *path = l->path;
    int empty = 0;
    bool ok = true;

    if (l->pages == LISTING_NEXT)
        path = with(cli, path, "limit", limit < PAGE ? limit : PAGE);
    for (uint64_t page = 1; ok && path && limit > 0; page++) {
        cli->arena = arena_new(1 << 16);
        ok = print_page(cli, l, o, path, page, &limit, &empty, &path, err);
        arena_free(before);
        before = cli->arena;
    }
    if (ok && path && cli->format == OUTPUT_TABLE && !args_flag(cli->args, "limit"))
        cli_note(cli, "there are more: --limit N");
    arena_free(before);
    cli->arena = whole;
    return ok;
}

int listing_print(struct cli *cli, const struct listing *l)
{
    struct output *o = output_list(cli);
    struct error err;
    uint64_t limit;

    if (!listing_limit(cli, &limit, &err))
        return cli_usage("%s", err.message);
    if (l->pages == LISTING_WHOLE && !args_flag(cli->args, "limit"))
        limit = UINT64_MAX;
    return print_pages(cli, l, o, limit, &err) && output_end(o, &err) ? EX_OK : cli_fail(&err);
}

int listing_of_runs(struct cli *cli, const char *path, const char *member, enum listing_pages pages,
                    const char *options)
{
    struct error err;
    struct buf b;
    bool ok;

    buf_init(&b, API_PATH_MAX);
    buf_add_cstr(&b, path);
    api_query_options(cli->args, &b, options);
    ok = api_query_pair(cli->args, &b, &err);
    const struct listing listing = {api_path(cli, &b), member, pages};
    return ok ? listing_print(cli, &listing) : cli_usage("%s", err.message);
}

int listing_each(struct cli *cli, const char *method, const char *prefix, const char *done)
{
    int first = EX_OK;

    for (size_t i = 0; i < cli->args->n_words; i++) {
        const struct json *reply;
        struct error err;
        struct buf path;
        int code = EX_OK;

        buf_init(&path, API_PATH_MAX);
        buf_add_cstr(&path, prefix);
        api_segment(&path, cli->args->words[i]);
        const struct api_call call = {.method = method, .path = api_path(cli, &path)};
        if (!api_call(cli, &call, &reply, &err))
            code = cli_fail(&err);
        else
            cli_note(cli, "%s: %s", cli->args->words[i], done);
        first = first ? first : code;
    }
    return first;
}
