/* session.h - our own session with Keystone: a service user's token, renewed in time. Inside identity/ only.
 */
#ifndef TALLY_IDENTITY_SESSION_H
#define TALLY_IDENTITY_SESSION_H

#include "base/conf_options.h"
#include "base/http.h"

struct session;

/* Asks nobody yet. NULL: the configuration will not do. */
struct session *session_new(const struct conf *conf, struct error *err);
void session_free(struct session *s);

/* An exchange with Keystone under our own token. PATH is what follows /v3, HEADERS go beside ours. A 401
 * makes it get a new token and ask once more. The whole takes no longer than TIMEOUT_US.
 *
 * True: Keystone has spoken, with a status below 500 and not 401. Everything else is ERROR_UNAVAILABLE, and
 * is logged. While Keystone lets requests run into their time-out, only one at a time tries; the others fail
 * at once, so that not every thread hangs there. */
bool session_get(struct session *s, const char *path, const struct http_header *headers, size_t n_headers,
                 int64_t timeout_us, struct arena *arena, struct http_response *out, struct error *err);

/* Our own token, and the project that it is scoped to, in ARENA; its generation is above STALE (0: any). */
bool session_token(struct session *s, uint64_t stale, int64_t timeout_us, struct arena *arena,
                   struct str *token, struct str *project_id, uint64_t *generation, struct error *err);

/* Logs what is wrong with Keystone (WHAT follows its URL), at most a line in 10 seconds, and sets
 * ERROR_UNAVAILABLE with a text for the client. */
bool session_trouble(struct session *s, struct error *err, const char *what);

/* Does Keystone answer? Asks if it has not spoken in the last 10 seconds. */
bool session_healthy(struct session *s, int64_t timeout_us);

#endif
