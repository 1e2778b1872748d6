# deploy/: from a bare Debian 12 to a running instance, and what a production host installs.
EXTRA_DIST += deploy/packages deploy/install-packages \
	deploy/instance deploy/instance-files.sh deploy/instance-services.sh
