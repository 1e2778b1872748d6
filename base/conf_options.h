/* conf_options.h - the options' values. Strings are never NULL; times are in the unit that the name says. */
#ifndef TALLY_BASE_CONF_OPTIONS_H
#define TALLY_BASE_CONF_OPTIONS_H

#include "base/conf.h"

struct conf_list {
    const char **item;
    size_t n;
};

struct conf {
    struct {
        const char *log_target; /* stderr, file, syslog */
        const char *log_file;
        const char *log_level; /* debug, info, warning, error */
        bool log_json;
    } main; /* [DEFAULT] */
    struct {
        const char
            *public_url; /* https://host:port, no trailing slash: links are built from it, never from Host */
        uint64_t threads;
        uint64_t connection_timeout; /* seconds without a byte */
        uint64_t request_deadline;   /* seconds for a request but an upload or a download */
        uint64_t upload_deadline;    /* seconds for those */
        uint64_t drain_timeout;      /* seconds from SIGTERM */
        uint64_t max_json_bytes;
        uint64_t default_limit;
        uint64_t max_limit;
        bool enable_anonymous_upload; /* RefStack's, as the next two */
        uint64_t results_per_page;
        const char *test_results_url; /* behind public_url; %s: the result's id */
    } api;
    struct {
        const char *connection; /* mysql://user:password@host:port/name?unix_socket=/path&ssl_ca=... */
        uint64_t pool_timeout;  /* seconds */
        uint64_t connect_timeout;
        uint64_t read_timeout;
        uint64_t write_timeout;
        uint64_t max_retries;
        bool load_data; /* LOAD DATA LOCAL where the server lets us */
        const char *version_table;
        const char *subunit2sql_version_table;
        const char *tally_version_table;
    } database;
    struct {
        const char *driver; /* keystone, proxy, static */
        const char *static_file;
        struct conf_list admin_roles;
        struct conf_list foundation_roles;
        uint64_t timeout; /* seconds an answer of Keystone may take */
    } identity;
    struct {
        const char *auth_url;
        const char *www_authenticate_uri;
        const char *username;
        const char *password;
        const char *project_name;
        const char *user_domain_name;
        const char *project_domain_name;
        const char *cafile;
        bool insecure;
        uint64_t token_cache_time; /* seconds */
        uint64_t negative_cache_time;
        struct conf_list service_token_roles;
        bool service_token_roles_required;
        const char *service_type;         /* of /v2, in access rules */
        const char *results_service_type; /* of /v1 */
    } keystone_authtoken;
    struct {
        uint64_t max_upload_bytes;      /* on the wire */
        uint64_t max_stream_bytes;      /* after decompression */
        uint64_t max_ratio;             /* decompressed / compressed */
        uint64_t max_tests;             /* a run */
        uint64_t max_attachment_bytes;  /* one attachment */
        uint64_t max_transaction_bytes; /* what one upload may bring into the database */
        uint64_t max_id_chars;
        uint64_t max_open_tests;
        uint64_t max_parts; /* of a multipart body */
        const char *spool_dir;
        bool store_attachments;
        bool wall_time;
        const char *attr_regex;
        const char *test_attr_prefix;
        bool remove_test_attr_prefix;
        const char *artifacts; /* this and what follows: "" or none where the query decides alone */
        const char *run_at;
        struct conf_list run_meta; /* KEY:VALUE each */
        const char *non_subunit_name;
        uint64_t expire_days; /* 0: never */
    } subunit;
    struct {
        uint64_t task_time_to_live; /* hours from its end until a task expires */
        uint64_t timeout;           /* seconds that a task may take over all attempts */
        uint64_t stall_timeout;     /* seconds without a byte */
        uint64_t max_attempts;
        uint64_t max_per_project; /* tasks of one project that run at once; 0: no limit */
        uint64_t max_pending;     /* tasks of one project that have not ended; 0: no limit */
        const char *secret_key;   /* 64 hex digits */
    } task;
    struct {
        uint64_t slots;
        uint64_t lease; /* seconds */
        uint64_t heartbeat;
        uint64_t poll_interval; /* seconds at most between two looks */
        uint64_t grace;         /* seconds from SIGTERM */
        const char *wake_socket;
        const char *work_dir;
        const char *qemu_img;
        uint64_t convert_memory;
        uint64_t convert_timeout; /* seconds of CPU */
    } worker;
    struct {
        uint64_t max_bytes; /* of one image */
        uint64_t max_properties;
        uint64_t max_tags;
        uint64_t max_members;
        uint64_t project_max_images; /* quotas; 0: no limit */
        uint64_t project_max_bytes;
        uint64_t project_max_in_flight;
        const char *property_protection_file;
    } image;
    struct {
        const char *driver; /* dir, swift */
        const char *dir;
        uint64_t min_free;
        const char *accel_prefix;
        const char *container;
    } image_store;
    struct {
        const char *driver; /* dir, swift */
        const char *dir;
        uint64_t min_free;
        const char *url; /* swift: instead of the catalogue's, with %(project_id)s */
        const char *region;
        const char *interface; /* public, internal, admin */
        const char *cafile;
        bool insecure;
        uint64_t segment_bytes;
        uint64_t large_object_bytes;
        uint64_t retries;
        uint64_t connect_timeout; /* seconds */
    } object_store;
    struct {
        struct conf_list allowed_schemes;
        struct conf_list disallowed_schemes;
        struct conf_list allowed_hosts;
        struct conf_list disallowed_hosts;
        struct conf_list allowed_ports;
        struct conf_list disallowed_ports;
        const char *allowed_networks;
    } import_filtering_opts;
    /* conf.c's own */
    unsigned refs;
    void *memory;
};

#endif
