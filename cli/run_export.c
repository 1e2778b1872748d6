/* tally run export, run attachment: bytes, as they are. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/download.h"

#include <string.h>
#include <sysexits.h>

static int fetch(struct cli *cli, const char *rest, const char *last)
{
    struct error err;
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/subunit/");
    api_segment(&path, cli->args->words[0]);
    buf_add_cstr(&path, rest);
    if (last)
        api_segment(&path, last);
    if (download(cli, api_path(cli, &path), args_value(cli->args, "output"), cli->args->words[0], &err))
        return EX_OK;
    return err.kind == ERROR_BAD_REQUEST && err.code == 0 ? cli_usage("%s", err.message) : cli_fail(&err);
}

int run_export(struct cli *cli)
{
    const char *format = args_value(cli->args, "format");

    return fetch(cli, format && strcmp(format, "junit") == 0 ? "/junit" : "/stream", NULL);
}

int run_attachment(struct cli *cli)
{
    return fetch(cli, "/attachments/", cli->args->words[1]);
}
