"""The usual lists of images come in the order of an index, and read what their page needs, wherever it begins."""
import itertools

import pytest
from catalogue import no_images
from test_640_explain import Recorder

ROWS = 30000
PAGE = 10
FILL = (
    # a third is the project's, a third another's, all public, the rest other projects' own; four are shared with it
    "INSERT INTO images (id, name, status, visibility, owner, created_at, updated_at, size, disk_format, os_hidden,"
    " checksum)"
    " SELECT LOWER(CONCAT(LPAD(HEX(CRC32(seq)), 8, '0'), '-0000-4000-8000-', LPAD(seq, 12, '0'))), CONCAT('name', seq % 3000),"
    " ELT(seq % 20 + 1, 'queued', 'saving', 'deactivated', 'active', 'active', 'active', 'active', 'active', 'active',"
    " 'active', 'active', 'active', 'active', 'active', 'active', 'active', 'active', 'active', 'active', 'active'),"
    " ELT(seq % 3 + 1, ELT(seq DIV 3 % 2 + 1, 'private', 'community'), 'public', 'shared'),"
    " ELT(seq % 3 + 1, '{demo}', '{alt}', CONCAT('p', seq % 50)), '2026-01-01' + INTERVAL seq SECOND,"
    " '2026-01-02' + INTERVAL seq * 7919 % 86400 SECOND, seq, 'raw', seq % 100 = 0,"
    " MD5(IF(seq % 1000 = 1, '', seq)) FROM seq_1_to_{rows}",
    "INSERT INTO image_members (image_id, member, created_at, updated_at, status, image_created_at)"
    " SELECT id, '{demo}', created_at, created_at, 'accepted', created_at FROM images WHERE visibility = 'shared' LIMIT 4",
    # with another project they all are
    "INSERT INTO image_members (image_id, member, created_at, updated_at, status, image_created_at)"
    " SELECT id, '{alt}', created_at, created_at, ELT(size % 4 + 1, 'pending', 'accepted', 'accepted', 'rejected'),"
    " created_at FROM images WHERE visibility = 'shared'",
    "INSERT INTO image_properties (image_id, name, value, created_at)"
    " SELECT id, 'os_distro', ELT(size % 500 - 6, 'debian', 'plan9'), created_at FROM images WHERE size % 500 IN (7, 8)",
    "INSERT INTO image_properties (image_id, name, value, created_at)"
    " SELECT id, 'architecture', 'x86_64', created_at FROM images",
    "INSERT INTO image_tags (image_id, value, created_at)"
    " SELECT id, ELT(size % 500 - 6, 'rare', 'other'), created_at FROM images WHERE size % 500 IN (7, 8)",
)


@pytest.fixture(scope='module')
def full(stack):
    no_images(stack)
    with stack.connect() as db, db.cursor() as cur:
        for sql in FILL:
            cur.execute(sql.format(rows=ROWS, demo=stack.project('demo'), alt=stack.project('alt')))
        for table in ('images', 'image_members', 'image_properties', 'image_tags'):
            cur.execute('ANALYZE TABLE ' + table)
    yield stack
    no_images(stack)


def rows_read(cur, sql):
    """How many rows the server touches for the statement."""
    cur.execute('FLUSH STATUS')
    cur.execute(sql)
    cur.fetchall()
    cur.execute("SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_first', 'Handler_read_key',"
                " 'Handler_read_last', 'Handler_read_next', 'Handler_read_prev', 'Handler_read_rnd',"
                " 'Handler_read_rnd_next')")
    return sum(int(n) for _, n in cur.fetchall())


def recorded(stack, client, *queries):
    with Recorder(stack):
        for query in queries:
            r = client.get('/v2/images?limit=%d%s' % (PAGE, query))
            assert r.status_code == 200, r.text
            assert len(r.json()['images']) == PAGE, (query, len(r.json()['images']))
    rows = stack.sql("SELECT argument FROM mysql.general_log WHERE command_type = 'Execute'"
                     " AND user_host LIKE 'tally%%' AND argument LIKE '%%FROM images i%%ORDER BY%%'")
    return [text for text, in rows]


def check(stack, client, most, *queries):
    statements = recorded(stack, client, *queries)
    assert len(statements) == len(queries)
    bad = []
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SET SESSION tx_isolation = %s', ('READ-COMMITTED',))
        for query, sql in zip(queries, statements):
            n = rows_read(cur, sql)
            if n > most:
                cur.execute('EXPLAIN ' + sql)  # says why
                bad.append('%d rows for %s\n%s' % (n, query, '\n'.join(str(row[2:4] + row[5:7] + row[8:]) for row in cur.fetchall())))
    assert not bad, '\n'.join(bad)


def middle(client, query):
    """The marker of an image in the middle of the list."""
    r = client.get('/v2/images?limit=1000' + query)
    return '&marker=' + r.json()['images'][-1]['id']


SORTS = ['', '&sort=created_at:asc', '&sort=updated_at:desc', '&sort=updated_at:asc', '&sort=name:asc',
         '&sort=name:desc', '&sort=status:asc', '&sort=status:desc']


@pytest.mark.parametrize('who', ['demo', 'admin'])
def test_713_sorts(full, request, who):
    client = request.getfixturevalue(who)
    pages = [s + m for s in SORTS for m in ('', middle(client, s))]
    check(full, client, 400, *pages)


@pytest.mark.parametrize('who', ['demo', 'admin'])
def test_713_filters(full, request, who):
    """What most images have, and what few have but an index knows."""
    client = request.getfixturevalue(who)
    filters = ['&visibility=public', '&status=active', '&status=queued', '&name=name304', '&architecture=x86_64',
               '&visibility=all', '&status=in:queued,saving', '&disk_format=raw', '&size_min=3']
    check(full, client, 600, *filters)
    check(full, client, 600, *(f + s for f, s in itertools.product(('&status=queued', '&name=name304'),
                                                                    ('&sort=created_at:asc',))))


def test_713_rare(full, demo):
    """Tags, properties and checksums that few images have are found by their own index."""
    check(full, demo, 2500, '&tag=rare', '&os_distro=debian', '&os_distro=debian&tag=rare',
          '&checksum=d41d8cd98f00b204e9800998ecf8427e')


def test_713_owner(full, demo, admin):
    check(full, demo, 400, '&owner=' + full.project('demo'))
    check(full, admin, 400, '&owner=' + full.project('demo'), '&owner=p7')


def test_713_shared(full, alt):
    """What is shared with a project, ten thousand images here, costs a page of them what it holds, wherever it begins."""
    filters = ['', '&visibility=shared', '&visibility=shared&member_status=pending', '&member_status=all',
               '&visibility=all&member_status=rejected', '&visibility=shared&status=active']
    marker = '&marker=' + full.sql('SELECT id FROM images WHERE size = %s', ROWS // 2 // 3 * 3 + 2)[0][0]
    check(full, alt, 400, *(f + s + m for f, s, m in itertools.product(filters, ('', '&sort=created_at:asc'), ('', marker))))


def test_713_shared_is_whole(full, alt):
    """Page by page the same images as by another order, which has no index."""
    def ids(query):
        link, found = '/v2/images?limit=1000&visibility=shared&member_status=pending' + query, []
        while link:
            page = alt.get(link).json()
            found += [i['id'] for i in page['images']]
            link = page.get('next')
        return found
    by_time = ids('')
    shown = full.sql("SELECT COUNT(*) FROM image_members m JOIN images i ON i.id = m.image_id WHERE m.member = %s"
                     " AND m.status = 'pending' AND i.os_hidden = 0", full.project('alt'))[0][0]
    assert len(by_time) == len(set(by_time)) == shown > 1000
    assert sorted(by_time) == sorted(ids('&sort=size:asc'))


def test_713_own_public(full, alt):
    """A page costs what it holds where all that the project has is public too."""
    check(full, alt, 400, *(q + m for q in ('', '&owner=' + full.project('alt'), '&visibility=all', '&visibility=public',
                                            '&sort=created_at:asc') for m in ('', middle(alt, q))))


def test_713_own_of_one_visibility(full, alt, admin):
    """Few among very many that are one's own: forty of 10,000."""
    full.sql("UPDATE images SET visibility = 'private' WHERE owner = %s AND size %% 250 = 1", full.project('alt'))
    filters = ['&visibility=private', '&visibility=private&status=active', '&visibility=private&sort=created_at:asc']
    try:
        check(full, alt, 400, *(f + owner for f in filters for owner in ('', '&owner=' + full.project('alt'))))
        check(full, admin, 400, *(f + '&owner=' + full.project('alt') for f in filters))
    finally:
        full.sql("UPDATE images SET visibility = 'public' WHERE owner = %s", full.project('alt'))


@pytest.mark.parametrize('query', ['', '&visibility=all', '&sort=name:asc'])
def test_713_own_public_once(full, alt, query):
    """What is open and one's own comes once, on full pages."""
    link, found = '/v2/images?limit=997' + query, []
    while link:
        page = alt.get(link).json()
        found += [i['id'] for i in page['images']]
        link = page.get('next')
        assert not link or len(page['images']) == 997
    shown = full.sql("SELECT COUNT(*) FROM images i LEFT JOIN image_members m ON m.image_id = i.id AND m.member = %s"
                     " WHERE i.os_hidden = 0 AND (i.owner = %s OR i.visibility = 'public' OR m.status = 'accepted'"
                     " OR i.visibility = %s)", full.project('alt'), full.project('alt'),
                     'community' if 'all' in query else '')[0][0]
    assert len(found) == len(set(found)) == shown > 10000
