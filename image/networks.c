#include "config.h"
#include "image/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* An address or a network: 4 or 16 bytes, and how many bits count. */
struct network {
    unsigned char bytes[16];
    size_t n;
    unsigned bits;
};

/* IANA's registries of special-purpose addresses, and multicast. */
static const struct network special_v4[] = {
    {{0}, 4, 8},             /* this network */
    {{10}, 4, 8},            /* private */
    {{100, 64}, 4, 10},      /* shared by carriers */
    {{127}, 4, 8},           /* loopback */
    {{169, 254}, 4, 16},     /* link-local: clouds keep their metadata there */
    {{172, 16}, 4, 12},      /* private */
    {{192, 0, 0}, 4, 24},    /* protocol assignments */
    {{192, 0, 2}, 4, 24},    /* documentation */
    {{192, 88, 99}, 4, 24},  /* relays of 6to4 */
    {{192, 168}, 4, 16},     /* private */
    {{198, 18}, 4, 15},      /* benchmarks */
    {{198, 51, 100}, 4, 24}, /* documentation */
    {{203, 0, 113}, 4, 24},  /* documentation */
    {{224}, 4, 4},           /* multicast */
    {{240}, 4, 4},           /* reserved, broadcast */
};

/* Of IPv6 only 2000::/3 is given out at all; these lie in it. */
static const struct network global_v6 = {{0x20}, 16, 3};
static const struct network special_v6[] = {
    {{0x20, 0x01, 0x00}, 16, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 16, 32}, /* documentation */
    {{0x20, 0x02}, 16, 16},             /* 6to4: an IPv4 address within */
    {{0x3f, 0xff, 0x00}, 16, 20},       /* documentation */
};

/* Has A the bits of NET, where both are of one family? */
static bool is_in(const struct network *net, const struct network *a)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (net->n != a->n || memcmp(net->bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (net->bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const struct network *nets, size_t n, const struct network *a)
{
    for (size_t i = 0; i < n; i++)
        if (is_in(&nets[i], a))
            return true;
    return false;
}

static bool from_sockaddr(const struct sockaddr *address, struct network *out)
{
    memset(out, 0, sizeof(*out));
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof(v4));
        out->n = 4;
        memcpy(out->bytes, &v4.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof(v6));
        out->n = 16;
        memcpy(out->bytes, &v6.sin6_addr, 16);
    } else {
        return false;
    }
    out->bits = (unsigned)out->n * 8;
    return true;
}

bool network_is_special(const struct sockaddr *address)
{
    struct network a;

    if (!from_sockaddr(address, &a))
        return true;
    if (a.n == 4)
        return is_in_any(special_v4, sizeof(special_v4) / sizeof(special_v4[0]), &a);
    return !is_in(&global_v6, &a) || is_in_any(special_v6, sizeof(special_v6) / sizeof(special_v6[0]), &a);
}

/* Is every bit behind the counted ones 0? */
static bool is_clean(const struct network *net)
{
    for (unsigned bit = net->bits; bit < net->n * 8; bit++)
        if (net->bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

/* "10.0.0.0/8" or an address. NULL, or what is wrong. */
static const char *parse(struct str item, struct network *out)
{
    char text[INET6_ADDRSTRLEN];
    struct str address, bits;
    bool has_bits = str_cut(item, '/', &address, &bits);
    uint64_t number;

    memset(out, 0, sizeof(*out));
    if (address.n >= sizeof(text) || memchr(address.p, '\0', address.n))
        return "must be networks like 10.0.0.0/8 or fd00::/8, comma-separated";
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (inet_pton(AF_INET, text, out->bytes) == 1)
        out->n = 4;
    else if (inet_pton(AF_INET6, text, out->bytes) == 1)
        out->n = 16;
    else
        return "must be networks like 10.0.0.0/8 or fd00::/8, comma-separated";
    number = out->n * 8;
    if (has_bits && !str_to_u64(bits, out->n * 8, &number))
        return "has a network with more bits behind the '/' than its address has, or none";
    out->bits = (unsigned)number;
    return is_clean(out) ? NULL : "has a network whose address has bits behind those that count";
}

/* The next item of *LIST, without blanks; false at its end. */
static bool next_item(struct str *list, struct str *item)
{
    struct str head;

    if (list->n == 0)
        return false;
    str_cut(*list, ',', &head, list);
    *item = str_trim(head);
    return true;
}

bool networks_have(struct str list, const struct sockaddr *address)
{
    struct network a, net;
    struct str item;

    if (!from_sockaddr(address, &a))
        return false;
    while (next_item(&list, &item))
        if (!parse(item, &net) && is_in(&net, &a))
            return true;
    return false;
}

const char *networks_check(struct str list)
{
    struct network net;
    struct str item;

    while (next_item(&list, &item)) {
        const char *wrong = parse(item, &net);

        if (wrong)
            return wrong;
    }
    return NULL;
}
