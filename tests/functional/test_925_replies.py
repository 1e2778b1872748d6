"""The replies that the functional tests get are held against docs/api/openapi.json, and what differs is found."""
import copy
import json

import pytest
from lab.openapi import Document, Undocumented

VERSIONS = {'versions': [{'id': 'v2.15', 'status': 'CURRENT', 'links': [{'rel': 'self', 'href': 'https://x/v2/'}]}]}


@pytest.fixture(scope='module')
def document():
    return Document.load()


def check(document, body, method='GET', path='/versions', status=200, kind='application/json'):
    document.check(method, path, status, kind, json.dumps(body) if body is not None else b'')


def test_what_is_documented_passes(document):
    check(document, VERSIONS)
    check(document, VERSIONS, kind='application/json; charset=utf-8')
    check(document, {'error': {'code': 404, 'title': 'Not Found', 'message': 'no such resource'}}, path='/v2/nothing',
          status=404)
    check(document, {'code': 404, 'title': 'Not Found', 'detail': 'no such resource'}, path='/v1/nothing', status=404)
    check(document, None, method='HEAD')
    check(document, {'any': 'thing'}, path='/identity/v3')  # not ours


@pytest.mark.parametrize('change', [
    lambda d: d.update(more=1),
    lambda d: d.pop('versions'),
    lambda d: d['versions'][0].update(more=1),
    lambda d: d['versions'][0].pop('id'),
    lambda d: d['versions'][0].update(status='NEW'),
    lambda d: d['versions'][0].update(links={}),
], ids=['unknown', 'missing', 'deep-unknown', 'deep-missing', 'word', 'type'])
def test_what_is_not_is_found(document, change):
    body = copy.deepcopy(VERSIONS)
    change(body)
    with pytest.raises(Undocumented):
        check(document, body)


@pytest.mark.parametrize('how', [
    {'status': 204}, {'status': 418}, {'status': 201}, {'kind': 'text/html'}, {'kind': ''}, {'path': '/v2/tasks'},
    {'path': '/v1/subunit/x'}, {'method': 'DELETE'}, {'path': '/v1/x', 'status': 404},
], ids=str)
def test_another_reply_is_found(document, how):
    with pytest.raises(Undocumented):
        check(document, VERSIONS, **how)


def test_a_body_where_none_belongs(document):
    check(document, None, method='DELETE', path='/v1/results/x', status=204)
    with pytest.raises(Undocumented):
        check(document, {}, method='DELETE', path='/v1/results/x', status=204)


def test_the_tests_client_looks(stack, demo, monkeypatch):
    """What holds for a reply made up here holds for one of tally.fcgi's."""
    assert demo.get('/v1/profile').status_code == 200
    changed = copy.deepcopy(stack.replies.document)
    del changed['components']['schemas']['Profile']['properties']['is_admin']
    monkeypatch.setattr(stack, 'replies', Document(changed))
    with pytest.raises(Undocumented, match='is_admin'):
        demo.get('/v1/profile')
