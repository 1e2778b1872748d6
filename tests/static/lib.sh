# Sourced by the checks: where the sources are, and what a missing tool means.
export LC_ALL=C.UTF-8
top=$(cd "${srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
folders=(base db subunit image store identity handlers fcgi worker manage cli)

# `make check` on a machine without the tool skips; tests/run installs all tools and takes no excuse.
need() {
    command -v "$1" >/dev/null && return 0
    echo "$1 is not installed"
    [ -n "${TALLY_REQUIRE_TOOLS-}" ] && exit 1
    exit 77
}

# The files of ours whose names match one of the patterns, one a line: sources GLOB...
sources() {
    local args=() glob dir have=()
    for glob; do
        args+=(-o -name "$glob")
    done
    for dir in "${folders[@]}" tests deploy; do
        [ -d "$top/$dir" ] && have+=("$top/$dir")
    done
    find "${have[@]}" -path "$top/tests/data" -prune -o -type f \( "${args[@]:1}" \) -print | sort
}
