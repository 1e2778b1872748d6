/* tally image list, image show. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <sysexits.h>

const struct column image_columns[] = {
    {"image", "id", CELL_TEXT, false},
    {"name", "name", CELL_TEXT, false},
    {"status", "status", CELL_TEXT, false},
    {"disk_format", "disk_format", CELL_TEXT, false},
    {"size", "size", CELL_BYTES, false},
    {"visibility", "visibility", CELL_TEXT, false},
    {"created_at", "created_at", CELL_TEXT, false},
    {"owner", "owner", CELL_TEXT, true},
    {"checksum", "checksum", CELL_TEXT, true},
    {"container_format", "container_format", CELL_TEXT, true},
    {"virtual_size", "virtual_size", CELL_BYTES, true},
    {NULL, NULL, CELL_TEXT, false},
};

int image_list(struct cli *cli)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v2/images");
    api_query_options(cli->args, &path, "status name");
    const struct listing listing = {api_path(cli, &path), "images", LISTING_NEXT};
    return listing_print(cli, &listing);
}

int image_show(struct cli *cli)
{
    const struct json *image;
    struct error err;
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v2/images/");
    api_segment(&path, cli->args->words[0]);
    return api_get(cli, api_path(cli, &path), &image, &err) && output_one(cli, image, &err) ? EX_OK
                                                                                            : cli_fail(&err);
}
