/* stream_spool.h - an upload's streams, subunit or JUnit XML, read, folded and spooled while they come.
 *
 * Nothing touches the database here; what comes out is whole and within all limits.
 */
#ifndef TALLY_HANDLERS_STREAM_SPOOL_H
#define TALLY_HANDLERS_STREAM_SPOOL_H

#include "db/spool.h"
#include "handlers/body.h"
#include "handlers/request.h"

/* What subunit2sql calls its options, from the configuration and the query. */
struct stream_options {
    const char *non_subunit_name; /* NULL: foreign bytes are an error */
    struct str attr_regex;        /* that stream_regex() (stream_names.h) takes; p NULL: the default one */
    bool cut_attrs;               /* the upload names attr_regex: it holds for JUnit names too */
    bool attachments;
    int64_t start_us; /* when tests of a JUnit file begin that does not say it */
};

enum { STREAM_FORMAT_JUNIT = 3 };

struct stream_spool {
    struct spool *spool;               /* hangs on the arena */
    unsigned char sha256[SHA256_SIZE]; /* of the decoded bytes; of several shards: of their sorted digests */
    uint64_t bytes;
    int format; /* 1, 2 or STREAM_FORMAT_JUNIT; of the first shard */
};

/* Gives whole streams to SINK, one after the other; false with ERR filled ends the reading. */
typedef bool (*stream_give_fn)(void *arg, const struct body_sink *sink, struct error *err);

/* Reads what GIVE gives. The spool hangs on ARENA. */
bool stream_take(const struct conf *conf, struct arena *arena, const struct stream_options *options,
                 stream_give_fn give, void *arg, struct stream_spool *out, struct error *err);

/* Reads R's body to its end. */
bool stream_read(struct request *r, const struct stream_options *options, struct stream_spool *out,
                 struct error *err);

#endif
