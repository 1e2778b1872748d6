/* v1_directive.c - words, times and progress of version 1 lines. */
#include "config.h"
#include "subunit/v1.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum v1_word subunit_v1_word_of(const unsigned char *p, size_t n)
{
    static const struct {
        const char *text;
        size_t n;
        enum v1_word word;
    } words[] = {
        {"time", 4, V1_TIME},           {"test", 4, V1_TEST},         {"success", 7, V1_SUCCESS},
        {"successful", 10, V1_SUCCESS}, {"tags", 4, V1_TAGS},         {"failure", 7, V1_FAILURE},
        {"error", 5, V1_ERROR},         {"xfail", 5, V1_XFAIL},       {"uxsuccess", 9, V1_UXSUCCESS},
        {"testing", 7, V1_TEST},        {"progress", 8, V1_PROGRESS},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].n == n && memcmp(words[i].text, p, n) == 0)
            return words[i].word;
    /* The reference asks whether the word is *in* "skip", so any part of it will do, the empty one too. */
    return n <= 4 && memmem("skip", 4, p, n) != NULL ? V1_SKIP : V1_NOISE;
}

/* --- time ----------------------------------------------------------------------------------------- */

struct scan {
    const unsigned char *p;
    const unsigned char *end;
};

/* Up to MAX digits, at least MIN. */
static bool scan_digits(struct scan *s, int min, int max, int *value)
{
    int i = 0;

    *value = 0;
    for (; i < max && s->p < s->end && *s->p >= '0' && *s->p <= '9'; i++)
        *value = *value * 10 + (*s->p++ - '0');
    return i >= min;
}

static bool scan_char(struct scan *s, unsigned char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; YEAR from 1. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = year - 1, days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

    for (int m = 1; m < month; m++)
        days += month_days(year, m);
    return days + day - 1;
}

/* What Python's int(float("0." + DIGITS) * 1e6) gives; -1 for a text too long to be worth it. Up to 15 digits
 * the division is rounded just as the reading of the decimal is. */
static int64_t fraction_micros(const unsigned char *digits, size_t n)
{
    char text[512] = "0.";
    double value = 0, scale = 1;

    if (n > sizeof(text) - 3)
        return -1;
    if (n <= 15) {
        for (size_t i = 0; i < n; i++) {
            value = value * 10 + (digits[i] - '0');
            scale *= 10;
        }
        return (int64_t)(value / scale * 1e6);
    }
    memcpy(text + 2, digits, n);
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return -1;
    value = strtod_l(text, NULL, c);
    freelocale(c);
    return (int64_t)(value * 1e6);
}

/* ".digits" if it stands there. */
static bool scan_fraction(struct scan *s, int64_t *micros)
{
    *micros = 0;
    if (s->end - s->p < 2 || s->p[0] != '.' || s->p[1] < '0' || s->p[1] > '9')
        return true;
    const unsigned char *digits = ++s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    *micros = fraction_micros(digits, (size_t)(s->p - digits));
    return *micros >= 0 && *micros < 1000000;
}

/* "Z", "+hh:mm" or "-hh:mm" if it stands there; anything else is left alone, and UTC. */
static void scan_zone(struct scan *s, int64_t *minutes)
{
    struct scan t = *s;
    int h, m;

    *minutes = 0;
    if (scan_char(&t, 'Z') || t.p == t.end || (*t.p != '+' && *t.p != '-'))
        return;
    int sign = *t.p++ == '-' ? -1 : 1;
    if (scan_digits(&t, 2, 2, &h) && scan_char(&t, ':') && scan_digits(&t, 2, 2, &m))
        *minutes = sign * (h * 60 + m);
}

bool subunit_v1_time_parse(const unsigned char *p, size_t n, int64_t *time, bool *zone_bad)
{
    struct scan s = {p, p + n};
    int year, month, day, hour, minute, second;
    int64_t micros, zone;

    if (!scan_digits(&s, 4, 4, &year) || !scan_char(&s, '-') || !scan_digits(&s, 1, 2, &month) ||
        !scan_char(&s, '-') || !scan_digits(&s, 1, 2, &day))
        return false;
    if (s.p == s.end || *s.p++ == '\n') /* any separator but a line end */
        return false;
    if (!scan_digits(&s, 2, 2, &hour) || !scan_char(&s, ':') || !scan_digits(&s, 2, 2, &minute) ||
        !scan_char(&s, ':') || !scan_digits(&s, 2, 2, &second) || !scan_fraction(&s, &micros))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    scan_zone(&s, &zone);
    *zone_bad = zone <= -1440 || zone >= 1440;
    int64_t seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *time = (seconds - zone * 60) * 1000000 + micros;
    return true;
}

/* --- progress ------------------------------------------------------------------------------------- */

static bool blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool subunit_v1_progress_valid(const unsigned char *p, size_t n)
{
    bool digit = false;
    size_t digits = 0;

    while (n > 0 && blank(p[n - 1]))
        n--;
    while (n > 0 && blank(p[0])) {
        p++;
        n--;
    }
    if ((n == 4 && memcmp(p, "push", 4) == 0) || (n == 3 && memcmp(p, "pop", 3) == 0))
        return true;
    if (n > 0 && (p[0] == '+' || p[0] == '-')) {
        p++;
        n--;
    }
    /* Python's int(): digits with single underscores between them, 4,300 at most. */
    for (size_t i = 0; i < n; i++) {
        bool is_digit = p[i] >= '0' && p[i] <= '9';
        if (!is_digit && !(p[i] == '_' && digit))
            return false;
        digit = is_digit;
        digits += is_digit;
    }
    return digit && digits <= 4300;
}
