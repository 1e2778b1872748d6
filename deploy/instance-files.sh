# shellcheck shell=bash
# shellcheck disable=SC2154
# deploy/instance's files: settings, nginx's and MariaDB's and Tally's configuration, the certificate.
# Sourced; uses $dir (the instance) and $source (the checkout).

declare -A setting

load_settings() {
    setting=([BUILD]=$PWD [ADDRESS]=127.0.0.1 [PORT]=8443 [NAME]=localhost [PROCESSES]=1
        [KEYSTONE_URL]='' [METRICS_ALLOW]='' [WRAP]='' [DB_PASSWORD]='' [SECRET_KEY]=''
        [RATE]=200r/s [BURST]=500 [UPLOAD_RATE]=20r/s [UPLOAD_BURST]=100
        [UPLOAD_CONNECTIONS]=32 [UPLOAD_MAX]=4g [IMAGE_MAX]=1025g)
    # shellcheck disable=SC1091
    [ ! -f "$dir/etc/settings" ] || . "$dir/etc/settings"
}

take_settings() {
    local pair
    for pair; do
        [[ $pair = *=* && -v setting[${pair%%=*}] ]] || die "no such setting: $pair"
        setting[${pair%%=*}]=${pair#*=}
    done
    [[ ${setting[PORT]} =~ ^[0-9]+$ ]] || die "PORT is a number"
    [[ ${setting[PROCESSES]} =~ ^[1-9][0-9]*$ ]] || die "PROCESSES is a number"
    setting[BUILD]=$(cd "${setting[BUILD]}" && pwd)
    [ -n "${setting[DB_PASSWORD]}" ] || setting[DB_PASSWORD]=$(openssl rand -hex 16)
    [ -n "${setting[SECRET_KEY]}" ] || setting[SECRET_KEY]=$(openssl rand -hex 32)
}

save_settings() {
    local name
    for name in "${!setting[@]}"; do
        printf 'setting[%s]=%q\n' "$name" "${setting[$name]}"
    done >"$dir/etc/settings"
}

# A template with its @WORDS@ filled in; what stands between "#if X" and "#end X" goes where X is empty.
render() {
    local word edits=()
    local -A word_of=([SERVERS]="server unix:$dir/run/tally.sock;" [SNIPPETS]=$dir/etc/nginx
        [LISTEN]=${setting[ADDRESS]}:${setting[PORT]} [SERVER_NAME]=${setting[NAME]}
        [CERTIFICATE]=$dir/etc/tls.crt [CERTIFICATE_KEY]=$dir/etc/tls.key
        [ERROR_LOG]=$dir/log/nginx.log [WEB_ROOT]=$dir/web [IMAGE_STORE]=$dir/images)
    for word in KEYSTONE_URL METRICS_ALLOW RATE BURST UPLOAD_RATE UPLOAD_BURST UPLOAD_CONNECTIONS UPLOAD_MAX IMAGE_MAX; do
        word_of[$word]=${setting[$word]}
    done
    [ -n "${setting[KEYSTONE_URL]}" ] || edits+=(-e '/^ *#if KEYSTONE_URL$/,/^ *#end KEYSTONE_URL$/d')
    edits+=(-e '/^ *#\(if\|end\) KEYSTONE_URL$/d')
    for word in "${!word_of[@]}"; do
        edits+=(-e "s|@$word@|${word_of[$word]//[|&\\]/\\&}|g")
    done
    sed "${edits[@]}" "$1"
}

make_certificate() {
    local san="DNS:${setting[NAME]},DNS:localhost,IP:127.0.0.1,IP:::1"
    if [ -f "$dir/etc/tls.crt" ] && openssl x509 -in "$dir/etc/tls.crt" -noout -checkend 86400 >/dev/null &&
        openssl x509 -in "$dir/etc/tls.crt" -noout -checkhost "${setting[NAME]}" | grep -q 'does match'; then
        return
    fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=${setting[NAME]}" \
        -addext "subjectAltName=$san" -addext basicConstraints=critical,CA:FALSE \
        -addext extendedKeyUsage=serverAuth -keyout "$dir/etc/tls.key" -out "$dir/etc/tls.crt" 2>/dev/null
    chmod 644 "$dir/etc/tls.crt" # the key stays 0600
}

make_nginx() {
    local file
    mkdir -p "$dir/etc/nginx"
    for file in "$source"/nginx/*.conf "$source/nginx/site"; do
        render "$file" >"$dir/etc/nginx/${file##*/}"
    done
    {
        [ "$(id -u)" != 0 ] || echo "user root;"
        cat <<END
daemon off;
worker_processes 2;
pid $dir/run/nginx.pid;
error_log $dir/log/nginx.log warn;
events {
    worker_connections 1024;
}
http {
    client_body_temp_path $dir/tmp/body;
    fastcgi_temp_path $dir/tmp/fastcgi;
    proxy_temp_path $dir/tmp/proxy;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;
    server_names_hash_bucket_size 128;
    include $dir/etc/nginx/site;
}
END
    } >"$dir/etc/nginx.conf"
}

make_mariadb() {
    cat >"$dir/etc/mariadb.cnf" <<END
[mariadbd]
datadir = $dir/mariadb
socket = $dir/run/mariadb.sock
tmpdir = $dir/tmp
log-error = $dir/log/mariadb.log
skip-networking
skip-log-bin
local-infile = 1
character-set-server = utf8mb4
innodb-buffer-pool-size = 256M
innodb-log-file-size = 256M
max-allowed-packet = 1G
performance-schema = OFF
END
    [ "$(id -u)" != 0 ] || echo "user = root" >>"$dir/etc/mariadb.cnf"
}

tally_conf() {
    cat <<END
# Made by deploy/instance. Every option: tally-manage config sample.
[DEFAULT]
log_target = file
log_file = $dir/log/tally.log

[api]
public_url = https://${setting[NAME]}:${setting[PORT]}

[database]
connection = mysql://tally:${setting[DB_PASSWORD]}@localhost/tally?unix_socket=$dir/run/mariadb.sock

[subunit]
spool_dir = $dir/tmp

[task]
secret_key = ${setting[SECRET_KEY]}

[worker]
wake_socket = $dir/run/worker.sock
work_dir = $dir/tmp

[image_store]
dir = $dir/images

# Customers' containers are folders: $dir/containers/PROJECT/CONTAINER.
[object_store]
driver = dir
dir = $dir/containers

[identity]
END
    if [ -n "${setting[KEYSTONE_URL]}" ]; then
        cat <<END
driver = keystone

[keystone_authtoken]
auth_url = ${setting[KEYSTONE_URL]}
www_authenticate_uri = https://${setting[NAME]}:${setting[PORT]}/identity/v3
username = tally
password = tally
project_name = service
END
    else
        printf 'driver = static\nstatic_file = %s\n' "$dir/etc/tokens"
    fi
}

# A tally.conf that somebody has edited is his.
make_tally() {
    local made=$dir/etc/tally.conf.made
    if [ ! -f "$dir/etc/tally.conf" ] || cmp -s "$dir/etc/tally.conf" "$made"; then
        tally_conf >"$made"
        cp "$made" "$dir/etc/tally.conf"
    fi
}

# Two tokens to try with, and each as a header for curl: -H @FILE keeps it out of the process list.
make_tokens() {
    local member staff
    [ -z "${setting[KEYSTONE_URL]}" ] && [ ! -f "$dir/etc/tokens" ] || return 0
    member=$(openssl rand -hex 24)
    staff=$(openssl rand -hex 24)
    printf 'X-Auth-Token: %s\n' "$member" >"$dir/etc/member.header"
    printf 'X-Auth-Token: %s\n' "$staff" >"$dir/etc/staff.header"
    {
        echo "# token user project roles"
        echo "$member demo demo member"
        echo "$staff warden foundation admin,foundation"
    } >"$dir/etc/tokens"
}

# The page that `make` has built; one that somebody has put there stays.
make_page() {
    if [ -f "${setting[BUILD]}/ui/dist/index.html" ] && { [ -L "$dir/web/ui" ] || [ ! -e "$dir/web/ui" ]; }; then
        ln -sfn "${setting[BUILD]}/ui/dist" "$dir/web/ui"
    fi
}

init() {
    [ -d "$dir" ] && [ ! -f "$dir/etc/settings" ] && [ -n "$(ls -A "$dir")" ] && die "$dir is not empty, and no instance"
    mkdir -p "$dir"/{etc,run,log,tmp,web,images,containers}
    take_settings "$@"
    save_settings
    make_certificate
    make_nginx
    make_mariadb
    make_tally
    make_tokens
    make_page
}
