/* str.h - views of bytes that belong to somebody else.
 *
 * A view carries its length, so it may hold NUL bytes and need not end in one.
 */
#ifndef TALLY_BASE_STR_H
#define TALLY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *p;
    size_t n;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s". */
#define STR_ARG(s) ((int)((s).n > 1000000 ? 1000000 : (s).n)), ((s).p ? (s).p : "")

/* A view of a C string; NULL gives an empty view whose p is NULL. */
struct str str_of(const char *cstr);

bool str_eq(struct str a, struct str b);
bool str_eq_cstr(struct str a, const char *b);
/* Letters A-Z and a-z alike, nothing else. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Byte order; a prefix sorts first. Returns <0, 0 or >0. */
int str_cmp(struct str a, struct str b);

/* The view without blanks and tabs at both ends (RFC 9110's OWS, CR and LF too). */
struct str str_trim(struct str s);

/* Cuts S at the first SEP: *HEAD is what stands before it, *REST what follows. False, and *HEAD = S, *REST
 * empty, where SEP does not occur. */
bool str_cut(struct str s, char sep, struct str *head, struct str *rest);

/* Decimal digits only (no sign, no blank), at most MAX. False when S is anything else; *OUT is then
 * untouched. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* An optional '-' and decimal digits, within [MIN, MAX]. */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/* Is S well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)? NUL counts as a
 * character. */
bool str_is_utf8(struct str s);

/* The bytes of the well-formed character that S begins with; 0 where it begins with none. */
size_t str_utf8_char(struct str s);

/* The number of characters of a well-formed UTF-8 string. */
size_t str_utf8_len(struct str s);

/* The value of a hexadecimal digit, -1 for what is none. */
int str_hex_digit(char c);

/* Replaces %XX by the byte, and '+' by a blank where PLUS_IS_BLANK. OUT has room for S.n bytes and a NUL,
 * which is written; *N without it. False for a '%' without two hexadecimal digits. */
bool str_percent_decode(struct str s, bool plus_is_blank, char *out, size_t *n);

/* True when A and B hold the same bytes; takes as long for any two strings of the same lengths. */
bool str_eq_secret(struct str a, struct str b);

#endif
