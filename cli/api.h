/* api.h - requests to Tally whose replies are JSON and fit into memory. */
#ifndef TALLY_CLI_API_H
#define TALLY_CLI_API_H

#include "cli/cli.h"

struct api_call {
    const char *method;
    const char *path;         /* "/v1/...", encoded, with its query */
    struct str body;          /* p NULL: none */
    const char *content_type; /* NULL: JSON */
    bool once;                /* may not be done twice: not repeated where it may have been done */
};

/* Makes a call and parses the reply into CLI's arena; *OUT is NULL where it has no body. Tried again where
 * the service does not answer or says 429, 502, 503 or 504, once more with another token after a 401. False:
 * the service's own words in ERR, with a kind that fits its status; or ERROR_UNAVAILABLE. */
bool api_call(struct cli *cli, const struct api_call *call, const struct json **out, struct error *err);

/* GET PATH. */
bool api_get(struct cli *cli, const char *path, const struct json **out, struct error *err);

/* Fills ERR from a reply of another status than 2xx: what it says, of either API's form. Always false. */
bool api_failed(struct cli *cli, const struct http_response *reply, struct error *err);

/* ERROR_INTERNAL: a reply of 2xx is WHAT ("no list"), which Tally's never is. Always false. */
bool api_odd(struct cli *cli, const char *what, struct error *err);

/* May the same request be sent again after this status, where it may be carried out twice? */
bool api_again(int status);

/* Does this reply of such a status say that the request was not carried out? A 503 does that asks to come
 * again; a gateway that lost its service does not know. */
bool api_undone(const struct http_response *reply);

/* --- building a path --- */

/* Appends "?NAME=VALUE" or "&NAME=VALUE", encoded; nothing where VALUE is NULL. */
void api_query(struct buf *path, const char *name, const char *value);

/* Appends "?meta.KEY=VALUE" and so on for each --meta. ERROR_BAD_REQUEST for one that is no KEY=VALUE. */
bool api_query_meta(const struct args *args, struct buf *path, struct error *err);

/* Appends the one --meta as "?key=KEY&value=VALUE", where it is given. ERROR_BAD_REQUEST also for two. */
bool api_query_pair(const struct args *args, struct buf *path, struct error *err);

/* Appends the values of these options, blank-separated, where they are given; each is a parameter of its name
 * with '_' for '-'. */
void api_query_options(const struct args *args, struct buf *path, const char *options);

/* Appends TEXT encoded as one segment of a path. */
void api_segment(struct buf *path, const char *text);

/* The path so far, in CLI's arena; frees B. */
const char *api_path(struct cli *cli, struct buf *b);

enum { API_PATH_MAX = 256 * 1024 };

#endif
