#include "config.h"
#include "db/version_hosts.h"
#include "db/migrate_guard.h"

#include <string.h>
#include <unistd.h>

enum { HOST_MAX = 256 };

/* The command line is a host without a name. */
static const char *host_of(bool from_command_line, char out[HOST_MAX])
{
    if (from_command_line || gethostname(out, HOST_MAX) != 0)
        out[0] = '\0';
    out[HOST_MAX - 1] = '\0';
    return out;
}

static bool last_word(struct db_conn *c, enum family family, const char *host, char out[TABLE_NAME_MAX + 1],
                      struct error *err)
{
    const struct db_value values[] = {DB_CSTR(host), DB_CSTR(migration_families[family].name)};
    bool found;
    struct db_rows *rows = db_query_one(
        c, "SELECT name FROM tally_version_names WHERE host = ? AND family = ?", values, 2, &found, err);

    if (!rows)
        return false;
    out[0] = '\0';
    if (found) {
        struct str name = db_str(rows, "name");
        size_t n = name.n < TABLE_NAME_MAX ? name.n : TABLE_NAME_MAX;

        memcpy(out, name.p, n);
        out[n] = '\0';
    }
    db_close(rows);
    return true;
}

static bool anybody_says(struct db_conn *c, enum family family, const char *name, bool *says,
                         struct error *err)
{
    const struct db_value values[] = {DB_CSTR(migration_families[family].name), DB_CSTR(name)};
    struct db_rows *rows =
        db_query_one(c, "SELECT 1 AS found FROM tally_version_names WHERE family = ? AND name = ? LIMIT 1",
                     values, 2, says, err);

    if (!rows)
        return false;
    db_close(rows);
    return true;
}

bool version_hosts_wish(struct db_conn *c, enum family family, const char *found, const char *name,
                        bool from_command_line, bool *rename, struct error *err)
{
    char host[HOST_MAX], last[TABLE_NAME_MAX + 1];
    bool known, says;

    *rename = strcmp(found, name) != 0;
    if (!*rename || from_command_line)
        return true;
    if (!migrate_has_table(c, STR("tally_version_names"), &known, err))
        return false;
    if (!known)
        return true;
    if (!last_word(c, family, host_of(false, host), last, err))
        return false;
    if (last[0] != '\0') {
        *rename = strcmp(last, name) != 0;
        return true;
    }
    if (!anybody_says(c, family, found, &says, err))
        return false;
    *rename = !says;
    return true;
}

bool version_hosts_keep(struct db_conn *c, enum family family, const char *name, bool from_command_line,
                        bool make, struct error *err)
{
    static const char table[] = "CREATE TABLE IF NOT EXISTS tally_version_names ("
                                "host VARCHAR(255) NOT NULL, family VARCHAR(32) NOT NULL, "
                                "name VARCHAR(64) NOT NULL, PRIMARY KEY (host, family)"
                                ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    char host[HOST_MAX], last[TABLE_NAME_MAX + 1];
    bool known;

    if (!migrate_has_table(c, STR("tally_version_names"), &known, err))
        return false;
    if (!known && !make)
        return true;
    if (!known && !db_direct(c, str_of(table), err))
        return false;
    if (!last_word(c, family, host_of(from_command_line, host), last, err))
        return false;
    if (strcmp(last, name) == 0)
        return true;
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO tally_version_names (host, family, name) VALUES (?, ?, ?) "
                   "ON DUPLICATE KEY UPDATE name = VALUES(name)",
                   DB_CSTR(host), DB_CSTR(migration_families[family].name), DB_CSTR(name));
}
