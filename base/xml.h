/* xml.h - XML documents from pieces of any size, read by expat with its dangerous parts off.
 *
 * A document type declaration is refused, so there are no entities but the five and numeric ones, and nothing
 * is ever fetched. Depth, the length of a tag or comment, and the parser's memory are bounded. UTF-8, UTF-16,
 * ISO-8859-1 and US-ASCII are taken; what handlers get is UTF-8 without NUL.
 */
#ifndef TALLY_BASE_XML_H
#define TALLY_BASE_XML_H

#include "base/error.h"
#include "base/str.h"

enum { XML_DEPTH_MAX = 64 };

/* Each returns false with ERR filled to end the reading. Views live until the call returns. */
struct xml_handler {
    void *ctx;
    /* ATTRIBUTES: name, value, name, value, ..., NULL. */
    bool (*open)(void *ctx, struct str name, const char *const *attributes, struct error *err);
    bool (*text)(void *ctx, struct str text, struct error *err);
    bool (*close)(void *ctx, struct str name, struct error *err);
};

struct xml;

/* HANDLER is copied. NULL: out of memory. Free with xml_free(); NULL is allowed there. */
struct xml *xml_new(const struct xml_handler *handler);
void xml_free(struct xml *x);

/* What handlers are told of may wait for the bytes that follow. False: the handler's error, or
 * ERROR_BAD_REQUEST with the offset. Not to be called again then. */
bool xml_feed(struct xml *x, const void *p, size_t n, struct error *err);
/* The document must be whole. */
bool xml_end(struct xml *x, struct error *err);

/* Bytes from the start of the document to what a handler is told of. */
uint64_t xml_offset(const struct xml *x);

/* The value of an attribute; p NULL where it is missing. */
struct str xml_attr(const char *const *attributes, const char *name);

#endif
