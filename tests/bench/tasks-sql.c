/* The SQL statements that clone tasks need, and nothing else: what bench-tasks holds tally-worker against.
 *
 *   tasks-sql CONFIG THREADS IMAGE
 *
 * Ends each clone task of the queue as a worker would (looked for in batches, claimed, read, its image and
 * object looked up, its new object recorded, its end in one transaction), without bytes. Prints how many
 * there were and the seconds that they took.
 */
#include "config.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/uuid.h"
#include "db/task_finish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 64 };

static struct db *db;
static struct str image_id;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct task_candidate batch[BATCH];
static size_t next, n_batch;
static struct task_look look;
static atomic_ulong done;

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "tasks-sql: %s\n", err->message);
    exit(1);
}

static bool next_candidate(struct db_conn *c, struct task_candidate *out)
{
    struct error err;

    pthread_mutex_lock(&lock);
    if (next == n_batch) {
        next = 0;
        must(task_queue_look(c, &look, 0, batch, BATCH, &n_batch, &err), &err);
    }
    bool got = next < n_batch;
    if (got)
        *out = batch[next++];
    pthread_mutex_unlock(&lock);
    return got;
}

static void end_one(struct db_conn *c, struct arena *arena, const struct task_hold *hold, struct error *err)
{
    struct image_quota quota = {0};
    struct image image;
    struct task_work work;
    struct str key;
    char id[UUID_TEXT_SIZE];
    bool ours, found;

    must(task_queue_read(c, arena, hold, &work, &ours, err), err);
    must(images_get(c, arena, image_id, false, &image, &found, err) && found, err);
    must(images_location(c, arena, image_id, &key, err), err);
    const struct image_data data = {(uint64_t)image.size, image.virtual_size, image.checksum,
                                    image.os_hash_algo, image.os_hash_value};
    uuid_new(id);
    image.id = str_of(id);
    image.status = STR("saving");
    const struct task_object object = {.key = str_of(arena_printf(arena, "%s/%s", id, hold->task_id)),
                                       .project = work.owner,
                                       .image_id = image.id,
                                       .size = data.size,
                                       .quota = &quota};
    must(task_object_begin(c, hold, &object, &ours, err), err);
    must(task_queue_read(c, arena, hold, &work, &ours, err), err);
    const struct task_end end = {hold, work.input, str_of(arena_printf(arena, "{\"image_id\": \"%s\"}", id)),
                                 48};
    const struct task_image made = {&image, object.key, &data, &quota};
    must(task_finish_clone(c, &end, &made, image_id, &ours, err) && ours, err);
}

static void *work_main(void *arg)
{
    struct arena *arena = arena_new(32 * 1024);
    struct task_candidate candidate;
    struct task_hold hold;
    struct error err;
    struct db_conn *c = db_acquire(db, &err);
    bool ours;

    (void)arg;
    must(c != NULL, &err);
    while (next_candidate(c, &candidate)) {
        must(task_queue_claim(c, &candidate, "tasks-sql", 60, 0, &hold, &ours, &err), &err);
        if (ours) {
            end_one(c, arena, &hold, &err);
            atomic_fetch_add(&done, 1);
        }
        arena_reset(arena);
    }
    db_release(c);
    arena_free(arena);
    db_thread_end();
    return NULL;
}

int main(int argc, char **argv)
{
    struct buf mistakes;
    struct error err;
    struct conf *conf;

    if (argc != 4)
        return 64;
    buf_init(&mistakes, 65536);
    conf = conf_read(argv[1], &mistakes);
    if (!conf)
        return 78;
    int threads = atoi(argv[2]);
    pthread_t thread[64];

    image_id = str_of(argv[3]);
    db = db_new(conf, (unsigned)threads, &err);
    must(db != NULL, &err);
    int64_t began = clock_mono_us();
    for (int i = 0; i < threads && i < 64; i++)
        pthread_create(&thread[i], NULL, work_main, NULL);
    for (int i = 0; i < threads && i < 64; i++)
        pthread_join(thread[i], NULL);
    printf("%lu %.6f\n", atomic_load(&done), (double)(clock_mono_us() - began) / 1e6);
    db_free(db);
    conf_unref(conf);
    buf_free(&mistakes);
    return 0;
}
