#include "config.h"
#include "cli/progress.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAW_EVERY_US = 100000, RATE_EVERY_US = 500000, BAR_MAX = 40, BAR_MIN = 10, BAR_FRAME = 9 };

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

/* What is under way, in at most WIDTH columns; its columns in return. */
static size_t add_name(struct buf *out, const char *what, size_t width)
{
    struct buf safe;
    size_t columns;

    buf_init(&safe, 1 << 16);
    text_escape(&safe, str_of(what));
    columns = text_cut(out, buf_str(&safe), width);
    buf_add_cstr(out, "  ");
    buf_free(&safe);
    return columns + 2;
}

/* The figures: "10.0 MB of 40.0 MB  10.0 MB/s  ETA 0:03". */
static void add_figures(const struct progress *p, int64_t now_us, struct buf *out)
{
    char done[32], total[32], rate_text[32], time[32];

    buf_add_cstr(out, output_bytes((double)p->done, done));
    if (p->total >= 0)
        buf_printf(out, " of %s", output_bytes((double)p->total, total));
    if (p->rate > 0)
        buf_printf(out, "  %s/s", output_bytes(p->rate, rate_text));
    if (p->total >= 0 && p->rate > 0)
        buf_printf(out, "  ETA %s", output_duration((double)(p->total - p->done) / p->rate + 0.5, time));
    else
        buf_printf(out, "  %s", output_duration((double)(now_us - p->began_us) / 1e6, time));
}

void progress_text(const struct progress *p, int64_t now_us, size_t width, struct buf *out)
{
    double share = p->total > 0 ? (double)p->done / (double)p->total : 0;
    struct buf figures;
    size_t used;

    buf_init(&figures, 256);
    add_figures(p, now_us, &figures);
    used = add_name(out, p->what, width > figures.n + 2 ? width - figures.n - 2 : 0) + figures.n;
    if (p->total > 0 && used + BAR_MIN + BAR_FRAME <= width) {
        size_t bar = width - used - BAR_FRAME;

        add_bar(out, share > 1 ? 1 : share, bar > BAR_MAX ? BAR_MAX : bar);
    }
    if (used <= width)
        buf_add_str(out, buf_str(&figures));
    buf_free(&figures);
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
