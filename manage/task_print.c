#include "config.h"
#include "manage/task.h"
#include "base/clock.h"
#include "db/version_tables.h"

#include <stdio.h>

struct db_conn *task_connect(struct manage *m, struct error *err)
{
    struct db_conn *c = manage_connect(m, err);
    struct version_names names;

    if (!c)
        return NULL;
    names = version_names_of(m->conf);
    if (version_tables_check(c, &names, err))
        return c;
    db_release(c);
    return NULL;
}

/* The C1 controls are two bytes in UTF-8. */
static bool is_control(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i];

    return c < ' ' || c == 0x7f ||
           (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] >= 0x80 &&
            (unsigned char)s.p[i + 1] < 0xa0);
}

void task_print_text(struct str s)
{
    if (!s.p) {
        putchar('-');
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!is_control(s, i)) {
            putchar(s.p[i]);
            continue;
        }
        if ((unsigned char)s.p[i] == 0xc2)
            i++;
        printf("\\x%02x", (unsigned char)s.p[i]);
    }
}

void task_print_time(int64_t us)
{
    char text[CLOCK_ISO_SIZE];

    fputs(us ? clock_iso(us, text) : "-", stdout);
}

void task_print_head(void)
{
    printf("%-36s  %-6s  %-10s  %-32s  %-20s  %-20s  %s\n", "ID", "TYPE", "STATUS", "OWNER", "CREATED",
           "EXPIRES", "IMAGE");
}

/* Columns are as wide as what stands in them usually is; blanks part them, and none of them holds any. */
void task_print_line(const struct task *task)
{
    char created[CLOCK_ISO_SIZE], expires[CLOCK_ISO_SIZE];

    printf("%-36.*s  %-6.*s  %-10.*s  ", STR_ARG(task->id), STR_ARG(task->type), STR_ARG(task->status));
    task_print_text(task->owner);
    printf("%*s  %-20s  %-20s  ", task->owner.n < 32 ? (int)(32 - task->owner.n) : 0, "",
           clock_iso(task->created_us, created),
           task->expires_us ? clock_iso(task->expires_us, expires) : "-");
    task_print_text(task->image_id);
    putchar('\n');
}
