"""Uses real subunit2sql (PYTHONPATH names the checkout) on the database of SQLAlchemy's URL argv[1]; what it said goes
to stdout as JSON."""
import datetime
import io
import json
import sys

import subunit
from alembic import command, config
from oslo_config import cfg
from oslo_db import options

CONF = cfg.CONF


def stream():
    """A subunit v2 stream: one test passes, one fails, one is in the database already."""
    out = io.BytesIO()
    writer = subunit.v2.StreamResultToBytes(out)
    for name, status in (('real.test_pass[id-1,smoke]', 'success'), ('real.test_fail', 'fail'),
                         ('tempest.b', 'success')):
        start = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        writer.status(test_id=name, test_status='inprogress', timestamp=start)
        writer.status(test_id=name, test_status=status, test_tags={'worker-0'},
                      timestamp=start + datetime.timedelta(seconds=2.25))
    out.seek(0)
    return out


def main():
    CONF.register_cli_opts(options.database_opts, group='database')
    from subunit2sql import read_subunit, shell
    shell.cli_opts()
    CONF(['a stream'], project='subunit2sql', default_config_files=[])
    CONF.set_override('connection', sys.argv[1], group='database')
    from subunit2sql.db import api

    alembic = config.Config()
    import subunit2sql.migrations
    alembic.set_main_option('script_location', subunit2sql.migrations.__path__[0])
    alembic.config_file_name = subunit2sql.migrations.__path__[0] + '/alembic.ini'
    alembic.subunit2sql_config = CONF
    command.upgrade(alembic, 'head')

    said = {'tests': sorted(t.test_id for t in api.get_all_tests()),
            'runs': len(api.get_all_runs())}
    run = shell.process_results(read_subunit.ReadSubunit(stream()).get_results(), artifacts='https://logs/real')
    run_id = run.id
    run = api.get_run_by_id(run_id)
    said['loaded'] = [run.passes, run.fails, run.skips]
    said['of the run'] = sorted(t.test_id for t in api.get_tests_from_run_id(run_id))
    said['failing'] = len(api.get_failing_from_run(run_id))
    test = api.get_test_by_test_id('tempest.b')
    said['counters'] = [test.run_count, test.success, test.failure]
    test_run = [t for t in api.get_test_runs_by_run_id(run.uuid) if t.test_id == test.id][0]
    api.add_test_run_attachments({'log': b'\0\xff' * 50000}, test_run.id)
    session = api.get_session()
    from subunit2sql.db import models
    said['attachment'] = len(session.query(models.Attachments).filter_by(test_run_id=test_run.id).one().attachment)
    session.close()
    api.add_run_metadata({'build': 'real'}, run_id)
    said['metadata'] = {m.key: m.value for m in api.get_run_metadata(run.uuid)}
    said['prefixes'] = sorted(api.get_test_prefixes())
    api.delete_test_runs_by_run_uuid(run.uuid)
    api.delete_run_by_uuid(run.uuid)
    said['runs after'] = len(api.get_all_runs())
    # the oldest run goes with what Tally keeps beside it
    api.delete_run_by_uuid(api.get_all_runs()[0].uuid)
    json.dump(said, sys.stdout)


main()
