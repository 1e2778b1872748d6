#include "config.h"
#include "base/program.h"
#include "base/log.h"

#include <string.h>

void program_log_lines(struct str text)
{
    while (text.n > 0) {
        struct str line;

        str_cut(text, '\n', &line, &text);
        if (line.n > 0)
            log_error("%.*s", STR_ARG(line));
    }
}

struct conf *program_conf(const char *path)
{
    struct buf mistakes;
    struct conf *conf;

    if (!path)
        return conf_default();
    buf_init(&mistakes, PROGRAM_MISTAKES_MAX);
    conf = conf_read(path, &mistakes);
    if (!conf)
        program_log_lines(buf_str(&mistakes));
    buf_free(&mistakes);
    return conf;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_LEVEL_INFO;
}

bool program_log(const struct conf *conf, const char *program, struct error *err)
{
    const struct log_options options = {
        .level = level_of(conf->main.log_level),
        .target = strcmp(conf->main.log_target, "file") == 0     ? LOG_TO_FILE
                  : strcmp(conf->main.log_target, "syslog") == 0 ? LOG_TO_SYSLOG
                                                                 : LOG_TO_STDERR,
        .file = conf->main.log_file,
        .json = conf->main.log_json,
        .program = program,
    };

    return log_open(&options, err);
}

void program_keep_immutable(const struct conf *old, struct conf *fresh)
{
    struct buf changed;

    buf_init(&changed, PROGRAM_MISTAKES_MAX);
    conf_keep_immutable(old, fresh, &changed);
    if (changed.n > 0)
        log_warning("reload: a restart is needed for %.*s", STR_ARG(buf_str(&changed)));
    buf_free(&changed);
}
