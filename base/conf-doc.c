/* conf-doc: prints tally.conf(5) or the sample file; `make update-docs` and tests use it. */
#include "config.h"
#include "base/conf.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
    struct buf out;

    buf_init(&out, 1024 * 1024);
    if (argc == 2 && strcmp(argv[1], "man") == 0)
        conf_mdoc(&out);
    else if (argc == 2 && strcmp(argv[1], "sample") == 0)
        conf_sample(&out);
    if (!out.p) {
        fputs("usage: conf-doc man | sample\n", stderr);
        return EX_USAGE;
    }
    fwrite(out.p, 1, out.n, stdout);
    buf_free(&out);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
