/* QEMU's qcow2, versions 2 and 3: nothing in it may name another file.
 *
 * Big-endian: 0 magic, 4 version, 8 backing file offset, 16 its size, 20 cluster bits, 24 virtual size,
 * 32 encryption, 36 entries of the L1 table, 40 its offset; version 3: 72 incompatible features, 100 length
 * of the header. Header extensions follow: type, length, data padded to 8 bytes; type 0 ends them.
 */
#include "config.h"
#include "image/inspect_family.h"

enum {
    V2_HEADER = 72,
    V3_HEADER = 104,
    FEATURE_DATA_FILE = 1 << 2,
    FEATURES_KNOWN = 0xf, /* dirty, corrupt, data file, compression type */
    MIN_CLUSTER_BITS = 9,
    MAX_CLUSTER_BITS = 21,
    MAX_L1_ENTRIES = 32 << 17, /* 32 MiB, as QEMU has it */
    EXTENSION_DATA_FILE = 0x44415441,
};

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0, "QFI\xfb", 4);
}

/* Does an extension name an external data file, or can that not be told? */
static bool check_extensions(const struct inspect_view *v, size_t at, size_t cluster, struct error *err)
{
    size_t end = cluster < v->n_head ? cluster : v->n_head;

    while (at < cluster) {
        uint32_t type, n;

        if (end < 8 || at > end - 8)
            return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image's header extensions do not end");
        type = get_be32(v->head + at);
        n = get_be32(v->head + at + 4);
        if (type == 0)
            return true;
        if (type == EXTENSION_DATA_FILE)
            return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image names an external data file");
        at += 8;
        if (n > cluster - at)
            return error_set(err, ERROR_BAD_REQUEST, "A header extension of the qcow2 image is too long");
        at += (n + 7) & ~(size_t)7;
    }
    return true;
}

static bool check_features(const struct inspect_view *v, size_t cluster, size_t *header, struct error *err)
{
    uint64_t features;

    if (v->n_head < V3_HEADER)
        return inspect_cut(err, "qcow2");
    features = get_be64(v->head + 72);
    if (features & FEATURE_DATA_FILE)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image keeps its data in an external data file");
    if (features & ~(uint64_t)FEATURES_KNOWN)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The qcow2 image needs features that are not known here (0x%llx)",
                         (unsigned long long)(features & ~(uint64_t)FEATURES_KNOWN));
    *header = get_be32(v->head + 100);
    if (*header < V3_HEADER || *header > cluster || *header % 8)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image's header has an impossible length (%zu)",
                         *header);
    return true;
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    uint32_t version, bits;
    size_t header = V2_HEADER, cluster;
    uint64_t clusters, entries;

    if (v->n_head < V2_HEADER)
        return inspect_cut(err, "qcow2");
    version = get_be32(v->head + 4);
    if (version != 2 && version != 3)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image's version is %u; only 2 and 3 are taken",
                         version);
    if (get_be64(v->head + 8) != 0)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image has a backing file");
    bits = get_be32(v->head + 20);
    if (bits < MIN_CLUSTER_BITS || bits > MAX_CLUSTER_BITS)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image's clusters have an impossible size (2^%u)",
                         bits);
    cluster = (size_t)1 << bits;
    if (version == 3 && !check_features(v, cluster, &header, err))
        return false;
    if (get_be32(v->head + 32) > 2)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The qcow2 image is encrypted in a way that is not known here");
    disk->virtual_size = get_be64(v->head + 24);
    /* An L2 table is a cluster of 8-byte entries; each entry of L1 stands for one. */
    clusters = (disk->virtual_size >> bits) + (disk->virtual_size % cluster != 0);
    entries = (clusters >> (bits - 3)) + (clusters % (cluster / 8) != 0);
    if (entries > get_be32(v->head + 36) || get_be32(v->head + 36) > MAX_L1_ENTRIES)
        return error_set(err, ERROR_BAD_REQUEST, "The qcow2 image's table of clusters does not fit its size");
    return check_extensions(v, header, cluster, err);
}

const struct inspect_family inspect_qcow2 = {.name = "qcow2", .match = match, .check = check};
