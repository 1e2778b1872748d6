"""GET /v1/results: filters, dates and pages."""
import pytest

from results import body, listed, refusal, set_meta, upload, verify


def at(stack, ident, when):
    stack.sql('UPDATE result_info SET created_at = %s WHERE result_id = %s', when, ident)
    stack.sql('UPDATE test SET created_at = %s WHERE id = %s', when[:19], ident)


@pytest.fixture
def five(empty, anonymous):
    """Five anonymous results, a day each, newest first."""
    out = []
    for day in range(5):
        ident = upload(anonymous, body(cpid='cloud%d' % (day % 2)))
        at(empty, ident, '2026-01-%02d 12:00:00.500000' % (10 - day))
        out.append(ident)
    return out


@pytest.mark.smoke
def test_newest_first(empty, five, anonymous):
    doc = anonymous.get('/v1/results').json()
    assert [x['id'] for x in doc['results']] == five
    assert doc['pagination'] == {'current_page': 1, 'total_pages': 1}
    first = doc['results'][0]
    assert first == {'id': five[0], 'created_at': '2026-01-10T12:00:00Z', 'duration_seconds': 5, 'meta': {},
                     'product_version': None, 'verification_status': 0, 'url': empty.url + '/v1/results/' + five[0]}


@pytest.mark.parametrize('per_page, pages', [(1, 5), (2, 3), (4, 2), (5, 1), (500, 1)])
def test_pages(stack, five, anonymous, per_page, pages):
    stack.conf.set('api', results_per_page=per_page)
    stack.reload()
    seen = []
    for page in range(1, pages + 1):
        doc = anonymous.get('/v1/results', params={'page': page}).json()
        assert doc['pagination'] == {'current_page': page, 'total_pages': pages}
        assert len(doc['results']) == min(per_page, 5 - len(seen))
        seen += [x['id'] for x in doc['results']]
    assert seen == five
    refusal(anonymous.get('/v1/results', params={'page': pages + 1}), 400, 'page')


@pytest.mark.parametrize('page', ['0', '-1', 'x', '', '1.0', '2', '99999999999999999999', '4294967295', ' 1'])
def test_pages_that_are_none(five, anonymous, page):
    refusal(anonymous.get('/v1/results', params={'page': page}), 400, 'page')


def test_nothing(empty, anonymous, demo):
    for client, query in ((anonymous, ''), (demo, ''), (demo, '?signed'), (demo, '?page=1')):
        assert client.get('/v1/results' + query).json() == {'results': [],
                                                            'pagination': {'current_page': 1, 'total_pages': 0}}


def test_a_tie_has_an_order(stack, empty, anonymous):
    idents = [upload(anonymous) for _ in range(7)]
    for ident in idents:
        at(empty, ident, '2026-01-01 00:00:00.000000')
    stack.conf.set('api', results_per_page=2)
    stack.reload()
    assert listed(anonymous) == sorted(idents, reverse=True)


DATES = [({'start_date': '2026-01-08 12:00:00'}, 3), ({'start_date': '2026-01-08 12:00:01'}, 2),
         ({'end_date': '2026-01-08 12:00:00'}, 3), ({'end_date': '2026-01-08 11:59:59'}, 2),
         ({'start_date': '2026-01-07', 'end_date': '2026-01-08'}, 2), ({'start_date': '2026-01-07T13:00:00Z'}, 3),
         ({'start_date': '2026-01-08 12:00:00', 'end_date': '2026-01-08 12:00:00'}, 1),
         ({'start_date': '2027-01-01'}, 0), ({'start_date': '0001-01-01', 'end_date': '9999-12-31'}, 5)]


@pytest.mark.parametrize('query, n', DATES)
def test_dates(five, anonymous, query, n):
    assert len(listed(anonymous, query)) == n


@pytest.mark.parametrize('query', [{'start_date': 'yesterday'}, {'start_date': '2026-02-30'}, {'end_date': ''},
                                   {'end_date': "2026-01-01' OR 1=1"}, {'start_date': '2026-01-02', 'end_date': '2026-01-01'},
                                   {'start_date': ['2026-01-01', '2026-01-02']}])
def test_dates_that_are_none(five, anonymous, query):
    refusal(anonymous.get('/v1/results', params=query), 400, 'date')


def test_cpid(five, anonymous, demo):
    assert listed(anonymous, {'cpid': 'cloud0'}) == five[::2]
    assert listed(anonymous, {'cpid': 'cloud1', 'start_date': '2026-01-08'}) == five[1:2]
    for other in ('cloud', 'cloud0 ', 'CLOUD0', 'cloud0\x00', '%', "' OR '1'='1"):
        r = anonymous.get('/v1/results', params={'cpid': other})
        assert r.status_code == 400 if '\0' in other else r.json()['results'] == [], other
    blank = upload(demo, body(cpid='mine '))
    assert listed(demo, {'signed': '', 'cpid': 'mine '}) == [blank]
    assert listed(demo, {'signed': '', 'cpid': 'mine'}) == []


def test_verification_status(empty, demo, staff, anonymous, five):
    ident = upload(demo)
    verify(staff, demo, ident)
    assert listed(anonymous, {'verification_status': 1}) == [ident]
    assert listed(anonymous, {'verification_status': 0}) == five
    assert listed(demo, {'verification_status': 1, 'signed': ''}) == [ident]
    assert listed(demo, {'verification_status': 0, 'signed': ''}) == []
    for bad in ('2', '-1', 'x', '', 'true'):
        refusal(anonymous.get('/v1/results', params={'verification_status': bad}), 400, 'verification_status')


def test_signed(empty, demo, alt, staff, anonymous, five):
    mine, theirs = upload(demo), upload(alt)
    refusal(anonymous.get('/v1/results?signed'), 400, 'authenticate')
    for query in ('', 'true', '1'):
        assert listed(demo, {'signed': query}) == [mine]
    assert listed(empty.client('demo2'), {'signed': ''}) == [mine] and listed(alt, {'signed': ''}) == [theirs]
    assert listed(staff, {'signed': ''}) == [], 'staff has uploaded nothing'
    for client in (demo, alt, staff, anonymous):
        assert listed(client) == listed(client, {'signed': 'false'}) == five
    refusal(demo.get('/v1/results?signed=perhaps'), 400)
    refusal(demo.get('/v1/results?signed&signed'), 400)


def test_shared(empty, demo, anonymous, five):
    """It stands among the others by the time of its upload, not that of its sharing."""
    ident = upload(demo)
    at(empty, ident, '2026-01-08 13:00:00.000000')
    set_meta(demo, ident, shared='true')
    assert listed(anonymous) == five[:2] + [ident] + five[2:]
    got = anonymous.get('/v1/results').json()['results'][2]
    assert got['meta'] == {'shared': 'true'} and 'cpid' not in got
    got = demo.get('/v1/results').json()['results'][2]
    assert got['meta'] == {'shared': 'true', 'user': empty.user_id('demo')} and got['cpid'] == 'cloud'


def test_adopted_ones_stand_among_the_own(stack, empty, demo):
    """From two places, in one order, page by page."""
    idents = []
    for number in range(9):
        ident = upload(demo, body(cpid='c%d' % (number % 2)))
        at(empty, ident, '2026-01-%02d 00:00:00.000000' % (20 - number))
        if number % 3 == 1:
            empty.sql('UPDATE result_info SET project = NULL WHERE result_id = %s', ident)
        idents.append(ident)
    stack.conf.set('api', results_per_page=2)
    stack.reload()
    assert listed(demo, {'signed': ''}) == idents
    assert listed(demo, {'signed': '', 'cpid': 'c1'}) == idents[1::2]
    assert listed(stack.client('demo2'), {'signed': ''}) == [x for i, x in enumerate(idents) if i % 3 != 1]


@pytest.mark.parametrize('query', ['x=1', 'product_id=1', 'cpid=', 'cpid=a&cpid=b', 'page=1&page=1', 'limit=5'])
def test_parameters_that_are_none(empty, anonymous, query):
    refusal(anonymous.get('/v1/results?' + query), 400)
