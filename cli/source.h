/* source.h - what an upload sends: a file, several as the shards of one run, standard input, or bytes in
 * memory. Their first bytes say what they are: subunit, JUnit's XML, or either compressed.
 *
 * Nothing is copied to a disk. Of what cannot be read again the beginning is read at once and kept in memory:
 * what ends there is sent with its size and as often as needed, of what is longer an upload that fails early
 * can be repeated.
 */
#ifndef TALLY_CLI_SOURCE_H
#define TALLY_CLI_SOURCE_H

#include "base/arena.h"
#include "base/error.h"

enum { SOURCE_KEPT = 8 << 20 };

struct source;

/* Opens the N FILES ("-": standard input, alone). Errors: ERROR_NOT_FOUND and the like with the file's name;
 * ERROR_BAD_REQUEST for compressed shards. The source lives in ARENA. */
struct source *source_open(struct arena *arena, const char *const *files, size_t n, struct error *err);

/* BYTES, which must last, of this content type. */
struct source *source_of_bytes(struct arena *arena, struct str bytes, const char *content_type);

int64_t source_size(const struct source *s); /* -1: not known */
const char *source_content_type(const struct source *s);
const char *source_encoding(const struct source *s); /* "gzip", "zstd"; NULL: none */

/* Up to N bytes; *GOT 0 at the end. A file that has changed its size meanwhile is an error. */
bool source_read(struct source *s, void *p, size_t n, size_t *got, struct error *err);

/* Begins anew. False where what was read cannot be had again. */
bool source_rewind(struct source *s);

#endif
