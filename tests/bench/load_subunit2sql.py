"""Loads the stream argv[2] with real subunit2sql (PYTHONPATH names the checkout) into the tables at SQLAlchemy's URL
argv[1], without attachments, which it cannot bind under Python 3; prints how many tests and how many seconds."""
import sys
import time

from oslo_config import cfg
from oslo_db import options

CONF = cfg.CONF


def main():
    CONF.register_cli_opts(options.database_opts, group='database')
    from subunit2sql import read_subunit, shell
    shell.cli_opts()
    CONF(['a stream'], project='subunit2sql', default_config_files=[])
    CONF.set_override('connection', sys.argv[1], group='database')
    begin = time.monotonic()
    with open(sys.argv[2], 'rb') as stream:
        results = read_subunit.ReadSubunit(stream).get_results()
        tests = len(results) - 1  # run_time is one of them
        shell.process_results(results)
    print(tests, time.monotonic() - begin)


main()
