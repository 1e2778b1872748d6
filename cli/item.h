/* item.h - what a command prints where no reply holds it as it is: objects made by itself. */
#ifndef TALLY_CLI_ITEM_H
#define TALLY_CLI_ITEM_H

#include "base/json.h"

/* An object without members; all of it is the arena's. */
struct json *item_new(struct arena *arena);

/* Appends a member. VALUE (NULL: null) is shared, not copied. */
void item_add(struct arena *arena, struct json *item, const char *key, const struct json *value);

/* The same for a text (its p NULL: null), which must last, for a truth and for a number. */
void item_add_str(struct arena *arena, struct json *item, const char *key, struct str value);
void item_add_bool(struct arena *arena, struct json *item, const char *key, bool value);
void item_add_double(struct arena *arena, struct json *item, const char *key, double value);

/* An array without elements, and one more at its end. */
struct json *item_list(struct arena *arena);
void item_append(struct arena *arena, struct json *list, const struct json *value);

#endif
