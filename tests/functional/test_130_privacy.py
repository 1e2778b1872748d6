"""A run is its project's and the foundation's staff's: nobody else learns that it is there."""
import uuid

import pytest

from streams import Stream, simple

NAME = 'secret.mod.Class.test_nobody_may_know'


@pytest.fixture
def run(stack, demo):
    """A run of project demo: {uuid, result, test id, attachment id}."""
    stream = Stream()
    stream.test(NAME + uuid.uuid4().hex, 'fail', files=[('traceback', 'text/plain;charset=utf8', b'secret words')])
    reply = demo.post('/v1/subunit?meta.build_name=secret', data=stream.bytes(),
                      headers={'Content-Type': 'application/octet-stream'})
    assert reply.status_code == 201, reply.text
    ids = reply.json()
    data = demo.get('/v1/subunit/' + ids['subunit-uuid']).json()
    return {'uuid': ids['subunit-uuid'], 'result': ids['result-id'], 'test': data['tests'][0]['id'],
            'attachment': data['attachments'][0]['id'], 'name': data['tests'][0]['test_id']}


def paths(run):
    return ['/v1/subunit/' + run['uuid'], '/v1/subunit?result_id=' + run['result'],
            '/v1/subunit/%s/stream' % run['uuid'],
            '/v1/subunit/%s/attachments/%s' % (run['uuid'], run['attachment'])]


@pytest.mark.smoke
def test_reading_a_run(stack, run, anonymous, demo, alt, staff):
    for path in paths(run):
        codes = [client.get(path).status_code for client in (anonymous, demo, stack.client('demo2'), alt, staff)]
        assert codes == [401, 200, 200, 404, 200], path


def test_404_is_the_same_for_foreign_and_missing(run, alt):
    foreign = alt.get('/v1/subunit/' + run['uuid'])
    missing = alt.get('/v1/subunit/' + str(uuid.uuid4()))
    assert foreign.status_code == missing.status_code == 404

    def shape(reply, ident):
        doc = reply.json()
        return {k: str(v).replace(ident, 'ID').replace(reply.headers['X-Openstack-Request-Id'], 'REQ')
                for k, v in doc.items()}
    assert shape(foreign, run['uuid']) == shape(missing, missing.request.url.rsplit('/', 1)[1])
    assert set(foreign.headers) == set(missing.headers)


def test_changing_a_run(run, anonymous, alt, demo):
    path = '/v1/subunit/' + run['uuid']
    assert anonymous.delete(path).status_code == 401
    assert alt.delete(path).status_code == 404
    assert demo.get(path).status_code == 200
    put = '/v1/subunit/' + run['result']
    body = {'data': simple(run['name']), 'headers': {'Content-Type': 'application/octet-stream'}}
    assert anonymous.put(put, **body).status_code == 401
    assert alt.put(put, **body).status_code == 404


def test_lists(run, anonymous, alt, demo, staff):
    def listed(client, query=''):
        reply = client.get('/v1/subunit?limit=1000' + query)
        assert reply.status_code == 200
        return run['uuid'] in reply.text
    assert anonymous.get('/v1/subunit').status_code == 401
    assert listed(demo) and listed(staff) and not listed(alt)
    assert listed(demo, '&meta.build_name=secret') and not listed(alt, '&meta.build_name=secret')


def test_marker_of_a_foreign_run(run, alt):
    """It tells nothing: as good as one that is not there."""
    foreign = alt.get('/v1/subunit?marker=' + run['uuid'])
    missing = alt.get('/v1/subunit?marker=' + str(uuid.uuid4()))
    assert foreign.status_code == missing.status_code
    assert run['uuid'] not in foreign.text.replace('marker=' + run['uuid'], '').replace(run['uuid'], '', 1)


def test_attachment_through_another_run(run, alt, demo):
    """An attachment is found only below its own run."""
    reply = alt.post('/v1/subunit', data=simple('alt.test'), headers={'Content-Type': 'application/octet-stream'})
    assert reply.status_code == 201, reply.text
    mine = reply.json()['subunit-uuid']
    assert alt.get('/v1/subunit/%s/attachments/%s' % (mine, run['attachment'])).status_code == 404
    own = demo.post('/v1/subunit', data=simple('demo.test'), headers={'Content-Type': 'application/octet-stream'})
    mine = own.json()['subunit-uuid']
    assert demo.get('/v1/subunit/%s/attachments/%s' % (mine, run['attachment'])).status_code == 404


def test_same_stream_of_another_project(stack, demo, alt):
    """That somebody else has uploaded the same bytes is not told: a run of one's own comes out."""
    data = simple('shared.test')
    headers = {'Content-Type': 'application/octet-stream'}
    first = demo.post('/v1/subunit', data=data, headers=headers)
    second = alt.post('/v1/subunit', data=data, headers=headers)
    again = demo.post('/v1/subunit', data=data, headers=headers)
    assert (first.status_code, second.status_code, again.status_code) == (201, 201, 409)
    assert first.json()['subunit-uuid'] != second.json()['subunit-uuid']
    assert again.json()['subunit-uuid'] == first.json()['subunit-uuid']
    # a member of the same project is the same owner
    third = stack.client('demo2').post('/v1/subunit', data=data, headers=headers)
    assert third.status_code == 409


def test_deleted_run_is_gone(run, demo, staff):
    path = '/v1/subunit/' + run['uuid']
    assert demo.delete(path).status_code == 204
    for client in (demo, staff):
        assert client.get(path).status_code == 404
        assert run['uuid'] not in client.get('/v1/subunit?limit=1000').text
    assert demo.delete(path).status_code == 404


def test_staff_may_delete(run, staff):
    assert staff.delete('/v1/subunit/' + run['uuid']).status_code == 204


def test_attachment_is_a_download(run, demo):
    reply = demo.get('/v1/subunit/%s/attachments/%s' % (run['uuid'], run['attachment']))
    assert reply.content == b'secret words'
    assert reply.headers['Content-Disposition'].startswith('attachment')
    assert reply.headers['X-Content-Type-Options'] == 'nosniff'
    assert not any(word in reply.headers['Content-Type'] for word in ('html', 'xml', 'javascript', 'svg'))
