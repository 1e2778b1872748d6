/* stream_spool.h - an upload's subunit streams, read, folded and spooled while they come.
 *
 * Nothing touches the database here; what comes out is whole and within all limits.
 */
#ifndef TALLY_HANDLERS_STREAM_SPOOL_H
#define TALLY_HANDLERS_STREAM_SPOOL_H

#include "db/spool.h"
#include "handlers/request.h"

#include <regex.h>

/* What subunit2sql calls its options, from the configuration and the query. */
struct stream_options {
    const char *non_subunit_name; /* NULL: foreign bytes are an error */
    struct str attr_regex;        /* that stream_regex() takes; p NULL: the default one */
    bool attachments;
};

struct stream_spool {
    struct spool *spool;               /* hangs on the request's arena */
    unsigned char sha256[SHA256_SIZE]; /* of the decoded bytes; of several shards: of their sorted digests */
    uint64_t bytes;
    int format; /* 1 or 2; of the first shard */
};

/* Compiles a user's attr_regex: an extended regular expression with one group. No repeat counts and no back
 * references, which cost without bound. Free with regfree(). */
bool stream_regex(struct str text, regex_t *out, struct error *err);

/* Reads R's body to its end. */
bool stream_read(struct request *r, const struct stream_options *options, struct stream_spool *out,
                 struct error *err);

#endif
