#include "config.h"
#include "base/uuid.h"

#include <uuid/uuid.h>

void uuid_new(char out[UUID_TEXT_SIZE])
{
    uuid_t u;

    uuid_generate_random(u);
    uuid_unparse_lower(u, out);
}

bool uuid_is(struct str s)
{
    if (s.n != UUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}
