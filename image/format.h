/* format.h - the names of disk and container formats, and which way each may go. */
#ifndef TALLY_IMAGE_FORMAT_H
#define TALLY_IMAGE_FORMAT_H

#include "base/arena.h"
#include "base/str.h"

struct image_format {
    const char *name;      /* as disk_format has it */
    bool can_import;       /* an import task's import_from_format */
    bool can_export;       /* an export task's export_format */
    const char *qemu_name; /* what qemu-img calls it; NULL: it is never converted */
};

extern const struct image_format image_formats[];
extern const size_t image_n_formats;

/* NULL: there is no such format. Names are compared whole, in lower case. */
const struct image_format *image_format_find(struct str name);

/* Is NAME a container format (bare, ovf, ova, docker, ami, aki, ari, compressed)? */
bool image_container_format_ok(struct str name);

/* The container formats, one after the other; NULL after the last. */
const char *image_container_format(size_t i);

/* "raw, qcow2 or iso": the formats that can be imported (or exported), for messages. */
const char *image_format_list(struct arena *arena, bool for_export);

#endif
