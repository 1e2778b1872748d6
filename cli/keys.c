/* tally key add, key list, key delete, sign. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/item.h"
#include "cli/listing.h"
#include "cli/sign.h"

#include <sysexits.h>

const struct column key_columns[] = {
    {"key", "id", CELL_TEXT, false},          {"format", "format", CELL_TEXT, false},
    {"comment", "comment", CELL_TEXT, false}, {"public", "pubkey", CELL_TEXT, false},
    {"user", "openid", CELL_TEXT, true},      {NULL, NULL, CELL_TEXT, false},
};

const struct column key_add_columns[] = {{"key", "id", CELL_TEXT, false}, {NULL, NULL, CELL_TEXT, false}};

const struct column sign_columns[] = {
    {"public_key", "public_key", CELL_TEXT, false},
    {"self_signature", "self_signature", CELL_TEXT, false},
    {NULL, NULL, CELL_TEXT, false},
};

/* The public key of the first word's file, and its signature of the word "signature": what RefStack's
 * profiles take. */
static bool self_sign(struct cli *cli, const char **public, const char **signature, struct error *err)
{
    struct sign_key *key = sign_key_read(cli, cli->args->words[0], err);

    return key && (*public = sign_public(cli, key, err)) &&
           (*signature = sign_text(cli, key, STR("signature"), err));
}

int key_sign(struct cli *cli)
{
    struct json *item = item_new(cli->arena);
    const char *public, *signature;
    struct error err;

    if (!self_sign(cli, &public, &signature, &err))
        return cli_fail(&err);
    item_add_str(cli->arena, item, "public_key", str_of(public));
    item_add_str(cli->arena, item, "self_signature", str_of(signature));
    return output_one(cli, item, &err) ? EX_OK : cli_fail(&err);
}

int key_add(struct cli *cli)
{
    const char *public, *signature, *comment = args_value(cli->args, "name");
    struct api_call call = {.method = "POST", .path = "/v1/profile/pubkeys", .once = true};
    struct json *item = item_new(cli->arena);
    const struct json *reply;
    struct json_writer w;
    struct error err;
    struct buf b;

    if (!self_sign(cli, &public, &signature, &err))
        return cli_fail(&err);
    if (comment)
    public = arena_printf(cli->arena, "%s %s", public, comment);
    item_add_str(cli->arena, item, "raw_key", str_of(public));
    item_add_str(cli->arena, item, "self_signature", str_of(signature));
    buf_init(&b, 1 << 16);
    json_writer_init(&w, &b);
    json_value(&w, item);
    call.body = arena_str(cli->arena, buf_str(&b));
    buf_free(&b);
    if (!api_call(cli, &call, &reply, &err) ||
        (!json_is(reply, JSON_STRING) && !api_odd(cli, "no key's id", &err)))
        return cli_fail(&err);
    item = item_new(cli->arena);
    item_add(cli->arena, item, "id", reply);
    return output_one(cli, item, &err) ? EX_OK : cli_fail(&err);
}

int key_list(struct cli *cli)
{
    static const struct listing listing = {"/v1/profile/pubkeys", NULL, LISTING_WHOLE};

    return listing_print(cli, &listing);
}

int key_delete(struct cli *cli)
{
    return listing_each(cli, "DELETE", "/v1/profile/pubkeys/", "deleted");
}
