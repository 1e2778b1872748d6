/* name.c - names of statuses, and test ids taken apart. */
#include "config.h"
#include "subunit/tally-subunit.h"

#include <string.h>

const char *subunit_status_name(enum subunit_status status)
{
    static const char *const names[] = {"unknown",   "exists", "inprogress", "success",
                                        "uxsuccess", "skip",   "fail",       "xfail"};

    return (unsigned)status < sizeof(names) / sizeof(names[0]) ? names[status] : names[0];
}

/* The last ']' on the line that P begins, before END; NULL if there is none. */
static const char *last_bracket(const char *p, const char *end)
{
    const char *line_end = memchr(p, '\n', (size_t)(end - p));

    return memrchr(p, ']', (size_t)((line_end != NULL ? line_end : end) - p));
}

struct subunit_name subunit_name_split(struct subunit_str id)
{
    struct subunit_name name = {.head = id, .tail = {id.p + id.n, 0}, .attrs = {id.p + id.n, 0}};
    const char *end = id.p + id.n;

    if (id.n == 0)
        return name;
    for (const char *p = id.p; (p = memchr(p, '[', (size_t)(end - p))) != NULL; p++) {
        const char *last = last_bracket(p, end);
        if (last == NULL) {
            /* No bracket closes on this line: none that opens on it can match. */
            p = memchr(p, '\n', (size_t)(end - p));
            if (p == NULL)
                return name;
            continue;
        }
        name.has_attrs = true;
        name.attrs = (struct subunit_str){p + 1, (size_t)(last - p - 1)};
        if (p > id.p) {
            name.head.n = (size_t)(p - id.p);
            name.tail = (struct subunit_str){last + 1, (size_t)(end - last - 1)};
        }
        return name;
    }
    return name;
}
