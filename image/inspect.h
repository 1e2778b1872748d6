/* inspect.h - what an image's bytes are, found while they stream by.
 *
 * Every format's inspector sees every byte that it asks for; exactly one may match, and raw is "nothing else
 * did". A bounded head and tail are held, never the image. The rules are those of oslo.utils' format
 * inspector and of the advisories behind it (docs/image-formats.md has the list). Thread-safe as long as one
 * inspection is one thread's.
 *
 * An upload under a name of the client's asks inspect_end() only, as Glance takes any bytes there; an import
 * asks inspect_agrees() too (BLUEPRINT B63).
 */
#ifndef TALLY_IMAGE_INSPECT_H
#define TALLY_IMAGE_INSPECT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct inspect;

struct inspect_result {
    const char *format;    /* raw, qcow2, vhd, vhdx, vmdk, vdi, iso, luks, gpt, mbr, ploop */
    uint64_t size;         /* bytes seen */
    uint64_t virtual_size; /* of the disk; SIZE where the format has none */
    /* raw only: what libmagic says it is where that is no disk, "JPEG image data (image/jpeg)"; else NULL.
     * In the arena of the inspection. Plain text is nothing that libmagic would know. */
    const char *foreign;
};

/* An inspection; its memory (64 KiB, twice that for a vhdx) hangs on ARENA. */
struct inspect *inspect_new(struct arena *arena);
void inspect_add(struct inspect *in, const void *p, size_t n);

/* How many of the next bytes of an image of SIZE bytes in all nobody asks for: whoever has it in a file need
 * not read them, but may pass over them. 0: the next ones must be added. */
uint64_t inspect_gap(const struct inspect *in, uint64_t size);
/* Passes over N bytes, at most inspect_gap(). */
void inspect_skip(struct inspect *in, uint64_t n);

/* After the last byte, once. False (ERROR_BAD_REQUEST, a message for the customer) where the content is
 * refused whatever is wanted of it: two formats at once, a broken header, a backing file, a data file, a
 * foreign extent, qed, ... */
bool inspect_end(struct inspect *in, struct inspect_result *out, struct error *err);

/* Has what was seen so far been refused already? An import stops there. ERR as inspect_end() would say. */
bool inspect_refused(const struct inspect *in, struct error *err);

/* Does RESULT hold up as FORMAT (an image's disk_format)? False with the reason, "The file is JPEG image data
 * (image/jpeg), not a qcow2 image": also for raw that is a video or a picture, and for an empty file. gpt,
 * mbr and luks are raw; ami is raw; aki and ari are raw of any kind; iso may hold a gpt. */
bool inspect_agrees(const struct inspect_result *result, struct str format, struct error *err);

#endif
