#include "config.h"
#include "cli/item.h"

static struct json *make(struct arena *arena, struct json value)
{
    struct json *j = arena_alloc(arena, sizeof(*j));

    *j = value;
    return j;
}

struct json *item_new(struct arena *arena)
{
    return make(arena, (struct json){.type = JSON_OBJECT});
}

struct json *item_list(struct arena *arena)
{
    return make(arena, (struct json){.type = JSON_ARRAY});
}

static void put(struct arena *arena, struct json *parent, struct str key, struct json value)
{
    struct json **end = &parent->first;

    while (*end)
        end = &(*end)->next;
    value.key = key;
    value.next = NULL;
    *end = make(arena, value);
    parent->n++;
}

void item_append(struct arena *arena, struct json *list, const struct json *value)
{
    put(arena, list, (struct str){NULL, 0}, *value);
}

void item_add(struct arena *arena, struct json *item, const char *key, const struct json *value)
{
    put(arena, item, str_of(key), value ? *value : (struct json){.type = JSON_NULL});
}

void item_add_str(struct arena *arena, struct json *item, const char *key, struct str value)
{
    put(arena, item, str_of(key), (struct json){.type = value.p ? JSON_STRING : JSON_NULL, .str = value});
}

void item_add_bool(struct arena *arena, struct json *item, const char *key, bool value)
{
    put(arena, item, str_of(key), (struct json){.type = JSON_BOOL, .boolean = value});
}

void item_add_double(struct arena *arena, struct json *item, const char *key, double value)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 64);
    json_writer_init(&w, &b);
    json_double(&w, value);
    put(arena, item, str_of(key), (struct json){.type = JSON_NUMBER, .str = arena_str(arena, buf_str(&b))});
    buf_free(&b);
}
