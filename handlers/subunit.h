/* subunit.h - /v1/subunit: uploads of test evidence, and what was made of them. */
#ifndef TALLY_HANDLERS_SUBUNIT_H
#define TALLY_HANDLERS_SUBUNIT_H

#include "db/runs.h"
#include "handlers/json_reply.h"

/* POST /v1/subunit: a run and a new result. PUT /v1/subunit/{result_id} or ?result_id=: linked to a result.
 */
bool subunit_post(struct request *r, struct error *err);
bool subunit_put(struct request *r, struct error *err);

/* GET /v1/subunit: a page of runs, or with ?result_id= the run of that result. */
bool subunit_list(struct request *r, struct error *err);
/* GET /v1/subunit/{uuid}. */
bool subunit_get(struct request *r, struct error *err);
/* GET /v1/subunit/{uuid}/stream: as a subunit version 2 stream again. */
bool subunit_stream(struct request *r, struct error *err);
/* GET /v1/subunit/{uuid}/attachments/{id}. */
bool subunit_attachment(struct request *r, struct error *err);
/* DELETE /v1/subunit/{uuid}. */
bool subunit_delete(struct request *r, struct error *err);

/* --- for the files of this resource ------------------------------------------------------------- */

/* Who looks: the request's project, or staff. */
struct viewer subunit_viewer(const struct request *r);

/* The run that the path's first capture names, if the viewer may see it; an id that is no UUID is 404. */
bool subunit_run(struct request *r, struct db_conn *c, struct run *out, struct error *err);

/* The members uuid, run_at, passes, fails, skips, run_time of a run. */
void subunit_run_counts(struct json_writer *w, const struct run *run);

/* Takes a parameter of the form "meta.KEY=VALUE" and marks it used; false: it is none. */
bool subunit_meta_param(struct query_param *param, struct str *key, struct str *value);

#endif
