"""Two exports of one image to one name: the later one waits, so that neither takes the other's bytes for leftovers."""
import pytest

from customers import disk, nothing_left
from lab.service import wait_for

pytestmark = pytest.mark.usefixtures('fresh_module')
HALF, SIZE = 1_500_000, 9_000_000


def note(stack, task):
    rows = stack.sql('SELECT note FROM task_leases WHERE task_id = %s', task)
    return rows[0][0] if rows else None


def start(customer, image, container, fmt='raw'):
    return customer.create('export', image_id=image, export_to=container, export_format=fmt)['id']


@pytest.fixture
def parted(stack, gate):
    """Exports in parts of 2 MB, through the gate."""
    stack.conf.set('object_store', large_object_bytes='2000000', segment_bytes='2000000')
    stack.restart_worker()
    return gate


@pytest.mark.parametrize('first', ['success', 'failure'])
def test_758_B59_two_large_exports_at_once(stack, parted, customer, first):
    """Be the first a success or, cancelled, a failure that removes what it wrote: the second's object stays, and of
    the first's parts nothing does."""
    data = disk(SIZE)
    image, container, other = customer.uploaded(data), customer.container(), customer.container()
    parted.arm('up', HALF)
    one = start(customer, image, container)
    parted.wait_held()
    stack.worker('second').start()
    two, three = start(customer, image, container), start(customer, image, other)
    # another container is another matter
    assert customer.wait(three)['status'] == 'success'
    assert wait_for('the reason to wait', lambda: note(stack, two), 20) \
        == 'Another export to %s/%s.raw is under way' % (container, image)
    if first == 'failure':
        stack.manage('task', 'cancel', one)
    parted.release()
    docs = [wait_for('the end', lambda t=t: customer.task(t) if customer.task(t)['status'] in ('success', 'failure')
                     else None, 60) for t in (one, two)]
    assert [d['status'] for d in docs] == [first, 'success'], docs
    assert customer.get(container, image + '.raw') == data
    nothing_left(stack)
    parts = customer.objects(container + '_segments')
    assert len(parts) == 5 and all(p.split('/')[1].startswith(two + '.') for p in parts)
    assert len(customer.objects(other + '_segments')) == 5
