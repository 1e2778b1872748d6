#include "config.h"
#include "worker/mark.h"

#include <inttypes.h>

static const struct str mark_name = {"tally-exported", 14};

const char *mark_attempt(const struct task_run *r)
{
    return arena_printf(r->arena, "%s.%" PRId64, r->lease->hold.task_id, r->lease->hold.epoch);
}

static void add(struct store_meta *meta, struct str name, struct str value)
{
    if (value.n == 0)
        return;
    meta->item[meta->n].name = name;
    meta->item[meta->n++].value = value;
}

void mark_set(struct store_meta *meta, const char *attempt, struct str image_id, struct str format,
              struct str md5, struct str sha512)
{
    meta->n = 0;
    add(meta, mark_name, str_of(attempt));
    add(meta, STR("tally-image-id"), image_id);
    add(meta, STR("tally-format"), format);
    add(meta, STR("tally-checksum"), md5);
    add(meta, STR("tally-sha512"), sha512);
}

struct str mark_of(const struct store_meta *meta)
{
    for (size_t i = 0; i < meta->n; i++)
        if (str_eq_nocase(meta->item[i].name, mark_name))
            return meta->item[i].value;
    return (struct str){NULL, 0};
}

bool mark_is_ours(const struct store_meta *meta, const struct task_run *r)
{
    struct str id, epoch;
    uint64_t n;

    return str_cut(mark_of(meta), '.', &id, &epoch) && str_eq_cstr(id, r->lease->hold.task_id) &&
           str_to_u64(epoch, (uint64_t)r->lease->hold.epoch, &n);
}
