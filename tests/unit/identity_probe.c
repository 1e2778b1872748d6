/* Not a test of its own: asks identity_check() what the lines of its input say, for the functional tests.
 *
 *     identity_probe CONF
 *
 * A line is "METHOD PATH TOKEN SERVICE_TOKEN COUNT [NAME=VALUE ...]", with "-" for no token; COUNT threads
 * ask at once (each with a token of its own where TOKEN ends in "*"), and each NAME=VALUE is a parameter as
 * nginx would set it. The answer is a line a thread: "200 USER PROJECT ROLES admin=N staff=N" or "STATUS
 * MESSAGE". A line "healthy" asks for that, "time TOKEN COUNT" for the nanoseconds of processor time that one
 * of COUNT checks takes. */
#include "config.h"
#include "base/conf_options.h"
#include "identity/identity.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_THREADS = 200, MAX_PARAMS = 32 };

struct question {
    struct identity_driver *driver;
    struct identity_request request;
    struct str params[MAX_PARAMS]; /* NAME=VALUE */
    pthread_barrier_t *barrier;
    struct buf answer;
};

static struct str param(void *ctx, const char *name)
{
    const struct question *q = ctx;

    for (size_t i = 0; i < MAX_PARAMS && q->params[i].p; i++) {
        struct str key, value;

        if (str_cut(q->params[i], '=', &key, &value) && str_eq(key, str_of(name)))
            return value;
    }
    return (struct str){NULL, 0};
}

static void *ask(void *arg)
{
    struct question *q = arg;
    struct arena *arena = arena_new(0);
    struct identity id;
    struct error err;

    if (str_ends(q->request.token, STR("*")))
        q->request.token = str_of(arena_printf(arena, "%.*s%p", STR_ARG(q->request.token), arg));
    pthread_barrier_wait(q->barrier);
    if (identity_check(q->driver, &q->request, arena, &id, &err)) {
        buf_printf(&q->answer, "200 %.*s %.*s ", STR_ARG(id.user_id), STR_ARG(id.project_id));
        for (size_t i = 0; i < id.n_roles; i++)
            buf_printf(&q->answer, "%s%.*s", i ? "," : "", STR_ARG(id.roles[i]));
        buf_printf(&q->answer, " admin=%d staff=%d\n", id.is_admin, id.is_staff);
    } else {
        buf_printf(&q->answer, "%d %s\n", error_http_status(err.kind), err.message);
    }
    arena_free(arena);
    return NULL;
}

static struct str word(struct str *line)
{
    struct str w;

    str_cut(*line, ' ', &w, line);
    return w;
}

static struct str token(struct str *line)
{
    struct str w = word(line);

    return str_eq(w, STR("-")) ? (struct str){NULL, 0} : w;
}

static void ask_line(struct identity_driver *driver, struct str line)
{
    static struct question q[MAX_THREADS];
    pthread_t thread[MAX_THREADS];
    pthread_barrier_t barrier;
    uint64_t n = 1;

    memset(q, 0, sizeof(q));
    q[0].driver = driver;
    q[0].request.method = word(&line);
    q[0].request.path = word(&line);
    q[0].request.token = token(&line);
    q[0].request.service_token = token(&line);
    if (!str_to_u64(word(&line), MAX_THREADS, &n) || n == 0)
        exit(2);
    for (size_t i = 0; line.n && i < MAX_PARAMS; i++)
        q[0].params[i] = word(&line);
    pthread_barrier_init(&barrier, NULL, (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        q[i] = q[0];
        q[i].request.param = param;
        q[i].request.ctx = &q[i];
        q[i].barrier = &barrier;
        buf_init(&q[i].answer, 65536);
    }
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&thread[i], NULL, ask, &q[i]) != 0)
            abort();
    for (size_t i = 0; i < n; i++) {
        pthread_join(thread[i], NULL);
        fputs(q[i].answer.p, stdout);
        buf_free(&q[i].answer);
    }
    pthread_barrier_destroy(&barrier);
}

static void time_line(struct identity_driver *driver, struct str line)
{
    struct identity_request request = {
        .method = STR("GET"), .path = STR("/v1/subunit"), .token = word(&line)};
    struct arena *arena = arena_new(0);
    struct identity id;
    clock_t begin = clock();
    uint64_t n = 0, good = 0;

    if (!str_to_u64(line, 100000000, &n) || n == 0)
        exit(2);
    for (uint64_t i = 0; i < n; i++) {
        good += identity_check(driver, &request, arena, &id, NULL);
        arena_reset(arena);
    }
    printf("%.0f ns, %llu good\n", (double)(clock() - begin) * (1e9 / CLOCKS_PER_SEC) / (double)n,
           (unsigned long long)good);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    static char text[65536];
    struct identity_driver *driver = NULL;
    struct error err = {.message = "see above"};
    struct buf mistakes;
    struct conf *conf;
    const char *what;

    buf_init(&mistakes, 65536);
    conf = argc == 2 ? conf_read(argv[1], &mistakes) : NULL;
    if (conf)
        driver = identity_new(conf, &err);
    if (!driver) {
        fprintf(stderr, "%s%s\n", mistakes.p ? mistakes.p : "", err.message);
        return 2;
    }
    while (fgets(text, sizeof(text), stdin)) {
        struct str line = str_trim(str_of(text));

        if (str_eq(line, STR("healthy")))
            printf("%s", identity_healthy(driver, &what) ? "yes\n" : "no\n");
        else if (str_starts(line, STR("time ")))
            time_line(driver, (struct str){line.p + 5, line.n - 5});
        else
            ask_line(driver, line);
        fflush(stdout);
    }
    identity_free(driver);
    conf_unref(conf);
    buf_free(&mistakes);
    return 0;
}
