#include "config.h"
#include "handlers/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUCKETS = 12, METHODS = 7, CLASSES = 5 };

static const struct {
    const char *name;
    const char *help;
} names[METRICS] = {
    [METRIC_CONNECTIONS_ACCEPTED] = {"tally_connections_accepted_total", "FastCGI connections accepted"},
    [METRIC_CONNECTIONS_REFUSED] = {"tally_connections_refused_total",
                                    "FastCGI connections closed for a malformed or late request"},
    [METRIC_ACCEPT_ERRORS] = {"tally_accept_errors_total", "Failed accepts (out of descriptors or memory)"},
    [METRIC_REQUESTS_CUT] = {"tally_requests_cut_total", "Requests cut off past their deadline"},
    [METRIC_REQUESTS_ABORTED] = {"tally_requests_aborted_total", "Requests whose client went away"},
    [METRIC_UPLOADS_STORED] = {"tally_uploads_stored_total", "Streams stored as runs"},
    [METRIC_UPLOADS_REFUSED] = {"tally_uploads_refused_total", "Streams refused with a 4xx"},
    [METRIC_UPLOADS_FAILED] = {"tally_uploads_failed_total", "Streams that failed with a 5xx"},
    [METRIC_UPLOAD_BYTES] = {"tally_upload_bytes_total", "Decoded bytes of stored streams"},
    [METRIC_UPLOAD_TESTS] = {"tally_upload_tests_total", "Test runs of stored streams"},
    [METRIC_RELOADS] = {"tally_config_reloads_total", "Configurations taken over at SIGHUP"},
};

/* Upper bounds in microseconds, and as Prometheus wants them. */
static const uint64_t bound_us[BUCKETS] = {1000,   2500,   5000,    10000,   25000,    50000,
                                           100000, 250000, 1000000, 5000000, 30000000, 300000000};
static const char *const bound_text[BUCKETS] = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                                                "0.1",   "0.25",   "1",     "5",    "30",    "300"};
static const char *const method_label[METHODS] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OTHER"};

static _Atomic uint64_t counters[METRICS];
static _Atomic uint64_t requests[METHODS][CLASSES];
static _Atomic uint64_t buckets[BUCKETS + 1];
static _Atomic uint64_t duration_sum_us;
static _Atomic uint64_t in_flight;
static _Atomic uint64_t connections;

static void add(_Atomic uint64_t *to, uint64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static unsigned long long get(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

void metrics_add(enum metric metric, uint64_t n)
{
    add(&counters[metric], n);
}

uint64_t metrics_get(enum metric metric)
{
    return get(&counters[metric]);
}

void metrics_set_connections(uint64_t open)
{
    atomic_store_explicit(&connections, open, memory_order_relaxed);
}

void metrics_request_begin(void)
{
    add(&in_flight, 1);
}

void metrics_request_end(const char *method, int status, uint64_t micros)
{
    size_t m = 0, bucket = 0;
    int class = status / 100 - 1;

    while (m < METHODS - 1 && strcmp(method_label[m], method) != 0)
        m++;
    while (bucket < BUCKETS && micros > bound_us[bucket])
        bucket++;
    if (class >= 0 && class < CLASSES)
        add(&requests[m][class], 1);
    add(&buckets[bucket], 1);
    add(&duration_sum_us, micros);
    atomic_fetch_sub_explicit(&in_flight, 1, memory_order_relaxed);
}

/* One socket, several processes: a look meets any of them, and each counts its own. By this label a
 * monitoring system tells them apart; without it a smaller count after a larger one is a restart to it. */
static void print_value(struct buf *out, const char *name, const char *labels, unsigned long long value)
{
    buf_printf(out, "%s{%sprocess=\"%d\"} %llu\n", name, labels, (int)getpid(), value);
}

static void print_requests(struct buf *out)
{
    char labels[64];

    buf_add_cstr(out, "# HELP tally_requests_total Requests answered\n# TYPE tally_requests_total counter\n");
    for (size_t m = 0; m < METHODS; m++)
        for (int class = 0; class < CLASSES; class ++)
            if (get(&requests[m][class])) {
                snprintf(labels, sizeof(labels), "method=\"%s\",status=\"%dxx\",", method_label[m],
                         class + 1);
                print_value(out, "tally_requests_total", labels, get(&requests[m][class]));
            }
}

static void print_durations(struct buf *out)
{
    unsigned long long count = 0;
    char labels[32];

    buf_add_cstr(out, "# HELP tally_request_seconds Duration of requests\n"
                      "# TYPE tally_request_seconds histogram\n");
    for (size_t i = 0; i <= BUCKETS; i++) {
        count += get(&buckets[i]);
        snprintf(labels, sizeof(labels), "le=\"%s\",", i < BUCKETS ? bound_text[i] : "+Inf");
        print_value(out, "tally_request_seconds_bucket", labels, count);
    }
    buf_printf(out, "tally_request_seconds_sum{process=\"%d\"} %.6f\n", (int)getpid(),
               (double)get(&duration_sum_us) / 1e6);
    print_value(out, "tally_request_seconds_count", "", count);
}

void metrics_print_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    print_value(out, name, "", value);
}

void metrics_print(struct buf *out)
{
    print_requests(out);
    print_durations(out);
    metrics_print_gauge(out, "tally_requests_in_flight", "Requests being answered", get(&in_flight));
    metrics_print_gauge(out, "tally_connections", "FastCGI connections open", get(&connections));
    for (size_t i = 0; i < METRICS; i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", names[i].name, names[i].help, names[i].name);
        print_value(out, names[i].name, "", get(&counters[i]));
    }
}
