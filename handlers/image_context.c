#include "config.h"
#include "handlers/image_context.h"
#include "base/conf_options.h"
#include "base/mem.h"
#include "identity/service.h"
#include "image/filter_uri.h"

#include <stdlib.h>

struct image_context *image_context_new(const struct conf *conf, struct buf *mistakes, struct error *err)
{
    const char *networks = filter_networks_check(str_of(conf->import_filtering_opts.allowed_networks));
    struct image_context *x;

    if (networks) {
        error_set(err, ERROR_BAD_REQUEST, "[import_filtering_opts] allowed_networks %s", networks);
        return NULL;
    }
    x = mem_calloc(1, sizeof(*x));
    x->protection = property_protection_read(conf->image.property_protection_file, mistakes);
    if (!x->protection)
        error_set(err, ERROR_BAD_REQUEST, "[image] property_protection_file has mistakes");
    else if ((x->service = identity_service_new(conf, err)))
        x->store = store_images_new(conf, identity_service_auth(x->service), err);
    if (x->store)
        return x;
    image_context_free(x);
    return NULL;
}

void image_context_free(struct image_context *x)
{
    if (!x)
        return;
    store_free(x->store);
    identity_service_free(x->service);
    property_protection_free(x->protection);
    free(x);
}

bool image_property_allowed(const struct request *r, enum property_right right, struct str name)
{
    return property_protection_allows(r->images->protection, right, name, r->identity->roles,
                                      r->identity->n_roles);
}
