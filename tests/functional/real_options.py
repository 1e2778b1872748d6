"""Loads the stream argv[2] into the database of SQLAlchemy's URL argv[1] by real subunit2sql (PYTHONPATH names the
checkout) with the options that follow, and writes what the database then holds to stdout as JSON."""
import json
import sys

import sqlalchemy
from oslo_config import cfg
from oslo_db import options

from subunit2sql_rows import QUERIES

CONF = cfg.CONF


def main():
    CONF.register_cli_opts(options.database_opts, group='database')
    from subunit2sql import read_subunit, shell
    shell.cli_opts()
    CONF([sys.argv[2], *sys.argv[3:]], project='subunit2sql', default_config_files=[])
    CONF.set_override('connection', sys.argv[1], group='database')
    with open(sys.argv[2], 'rb') as stream:
        reader = read_subunit.ReadSubunit(stream, attachments=CONF.store_attachments, attr_regex=CONF.attr_regex,
                                          use_wall_time=CONF.use_run_wall_time, non_subunit_name=CONF.non_subunit_name)
        shell.process_results(reader.get_results())
    with sqlalchemy.create_engine(sys.argv[1]).connect() as db:
        said = {name: [list(row) for row in db.execute(sqlalchemy.text(sql))] for name, sql in QUERIES.items()}
    json.dump(said, sys.stdout, default=float)


if __name__ == '__main__':
    main()
