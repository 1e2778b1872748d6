"""Uses real RefStack (PYTHONPATH names the checkout) on the database of SQLAlchemy's URL argv[1], its version table
argv[2]; what it said goes to stdout as JSON. Where Python 3 or oslo.db is too new for it, that is bridged here."""
import collections
import collections.abc
import json
import sys

from alembic import command, config
from oslo_config import cfg

collections.Iterable = collections.abc.Iterable
CONF = cfg.CONF


def main():
    from refstack import db
    from refstack.db.sqlalchemy import api
    CONF([], project='refstack', default_config_files=[])
    CONF.set_override('connection', sys.argv[1], group='database')
    CONF.set_override('version_table', sys.argv[2])
    api.get_session = lambda: api._create_facade_lazily().get_session(autocommit=True)
    import refstack.db.migrations
    from refstack.db.migrations.alembic import utils
    alembic = config.Config()
    alembic.set_main_option('script_location', refstack.db.migrations.__path__[0] + '/alembic')
    command.upgrade(alembic, 'head')

    said = {}
    with api.get_engine().connect() as connection:
        said['version'] = utils.get_table_version(connection, sys.argv[2])
    said['users'] = db.user_get('https://openstackid.org/user.1').fullname
    test = db.store_test_results({'cpid': 'cloud', 'duration_seconds': 5, 'results': [{'name': 'real.a', 'uuid': None},
                                                                                    {'name': 'real.A'}]})
    db.save_test_result_meta_item(test, 'user', 'https://openstackid.org/user.1')
    db.save_test_result_meta_item(test, 'shared', 'true')
    said['results'] = sorted(r['name'] for r in db.get_test_results(test))
    said['meta'] = db.get_test_result_meta_key(test, 'user')
    said['found'] = db.get_test_result_records_count({'cpid': 'cloud'})
    said['page'] = len(db.get_test_result_records(1, 50, {'cpid': 'cloud'}))
    db.update_test_result({'id': test, 'verification_status': 1})
    said['verified'] = db.get_test_result(test)['verification_status']
    said['keys'] = len(db.get_user_pubkeys('https://openstackid.org/user.1'))
    db.delete_test_result(test)
    said['left'] = db.get_test_result_records_count({'cpid': 'cloud'})
    json.dump(said, sys.stdout)


main()
