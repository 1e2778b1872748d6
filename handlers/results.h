/* results.h - /v1/results: RefStack's test results, their metadata, and who may do what with them. */
#ifndef TALLY_HANDLERS_RESULTS_H
#define TALLY_HANDLERS_RESULTS_H

#include "base/json.h"
#include "db/results.h"
#include "handlers/request.h"

/* POST /v1/results: with a token the project's, with a signature the key's, else anonymous. */
bool results_post(struct request *r, struct error *err);
/* GET /v1/results: a page of what everybody may see, or with "signed" of the caller's own. */
bool results_list(struct request *r, struct error *err);
/* GET, PUT, DELETE /v1/results/{id}. */
bool results_get(struct request *r, struct error *err);
bool results_put(struct request *r, struct error *err);
bool results_delete(struct request *r, struct error *err);

/* GET /v1/results/{id}/meta; GET, POST, DELETE /v1/results/{id}/meta/{key}. */
bool result_meta_list(struct request *r, struct error *err);
bool result_meta_get(struct request *r, struct error *err);
bool result_meta_post(struct request *r, struct error *err);
bool result_meta_delete(struct request *r, struct error *err);

/* --- for the files of this resource ------------------------------------------------------------- */

/* Who asks. */
struct result_caller results_caller(const struct request *r);

/* The id of the path; ERROR_NOT_FOUND where it is no UUID. */
bool results_id(const struct request *r, struct str *id, struct error *err);

/* An ERROR_NOT_FOUND about a result becomes ERROR_UNAUTHORIZED for who has sent no token: whether the result
 * is there he is not told. Always returns false. */
bool results_hidden(const struct request *r, struct error *err);

/* The result of the path, as the caller sees it. */
bool results_find(struct request *r, struct db_conn *c, struct result *out, struct error *err);

/* The members of RESULT that lists and single results share, into an object that is open. */
void results_write(struct json_writer *w, const struct result *result);
void results_write_meta(struct json_writer *w, const struct result *result);

/* The link to a result, in R's arena. */
const char *results_url(const struct request *r, struct str id);

#endif
