/* tally key add, key list, key delete, sign. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/sign.h"

#include <stdio.h>
#include <sysexits.h>

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
    static const struct column columns[] = {{"public_key", "public_key", CELL_TEXT, false},
                                            {"self_signature", "self_signature", CELL_TEXT, false}};
    const char *public, *signature;
    struct json_writer w;
    struct json *item;
    struct error err;
    struct buf b;

    if (!self_sign(cli, &public, &signature, &err))
        return cli_fail(&err);
    buf_init(&b, 1 << 16);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_cstr(&w, "public_key", public);
    json_key_cstr(&w, "self_signature", signature);
    json_obj_end(&w);
    item = json_parse(cli->arena, arena_str(cli->arena, buf_str(&b)), NULL, &err);
    buf_free(&b);
    return item && output_one(cli, columns, 2, item, &err) ? EX_OK : cli_fail(&err);
}

int key_add(struct cli *cli)
{
    static const struct column columns[] = {{"key", "id", CELL_TEXT, false}};
    const char *public, *signature, *comment = args_value(cli->args, "name");
    struct api_call call = {.method = "POST", .path = "/v1/profile/pubkeys", .once = true};
    const struct json *reply;
    struct json_writer w;
    struct error err;
    struct json id = {.type = JSON_OBJECT, .n = 1};
    struct json member;
    struct buf b;

    if (!self_sign(cli, &public, &signature, &err))
        return cli_fail(&err);
    buf_init(&b, 1 << 16);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_cstr(&w, "raw_key", comment ? arena_printf(cli->arena, "%s %s", public, comment) : public);
    json_key_cstr(&w, "self_signature", signature);
    json_obj_end(&w);
    call.body = arena_str(cli->arena, buf_str(&b));
    buf_free(&b);
    if (!api_call(cli, &call, &reply, &err))
        return cli_fail(&err);
    /* the reply is the id alone */
    if (!json_is(reply, JSON_STRING))
        return output_one(cli, columns, 1, reply, &err) ? EX_OK : cli_fail(&err);
    member = *reply;
    member.key = STR("id");
    id.first = &member;
    return output_one(cli, columns, 1, &id, &err) ? EX_OK : cli_fail(&err);
}

int key_list(struct cli *cli)
{
    static const struct column columns[] = {
        {"key", "id", CELL_TEXT, false},          {"format", "format", CELL_TEXT, false},
        {"comment", "comment", CELL_TEXT, false}, {"public", "pubkey", CELL_TEXT, false},
        {"user", "openid", CELL_TEXT, true},
    };
    static const struct listing listing = {"/v1/profile/pubkeys", NULL, columns,
                                           sizeof(columns) / sizeof(columns[0]), true};

    return listing_print(cli, &listing);
}

int key_delete(struct cli *cli)
{
    return listing_each(cli, "DELETE", "/v1/profile/pubkeys/", "deleted");
}
