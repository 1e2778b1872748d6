/* What a file that is of no disk format is instead, as libmagic knows it: a picture is no raw disk.
 *
 * A raw disk may begin with any bytes, so only types that libmagic knows by more than two or three of them
 * count; on random bytes it finds DOS programs, MIDI and zlib in one of a hundred. Plain text is no type.
 * One cookie serves all threads under a lock: each would map the database (8 MB) anew. */
#include "config.h"
#include "base/arena.h"
#include "image/inspect_family.h"

#include <magic.h>
#include <pthread.h>

enum {
    /* Not needed to tell files from disks, and the parsers with the longest record of faults. */
    QUIET = MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_TOKENS |
            MAGIC_NO_CHECK_CSV,
    MAX_WORDS = 80,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static magic_t cookie;

/* Types by which nothing can be told, though their kind would: their signatures are short. */
static const char *const weak[] = {
    "audio/mpeg",
    "audio/vnd.dolby.dd-raw",
    "audio/x-hx-aac-adif",
    "audio/x-hx-aac-adts",
    "audio/x-mp4a-latm",
    "audio/x-syx",
    "image/g3fax",
    "image/jxl",
    "image/x-award-bioslogo",
    "image/x-pcx",
    "image/x-tga",
    "text/PGP",
    "text/plain",
};

/* What is no disk: whole kinds (with the slash last), and types. */
static const char *const no_disk[] = {
    "image/",
    "video/",
    "audio/",
    "text/",
    "application/epub+zip",
    "application/gzip",
    "application/java-archive",
    "application/json",
    "application/msword",
    "application/ogg",
    "application/pdf",
    "application/postscript",
    "application/vnd.",
    "application/wasm",
    "application/x-7z-compressed",
    "application/x-archive",
    "application/x-bzip2",
    "application/x-coredump",
    "application/x-executable",
    "application/x-gtar",
    "application/x-hdf5",
    "application/x-java-applet",
    "application/x-lz4",
    "application/x-lzip",
    "application/x-mach-binary",
    "application/x-object",
    "application/x-ole-storage",
    "application/x-pie-executable",
    "application/x-rar",
    "application/x-rpm",
    "application/x-sharedlib",
    "application/x-shockwave-flash",
    "application/x-sqlite3",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
};

/* Signatures that we look at ourselves, where libmagic has a weak word or none. */
static const struct {
    const char *bytes;
    size_t n;
    const char *what;
} own[] = {
    {"ID3", 3, "Audio file with ID3 (audio/mpeg)"},
    {"MZ", 2, NULL}, /* a program, if libmagic says so too */
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "Composite Document File (application/x-ole-storage)"},
    {"07070", 5, NULL},
};

static bool listed(const char *const *list, size_t n, const char *mime)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i]);
        char last = list[i][len - 1];

        /* "image/" and "application/vnd." stand for all that begins so. */
        if (last == '/' || last == '.' ? strncmp(mime, list[i], len) == 0 : strcmp(mime, list[i]) == 0)
            return true;
    }
    return false;
}

static bool is_no_disk(const char *mime, bool program)
{
    if (program && (strcmp(mime, "application/x-dosexec") == 0 || strcmp(mime, "application/x-cpio") == 0))
        return true;
    return !listed(weak, sizeof(weak) / sizeof(weak[0]), mime) &&
           listed(no_disk, sizeof(no_disk) / sizeof(no_disk[0]), mime);
}

/* The first clause of libmagic's words, which quote the file: ASCII only, and not too long. */
static const char *label(struct arena *arena, const char *text, const char *mime)
{
    size_t n = strnlen(text, MAX_WORDS);
    char *words = arena_memdup(arena, text, n);

    for (size_t i = 0; i < n; i++) {
        if (words[i] == ',' || words[i] == '\n')
            words[i] = 0;
        else if (words[i] < ' ' || words[i] > '~' || words[i] == '\\')
            words[i] = '?';
    }
    return arena_printf(arena, "%s (%s)", words, mime);
}

/* Under the lock. */
static bool open_cookie(struct error *err)
{
    if (cookie)
        return true;
    cookie = magic_open(QUIET);
    if (cookie && magic_load(cookie, NULL) == 0)
        return true;
    error_set(err, ERROR_INTERNAL, "libmagic: %s", cookie ? magic_error(cookie) : "no memory");
    if (cookie)
        magic_close(cookie);
    cookie = NULL;
    return false;
}

/* Under the lock. Where libmagic gives up on some bytes, they are nothing that it knows. */
static const char *ask(struct arena *arena, const unsigned char *head, size_t n, bool program)
{
    const char *answer, *mime;

    magic_setflags(cookie, QUIET | MAGIC_MIME_TYPE);
    answer = magic_buffer(cookie, head, n);
    if (!answer || !is_no_disk(answer, program))
        return NULL;
    mime = arena_strdup(arena, answer);
    magic_setflags(cookie, QUIET);
    answer = magic_buffer(cookie, head, n);
    return label(arena, answer ? answer : "data", mime);
}

bool inspect_foreign(struct arena *arena, const unsigned char *head, size_t n, const char **out,
                     struct error *err)
{
    bool program = false, ok;

    *out = NULL;
    if (!n)
        return true;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (n < own[i].n || memcmp(head, own[i].bytes, own[i].n) != 0)
            continue;
        *out = own[i].what;
        if (*out)
            return true;
        program = true;
    }
    pthread_mutex_lock(&lock);
    ok = open_cookie(err);
    if (ok)
        *out = ask(arena, head, n, program);
    pthread_mutex_unlock(&lock);
    return ok;
}
