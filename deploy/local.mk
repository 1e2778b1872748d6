# deploy/: from a bare Debian 12 to a running instance.
EXTRA_DIST += deploy/packages deploy/install-packages
