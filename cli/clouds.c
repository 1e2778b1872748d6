#include "config.h"
#include "cli/clouds.h"
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_FILE = 1 << 20, MAX_MERGES = 16, MAX_LOOKS = 1000000 };

struct file {
    const char *path;
    unsigned looks; /* at nodes: merge keys could make them endless */
    yaml_document_t document;
    bool loaded;
};

struct clouds {
    struct arena *arena;
    struct file clouds, secure;
    yaml_node_t *cloud, *secret; /* the mapping of the cloud in each; NULL: none */
};

static void file_free(void *arg)
{
    struct file *f = arg;

    if (f->loaded)
        yaml_document_delete(&f->document);
}

/* --- finding and reading ------------------------------------------------------------------------- */

/* The first of the places that can be opened. *PATH is NULL where there is none. */
static FILE *find(struct arena *arena, const char *variable, const char *name, const char **path,
                  struct error *err)
{
    const char *named = getenv(variable), *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    const char *places[3] = {name, NULL, arena_printf(arena, "/etc/openstack/%s", name)};
    FILE *f = NULL;

    if (config && *config)
        places[1] = arena_printf(arena, "%s/openstack/%s", config, name);
    else if (home && *home)
        places[1] = arena_printf(arena, "%s/.config/openstack/%s", home, name);
    *path = NULL;
    if (named && *named) {
        *path = named;
        f = fopen(named, "re");
    }
    for (size_t i = 0; !*path && i < 3; i++)
        if (places[i] && ((f = fopen(places[i], "re")) || errno != ENOENT))
            *path = places[i];
    if (*path && !f)
        error_set(err, ERROR_NOT_FOUND, "%s: %s", *path, strerror(errno));
    return f;
}

static bool load(struct file *file, const unsigned char *p, size_t n, struct error *err)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        return error_set(err, ERROR_INTERNAL, "libyaml has no memory");
    yaml_parser_set_input_string(&parser, p, n);
    file->loaded = yaml_parser_load(&parser, &file->document);
    /* the problem's text is libyaml's own; it quotes nothing of the file, which holds passwords */
    if (!file->loaded)
        error_set(err, ERROR_BAD_REQUEST, "%s: line %zu: %s", file->path, parser.problem_mark.line + 1,
                  parser.problem ? parser.problem : "no YAML");
    yaml_parser_delete(&parser);
    return file->loaded;
}

static bool read_file(struct arena *arena, const char *variable, const char *name, struct file *file,
                      struct error *err)
{
    FILE *f = find(arena, variable, name, &file->path, err);
    unsigned char *p;
    size_t n;
    bool ok;

    if (!file->path)
        return true;
    if (!f)
        return false;
    p = arena_alloc(arena, MAX_FILE + 1);
    n = fread(p, 1, MAX_FILE + 1, f);
    ok = !ferror(f);
    fclose(f);
    if (!ok)
        return error_set(err, ERROR_BAD_REQUEST, "%s cannot be read", file->path);
    if (n > MAX_FILE)
        return error_set(err, ERROR_BAD_REQUEST, "%s is larger than %d bytes", file->path, MAX_FILE);
    ok = load(file, p, n, err);
    explicit_bzero(p, n);
    arena_defer(arena, file_free, file);
    return ok;
}

/* --- looking up ---------------------------------------------------------------------------------- */

static bool is_key(const yaml_node_t *node, struct str key)
{
    return node && node->type == YAML_SCALAR_NODE && node->data.scalar.length == key.n &&
           memcmp(node->data.scalar.value, key.p, key.n) == 0;
}

static yaml_node_t *get(struct file *f, yaml_node_t *map, struct str key, unsigned depth);

/* What a merge key brings: a mapping, or a list of them of which the first that has it counts. */
static yaml_node_t *get_merged(struct file *f, yaml_node_t *from, struct str key, unsigned depth)
{
    yaml_node_t *found;

    if (!from || from->type != YAML_SEQUENCE_NODE)
        return get(f, from, key, depth);
    for (yaml_node_item_t *i = from->data.sequence.items.start; i < from->data.sequence.items.top; i++)
        if ((found = get(f, yaml_document_get_node(&f->document, *i), key, depth)))
            return found;
    return NULL;
}

static yaml_node_t *get(struct file *f, yaml_node_t *map, struct str key, unsigned depth)
{
    yaml_document_t *d = &f->document;
    yaml_node_t *found = NULL, *merged = NULL;

    if (!map || map->type != YAML_MAPPING_NODE || depth > MAX_MERGES)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(d, p->key);

        if (f->looks++ > MAX_LOOKS)
            return NULL;
        if (is_key(k, key))
            found = yaml_document_get_node(d, p->value);
        else if (is_key(k, STR("<<")))
            merged = yaml_document_get_node(d, p->value);
    }
    return found ? found : merged ? get_merged(f, merged, key, depth + 1) : NULL;
}

static yaml_node_t *root_get(struct file *f, const char *key)
{
    return f->loaded ? get(f, yaml_document_get_root_node(&f->document), str_of(key), 0) : NULL;
}

/* A scalar at PATH below MAP. "~" and "null", unquoted, are none. */
static const yaml_node_t *scalar(struct file *f, yaml_node_t *map, const char *path)
{
    struct str rest = str_of(path), head;

    while (map && rest.n) {
        str_cut(rest, '.', &head, &rest);
        map = get(f, map, head, 0);
    }
    if (!map || map->type != YAML_SCALAR_NODE)
        return NULL;
    if (map->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        (is_key(map, STR("")) || is_key(map, STR("~")) || is_key(map, STR("null"))))
        return NULL;
    return map;
}

const char *clouds_get(const struct clouds *c, const char *path)
{
    struct clouds *clouds = (struct clouds *)c; /* libyaml's functions take no const */
    const char *bare = strncmp(path, "auth.", 5) == 0 ? path + 5 : NULL;
    const yaml_node_t *node = scalar(&clouds->secure, c->secret, path);

    if (!node)
        node = scalar(&clouds->clouds, c->cloud, path);
    if (!node && bare)
        node = scalar(&clouds->secure, c->secret, bare);
    if (!node && bare)
        node = scalar(&clouds->clouds, c->cloud, bare);
    if (!node || memchr(node->data.scalar.value, '\0', node->data.scalar.length))
        return NULL;
    return arena_memdup(c->arena, node->data.scalar.value, node->data.scalar.length);
}

bool clouds_true(const struct clouds *clouds, const char *path, bool fallback)
{
    static const char *const yes[] = {"true", "yes", "on", "y", "1"}, *const no[] = {"false", "no", "off",
                                                                                     "n", "0"};
    const char *value = clouds_get(clouds, path);

    for (size_t i = 0; value && i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(value, yes[i]) == 0)
            return true;
        if (strcasecmp(value, no[i]) == 0)
            return false;
    }
    return fallback;
}

/* --- choosing ------------------------------------------------------------------------------------ */

static bool no_cloud(struct clouds *c, yaml_node_t *all, const char *name, struct error *err)
{
    struct buf known;

    if (!c->clouds.path)
        return error_set(err, ERROR_NOT_FOUND, "no clouds.yaml was found, so there is no cloud '%s'", name);
    buf_init(&known, 300);
    if (all && all->type == YAML_MAPPING_NODE)
        for (yaml_node_pair_t *p = all->data.mapping.pairs.start; p < all->data.mapping.pairs.top; p++) {
            yaml_node_t *k = yaml_document_get_node(&c->clouds.document, p->key);

            if (k && k->type == YAML_SCALAR_NODE)
                buf_printf(&known, " %s", (const char *)k->data.scalar.value);
        }
    error_set(err, ERROR_NOT_FOUND, "%s has no cloud '%s'; there are:%.*s", c->clouds.path, name,
              STR_ARG(buf_str(&known)));
    buf_free(&known);
    return false;
}

/* The name of the one cloud of the file, or NULL. */
static const char *only_name(struct clouds *c, yaml_node_t *all)
{
    yaml_node_t *key;

    if (!all || all->type != YAML_MAPPING_NODE ||
        all->data.mapping.pairs.top - all->data.mapping.pairs.start != 1)
        return NULL;
    key = yaml_document_get_node(&c->clouds.document, all->data.mapping.pairs.start->key);
    return key && key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : NULL;
}

bool clouds_read(struct arena *arena, const char *name, struct clouds **out, struct error *err)
{
    struct clouds *c = arena_calloc(arena, 1, sizeof(*c));
    yaml_node_t *all;

    *out = NULL;
    c->arena = arena;
    if (!read_file(arena, "OS_CLIENT_CONFIG_FILE", "clouds.yaml", &c->clouds, err) ||
        !read_file(arena, "OS_CLIENT_SECURE_FILE", "secure.yaml", &c->secure, err))
        return false;
    all = root_get(&c->clouds, "clouds");
    if (!name && !(name = only_name(c, all)))
        return true;
    c->cloud = all ? get(&c->clouds, all, str_of(name), 0) : NULL;
    if (!c->cloud)
        return no_cloud(c, all, name, err);
    all = root_get(&c->secure, "clouds");
    c->secret = all ? get(&c->secure, all, str_of(name), 0) : NULL;
    *out = c;
    return true;
}
