/* junit_read.h - JUnit XML as the events of a subunit stream, read while it comes.
 *
 * A testcase is a test; its id is classname and name with a dot between them (without a classname: the
 * suite's name). failure and error are fail, skipped is skip (of type pytest.xfail: xfail), what has none of
 * them success. Their text becomes the attachment "traceback" (of a skip: "detail"), their message "message"
 * where the text does not hold it anyway (of a skip: "reason"); system-out and system-err of a testcase keep
 * their names. Tests follow each other in time: the first of a suite starts at its timestamp, else where the
 * last one ended, from START_US on. What belongs to a suite as a whole (properties, system-out) and unknown
 * elements are passed over.
 */
#ifndef TALLY_HANDLERS_JUNIT_READ_H
#define TALLY_HANDLERS_JUNIT_READ_H

#include "base/error.h"
#include "subunit/tally-subunit.h"

struct junit_reader;

/* Gets events in the order of the document; false with ERR filled ends the reading. */
typedef bool (*junit_event_fn)(void *ctx, const struct subunit_event *event, struct error *err);

/* A reader of ids of up to MAX_ID_CHARS characters. NULL: out of memory. Free with junit_reader_free(); NULL
 * is allowed there. */
struct junit_reader *junit_reader_new(uint64_t max_id_chars, int64_t start_us, junit_event_fn fn, void *ctx);
void junit_reader_free(struct junit_reader *j);

/* False: FN's error, or ERROR_BAD_REQUEST with the offset. Not to be called again then. */
bool junit_reader_feed(struct junit_reader *j, const void *p, size_t n, struct error *err);
bool junit_reader_finish(struct junit_reader *j, struct error *err);

#endif
