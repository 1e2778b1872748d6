#include "config.h"
#include "identity/token.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TOKEN = 8192 };

static const struct json_limits reply_limits = {.max_bytes = 1 << 20, .max_values = 20000, .max_depth = 32};

bool token_text_ok(struct str s)
{
    if (s.n == 0 || s.n > MAX_TOKEN)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return true;
}

/* Puts S at *AT and moves on. */
static struct str pack(char **at, struct str s)
{
    char *to = *at;

    if (s.n)
        memcpy(to, s.p, s.n);
    *at += s.n;
    return (struct str){to, s.n};
}

static size_t text_bytes(const struct token_info *t)
{
    size_t n = t->id.user_id.n + t->id.user_name.n + t->id.user_domain_id.n + t->id.project_id.n +
               t->id.project_name.n + t->id.project_domain_id.n;

    for (size_t i = 0; i < t->id.n_roles; i++)
        n += t->id.roles[i].n;
    for (size_t i = 0; i < t->n_rules; i++)
        n += t->rules[i].service.n + t->rules[i].method.n + t->rules[i].path.n;
    return n;
}

struct token_info *token_info_new(const struct token_info *from)
{
    size_t arrays = from->id.n_roles * sizeof(struct str) + from->n_rules * sizeof(struct access_rule);
    size_t bytes = sizeof(struct token_info) + arrays + text_bytes(from);
    struct token_info *t = mem_alloc(bytes);
    struct str *roles = (struct str *)(t + 1);
    struct access_rule *rules = (struct access_rule *)(roles + from->id.n_roles);
    char *at = (char *)(rules + from->n_rules);

    atomic_init(&t->refs, 1);
    t->bytes = bytes;
    t->id = from->id;
    t->id.user_id = pack(&at, from->id.user_id);
    t->id.user_name = pack(&at, from->id.user_name);
    t->id.user_domain_id = pack(&at, from->id.user_domain_id);
    t->id.project_id = pack(&at, from->id.project_id);
    t->id.project_name = pack(&at, from->id.project_name);
    t->id.project_domain_id = pack(&at, from->id.project_domain_id);
    t->id.roles = roles;
    for (size_t i = 0; i < from->id.n_roles; i++)
        roles[i] = pack(&at, from->id.roles[i]);
    t->restricted = from->restricted;
    t->rules = rules;
    t->n_rules = from->n_rules;
    for (size_t i = 0; i < from->n_rules; i++)
        rules[i] = (struct access_rule){pack(&at, from->rules[i].service), pack(&at, from->rules[i].method),
                                        pack(&at, from->rules[i].path)};
    return t;
}

struct token_info *token_info_ref(struct token_info *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void token_info_unref(struct token_info *t)
{
    if (t && atomic_fetch_sub(&t->refs, 1) == 1)
        free(t);
}

/* The reply's "token" object, and when it expires. */
static const struct json *token_object(struct str text, struct arena *arena, int64_t *expires_us)
{
    const struct json *token = json_get(json_parse_object(arena, text, &reply_limits, NULL), "token");
    struct str expires;

    if (!json_to_str(json_get(token, "expires_at"), &expires) || !clock_parse(expires, expires_us))
        return NULL;
    return token;
}

/* {"id", "name", "domain": {"id"}} of a user or a project. */
static bool who(const struct json *j, struct str *id, struct str *name, struct str *domain_id)
{
    return json_to_str(json_get(j, "id"), id) && id->n && json_to_str(json_get(j, "name"), name) &&
           json_to_str(json_get(json_get(j, "domain"), "id"), domain_id);
}

static bool roles_of(const struct json *token, struct arena *arena, struct identity *id)
{
    const struct json *list = json_get(token, "roles");
    struct str *roles = arena_calloc(arena, list ? list->n : 0, sizeof(*roles));

    if (list && !json_is(list, JSON_ARRAY))
        return false;
    id->roles = roles;
    for (const struct json *r = JSON_FIRST(list); r; r = r->next)
        if (!json_to_str(json_get(r, "name"), &roles[id->n_roles++]))
            return false;
    return true;
}

static bool rules_of(const struct json *token, struct arena *arena, struct token_info *t)
{
    const struct json *list = json_get(json_get(token, "application_credential"), "access_rules");
    struct access_rule *rules;

    if (!list || json_is(list, JSON_NULL))
        return true;
    if (!json_is(list, JSON_ARRAY))
        return false;
    t->restricted = true;
    t->rules = rules = arena_calloc(arena, list->n, sizeof(*rules));
    for (const struct json *r = JSON_FIRST(list); r; r = r->next) {
        struct access_rule *rule = &rules[t->n_rules++];

        if (!json_to_str(json_get(r, "service"), &rule->service) ||
            !json_to_str(json_get(r, "method"), &rule->method) ||
            !json_to_str(json_get(r, "path"), &rule->path))
            return false;
    }
    return true;
}

bool token_info_parse(struct str text, struct arena *arena, struct token_info **out, struct error *err)
{
    struct token_info t = {0};
    const struct json *token = token_object(text, arena, &t.id.expires_us);
    const struct json *project = json_get(token, "project");

    if (!token || !who(json_get(token, "user"), &t.id.user_id, &t.id.user_name, &t.id.user_domain_id) ||
        (project && !who(project, &t.id.project_id, &t.id.project_name, &t.id.project_domain_id)) ||
        !roles_of(token, arena, &t.id) || !rules_of(token, arena, &t))
        return error_set(err, ERROR_UNAVAILABLE, "Keystone's reply is not a token's description");
    *out = token_info_new(&t);
    return true;
}

struct str token_project_parse(struct str text, struct arena *arena)
{
    int64_t expires_us;
    struct str id = {NULL, 0};

    json_to_str(json_get(json_get(token_object(text, arena, &expires_us), "project"), "id"), &id);
    return id;
}

bool token_expiry_parse(struct str text, struct arena *arena, int64_t *expires_us, struct error *err)
{
    if (!token_object(text, arena, expires_us))
        return error_set(err, ERROR_UNAVAILABLE, "Keystone's reply is not a token's description");
    return true;
}
