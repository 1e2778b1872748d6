#include "config.h"
#include "image/filter_uri.h"
#include "image/networks.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static struct conf *conf_of(const char *options)
{
    char text[1024];
    struct buf mistakes;
    int n = snprintf(text, sizeof(text), "[import_filtering_opts]\n%s\n", options);

    buf_init(&mistakes, 4096);
    struct conf *conf = conf_parse("test", (struct str){text, (size_t)n}, &mistakes);
    assert_int_equal(mistakes.n, 0);
    buf_free(&mistakes);
    return conf;
}

/* URL must pass under OPTIONS where WHY is NULL; else be refused with a message that has WHY in it. */
static void check_n(const struct conf *conf, const char *url, size_t n, const char *why)
{
    struct error err = {.kind = ERROR_NONE};
    bool ok = filter_uri_check(conf, (struct str){url, n}, &err);

    if (ok != !why)
        fail_msg("%s: %s", url, ok ? "passed" : err.message);
    if (!why)
        return;
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    if (!strstr(err.message, why))
        fail_msg("%s: \"%s\" says nothing of \"%s\"", url, err.message, why);
}

static void check(const struct conf *conf, const char *url, const char *why)
{
    check_n(conf, url, strlen(url), why);
}

static void off_by_default(void **state)
{
    struct conf *conf = conf_default();

    (void)state;
    check(conf, "https://example.org/a.img", "switched off");
    check(conf, "nonsense", "switched off");
    conf_unref(conf);
}

static void schemes(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *"),
                *https = conf_of("allowed_hosts = *\nallowed_schemes = https");
    struct conf *denied = conf_of("allowed_hosts = *\nallowed_schemes =\ndisallowed_schemes = http");
    struct conf *file = conf_of("allowed_hosts = *\nallowed_schemes = http,file,ftp");
    static const char *const others[] = {
        "file:///etc/passwd",    "file://localhost/etc/passwd", "ftp://example.org/a",
        "gopher://example.org/", "swift+http://example.org/a",  "cinder://0000",
        "rbd://pool/image/snap", "vsphere://example.org/a",     "filesystem://example.org/a",
        "dict://example.org:80", "ldap://example.org/",         "javascript://example.org/%0aalert(1)",
    };

    (void)state;
    check(conf, "http://example.org/a.img", NULL);
    check(conf, "https://example.org/a.img", NULL);
    check(conf, "HTTPS://example.org/a.img", NULL);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        check(conf, others[i], "scheme \"");
    check(file, "file:///etc/passwd", "scheme \"file\"");
    check(file, "ftp://example.org/a", "scheme \"ftp\"");
    check(https, "http://example.org/", "scheme \"http\" is not allowed");
    check(https, "https://example.org/", NULL);
    check(denied, "http://example.org/", "scheme \"http\"");
    check(denied, "hTTp://example.org/", "scheme \"hTTp\"");
    check(denied, "https://example.org/", NULL);
    check(conf, "", "begin with a scheme");
    check(conf, "example.org/a", "begin with a scheme");
    check(conf, "//example.org/a", "begin with a scheme");
    check(conf, "http:example.org", "begin with a scheme");
    check(conf, "http:/example.org", "begin with a scheme");
    check(conf, "http", "begin with a scheme");
    check(conf, "1http://example.org", "begin with a scheme");
    check(conf, "://example.org", "begin with a scheme");
    conf_unref(conf);
    conf_unref(https);
    conf_unref(denied);
    conf_unref(file);
}

static void hosts(void **state)
{
    struct conf *conf =
        conf_of("allowed_hosts = images.example.org, .mirror.example, 192.0.9.7, [2606:4700::1]\n"
                "disallowed_hosts = bad.mirror.example, .worse.mirror.example");

    (void)state;
    check(conf, "http://images.example.org/a", NULL);
    check(conf, "http://IMAGES.Example.ORG/a", NULL);
    check(conf, "http://images.example.org./a", NULL);
    check(conf, "http://images.example.org", NULL);
    check(conf, "http://images.example.org?x=1", NULL);
    check(conf, "http://images.example.org/a?q=@b&c=http://evil/", NULL);
    check(conf, "http://images.example.org/a@b:c", NULL);
    check(conf, "http://a.mirror.example/a", NULL);
    check(conf, "http://a.b.mirror.example/a", NULL);
    check(conf, "http://192.0.9.7/a", NULL);
    check(conf, "http://[2606:4700::1]/a", NULL);
    check(conf, "http://[2606:4700:0:0:0:0:0:1]/a", NULL);
    check(conf, "http://[2606:4700::0001]:443/a", NULL);

    check(conf, "http://mirror.example/a", "host \"mirror.example\" is not allowed");
    check(conf, "http://xmirror.example/a", "host");
    check(conf, "http://evilimages.example.org/a", "host");
    check(conf, "http://images.example.org.evil.example/a", "host");
    check(conf, "http://bad.mirror.example/a", "host \"bad.mirror.example\"");
    check(conf, "http://BAD.mirror.example./a", "host");
    check(conf, "http://x.worse.mirror.example/a", "host");
    check(conf, "http://worse.mirror.example/a", NULL);
    check(conf, "http://192.0.9.8/a", "host");
    check(conf, "http://[2606:4700::2]/a", "host");

    check(conf, "http:///a", "names no host");
    check(conf, "http://", "names no host");
    check(conf, "http://?a", "names no host");
    check(conf, "http://:80/a", "well-formed host");
    check(conf, "http://./a", "well-formed host");
    check(conf, "http://images.example.org../a", "well-formed host");
    check(conf, "http://images..example.org/a", "well-formed host");
    check(conf, "http://.images.example.org/a", "well-formed host");
    check(conf, "http://images%2eexample.org/a", "well-formed host");
    check(conf, "http://images.example.org%00.evil/a", "well-formed host");
    check(conf, "http://images.example.org,evil/a", "well-formed host");
    check(conf, "http://-x.mirror.example/a", "well-formed host");
    check(conf, "http://x-.mirror.example/a", "well-formed host");
    check(conf, "http://a_b.mirror.example/a", NULL);
    check(conf, "http://[images.example.org]/a", "IPv6");
    check(conf, "http://[]/a", "brackets");
    check(conf, "http://[::1/a", "brackets");
    check(conf, "http://[2606:4700::1]x/a", "brackets");
    check(conf, "http://[2606:4700::1%25eth0]/a", "IPv6");
    check(conf, "http://[v1.a]/a", "IPv6");
    conf_unref(conf);
}

static void long_names(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *");
    char url[4096] = "http://";

    (void)state;
    memset(url + 7, 'a', 63);
    check(conf, url, NULL);
    url[7 + 63] = 'a';
    check(conf, url, "well-formed host");
    for (size_t i = 0; i < 253; i++)
        url[7 + i] = i % 2 ? '.' : 'a';
    check(conf, url, NULL);
    url[7 + 253] = '.';
    check(conf, url, NULL);
    url[7 + 254] = 'a';
    check(conf, url, "well-formed host");
    memset(url + 7, 'a', 2041);
    url[7 + 2] = '/';
    check_n(conf, url, 2048, NULL);
    check_n(conf, url, 2049, "2048 characters");
    conf_unref(conf);
}

/* xn-- names are names like others: what is compared is what is asked for. */
static void international(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = xn--bcher-kva.example");

    (void)state;
    check(conf, "http://xn--bcher-kva.example/a", NULL);
    check(conf, "http://XN--BCHER-KVA.example/a", NULL);
    check(conf,
          "http://b\xc3\xbc"
          "cher.example/a",
          "not ASCII");
    check(conf, "http://xn--bcher-kva.example/b\xc3\xbc", "not ASCII");
    /* Full-width digits and dots become plain ones elsewhere. */
    check(conf,
          "http://\xef\xbc\x91"
          "27.0.0.1/",
          "not ASCII");
    check(conf,
          "http://xn--bcher-kva\xe3\x80\x82"
          "example/",
          "not ASCII");
    conf_unref(conf);
}

static void ports(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *");
    struct conf *denied = conf_of("allowed_hosts = *\nallowed_ports =\ndisallowed_ports = 22,25");
    struct conf *only = conf_of("allowed_hosts = *\nallowed_ports = 8080");

    (void)state;
    check(conf, "http://e.org:80/", NULL);
    check(conf, "http://e.org:443/", NULL);
    check(conf, "http://e.org:22/", "port 22 is not allowed");
    check(conf, "https://e.org:8443/", "port 8443");
    check(only, "http://e.org/", "port 80 is not allowed");
    check(only, "https://e.org/", "port 443 is not allowed");
    check(only, "https://e.org:8080/", NULL);
    check(denied, "http://e.org:22/", "port 22");
    check(denied, "http://e.org:9/", NULL);
    check(denied, "http://e.org:65535/", NULL);
    check(denied, "http://[2606:4700::1]:25/", "port 25");
    check(denied, "http://e.org:/", "port from 1");
    check(denied, "http://e.org:0/", "port from 1");
    check(denied, "http://e.org:022/", "port from 1");
    check(denied, "http://e.org:65536/", "port from 1");
    check(denied, "http://e.org:65558/", "port from 1"); /* 22 in 16 bits */
    check(denied, "http://e.org:4294967318/", "port from 1");
    check(denied, "http://e.org:+22/", "port from 1");
    check(denied, "http://e.org:0x16/", "port from 1");
    check(denied, "http://e.org:8080:22/", "port from 1");
    check(denied, "http://[2606:4700::1]:/", "port from 1");
    conf_unref(conf);
    conf_unref(denied);
    conf_unref(only);
}

static void no_userinfo(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *");
    static const char *const urls[] = {
        "http://joe:hunter2@e.org/",
        "http://hunter2@e.org/",
        "http://@e.org/",
        "http://e.org@169.254.169.254/",
        "http://e.org:80@hunter2.example/",
        "http://hunter2:@[2606:4700::1]/a",
        "https://hunter2%40x@e.org/",
        "http://a@b@e.org/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct error err;

        check(conf, urls[i], "user's name or password");
        assert_false(filter_uri_check(conf, str_of(urls[i]), &err));
        assert_null(strstr(err.message, "hunter2"));
    }
    conf_unref(conf);
}

static void characters(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *");

    (void)state;
    check(conf, "http://e.org/a b", "blank or a control");
    check(conf, " http://e.org/", "blank or a control");
    check(conf, "http://e.org/\r\nHost: evil", "blank or a control");
    check(conf, "http://e.org/\ta", "blank or a control");
    check(conf, "http://e\t.org/", "blank or a control");
    check(conf, "http://e.org/\x7f", "blank or a control");
    check_n(conf, "http://e.org\0.evil/", 19, "blank or a control");
    check(conf, "http://e.org\\@evil/", "backslash");
    check(conf, "http:\\\\e.org/", "backslash");
    check(conf, "http://e.org/a#b", "fragment");
    check(conf, "http://e.org#@evil/", "fragment");
    check(conf, "http://e.org/%0d%0aHost:%20evil", NULL); /* stays encoded on the wire */
    conf_unref(conf);
}

/* What inet_aton(), a browser or a resolver takes for an address, although it does not look like one. */
static void disguised_addresses(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *\nallowed_networks = 127.0.0.0/8");
    static const char *const numeric[] = {
        "2130706433",   "0x7f000001",       "017700000001",   "127.1",       "127.0.1",
        "0177.0.0.1",   "0x7f.0.0.1",       "127.0.0.01",     "127.0.0.0x1", "0",
        "0x",           "00000000",         "256.1.1.1",      "1.2.3.4.5",   "1.2.3.256",
        "3232235521",   "0xa9fea9fe",       "a.127.0.0.1",    "example.0x1", "x.1",
        "127.0.0.1.2.", "0X7F.0X0.0X0.0X1", "00000177.0.0.1", "4294967296",
    };
    char url[128];

    (void)state;
    for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
        snprintf(url, sizeof(url), "http://%s/a", numeric[i]);
        check(conf, url, "numeric host");
    }
    check(conf, "http://127.0.0.1/a", NULL);
    check(conf, "http://127.0.0.1./a", NULL);
    check(conf, "http://0xzz.example/", NULL);
    check(conf, "http://7f000001.example/", NULL);
    check(conf, "http://1.2.3.x4/", NULL);
    conf_unref(conf);
}

static void literal_addresses(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *");
    struct conf *inside = conf_of("allowed_hosts = *\nallowed_networks = 10.1.0.0/16, fd00:1::/32");
    static const char *const special[] = {
        "127.0.0.1",       "10.1.2.3",
        "172.16.0.1",      "192.168.1.1",
        "169.254.169.254", "0.0.0.0",
        "100.64.0.1",      "224.0.0.1",
        "255.255.255.255", "198.18.0.1",
        "[::1]",           "[::]",
        "[fe80::1]",       "[fd00:1::1]",
        "[ff02::1]",       "[::ffff:8.8.8.8]",
        "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",   "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "[2001::1]",
        "[2001:db8::1]",   "[fec0::1]",
    };
    char url[128];

    (void)state;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        snprintf(url, sizeof(url), "http://%s/a", special[i]);
        check(conf, url, "is not a public one");
    }
    check(conf, "http://8.8.8.8/", NULL);
    check(conf, "http://[2606:4700::1]/", NULL);
    check(inside, "http://10.1.2.3/", NULL);
    check(inside, "http://10.2.2.3/", "10.2.2.3 is not a public one");
    check(inside, "http://[fd00:1::9]/", NULL);
    check(inside, "http://[fd00:2::9]/", "not a public one");
    check(inside, "http://[::ffff:10.1.2.3]/", "not a public one");
    conf_unref(conf);
    conf_unref(inside);
}

static bool resolved_ok(const struct conf *conf, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return filter_address_ok(conf, (const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return filter_address_ok(conf, (const struct sockaddr *)&v6);
}

/* Where names lead: the edges of each network. */
static void resolved_addresses(void **state)
{
    struct conf *conf = conf_of("allowed_hosts = *"), *all = conf_of("allowed_networks = 0.0.0.0/0, ::/0");
    static const char *const public_ones[] = {
        "1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.0.3.0",       "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",  "198.20.0.0",      "223.255.255.255", "2000::1",
        "2001:200::1",     "2001:db7::1",     "2001:db9::1",     "2003::1",         "2606:4700::1",
        "3ffe::1",         "3fff:1000::1",
    };
    static const char *const special[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "100::1",
        "1fff::1",
        "2001::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "4000::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "ff02::1",
    };
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    (void)state;
    for (size_t i = 0; i < sizeof(public_ones) / sizeof(public_ones[0]); i++)
        if (!resolved_ok(conf, public_ones[i]))
            fail_msg("%s is public", public_ones[i]);
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (resolved_ok(conf, special[i]))
            fail_msg("%s is not public", special[i]);
        assert_true(resolved_ok(all, special[i]));
    }
    assert_false(filter_address_ok(all, (const struct sockaddr *)&un));
    conf_unref(conf);
    conf_unref(all);
}

static void networks(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    (void)state;
    assert_null(filter_networks_check(STR("")));
    assert_null(filter_networks_check(STR("10.0.0.0/8")));
    assert_null(filter_networks_check(STR(" 10.1.0.0/16 , fd00::/8,127.0.0.1, ::1/128")));
    assert_null(filter_networks_check(STR("0.0.0.0/0")));
    assert_non_null(filter_networks_check(STR("10.0.0.0/33")));
    assert_non_null(filter_networks_check(STR("::/129")));
    assert_non_null(filter_networks_check(STR("10.0.0.0/")));
    assert_non_null(filter_networks_check(STR("10.0.0.0/-1")));
    assert_non_null(filter_networks_check(STR("10.0.0.1/8")));
    assert_non_null(filter_networks_check(STR("10.0/8")));
    assert_non_null(filter_networks_check(STR("010.0.0.0/8")));
    assert_non_null(filter_networks_check(STR("example.org")));
    assert_non_null(filter_networks_check(STR("10.0.0.0/8,,127.0.0.1")));
    assert_non_null(filter_networks_check(STR("10.0.0.0/8 127.0.0.1")));
    assert_non_null(filter_networks_check(STR("1111111111111111111111111111111111111111111111111111111/8")));
    /* What cannot be read has nothing in it, and spoils nothing beside it. */
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &v4.sin_addr), 1);
    assert_true(networks_have(STR("nonsense/8, 10.0.0.0/8"), (const struct sockaddr *)&v4));
    assert_true(networks_have(STR("10.1.2.2/31"), (const struct sockaddr *)&v4));
    assert_false(networks_have(STR("10.1.2.4/31"), (const struct sockaddr *)&v4));
    assert_false(networks_have(STR("nonsense/8"), (const struct sockaddr *)&v4));
    assert_false(networks_have(STR("::/0"), (const struct sockaddr *)&v4));
    assert_false(networks_have(STR(""), (const struct sockaddr *)&v4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_by_default),
        cmocka_unit_test(schemes),
        cmocka_unit_test(hosts),
        cmocka_unit_test(long_names),
        cmocka_unit_test(international),
        cmocka_unit_test(ports),
        cmocka_unit_test(no_userinfo),
        cmocka_unit_test(characters),
        cmocka_unit_test(disguised_addresses),
        cmocka_unit_test(literal_addresses),
        cmocka_unit_test(resolved_addresses),
        cmocka_unit_test(networks),
    };

    return cmocka_run_group_tests_name("image/filter_uri", tests, NULL, NULL);
}
