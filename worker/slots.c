#include "config.h"
#include "worker/slots.h"
#include "base/mem.h"
#include "worker/task.h"

#include <stdlib.h>
#include <time.h>

enum { ARENA_KEEP = 32 * 1024 };

static void *slot_main(void *arg)
{
    struct slot *slot = arg;
    struct slots *s = slot->slots;
    struct arena *arena = arena_new(ARENA_KEEP);
    struct task_hold hold;
    int64_t claimed_us;

    while (claim_next(s->claimer, &hold, &claimed_us)) {
        struct lease *lease = lease_begin(s->leases, slot->n, &hold, claimed_us);

        task_carry_out(s->db, s->box, lease, arena);
        lease_end(s->leases, lease);
        claimer_wake(s->claimer); /* somebody may have waited for its end */
    }
    arena_free(arena);
    db_thread_end();
    return NULL;
}

bool slots_start(struct slots *s, unsigned n, struct db *db, struct toolbox *box, struct lease_table *leases,
                 struct claimer *claimer, struct error *err)
{
    *s = (struct slots){.n = n, .db = db, .box = box, .leases = leases, .claimer = claimer};
    s->slot = mem_calloc(n, sizeof(*s->slot));
    for (unsigned i = 0; i < n; i++) {
        s->slot[i].slots = s;
        s->slot[i].n = i;
        int rc = pthread_create(&s->slot[i].thread, NULL, slot_main, &s->slot[i]);
        if (rc != 0)
            return error_set_errno(err, rc, "thread");
        s->slot[i].started = true;
    }
    return true;
}

bool slots_join(struct slots *s, unsigned seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    for (unsigned i = 0; i < s->n; i++) {
        if (s->slot[i].started && pthread_timedjoin_np(s->slot[i].thread, NULL, &until) != 0)
            return false;
        s->slot[i].started = false;
    }
    free(s->slot);
    s->slot = NULL;
    return true;
}
