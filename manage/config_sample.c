#include "config.h"
#include "manage/manage.h"

#include <stdio.h>
#include <sysexits.h>

int manage_config_sample(struct manage *m, int argc, char **argv)
{
    struct buf out;

    (void)m;
    (void)argv;
    if (argc != 1)
        return manage_usage("config sample takes no arguments");
    buf_init(&out, 1 << 20);
    conf_sample(&out);
    bool ok = buf_ok(&out) && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_free(&out);
    return ok ? EX_OK : EX_IOERR;
}
