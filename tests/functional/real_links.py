"""Follows the link of a run (argv[2], its uuid) and a result (argv[3]) with real code (PYTHONPATH names the checkout) on
the database of SQLAlchemy's URL argv[1]: subunit2sql's from the one to the other, or RefStack's (argv[4] is its version
table) back again. What it found goes to stdout as JSON."""
import collections
import collections.abc
import json
import sys

from oslo_config import cfg
from oslo_db import options

collections.Iterable = collections.abc.Iterable  # RefStack looks for it there
CONF = cfg.CONF


def by_subunit2sql(url, run, result):
    CONF.register_cli_opts(options.database_opts, group='database')
    from subunit2sql import shell
    shell.cli_opts()
    CONF(['a stream'], project='subunit2sql', default_config_files=[])
    CONF.set_override('connection', url, group='database')
    from subunit2sql.db import api
    found = api.get_runs_by_key_value('refstack_result_id', result)
    return {'runs': [r.uuid for r in found], 'metadata': {m.key: m.value for m in api.get_run_metadata(run)},
            'passes': [r.passes for r in found]}


def by_refstack(url, result, version_table):
    from refstack import db
    from refstack.db.sqlalchemy import api
    CONF([], project='refstack', default_config_files=[])
    CONF.set_override('connection', url, group='database')
    CONF.set_override('version_table', version_table)
    api.get_session = lambda: api._create_facade_lazily().get_session(autocommit=True)
    return {'run': db.get_test_result_meta_key(result, 'subunit_run'), 'user': db.get_test_result_meta_key(result, 'user'),
            'results': sorted(r['name'] for r in db.get_test_results(result))}


def main():
    url, run, result = sys.argv[1:4]
    found = by_refstack(url, result, sys.argv[4]) if len(sys.argv) > 4 else by_subunit2sql(url, run, result)
    json.dump(found, sys.stdout)


main()
