#include "config.h"
#include "cli/settings.h"
#include "cli/clouds.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct settings, field)

/* Where each comes from. The first variable that is set and not empty counts. */
static const struct {
    size_t offset;
    const char *option;
    const char *cloud;
    const char *variables[3];
} sources[] = {
    {AT(url), "url", "results_endpoint_override", {"TALLY_URL"}},
    {AT(auth_url), NULL, "auth.auth_url", {"OS_AUTH_URL"}},
    {AT(auth_type), NULL, "auth_type", {"OS_AUTH_TYPE", "OS_AUTH_PLUGIN"}},
    {AT(username), NULL, "auth.username", {"OS_USERNAME", "OS_USER_NAME"}},
    {AT(user_id), NULL, "auth.user_id", {"OS_USER_ID"}},
    {AT(user_domain_name), NULL, "auth.user_domain_name", {"OS_USER_DOMAIN_NAME"}},
    {AT(user_domain_id), NULL, "auth.user_domain_id", {"OS_USER_DOMAIN_ID"}},
    {AT(password), NULL, "auth.password", {"OS_PASSWORD"}},
    {AT(project_name), NULL, "auth.project_name", {"OS_PROJECT_NAME", "OS_TENANT_NAME"}},
    {AT(project_id), NULL, "auth.project_id", {"OS_PROJECT_ID", "OS_TENANT_ID"}},
    {AT(project_domain_name), NULL, "auth.project_domain_name", {"OS_PROJECT_DOMAIN_NAME"}},
    {AT(project_domain_id), NULL, "auth.project_domain_id", {"OS_PROJECT_DOMAIN_ID"}},
    {AT(default_domain), NULL, "auth.default_domain_name", {"OS_DEFAULT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN"}},
    {AT(default_domain_id), NULL, "auth.default_domain_id", {"OS_DEFAULT_DOMAIN_ID"}},
    {AT(token), NULL, "auth.token", {"OS_TOKEN", "OS_AUTH_TOKEN"}},
    {AT(credential_id), NULL, "auth.application_credential_id", {"OS_APPLICATION_CREDENTIAL_ID"}},
    {AT(credential_name), NULL, "auth.application_credential_name", {"OS_APPLICATION_CREDENTIAL_NAME"}},
    {AT(credential_secret), NULL, "auth.application_credential_secret", {"OS_APPLICATION_CREDENTIAL_SECRET"}},
    {AT(region), "os-region-name", "region_name", {"OS_REGION_NAME"}},
    {AT(interface), NULL, "interface", {"OS_INTERFACE", "OS_ENDPOINT_TYPE"}},
    {AT(cacert), "cacert", "cacert", {"OS_CACERT"}},
};

static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    return value && *value ? value : NULL;
}

static const char *source(const struct args *args, const struct clouds *clouds, size_t i)
{
    const char *value = sources[i].option ? args_value(args, sources[i].option) : NULL;

    if (!value && clouds)
        value = clouds_get(clouds, sources[i].cloud);
    for (size_t k = 0; !value && k < 3; k++)
        value = variable(sources[i].variables[k]);
    return value;
}

bool settings_read(struct arena *arena, const struct args *args, struct settings *out, struct error *err)
{
    const char *cloud = args_value(args, "os-cloud");
    struct clouds *clouds = NULL;

    if (!cloud)
        cloud = variable("OS_CLOUD");
    /* who has set the variables means them, not the one cloud that happens to stand in a file */
    if ((cloud || !(variable("OS_AUTH_URL") || variable("OS_TOKEN"))) &&
        !clouds_read(arena, cloud, &clouds, err))
        return false;
    *out = (struct settings){.insecure = args_flag(args, "insecure")};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const char *value = source(args, clouds, i);

        memcpy((char *)out + sources[i].offset, &value, sizeof(value));
    }
    if (clouds)
        out->insecure = out->insecure || !clouds_true(clouds, "verify", true);
    /* no shell has read the file */
    if (out->cacert && str_starts(str_of(out->cacert), STR("~/")) && variable("HOME"))
        out->cacert = arena_printf(arena, "%s%s", variable("HOME"), out->cacert + 1);
    return true;
}

bool settings_has_identity(const struct settings *s)
{
    return s->token || s->username || s->user_id || s->credential_id || s->credential_name;
}
