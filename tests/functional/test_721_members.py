"""Sharing: /v2/images/{id}/members, as Glance has it."""
import threading
import uuid

import jsonschema
import pytest

from image_files import message, new_image, path_of, uploaded


def members_of(image):
    return '/v2/images/%s/members' % image


def member_of(image, member):
    return '/v2/images/%s/members/%s' % (image, member)


@pytest.fixture
def shared(stack, demo):
    """An image that demo shares with alt, who has not answered."""
    image = uploaded(demo, b'bytes', visibility='shared')
    assert demo.post(members_of(image), json={'member': stack.project('alt')}).status_code == 200
    return image


def test_720_member(stack, demo, alt):
    image = uploaded(demo, b'bytes')
    other = stack.project('alt')
    r = demo.post(members_of(image), json={'member': other})
    assert r.status_code == 200, r.text
    doc = r.json()
    assert {k: doc[k] for k in ('member_id', 'image_id', 'status', 'schema')} == {
        'member_id': other, 'image_id': image, 'status': 'pending', 'schema': '/v2/schemas/member'}
    assert set(doc) == {'member_id', 'image_id', 'status', 'schema', 'created_at', 'updated_at'}
    assert demo.get(member_of(image, other)).json() == doc
    assert demo.get(members_of(image)).json() == {'members': [doc], 'schema': '/v2/schemas/members'}
    jsonschema.validate(doc, demo.get('/v2/schemas/member').json())
    jsonschema.validate(demo.get(members_of(image)).json(), demo.get('/v2/schemas/members').json())
    # the member may say yes and no
    for status in ('accepted', 'rejected', 'pending', 'accepted'):
        r = alt.put(member_of(image, other), json={'status': status})
        assert r.status_code == 200 and r.json()['status'] == status, r.text
    assert demo.get(member_of(image, other)).json()['status'] == 'accepted'
    assert demo.delete(member_of(image, other)).status_code == 204
    assert demo.get(members_of(image)).json()['members'] == []
    assert alt.get('/v2/images/' + image).status_code == 404


def test_721_members_see_only_themselves(stack, demo, alt, admin, shared):
    third = stack.project('foundation')
    assert demo.post(members_of(shared), json={'member': third}).status_code == 200
    assert [m['member_id'] for m in alt.get(members_of(shared)).json()['members']] == [stack.project('alt')]
    assert alt.get(member_of(shared, third)).status_code == 404
    assert alt.get(member_of(shared, stack.project('alt'))).status_code == 200
    both = sorted([third, stack.project('alt')])
    assert sorted(m['member_id'] for m in demo.get(members_of(shared)).json()['members']) == both
    assert sorted(m['member_id'] for m in admin.get(members_of(shared)).json()['members']) == both


def test_721_strangers_learn_nothing(demo, alt):
    """An image that one may not see and one that never was get the same answers."""
    image_of_others, never, member = new_image(demo), str(uuid.uuid4()), 'somebody else'
    assert demo.post(members_of(image_of_others), json={'member': member}).status_code == 200
    for method, path, body in (('GET', members_of, None), ('POST', members_of, {'member': member}),
                               ('GET', lambda i: member_of(i, member), None),
                               ('PUT', lambda i: member_of(i, member), {'status': 'accepted'}),
                               ('DELETE', lambda i: member_of(i, member), None)):
        for image in (image_of_others, never, 'x'):
            r = alt.request(method, path(image), json=body)
            assert (r.status_code, message(r)) == (404, 'Image %s not found.' % image)


def test_722_only_the_owner_shares(stack, demo, alt, admin, shared):
    """B53: a member can neither share on nor end the sharing."""
    third, other = stack.project('foundation'), stack.project('alt')
    r = alt.post(members_of(shared), json={'member': third})
    assert (r.status_code, message(r)) == (403, 'Not allowed to create members for image %s.' % shared)
    r = alt.delete(member_of(shared, other))
    assert (r.status_code, message(r)) == (403, 'Not allowed to delete members for image %s.' % shared)
    assert len(demo.get(members_of(shared)).json()['members']) == 1
    assert admin.post(members_of(shared), json={'member': third}).status_code == 200
    assert admin.delete(member_of(shared, third)).status_code == 204


def test_722_only_the_member_answers(stack, demo, alt, admin, shared):
    other, third = stack.project('alt'), stack.project('foundation')
    r = demo.put(member_of(shared, other), json={'status': 'accepted'})
    assert (r.status_code, message(r)) == (403, 'Not allowed to update members for image %s.' % shared)
    assert demo.post(members_of(shared), json={'member': third}).status_code == 200
    assert alt.put(member_of(shared, third), json={'status': 'accepted'}).status_code == 404
    assert {m['status'] for m in demo.get(members_of(shared)).json()['members']} == {'pending'}
    assert admin.put(member_of(shared, other), json={'status': 'accepted'}).json()['status'] == 'accepted'


@pytest.mark.parametrize('visibility', ['private', 'public', 'community'])
def test_723_only_shared_images(stack, demo, admin, visibility):
    owner = admin if visibility == 'public' else demo
    image, other = new_image(owner, visibility=visibility), stack.project('alt')
    r = owner.get(members_of(image))
    assert (r.status_code, message(r)) == (
        403, 'Not allowed to list members for image %s: Only shared images have members.' % image)
    r = owner.post(members_of(image), json={'member': other})
    assert (r.status_code, message(r)) == (403, 'Not allowed to create members for image %s.' % image)
    assert owner.get(member_of(image, other)).status_code == 404
    assert owner.put(member_of(image, other), json={'status': 'accepted'}).status_code == 403
    assert owner.delete(member_of(image, other)).status_code == 403


def test_724_bodies(stack, demo, alt, shared):
    image, me = new_image(demo), member_of(shared, stack.project('alt'))
    for body, said in (({}, 'Member to be added not specified'), ({'member': ''}, "Member can't be empty"),
                       ({'member': 5}, 'member is a number'), ({'member': None}, 'member is null'),
                       ({'member': 'x' * 256}, 'at most 255'), ({'member': 'a\0b'}, "no project's id")):
        r = demo.post(members_of(image), json=body)
        assert r.status_code == 400 and said in message(r), r.text
    for body, said in (({}, 'Status not specified'), ({'status': 'maybe'}, 'Status must be "pending"'),
                       ({'status': None}, 'Status must be'), ({'status': ''}, 'Status must be')):
        r = alt.put(me, json=body)
        assert r.status_code == 400 and said in message(r), r.text
    for method, path in (('POST', members_of(image)), ('PUT', me)):
        client = demo if method == 'POST' else alt
        assert client.request(method, path, data=b'').status_code == 400
        assert client.request(method, path, data=b'[]').status_code == 400
        assert client.request(method, path, data=b'{"member": ').status_code == 400
        assert client.request(method, path, data=b'{}', headers={'Content-Type': 'text/plain'}).status_code == 415
    assert demo.post(members_of(image) + '?x=1', json={'member': 'p'}).status_code == 400


def test_724_other_names(demo):
    """Whatever may stand in a project's id comes back as it was."""
    image = new_image(demo)
    for name in ('é' * 255, "a'b\"c", 'Ünïcode-☃-𝄞', 'UPPER', 'upper'):
        r = demo.post(members_of(image), json={'member': name})
        assert r.status_code == 200 and r.json()['member_id'] == name, r.text
    assert demo.get(member_of(image, 'UPPER')).json()['member_id'] == 'UPPER'
    assert demo.get(member_of(image, 'Upper')).status_code == 404
    for name in ('%ff', '%00', 'x' * 3000):
        assert demo.get(member_of(image, name)).status_code in (400, 404)


def test_725_twice_and_never(stack, demo, shared):
    other, third = stack.project('alt'), stack.project('foundation')
    r = demo.post(members_of(shared), json={'member': other})
    assert (r.status_code, message(r)) == (409, 'Member %s is duplicated for image %s' % (other, shared))
    gone = '%s not found in the member list of the image %s.' % (third, shared)
    for method in ('GET', 'DELETE'):
        r = demo.request(method, member_of(shared, third))
        assert (r.status_code, message(r)) == (404, gone)


def test_725_limit_and_race(stack, demo):
    stack.conf.set('image', max_members=3)
    stack.reload()
    image, barrier, seen = new_image(demo), threading.Barrier(8), []

    def add(n):
        client = stack.client('demo')
        barrier.wait()
        seen.append(client.post(members_of(image), json={'member': 'p%d' % (n // 2)}).status_code)
    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen.count(200) == 3
    assert set(seen) <= {200, 409, 413} and 413 in seen
    r = demo.post(members_of(image), json={'member': 'more'})
    assert r.status_code == 413 and 'Attempted: 4, Maximum: 3' in message(r), r.text


def test_726_pending_by_id_accepted_in_lists(stack, demo, alt, shared):
    """B43: what is shared is in the other's list once he has accepted it."""
    other = stack.project('alt')

    def listed(query=''):
        return [i['id'] for i in alt.get('/v2/images?limit=1000' + query).json()['images']]
    assert alt.get('/v2/images/' + shared).status_code == 200
    assert alt.get(path_of(shared)).content == b'bytes'
    assert shared not in listed() and shared in listed('&visibility=shared&member_status=pending')
    alt.put(member_of(shared, other), json={'status': 'accepted'})
    assert shared in listed()
    alt.put(member_of(shared, other), json={'status': 'rejected'})
    assert shared not in listed() and alt.get('/v2/images/' + shared).status_code == 200
    demo.delete(member_of(shared, other))
    assert alt.get('/v2/images/' + shared).status_code == 404


def test_727_deleted_image(stack, demo, shared):
    assert demo.delete('/v2/images/' + shared).status_code == 204
    assert demo.get(members_of(shared)).status_code == 404
    assert stack.sql('SELECT COUNT(*) FROM image_members WHERE image_id = %s', shared) == ((0,),)
