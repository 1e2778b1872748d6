/* export_convert.h - an image's bytes in another format, as a file without a name. */
#ifndef TALLY_WORKER_EXPORT_CONVERT_H
#define TALLY_WORKER_EXPORT_CONVERT_H

#include "base/digest.h"
#include "worker/task.h"

struct converted {
    int fd; /* at its beginning; -1: nothing to close */
    uint64_t size;
    char md5[DIGEST_HEX_SIZE];
    char sha512[DIGEST_HEX_SIZE];
};

/* Converts IMAGE, whose bytes are the image store's object KEY, to format TO. Close OUT's descriptor. */
bool export_convert(struct task_run *r, const struct image *image, struct str key, struct str to,
                    struct converted *out, struct error *err);

#endif
