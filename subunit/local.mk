# subunit/: the streams' reader, fold and writer; a library of its own, usable by other programs.
include_HEADERS += subunit/tally-subunit.h
