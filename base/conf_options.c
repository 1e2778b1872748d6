#include "config.h"
#include "base/conf_table.h"

#include <string.h>

const struct conf_section conf_sections[] = {
    {"DEFAULT", "Logging."},
    {"api", "The service as its clients see it."},
    {"database", "MySQL or MariaDB, one server or a Galera cluster."},
    {"identity", "Who is asking, and who may do what."},
    {"keystone_authtoken", "Keystone, for driver = keystone; the names are keystonemiddleware's."},
    {"subunit", "Uploads of subunit streams: limits, and the defaults of the query's options."},
    {"task", "Import, export and clone."},
    {"worker", "tally-worker."},
    {"image", "Images: limits and quotas of a project."},
    {"image_store", "Where images' bytes lie."},
    {"object_store", "Customers' containers: where tasks import from and export to."},
    {"import_filtering_opts", "Which URLs an import may read; the names are Glance's. An allowed list, where "
                              "it is not empty, decides alone."},
};
const size_t conf_n_sections = sizeof(conf_sections) / sizeof(conf_sections[0]);

#define AT(field) offsetof(struct conf, field)
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define SIGHUP .is_mutable = true
#define SECRET .is_secret = true

enum { DAY = 86400, YEARS_100 = 36500 };
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* One row an option: section, name, type, then whether a SIGHUP changes it, field, default, bounds, words. */
const struct conf_option conf_table[] = {
    {"DEFAULT", "log_target", CONF_CHOICE, SIGHUP, .offset = AT(main.log_target), .def = "stderr",
     .choices = "stderr file syslog", .what = "Where log lines go."},
    {"DEFAULT", "log_file", CONF_STRING, SIGHUP, .offset = AT(main.log_file), .def = "",
     .what = "The file of log_target = file. It is opened anew at SIGHUP."},
    {"DEFAULT", "log_level", CONF_CHOICE, SIGHUP, .offset = AT(main.log_level), .def = "info",
     .choices = "debug info warning error", .what = "The least level that is logged."},
    {"DEFAULT", "log_json", CONF_BOOL, SIGHUP, .offset = AT(main.log_json), .def = "false",
     .what = "Each line is a JSON object."},

    {"api", "public_url", CONF_URL, SIGHUP, .offset = AT(api.public_url), .def = "https://localhost",
     .what =
         "The URL at which clients reach the service, without a slash at the end. Links are built from it, "
         "never from a request's Host."},
    {"api", "threads", CONF_NUMBER, .offset = AT(api.threads), .def = "16", RANGE(1, 1024),
     .what = "Threads of one tally.fcgi process; each serves one request at a time."},
    {"api", "connection_timeout", CONF_NUMBER, .offset = AT(api.connection_timeout), .def = "30",
     RANGE(1, 3600), .what = "Seconds that nginx may be silent in the middle of a request."},
    {"api", "request_deadline", CONF_NUMBER, SIGHUP, .offset = AT(api.request_deadline), .def = "60",
     RANGE(1, DAY), .what = "Seconds that a request may take, uploads and downloads excepted."},
    {"api", "upload_deadline", CONF_NUMBER, SIGHUP, .offset = AT(api.upload_deadline), .def = "3600",
     RANGE(1, 7 * DAY), .what = "Seconds that an upload or a download may take."},
    {"api", "drain_timeout", CONF_NUMBER, SIGHUP, .offset = AT(api.drain_timeout), .def = "30",
     RANGE(0, 3600), .what = "Seconds from SIGTERM that running requests have to end."},
    {"api", "max_json_bytes", CONF_BYTES, SIGHUP, .offset = AT(api.max_json_bytes), .def = "1M",
     RANGE(KIB, 64 * MIB), .what = "The largest JSON body."},
    {"api", "default_limit", CONF_NUMBER, SIGHUP, .offset = AT(api.default_limit), .def = "25",
     RANGE(1, 100000), .what = "Entries of a list's page when the query has no limit."},
    {"api", "max_limit", CONF_NUMBER, SIGHUP, .offset = AT(api.max_limit), .def = "1000", RANGE(1, 100000),
     .what = "Entries of a list's page at most."},
    {"api", "enable_anonymous_upload", CONF_BOOL, SIGHUP, .offset = AT(api.enable_anonymous_upload),
     .def = "true",
     .what =
         "Results may be uploaded to /v1/results by anybody: with neither a token nor a signature they are "
         "nobody's and for everybody to see. RefStack's option, as the next two."},
    {"api", "results_per_page", CONF_NUMBER, SIGHUP, .offset = AT(api.results_per_page), .def = "20",
     RANGE(1, 500), .what = "Results on a page of GET /v1/results."},
    {"api", "test_results_url", CONF_STRING, SIGHUP, .offset = AT(api.test_results_url),
     .def = "/v1/results/%s",
     .what = "What follows public_url in the link to a result; %s stands for its id."},

    {"database", "connection", CONF_STRING, SECRET, .offset = AT(database.connection), .def = "",
     .what = "mysql://user:password@host:port/name?unix_socket=/path&ssl_ca=/path. A SQLAlchemy driver name "
             "(mysql+pymysql) is taken and ignored."},
    {"database", "pool_timeout", CONF_NUMBER, .offset = AT(database.pool_timeout), .def = "10",
     RANGE(1, 3600), .what = "Seconds that a request waits for a free connection."},
    {"database", "connect_timeout", CONF_NUMBER, .offset = AT(database.connect_timeout), .def = "5",
     RANGE(1, 3600), .what = "Seconds that connecting may take."},
    {"database", "read_timeout", CONF_NUMBER, .offset = AT(database.read_timeout), .def = "60", RANGE(1, DAY),
     .what = "Seconds that an answer of the server may take."},
    {"database", "write_timeout", CONF_NUMBER, .offset = AT(database.write_timeout), .def = "60",
     RANGE(1, DAY), .what = "Seconds that sending to the server may take."},
    {"database", "max_retries", CONF_NUMBER, .offset = AT(database.max_retries), .def = "10", RANGE(0, 1000),
     .what = "How often a transaction that lost to another one (deadlock, lock wait, certification) is run "
             "again."},
    {"database", "load_data", CONF_BOOL, .offset = AT(database.load_data), .def = "true",
     .what = "Load uploads with LOAD DATA LOCAL where the server lets us and is no Galera node; it never "
             "names a file that we send."},
    {"database", "version_table", CONF_TABLE, SIGHUP, .offset = AT(database.version_table),
     .def = "refstack_alembic_version",
     .what = "The table that holds the revision of RefStack's tables. A change renames it, also at SIGHUP."},
    {"database", "subunit2sql_version_table", CONF_TABLE, SIGHUP,
     .offset = AT(database.subunit2sql_version_table), .def = "alembic_version",
     .what = "The table that holds the revision of subunit2sql's tables."},
    {"database", "tally_version_table", CONF_TABLE, SIGHUP, .offset = AT(database.tally_version_table),
     .def = "tally_version",
     .what = "The table that holds the revision of the image tables and of Tally's own."},

    {"identity", "driver", CONF_CHOICE, .offset = AT(identity.driver), .def = "keystone",
     .choices = "keystone proxy static",
     .what = "keystone validates tokens; proxy believes parameters that nginx itself sets, for sites whose "
             "nginx authenticates; static reads tokens from a file, for trying out."},
    {"identity", "static_file", CONF_STRING, SIGHUP, .offset = AT(identity.static_file), .def = "",
     .what = "The tokens of driver = static; mode 0600."},
    {"identity", "admin_roles", CONF_LIST, SIGHUP, .offset = AT(identity.admin_roles), .def = "admin",
     .what = "Roles that see and may do all in /v2."},
    {"identity", "foundation_roles", CONF_LIST, SIGHUP, .offset = AT(identity.foundation_roles),
     .def = "admin,foundation", .what = "Roles of the foundation's staff in /v1."},
    {"identity", "timeout", CONF_NUMBER, SIGHUP, .offset = AT(identity.timeout), .def = "10", RANGE(1, 600),
     .what = "Seconds that an answer of Keystone may take."},

    {"keystone_authtoken", "auth_url", CONF_URL, .offset = AT(keystone_authtoken.auth_url), .def = "",
     .what = "Keystone's URL as Tally reaches it, with or without /v3."},
    {"keystone_authtoken", "www_authenticate_uri", CONF_URL,
     .offset = AT(keystone_authtoken.www_authenticate_uri), .def = "",
     .what = "Keystone's URL as clients reach it: named in the header of a 401."},
    {"keystone_authtoken", "username", CONF_STRING, .offset = AT(keystone_authtoken.username), .def = "tally",
     .what = "The service user that validates tokens."},
    {"keystone_authtoken", "password", CONF_STRING, SECRET, .offset = AT(keystone_authtoken.password),
     .def = "", .what = "Its password."},
    {"keystone_authtoken", "project_name", CONF_STRING, .offset = AT(keystone_authtoken.project_name),
     .def = "service", .what = "Its project."},
    {"keystone_authtoken", "user_domain_name", CONF_STRING, .offset = AT(keystone_authtoken.user_domain_name),
     .def = "Default", .what = "Its domain."},
    {"keystone_authtoken", "project_domain_name", CONF_STRING,
     .offset = AT(keystone_authtoken.project_domain_name), .def = "Default", .what = "Its project's domain."},
    {"keystone_authtoken", "cafile", CONF_STRING, .offset = AT(keystone_authtoken.cafile), .def = "",
     .what = "The certificates that Keystone's is checked against; empty for the system's."},
    {"keystone_authtoken", "insecure", CONF_BOOL, .offset = AT(keystone_authtoken.insecure), .def = "false",
     .what = "Do not check Keystone's certificate."},
    {"keystone_authtoken", "token_cache_time", CONF_NUMBER, SIGHUP,
     .offset = AT(keystone_authtoken.token_cache_time), .def = "300", RANGE(0, DAY),
     .what = "Seconds that a validated token is believed without asking again; its expiry is checked at each "
             "use."},
    {"keystone_authtoken", "negative_cache_time", CONF_NUMBER, SIGHUP,
     .offset = AT(keystone_authtoken.negative_cache_time), .def = "10", RANGE(0, 3600),
     .what = "Seconds that a refused token is refused without asking again."},
    {"keystone_authtoken", "service_token_roles", CONF_LIST, SIGHUP,
     .offset = AT(keystone_authtoken.service_token_roles), .def = "service",
     .what = "A service token counts only with one of these roles."},
    {"keystone_authtoken", "service_token_roles_required", CONF_BOOL, SIGHUP,
     .offset = AT(keystone_authtoken.service_token_roles_required), .def = "true",
     .what = "A request whose service token has none of these roles is refused."},
    {"keystone_authtoken", "service_type", CONF_STRING, SIGHUP, .offset = AT(keystone_authtoken.service_type),
     .def = "image", .what = "The service type by which application credentials' access rules mean /v2."},
    {"keystone_authtoken", "results_service_type", CONF_STRING, SIGHUP,
     .offset = AT(keystone_authtoken.results_service_type), .def = "results",
     .what = "The service type by which they mean /v1."},

    {"subunit", "max_upload_bytes", CONF_BYTES, SIGHUP, .offset = AT(subunit.max_upload_bytes), .def = "1G",
     RANGE(KIB, TIB), .what = "The largest body, as it comes over the wire."},
    {"subunit", "max_stream_bytes", CONF_BYTES, SIGHUP, .offset = AT(subunit.max_stream_bytes), .def = "4G",
     RANGE(KIB, TIB), .what = "The largest stream after decompression."},
    {"subunit", "max_ratio", CONF_NUMBER, SIGHUP, .offset = AT(subunit.max_ratio), .def = "200",
     RANGE(1, 100000), .what = "How many times larger than its compressed form a stream may be."},
    {"subunit", "max_tests", CONF_NUMBER, SIGHUP, .offset = AT(subunit.max_tests), .def = "1000000",
     RANGE(1, 100000000), .what = "Tests of one run."},
    {"subunit", "max_attachment_bytes", CONF_BYTES, SIGHUP, .offset = AT(subunit.max_attachment_bytes),
     .def = "256M", RANGE(0, 4 * GIB - 1), .what = "The largest attachment."},
    {"subunit", "max_transaction_bytes", CONF_BYTES, SIGHUP, .offset = AT(subunit.max_transaction_bytes),
     .def = "1G", RANGE(MIB, TIB), .what = "What one upload may bring into the database."},
    {"subunit", "max_id_chars", CONF_NUMBER, SIGHUP, .offset = AT(subunit.max_id_chars), .def = "4096",
     RANGE(1, 4096), .what = "The longest test id, in characters."},
    {"subunit", "max_open_tests", CONF_NUMBER, SIGHUP, .offset = AT(subunit.max_open_tests), .def = "20000",
     RANGE(1, 1000000), .what = "Tests that have begun and not ended at one time."},
    {"subunit", "max_parts", CONF_NUMBER, SIGHUP, .offset = AT(subunit.max_parts), .def = "16",
     RANGE(1, 1024), .what = "Streams (shards of one run) in one multipart upload."},
    {"subunit", "spool_dir", CONF_STRING, SIGHUP, .offset = AT(subunit.spool_dir), .def = "/var/tmp",
     .what = "Where an upload's unlinked temporary files lie until its stream has ended."},
    {"subunit", "store_attachments", CONF_BOOL, SIGHUP, .offset = AT(subunit.store_attachments),
     .def = "true", .what = "Keep attachments; a query's attachments= overrides it."},
    {"subunit", "wall_time", CONF_BOOL, SIGHUP, .offset = AT(subunit.wall_time), .def = "false",
     .what = "A run's time is the last stop less the first start, not the tests' sum."},
    {"subunit", "attr_regex", CONF_REGEX, SIGHUP, .offset = AT(subunit.attr_regex), .def = "\\[(.*)\\]",
     .what = "What is cut out of a test's id as its attributes: the group of this expression."},
    {"subunit", "test_attr_prefix", CONF_STRING, SIGHUP, .offset = AT(subunit.test_attr_prefix), .def = "",
     .what = "Attributes that begin with it are kept as the test's metadata too."},
    {"subunit", "remove_test_attr_prefix", CONF_BOOL, SIGHUP, .offset = AT(subunit.remove_test_attr_prefix),
     .def = "false", .what = "Without the prefix, then."},
    {"subunit", "artifacts", CONF_STRING, SIGHUP, .offset = AT(subunit.artifacts), .def = "",
     .what = "Where a run's logs are, if the query does not say it."},
    {"subunit", "run_at", CONF_TIME, SIGHUP, .offset = AT(subunit.run_at), .def = "",
     .what = "When a run began, if the query does not say it; without it, when it is uploaded (run import: "
             "when the file was changed last)."},
    {"subunit", "run_meta", CONF_PAIRS, SIGHUP, .offset = AT(subunit.run_meta), .def = "",
     .what = "Metadata of every run; a query's meta.KEY= stands in the place of that KEY."},
    {"subunit", "non_subunit_name", CONF_STRING, SIGHUP, .offset = AT(subunit.non_subunit_name), .def = "",
     .what = "The attachment that bytes which are not subunit become; without it they are refused."},
    {"subunit", "expire_days", CONF_NUMBER, SIGHUP, .offset = AT(subunit.expire_days), .def = "186",
     RANGE(0, YEARS_100), .what = "Days after which db expire removes a run; 0 keeps all."},

    {"task", "task_time_to_live", CONF_NUMBER, SIGHUP, .offset = AT(task.task_time_to_live), .def = "48",
     RANGE(1, YEARS_100), .what = "Hours from its end after which a task expires."},
    {"task", "timeout", CONF_NUMBER, SIGHUP, .offset = AT(task.timeout), .def = "86400", RANGE(1, 30 * DAY),
     .what = "Seconds that a task may take from its first attempt on, over all attempts."},
    {"task", "stall_timeout", CONF_NUMBER, SIGHUP, .offset = AT(task.stall_timeout), .def = "60",
     RANGE(1, DAY), .what = "Seconds that a source or a store may be silent in the middle of a transfer."},
    {"task", "max_attempts", CONF_NUMBER, SIGHUP, .offset = AT(task.max_attempts), .def = "5", RANGE(1, 1000),
     .what = "How often a task is begun before it fails."},
    {"task", "max_per_project", CONF_NUMBER, SIGHUP, .offset = AT(task.max_per_project), .def = "0",
     RANGE(0, 1000000), .what = "Tasks of one project that may run at once; 0: no limit."},
    {"task", "max_pending", CONF_NUMBER, SIGHUP, .offset = AT(task.max_pending), .def = "10000",
     RANGE(0, 100000000), .what = "Tasks of one project that have not ended; 0: no limit."},
    {"task", "secret_key", CONF_STRING, SECRET, .offset = AT(task.secret_key), .def = "",
     .what = "64 hexadecimal digits (openssl rand -hex 32): the key under which the requester's token waits "
             "in the database until his task ends. The same on every host."},

    {"worker", "slots", CONF_NUMBER, .offset = AT(worker.slots), .def = "4", RANGE(1, 256),
     .what = "Tasks that one tally-worker carries out at once."},
    {"worker", "lease", CONF_NUMBER, .offset = AT(worker.lease), .def = "60", RANGE(2, 3600),
     .what = "Seconds after which a worker that is not heard of loses its task."},
    {"worker", "heartbeat", CONF_NUMBER, .offset = AT(worker.heartbeat), .def = "15", RANGE(1, 1200),
     .what = "Seconds between two signs of life; at most a third of the lease."},
    {"worker", "poll_interval", CONF_NUMBER, SIGHUP, .offset = AT(worker.poll_interval), .def = "5",
     RANGE(1, 3600),
     .what = "Seconds at most between two looks at the queue; a tally.fcgi of the same host wakes "
             "the worker at once."},
    {"worker", "grace", CONF_NUMBER, SIGHUP, .offset = AT(worker.grace), .def = "30", RANGE(0, DAY),
     .what = "Seconds from SIGTERM that running tasks have to end before they are handed back."},
    {"worker", "wake_socket", CONF_STRING, .offset = AT(worker.wake_socket), .def = "/run/tally/worker.sock",
     .what =
         "The datagram socket by which a tally.fcgi wakes the workers of its host; each worker adds its pid. "
         "Empty: none."},
    {"worker", "work_dir", CONF_STRING, SIGHUP, .offset = AT(worker.work_dir), .def = "/var/tmp",
     .what = "Where conversions lie while they are made."},
    {"worker", "qemu_img", CONF_STRING, SIGHUP, .offset = AT(worker.qemu_img), .def = "/usr/bin/qemu-img",
     .what = "The program that converts images; it runs confined."},
    {"worker", "convert_memory", CONF_BYTES, SIGHUP, .offset = AT(worker.convert_memory), .def = "1G",
     RANGE(64 * MIB, TIB), .what = "Address space of a conversion."},
    {"worker", "convert_timeout", CONF_NUMBER, SIGHUP, .offset = AT(worker.convert_timeout), .def = "3600",
     RANGE(1, DAY), .what = "Seconds of processor time that a conversion may take."},

    {"image", "max_bytes", CONF_BYTES, SIGHUP, .offset = AT(image.max_bytes), .def = "1024G",
     RANGE(1, 1024 * TIB), .what = "The largest image."},
    {"image", "max_properties", CONF_NUMBER, SIGHUP, .offset = AT(image.max_properties), .def = "128",
     RANGE(0, 10000), .what = "Properties of one image."},
    {"image", "max_tags", CONF_NUMBER, SIGHUP, .offset = AT(image.max_tags), .def = "128", RANGE(0, 10000),
     .what = "Tags of one image."},
    {"image", "max_members", CONF_NUMBER, SIGHUP, .offset = AT(image.max_members), .def = "128",
     RANGE(0, 10000), .what = "Members of one image."},
    {"image", "project_max_images", CONF_NUMBER, SIGHUP, .offset = AT(image.project_max_images), .def = "0",
     RANGE(0, 100000000), .what = "Images of one project; 0: no limit."},
    {"image", "project_max_bytes", CONF_BYTES, SIGHUP, .offset = AT(image.project_max_bytes), .def = "0",
     RANGE(0, 1024 * TIB),
     .what = "Bytes of one project's images, deleted ones included until they are gone; 0: no "
             "limit."},
    {"image", "project_max_in_flight", CONF_NUMBER, SIGHUP, .offset = AT(image.project_max_in_flight),
     .def = "0", RANGE(0, 1000000),
     .what = "Images of one project that may be on their way in at once; 0: no limit."},
    {"image", "property_protection_file", CONF_STRING, SIGHUP, .offset = AT(image.property_protection_file),
     .def = "",
     .what = "Who may create, read, update and delete which properties: Glance's file, with roles. Empty: "
             "everybody all."},

    {"image_store", "driver", CONF_CHOICE, .offset = AT(image_store.driver), .def = "dir",
     .choices = "dir swift",
     .what = "dir: files below a directory, on every host the same one. swift: objects in a container of the "
             "service "
             "user's project."},
    {"image_store", "dir", CONF_STRING, .offset = AT(image_store.dir), .def = "/var/lib/tally/images",
     .what = "The directory of driver = dir."},
    {"image_store", "min_free", CONF_BYTES, SIGHUP, .offset = AT(image_store.min_free), .def = "1G",
     RANGE(0, TIB), .what = "Room that is left free on its file system."},
    {"image_store", "accel_prefix", CONF_STRING, SIGHUP, .offset = AT(image_store.accel_prefix),
     .def = "/.tally/store/",
     .what = "The internal location under which nginx serves the directory; empty: tally.fcgi sends the "
             "bytes itself."},
    {"image_store", "container", CONF_STRING, .offset = AT(image_store.container), .def = "tally-images",
     .what = "The container of driver = swift."},

    {"object_store", "driver", CONF_CHOICE, .offset = AT(object_store.driver), .def = "swift",
     .choices = "dir swift",
     .what = "swift: the requester's account. dir: a folder a project below a directory, for trying out."},
    {"object_store", "dir", CONF_STRING, .offset = AT(object_store.dir), .def = "/var/lib/tally/containers",
     .what = "The directory of driver = dir: PROJECT_ID/CONTAINER/OBJECT."},
    {"object_store", "min_free", CONF_BYTES, SIGHUP, .offset = AT(object_store.min_free), .def = "1G",
     RANGE(0, TIB), .what = "Room that is left free on its file system."},
    {"object_store", "url", CONF_STRING, .offset = AT(object_store.url), .def = "",
     .what = "Swift's URL, with %(project_id)s in it; empty: as Keystone's catalogue has it."},
    {"object_store", "region", CONF_STRING, .offset = AT(object_store.region), .def = "",
     .what = "The region in the catalogue; empty: the first."},
    {"object_store", "interface", CONF_CHOICE, .offset = AT(object_store.interface), .def = "public",
     .choices = "public internal admin", .what = "The interface in the catalogue."},
    {"object_store", "cafile", CONF_STRING, .offset = AT(object_store.cafile), .def = "",
     .what = "The certificates that Swift's is checked against; empty for the system's."},
    {"object_store", "insecure", CONF_BOOL, .offset = AT(object_store.insecure), .def = "false",
     .what = "Do not check Swift's certificate."},
    {"object_store", "segment_bytes", CONF_BYTES, SIGHUP, .offset = AT(object_store.segment_bytes),
     .def = "1G", RANGE(KIB, 5 * GIB), .what = "Size of a large object's segments."},
    {"object_store", "large_object_bytes", CONF_BYTES, SIGHUP, .offset = AT(object_store.large_object_bytes),
     .def = "5G", RANGE(KIB, 5 * GIB), .what = "Objects over this are written in segments."},
    {"object_store", "retries", CONF_NUMBER, SIGHUP, .offset = AT(object_store.retries), .def = "3",
     RANGE(0, 100), .what = "How often an exchange with Swift that failed is tried again."},
    {"object_store", "connect_timeout", CONF_NUMBER, SIGHUP, .offset = AT(object_store.connect_timeout),
     .def = "10", RANGE(1, 600), .what = "Seconds that connecting to Swift may take."},

    {"import_filtering_opts", "allowed_schemes", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.allowed_schemes), .def = "http,https",
     .what = "Schemes; no others exist."},
    {"import_filtering_opts", "disallowed_schemes", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.disallowed_schemes), .def = "",
     .what = "Where allowed_schemes is empty."},
    {"import_filtering_opts", "allowed_hosts", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.allowed_hosts), .def = "",
     .what = "Hosts, by name or literal address; .example.org stands for all below it, * for every host. "
             "Without any, imports from URLs are off."},
    {"import_filtering_opts", "disallowed_hosts", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.disallowed_hosts), .def = "",
     .what = "Hosts that are refused although allowed_hosts has them."},
    {"import_filtering_opts", "allowed_ports", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.allowed_ports), .def = "80,443", .what = "Ports."},
    {"import_filtering_opts", "disallowed_ports", CONF_LIST, SIGHUP,
     .offset = AT(import_filtering_opts.disallowed_ports), .def = "",
     .what = "Where allowed_ports is empty."},
    {"import_filtering_opts", "allowed_networks", CONF_STRING, SIGHUP,
     .offset = AT(import_filtering_opts.allowed_networks), .def = "",
     .what =
         "Private, link-local and loopback networks to which a name may resolve all the same: 10.1.0.0/16, "
         "fd00::/8."},
};
const size_t conf_n_options = sizeof(conf_table) / sizeof(conf_table[0]);

const struct conf_option *conf_find(const char *section, const char *name)
{
    for (size_t i = 0; i < conf_n_options; i++)
        if (strcmp(conf_table[i].section, section) == 0 && strcmp(conf_table[i].name, name) == 0)
            return &conf_table[i];
    return NULL;
}
