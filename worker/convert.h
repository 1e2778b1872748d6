/* convert.h - an image in one format made into the same disk in another, by a confined qemu-img.
 *
 * What goes in is inspected first, whatever was known of it, and what comes out too. qemu-img is told both
 * formats, may open these two files and no other, and is ended when it takes too long, too much, or hangs.
 */
#ifndef TALLY_WORKER_CONVERT_H
#define TALLY_WORKER_CONVERT_H

#include "base/conf.h"
#include "image/inspect.h"

struct convert {
    const char *from_path;   /* a local file */
    struct str from;         /* the format it has to be in: raw, qcow2, vhd, vhdx, vmdk, vdi */
    struct str to;           /* one of these */
    const char *to_path;     /* made by us, mode 0600; must not exist. Left there on success only */
    bool (*stop)(void *ctx); /* asked several times a second; NULL: never */
    void *ctx;
};

/* Can FROM be made into TO at all? */
bool convert_can(struct str from, struct str to);

/* Converts. *OUT is what the new file is, in ARENA. Error kinds: ERROR_BAD_REQUEST (the image is not what it
 * has to be, or damaged, or asks too much of the conversion: [worker] convert_memory, convert_timeout),
 * ERROR_TOO_LARGE (over [image] max_bytes, or over what the format can hold), ERROR_TIMEOUT ([task]
 * stall_timeout), ERROR_ABORTED (stop() said so), ERROR_UNAVAILABLE (no room, or ended from outside: worth
 * another try), ERROR_INTERNAL. */
bool convert_run(const struct conf *conf, struct arena *arena, const struct convert *c,
                 struct inspect_result *out, struct error *err);

#endif
