#include "config.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { US = 1000000 };

#ifdef TALLY_FAULTS
static int64_t test_offset_us(void)
{
    const char *s = getenv("TALLY_TEST_CLOCK_OFFSET");

    return s ? (int64_t)(strtod(s, NULL) * US) : 0;
}
#else
static int64_t test_offset_us(void)
{
    return 0;
}
#endif

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * US + ts.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_clock(CLOCK_REALTIME) + test_offset_us();
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Whole seconds towards the past, the microseconds that remain, and the calendar's fields. */
static int split(int64_t us, struct tm *tm)
{
    const int64_t least = -62167219200LL, most = 253402300799LL; /* 0000-01-01 and 9999-12-31 */
    int64_t rest = us % US;
    int64_t seconds = us / US;

    if (rest < 0) {
        rest += US;
        seconds--;
    }
    if (seconds < least || seconds > most) {
        seconds = seconds < least ? least : most;
        rest = 0;
    }
    time_t t = (time_t)seconds;
    gmtime_r(&t, tm);
    return (int)rest;
}

const char *clock_iso_us(int64_t us, char out[CLOCK_ISO_SIZE])
{
    struct tm tm;
    int rest = split(us, &tm);

    /* The remainders change nothing: they show the compiler that each field fits. */
    snprintf(out, CLOCK_ISO_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)rest % US);
    return out;
}

const char *clock_iso(int64_t us, char out[CLOCK_ISO_SIZE])
{
    clock_iso_us(us, out);
    out[19] = 'Z';
    out[20] = '\0';
    return out;
}

const char *clock_sql(int64_t us, char out[CLOCK_ISO_SIZE])
{
    clock_iso_us(us, out);
    out[10] = ' ';
    out[19] = '\0';
    return out;
}

static bool digits(struct str *s, size_t n, int *out)
{
    uint64_t v;

    if (s->n < n || !str_to_u64((struct str){s->p, n}, 9999, &v))
        return false;
    *out = (int)v;
    *s = (struct str){s->p + n, s->n - n};
    return true;
}

static bool take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = (struct str){s->p + 1, s->n - 1};
    return true;
}

static bool parse_fraction(struct str *s, int *us)
{
    int scale = US / 10;

    *us = 0;
    if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9')
        return false;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = (struct str){s->p + 1, s->n - 1}) {
        if (scale == 0)
            return false;
        *us += (s->p[0] - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool parse_zone(struct str *s, int *seconds)
{
    int hours, minutes;
    bool west = s->n && s->p[0] == '-';

    *seconds = 0;
    if (s->n == 0 || take(s, 'Z'))
        return true;
    if (!take(s, '+') && !take(s, '-'))
        return false;
    if (!digits(s, 2, &hours) || !take(s, ':') || !digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return true;
}

static bool date_exists(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1) && tm->tm_hour < 24 &&
           tm->tm_min < 60 && tm->tm_sec < 60;
}

bool clock_parse(struct str s, int64_t *us)
{
    struct tm tm = {0};
    int fraction = 0, zone = 0;

    if (!digits(&s, 4, &tm.tm_year) || !take(&s, '-') || !digits(&s, 2, &tm.tm_mon) || !take(&s, '-') ||
        !digits(&s, 2, &tm.tm_mday))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (s.n) {
        if ((!take(&s, 'T') && !take(&s, ' ')) || !digits(&s, 2, &tm.tm_hour) || !take(&s, ':') ||
            !digits(&s, 2, &tm.tm_min) || !take(&s, ':') || !digits(&s, 2, &tm.tm_sec))
            return false;
        if (take(&s, '.') && !parse_fraction(&s, &fraction))
            return false;
        if (!parse_zone(&s, &zone) || s.n)
            return false;
    }
    if (!date_exists(&tm))
        return false;
    *us = ((int64_t)timegm(&tm) - zone) * US + fraction;
    return true;
}
