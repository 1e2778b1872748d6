"""The web page: a run of 50,000 tests."""
import bigstream
import pytest
from evidence import stored
from streams import Stream

ESCAPE = '\ue00c'


@pytest.fixture(scope='module')
def run(stack):
    """Every fiftieth of its tests failed."""
    stack.empty_tables()
    r = stack.client('demo').post('/v1/subunit', data=bigstream.tests(50000, b'log'), timeout=300,
                                  headers={'Content-Type': 'application/x-subunit'})
    assert r.status_code == 201, r.text
    return r.json()['subunit-uuid']


def test_search_in_50000_tests(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=tests' % run)
    # The first of them are there long before the last.
    browser.sees('tests are here', 'main')
    browser.find('.virtual-row')
    browser.sees('50,000 tests', '.tests', 120)
    assert len(browser.all('.virtual-row')) < 100
    browser.find('.virtual').send_keys('\ue010')  # End
    browser.sees('test_49999', '.virtual')
    browser.shot('run-50000', whole=False, themes=('light',))
    browser.fill('#q', 'test_31415')
    browser.sees('1 test of 50,000')
    browser.find('select[aria-label=Status] option[value=failed]').click()
    browser.fill('#q', 'mod3.')
    browser.sees('11 tests of 50,000')
    browser.find('.virtual').send_keys('\ue010\ue007')
    browser.sees('fail', 'dialog .facts').sees('log', '.attachment-text')


def test_back_to_the_row(browser, run):
    """From a test's history back into the list of tests, to the row that led there."""
    browser.sign_in('demo').open('/runs/%s?tab=tests' % run).sees('50,000 tests', '.tests', 120)
    browser.sees('50,000', '.tests [role=status]')
    browser.wait('all', lambda: 'tests are here' not in browser.text('main'), 120)
    top = 'const v = document.querySelector(".virtual"); return v && v.scrollTop'
    browser.run('document.querySelector(".virtual").scrollTop = 31400 * 36 + 10')
    browser.wait('the row', lambda: 'test_31415' in browser.texts('.virtual .test-leaf'))
    browser.run('[...document.querySelectorAll(".virtual-row")].find((r) => r.innerText.includes("test_31415")).click()')
    browser.click("The test's history", 'dialog a')
    browser.sees('Average time', '.facts')
    browser.driver.back()
    browser.sees('test_31415', 'dialog')
    assert browser.run(top) == 31400 * 36 + 10  # at once: the rows are still there
    browser.find('body').send_keys(ESCAPE)
    browser.wait('closed', lambda: not browser.all('dialog'))
    assert 'test_31415' in browser.text('.virtual .is-active')
    # Another run was looked at meanwhile: its rows have to be asked for anew, and take their time.
    other = stored(browser.stack.client('demo'), Stream().test('p.T.other').bytes())[0]
    browser.run('location.hash = "#/runs/%s"' % other)
    browser.sees('1 test', '.tests')
    browser.driver.back()
    browser.wait('the same place', lambda: browser.run(top) == 31400 * 36 + 10, 120)
    assert 'test_31415' in browser.text('.virtual .is-active')


# What the canvas shows of its first lane: of each pixel how many of those below each other are red, and how many green.
COLUMNS = '''const c = document.querySelector('canvas'), g = c.getContext('2d'), tall = 26, out = [];
    const read = g.getImageData(0, 25, c.width, tall).data;
    for (let x = 0; x < c.width; x++) {
        let red = 0, green = 0;
        for (let y = 0; y < tall; y++) {
            const [r, b] = [read[(y * c.width + x) * 4], read[(y * c.width + x) * 4 + 1]];
            if (r > 180 && b < 110) red++;
            if (b > 130 && r < 90) green++;
        }
        out.push([red, green]);
    }
    return out;'''


def columns(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=timeline' % run).sees('at once at most')
    browser.wait('all', lambda: 'tests are here' not in browser.text('main'), 120)
    browser.find('canvas')
    return browser.run('return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done((() => {%s})()), 100)))' % COLUMNS)


@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_a_share_of_failures(browser, run, theme):
    """Two of a hundred failed: that is a low edge of red all along, and not a red bar."""
    browser.look(1280, 900, theme)
    found = columns(browser, run)
    browser.shot('run-50000-timeline', whole=False, themes=(theme,), sizes=((1280, 900),))
    red = [r for r, _ in found]
    assert len(found) > 1000 and sum(r > 0 for r in red) > 0.8 * len(red)
    assert all(r <= 4 for r in red), max(red)
    assert all(green >= 18 for _, green in found)


def test_few_and_many_failures(browser, empty):
    """One failure among six thousand tests is seen; where each second one failed, about half the height is red."""
    stream = Stream()
    for n in range(6000):
        stream.test('p.T.test_%d' % n, 'fail' if n == 1000 or (4000 <= n < 4500 and n % 2) else 'success')
    found = columns(browser, stored(empty.client('demo'), stream.bytes())[0])
    browser.shot('run-timeline-share', whole=False, sizes=((1280, 900),))
    width = len(found)
    alone = [r for r, _ in found[:width // 2] if r]
    assert 1 <= len(alone) <= 2 and 3 <= max(alone) <= 12, alone
    half = [r for r, _ in found[width * 4000 // 6000 + 2:width * 4500 // 6000 - 2]]
    assert 10 <= sum(half) / len(half) <= 14, half
    assert not any(r for r, _ in found[width * 4500 // 6000 + 2:])
