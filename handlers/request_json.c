#include "config.h"
#include "handlers/request_json.h"
#include "base/conf_options.h"
#include "handlers/multipart.h"

static const char json_type[] = "application/json";

bool request_is_type(struct request *r, const char *type)
{
    struct str value = request_header(r, "Content-Type"), name, params, charset;

    str_cut(value, ';', &name, &params);
    params = (struct str){value.p + name.n, value.n - name.n};
    name = str_trim(name);
    if (name.n == 0)
        return str_eq_cstr(str_of(json_type), type);
    if (!str_eq_nocase(name, str_of(type)))
        return false;
    return multipart_param(r->arena, params, "charset", &charset) &&
           (!charset.p || str_eq_nocase(charset, STR("utf-8")));
}

bool request_uncoded(struct request *r, struct error *err)
{
    struct str coding = str_trim(request_header(r, "Content-Encoding"));

    if (coding.n == 0 || str_eq_nocase(coding, STR("identity")))
        return true;
    return error_set(err, ERROR_MEDIA_TYPE, "Content-Encoding \"%.*s\" is not taken here",
                     (int)(coding.n < 100 ? coding.n : 100), coding.p);
}

struct json *request_json(struct request *r, const char *type, struct error *err)
{
    struct str body, sent = request_header(r, "Content-Type");

    if (!request_is_type(r, type)) {
        error_set(err, ERROR_MEDIA_TYPE, "Content-Type \"%.*s\" is not taken here; %s is",
                  (int)(sent.n < 100 ? sent.n : 100), sent.p ? sent.p : "", type);
        return NULL;
    }
    if (!request_uncoded(r, err) || !request_body_all(r, r->conf->api.max_json_bytes, &body, err))
        return NULL;
    if (str_trim(body).n == 0) {
        error_set(err, ERROR_BAD_REQUEST, "Body expected in request.");
        return NULL;
    }
    return json_parse(r->arena, body, NULL, err);
}

struct json *request_json_object(struct request *r, struct error *err)
{
    struct json *value = request_json(r, json_type, err);

    if (value && value->type != JSON_OBJECT) {
        error_set(err, ERROR_BAD_REQUEST, "The body is %s; it must be an object", json_type_name(value));
        return NULL;
    }
    return value;
}
