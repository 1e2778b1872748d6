# shellcheck shell=bash
# shellcheck disable=SC2154
# deploy/instance's processes. A service is the leader of a session of its own. Its pid file also
# tells when it began, so that a pid that has been used again never stands for it. Sourced.

# The time at which process $1 began; nothing if there is none, or only its zombie.
began() {
    local -a stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # The name, which may hold anything, ends at the last bracket; the state follows, and the 22nd field is the time.
    read -ra stat <<<"${stat##*) }"
    [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

# The pid of service $1, if it runs.
alive() {
    local pid start
    read -r pid start 2>/dev/null <"$dir/run/$1.service" || return 1
    [[ -n $start && $(began "$pid") = "$start" ]] && echo "$pid"
}

# Runs service $1, with its output in log/$1.out.
launch() {
    local name=$1
    shift
    (cd "$dir" && exec setsid "$@") </dev/null >>"$dir/log/$name.out" 2>&1 9>&- &
    echo "$! $(began $!)" >"$dir/run/$name.service"
}

# Waits until command $3... succeeds, at most $2 seconds, as long as service $1 runs.
await() {
    local name=$1 until=$((SECONDS + $2))
    shift 2
    until "$@" 2>/dev/null; do
        alive "$name" >/dev/null || {
            tail -n 20 "$dir/log/$name".* >&2
            die "$name did not start"
        }
        [ $SECONDS -lt $until ] || die "$name is not ready: see $dir/log"
        sleep 0.05
    done
}

# What is left of service $1's session: a leader that was killed leaves its children.
members() {
    local pid start member
    read -r pid start 2>/dev/null <"$dir/run/$1.service" || return 0
    for member in $(pgrep -s "$pid"); do
        # A session id is not given out again while the session has members; the folder is a second proof.
        [[ $(readlink "/proc/$member/cwd")/ = "$dir"/* ]] && echo "$member"
    done
    return 0
}

signal_members() {
    local pid
    for pid in $(members "$1"); do
        kill "-$2" "$pid" 2>/dev/null || true
    done
}

# Ends service $1: signal $2 to the leader, and KILL to what is left after $3 seconds.
end_service() {
    local pid until=$((SECONDS + $3))
    if pid=$(alive "$1"); then
        kill "-$2" "$pid" 2>/dev/null || true
        while alive "$1" >/dev/null && [ $SECONDS -lt $until ]; do
            sleep 0.05
        done
    fi
    signal_members "$1" KILL
    while [ -n "$(members "$1")" ]; do
        sleep 0.05
    done
    rm -f "$dir/run/$1.service"
}

sql() {
    mariadb --no-defaults --socket="$dir/run/mariadb.sock" --user=root --default-character-set=utf8mb4 "$@"
}

start_mariadb() {
    if [ ! -d "$dir/mariadb/mysql" ]; then
        rm -rf "$dir/mariadb"
        # --force: without the look-up of the host's name, which fails where there is no /etc/hosts.
        mariadb-install-db --defaults-file="$dir/etc/mariadb.cnf" --auth-root-authentication-method=normal \
            --skip-test-db --force --user="$(id -un)" >"$dir/log/mariadb-install.log" 2>&1 ||
            die "no database: see $dir/log/mariadb-install.log"
    fi
    launch mariadb mariadbd --defaults-file="$dir/etc/mariadb.cnf"
    await mariadb 60 sql -e 'SELECT 1' >/dev/null
    sql -e "CREATE DATABASE IF NOT EXISTS tally CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
        CREATE OR REPLACE USER tally@localhost IDENTIFIED BY '${setting[DB_PASSWORD]}';
        GRANT ALL ON tally.* TO tally@localhost"
}

# Has a tally.fcgi its threads, so that its configuration will do?
tally_serves() {
    local pid tasks
    for pid in $(members tally); do
        tasks=("/proc/$pid/task/"*)
        if [ ${#tasks[@]} -gt 1 ] && [[ -n ${setting[WRAP]} || $(cat "/proc/$pid/comm") = tally.fcgi ]]; then
            return 0
        fi
    done
    return 1
}

start_tally() {
    local command=("${setting[BUILD]}/fcgi/tally.fcgi" --config "$dir/etc/tally.conf") sock=$dir/run/tally.sock
    # shellcheck disable=SC2206
    [ -z "${setting[WRAP]}" ] || command=(${setting[WRAP]} "${command[@]}")
    [ "${setting[PROCESSES]}" = 1 ] || command=(/usr/bin/multiwatch -f "${setting[PROCESSES]}" -s TERM -- "${command[@]}")
    rm -f "$sock"
    launch tally spawn-fcgi -n -s "$sock" -M 0600 -- "${command[@]}"
    # spawn-fcgi listens before tally.fcgi runs and has read its configuration.
    await tally 30 tally_serves
}

# Its socket is there once it looks for tasks.
start_worker() {
    launch worker "${setting[BUILD]}/worker/tally-worker" --config "$dir/etc/tally.conf"
    await worker 30 worker_listens
}

worker_listens() {
    [ -S "$dir/run/worker.sock.$(alive worker)" ]
}

start_nginx() {
    nginx -t -q -p "$dir" -c "$dir/etc/nginx.conf" -e "$dir/log/nginx.log" || die "nginx's configuration is wrong"
    rm -f "$dir/run/nginx.pid"
    launch nginx nginx -p "$dir" -c "$dir/etc/nginx.conf" -e "$dir/log/nginx.log"
    await nginx 20 test -s "$dir/run/nginx.pid"
}

start() {
    local name
    [ $# -gt 0 ] || set -- mariadb tally worker nginx
    for name; do
        alive "$name" >/dev/null && continue
        end_service "$name" TERM 1
        "start_$name"
    done
}

stop() {
    local name
    [ $# -gt 0 ] || set -- nginx worker tally mariadb
    for name; do
        case $name in
            nginx) end_service nginx TERM 10 ;;
            tally) end_service tally TERM 60 ;;
            worker) end_service worker TERM 60 ;;
            mariadb) end_service mariadb TERM 120 ;;
        esac
    done
}

reload() {
    local pid
    make_nginx
    nginx -t -q -p "$dir" -c "$dir/etc/nginx.conf" -e "$dir/log/nginx.log" || die "nginx's configuration is wrong"
    if pid=$(alive nginx); then
        kill -HUP "$pid"
    fi
    if pid=$(alive worker); then
        kill -HUP "$pid"
    fi
    for pid in $(members tally); do
        # multiwatch, which would take it as the order to stop, gets none.
        [ "$(cat "/proc/$pid/comm")" = tally.fcgi ] && kill -HUP "$pid"
    done
    return 0
}

status() {
    local name pid rc=0
    for name in mariadb tally worker nginx; do
        if pid=$(alive "$name"); then
            echo "$name: running ($pid)"
        else
            echo "$name: stopped"
            rc=3
        fi
    done
    return $rc
}

environment() {
    printf '%s=%q\n' URL "https://${setting[NAME]}:${setting[PORT]}" CACERT "$dir/etc/tls.crt" TOKENS "$dir/etc/tokens" \
        MEMBER "$dir/etc/member.header" STAFF "$dir/etc/staff.header" \
        CONTAINERS "$dir/containers" TALLY_CONFIG "$dir/etc/tally.conf" DB_SOCKET "$dir/run/mariadb.sock" FCGI_SOCKET "$dir/run/tally.sock"
}
