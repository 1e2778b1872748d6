#include "config.h"
#include "cli/progress.h"
#include "base/clock.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAW_EVERY_US = 100000, RATE_EVERY_US = 500000, BAR_MAX = 40, BAR_MIN = 10 };

static bool is_drawn; /* a line of ours stands on the terminal */

void progress_begin(struct progress *p, const struct cli *cli, const char *what, int64_t total)
{
    int64_t now = clock_mono_us();

    *p = (struct progress){.shown = !cli->quiet && isatty(STDERR_FILENO),
                           .what = what,
                           .total = total,
                           .began_us = now,
                           .rated_us = now};
}

static void rate(struct progress *p, int64_t now)
{
    double seconds = (double)(now - p->rated_us) / 1e6;
    double latest;

    if (now - p->rated_us < RATE_EVERY_US)
        return;
    latest = (double)(p->done - p->rated_done) / seconds;
    p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * latest : latest;
    p->rated_us = now;
    p->rated_done = p->done;
}

static void add_bar(struct buf *out, double share, size_t width)
{
    size_t full = (size_t)(share * (double)width);

    buf_add_char(out, '[');
    for (size_t i = 0; i < width; i++)
        buf_add_char(out, i < full ? '#' : ' ');
    buf_printf(out, "] %3d%%  ", (int)(share * 100));
}

void progress_text(const struct progress *p, int64_t now_us, size_t width, struct buf *out)
{
    double share = p->total > 0 ? (double)p->done / (double)p->total : 0;
    char done[32], total[32], rate_text[32], time[32];
    struct buf rest;

    buf_init(&rest, 256);
    buf_add_cstr(&rest, output_bytes((double)p->done, done));
    if (p->total >= 0)
        buf_printf(&rest, " of %s", output_bytes((double)p->total, total));
    if (p->rate > 0)
        buf_printf(&rest, "  %s/s", output_bytes(p->rate, rate_text));
    if (p->total >= 0 && p->rate > 0)
        buf_printf(&rest, "  ETA %s", output_duration((double)(p->total - p->done) / p->rate + 0.5, time));
    else
        buf_printf(&rest, "  %s", output_duration((double)(now_us - p->began_us) / 1e6, time));
    buf_printf(out, "%s  ", p->what);
    if (p->total > 0 && out->n + rest.n + BAR_MIN + 9 <= width) {
        size_t bar = width - out->n - rest.n - 9;

        add_bar(out, share > 1 ? 1 : share, bar > BAR_MAX ? BAR_MAX : bar);
    }
    if (out->n + rest.n <= width)
        buf_add_str(out, buf_str(&rest));
    buf_free(&rest);
}

void progress_update(struct progress *p, int64_t done)
{
    int64_t now = clock_mono_us();
    struct winsize size;
    struct buf line;

    p->done = done;
    rate(p, now);
    if (!p->shown || now - p->drawn_us < DRAW_EVERY_US)
        return;
    p->drawn_us = now;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        size.ws_col = 80;
    buf_init(&line, 1024);
    progress_text(p, now, size.ws_col - 1U, &line);
    fprintf(stderr, "\r%.*s\x1b[K", STR_ARG(buf_str(&line)));
    fflush(stderr);
    buf_free(&line);
    is_drawn = true;
}

void progress_hide(void)
{
    if (is_drawn)
        fputs("\r\x1b[K", stderr);
    is_drawn = false;
}

void progress_end(struct progress *p)
{
    progress_hide();
    p->shown = false;
}
