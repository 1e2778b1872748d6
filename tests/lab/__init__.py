"""Private instances of the services that Tally stands on, for tests: no systemd, nothing of the distribution's
own instances, everything in one folder, listening on unix sockets and free loopback ports only."""
