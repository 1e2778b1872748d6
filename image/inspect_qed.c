/* QEMU's QED, long given up: known so that it can be refused. */
#include "config.h"
#include "image/inspect_family.h"

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0, "QED", 4);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    (void)v;
    (void)disk;
    return error_set(err, ERROR_BAD_REQUEST, "The file is a QED image: that format is not taken");
}

const struct inspect_family inspect_qed = {.name = "qed", .match = match, .check = check};
