#!/bin/bash
# The program in libtally-subunit(3), which the build takes out of the page, counts the failed tests of a stream.
set -euo pipefail
streams=${srcdir:-.}/tests/data/corpus/streams

said=$(tests/unit/subunit_example <"$streams/m095-all-statuses.v2.subunit")
[ "$said" = "1 failed" ] || { echo "said: $said"; exit 1; }
said=$(tests/unit/subunit_example <"$streams/v002-keyword-forms.v1.subunit")
[ "$said" = "4 failed" ] || { echo "said: $said"; exit 1; }
if tests/unit/subunit_example <"$streams/m036-only-garbage.v2.subunit"; then
    echo "a page of HTML was taken for a stream"
    exit 1
fi
