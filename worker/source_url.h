/* source_url.h - an import's source behind a URL. For source.c only.
 *
 * The URL has passed the filter once more when the task's input was read; here every address that its host
 * resolves to is held against it too. Redirects are not followed. Messages hold no part of the URL: it may
 * carry what is secret.
 */
#ifndef TALLY_WORKER_SOURCE_URL_H
#define TALLY_WORKER_SOURCE_URL_H

#include "worker/source.h"

bool source_url_open(struct source *s, struct error *err);
bool source_url_read(struct source *s, void *p, size_t n, size_t *got, struct error *err);
bool source_url_still(struct source *s, struct error *err);

#endif
