/* tally run export, run attachment, run average: bytes, as they are. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/download.h"

#include <string.h>
#include <sysexits.h>

/* Writes what is at PATH, which is freed. */
static int fetch(struct cli *cli, struct buf *path, const char *what)
{
    struct error err;

    if (download(cli, api_path(cli, path), args_value(cli->args, "output"), what, &err))
        return EX_OK;
    return err.kind == ERROR_BAD_REQUEST && err.code == 0 ? cli_usage("%s", err.message) : cli_fail(&err);
}

/* "/v1/subunit/RUN" and what follows. */
static void add_run(struct cli *cli, struct buf *path, const char *rest)
{
    buf_init(path, API_PATH_MAX);
    buf_add_cstr(path, "/v1/subunit/");
    api_segment(path, cli->args->words[0]);
    buf_add_cstr(path, rest);
}

int run_export(struct cli *cli)
{
    const char *format = args_value(cli->args, "format");
    struct buf path;

    add_run(cli, &path, format && strcmp(format, "junit") == 0 ? "/junit" : "/stream");
    return fetch(cli, &path, cli->args->words[0]);
}

int run_attachment(struct cli *cli)
{
    struct buf path;

    add_run(cli, &path, "/attachments/");
    api_segment(&path, cli->args->words[1]);
    return fetch(cli, &path, cli->args->words[1]);
}

int run_average(struct cli *cli)
{
    struct error err;
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/stats/average/stream");
    api_query_options(cli->args, &path, "last");
    if (api_query_pair(cli->args, &path, &err))
        return fetch(cli, &path, "average");
    buf_free(&path);
    return cli_usage("%s", err.message);
}
