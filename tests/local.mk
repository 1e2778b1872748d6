# tests/: what no single module owns. A module's unit tests are declared in its own fragment.
EXTRA_DIST += tests/data
