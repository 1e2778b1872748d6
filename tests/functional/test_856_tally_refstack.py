"""From a run of refstack-client to `tally upload --subunit`, with refstack-client's own code; and JUnit out."""
import json
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from evidence import counts, stored
from lab.service import PATH
from streams import Stream, simple

# What `refstack-client test` does when Tempest has ended: the passed tests of stestr's file, the cpid of the cloud,
# the result beside the stream.
AFTER_TEMPEST = """
import sys
from argparse import Namespace
from refstack_client.refstack_client import RefstackClient
client = RefstackClient(Namespace(silent=True, verbose=0, insecure=True))
stream, auth_url = sys.argv[1:]
config = dict(auth_version='v3', auth_url=auth_url + '/v3/auth/tokens', domain_name='Default', username='demo',
              password='demo', tenant_id=None, tenant_name='demo', project_id=None, project_name='demo')
cpid = client._get_cpid_from_keystone(*client._generate_keystone_data(config))
content = client._form_result_content(cpid, 17, client.get_passed_tests(stream))
client._save_json_results(content, stream + '.json')
"""
V1 = ('test: api.Images.test_list[id-5f4d2ba5-1d1a-4c1d-9b1a-0a2c43b6dfe7,smoke]\n'
      'success: api.Images.test_list[id-5f4d2ba5-1d1a-4c1d-9b1a-0a2c43b6dfe7,smoke]\n'
      'test: api.Images.test_show\nsuccess: api.Images.test_show\n'
      'test: api.Images.test_broken\nfailure: api.Images.test_broken [\nTraceback\nValueError: private\n]\n')


def test_result_then_evidence(stack, tally, demo, alt):
    stream = tally.file('0', V1)
    done = subprocess.run(['/usr/bin/python3', '-W', 'ignore', '-c', AFTER_TEMPEST, stream, stack.keystone.url],
                          env={'PATH': PATH, 'HOME': tally.folder}, cwd=tally.folder, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    with open(stream + '.json', encoding='utf-8') as f:
        content = json.load(f)
    # without --subunit the service sees the two that passed, and no byte of what failed
    first = tally.json('upload', stream + '.json')
    assert counts(stack)['runs'] == 0 and demo.get('/v1/results/' + first['result']).json()['cpid'] == content['cpid']
    made = tally.json('upload', stream + '.json', '--subunit', stream)
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert (run['passes'], run['fails'], run['cpid']) == (2, 1, content['cpid'])
    assert made['result'] == run['result-id'] != first['result']
    # others see the result once it is shared, and never its evidence
    tally('result', 'share', made['result'])
    assert alt.get('/v1/results/' + made['result']).status_code == 200
    assert alt.get('/v1/subunit/' + made['run']).status_code == 404
    # the cpid that tally computes by itself is refstack-client's
    alone = tally.json('upload-subunit', tally.file('1', simple()))
    assert demo.get('/v1/subunit/' + alone['run']).json()['subunit-data']['cpid'] == content['cpid']


def test_junit(tally, demo):
    stream = Stream().test('pkg.A.test_good').test('pkg.A.test_bad', 'fail', files=[
        ('traceback', 'text/plain', b'Traceback\nValueError: <&>\n')])
    run, _ = stored(demo, stream.bytes())
    tally('run', 'export', run, '-f', 'junit', '-o', 'out.xml')
    root = ElementTree.parse(tally.folder + '/out.xml').getroot()
    cases = {c.get('name'): c for c in root.iter('testcase')}
    assert len(cases) == 2 and len(list(root.iter('failure'))) == 1
    assert 'ValueError: <&>' in ''.join(next(root.iter('failure')).itertext())
