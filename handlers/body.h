/* body.h - the bodies of uploads: any of the forms that a client may send, decoded while they come.
 *
 * Content-Type application/octet-stream and application/x-subunit: the body is the stream.
 * application/xml and text/xml: it is one of XML.
 * multipart/form-data: each part named "subunit_data" is a stream (several: the shards of one run), of XML
 * where the part's own Content-Type says so.
 * application/json, or no type: {"subunit_data": "<base64>"}. Others: 415.
 * Content-Encoding gzip (RFC 1952, one or more members) or zstd (RFC 8878, a window of 8 MiB at most), or
 * none; another one, or two: 415.
 * Memory is constant, whatever the body.
 */
#ifndef TALLY_HANDLERS_BODY_H
#define TALLY_HANDLERS_BODY_H

#include "handlers/request.h"

/* What a stream is by its media type. */
enum body_kind { BODY_SUBUNIT, BODY_XML };

struct body_limits {
    uint64_t max_bytes; /* of all streams together, decoded */
    uint64_t max_ratio; /* decompressed / compressed, looked at from 1 MiB of decompressed bytes on */
    unsigned max_parts; /* streams of one multipart body */
};

/* Where the streams go: part_begin, data (any number, N is never 0), part_end, for each of them in order.
 * Each returns false with ERR filled to end the reading. */
struct body_sink {
    void *ctx;
    bool (*part_begin)(void *ctx, unsigned index, enum body_kind kind, struct error *err);
    bool (*data)(void *ctx, const void *p, size_t n, struct error *err);
    bool (*part_end)(void *ctx, struct error *err);
};

/* Reads R's whole body. At least one stream has come when it says true (an empty one perhaps). False: the
 * sink's error; what request_body_read() said; ERROR_MEDIA_TYPE; or ERROR_BAD_REQUEST for what is cut off,
 * corrupt or over the limits, with the offset on the wire where the body's coding is at fault, and else that
 * in the decompressed body. */
bool body_decode(struct request *r, const struct body_limits *limits, const struct body_sink *sink,
                 struct error *err);

#endif
