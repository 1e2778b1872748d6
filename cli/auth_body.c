#include "config.h"
#include "cli/auth_body.h"
#include "cli/auth.h"

#include <string.h>

/* "domain": {"id"} or {"name"}, the default one where nothing is said. */
static void add_domain(struct json_writer *w, const struct settings *s, const char *id, const char *name)
{
    if (!id && !name) {
        id = s->default_domain_id;
        name = s->default_domain;
    }
    json_key(w, "domain");
    json_obj_begin(w);
    if (id)
        json_key_cstr(w, "id", id);
    else if (name)
        json_key_cstr(w, "name", name);
    else
        json_key_cstr(w, "id", "default");
    json_obj_end(w);
}

static void add_user(struct json_writer *w, const struct settings *s, const char *password)
{
    json_key(w, "user");
    json_obj_begin(w);
    if (s->user_id) {
        json_key_cstr(w, "id", s->user_id);
    } else {
        json_key_cstr(w, "name", s->username);
        add_domain(w, s, s->user_domain_id, s->user_domain_name);
    }
    if (password)
        json_key_cstr(w, "password", password);
    json_obj_end(w);
}

static void begin_method(struct json_writer *w, const char *method)
{
    json_key(w, "identity");
    json_obj_begin(w);
    json_key(w, "methods");
    json_arr_begin(w);
    json_cstr(w, method);
    json_arr_end(w);
    json_key(w, method);
    json_obj_begin(w);
}

static void end_method(struct json_writer *w)
{
    json_obj_end(w);
    json_obj_end(w);
}

static bool add_credential(struct json_writer *w, const struct settings *s, struct error *err)
{
    if (!s->credential_secret)
        return error_set(err, ERROR_UNAUTHORIZED, "OS_APPLICATION_CREDENTIAL_SECRET is not set");
    if (!s->credential_id && !s->user_id && !s->username)
        return error_set(err, ERROR_UNAUTHORIZED,
                         "an application credential's name needs its user: OS_USERNAME or OS_USER_ID");
    begin_method(w, "application_credential");
    if (s->credential_id) {
        json_key_cstr(w, "id", s->credential_id);
    } else {
        json_key_cstr(w, "name", s->credential_name);
        add_user(w, s, NULL);
    }
    json_key_cstr(w, "secret", s->credential_secret);
    end_method(w);
    return true;
}

static bool add_password(struct cli *cli, struct json_writer *w, struct error *err)
{
    struct settings *s = &cli->settings;

    if (!s->username && !s->user_id)
        return error_set(err, ERROR_UNAUTHORIZED, "OS_USERNAME is not set");
    if (!s->password)
        s->password = auth_ask_secret(cli, "Password");
    if (cli_interrupted(NULL))
        return error_set(err, ERROR_ABORTED, "interrupted");
    if (!s->password)
        return error_set(err, ERROR_UNAUTHORIZED,
                         "OS_PASSWORD is not set, and there is no terminal to ask at");
    begin_method(w, "password");
    add_user(w, s, s->password);
    end_method(w);
    if (!s->project_id && !s->project_name)
        return error_set(err, ERROR_UNAUTHORIZED, "OS_PROJECT_NAME is not set");
    json_key(w, "scope");
    json_obj_begin(w);
    json_key(w, "project");
    json_obj_begin(w);
    if (s->project_id) {
        json_key_cstr(w, "id", s->project_id);
    } else {
        json_key_cstr(w, "name", s->project_name);
        add_domain(w, s, s->project_domain_id, s->project_domain_name);
    }
    json_obj_end(w);
    json_obj_end(w);
    return true;
}

static bool wants_credential(const struct settings *s, bool *credential, struct error *err)
{
    const char *type = s->auth_type;

    *credential = type ? option_listed("v3applicationcredential", str_of(type))
                       : s->credential_id || s->credential_name;
    if (type && !*credential && !option_listed("password v3password", str_of(type)))
        return error_set(err, ERROR_BAD_REQUEST,
                         "auth type '%s': password, token and v3applicationcredential are known", type);
    return true;
}

bool auth_body(struct cli *cli, struct str *out, struct error *err)
{
    struct json_writer w;
    struct buf b;
    bool credential, ok;

    if (!wants_credential(&cli->settings, &credential, err))
        return false;
    buf_init(&b, 65536);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key(&w, "auth");
    json_obj_begin(&w);
    ok = credential ? add_credential(&w, &cli->settings, err) : add_password(cli, &w, err);
    if (ok) {
        json_obj_end(&w);
        json_obj_end(&w);
        *out = arena_str(cli->arena, buf_str(&b));
    }
    if (b.p)
        explicit_bzero(b.p, b.n);
    buf_free(&b);
    return ok;
}
