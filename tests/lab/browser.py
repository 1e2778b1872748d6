"""Headless Chromium on the real stack: Debian's chromium-driver and python3-selenium, the stack's own certificate."""
import base64
import json
import os
import re
import subprocess
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .service import LabError

WIDE, NARROW = (1280, 900), (360, 740)
# The text of the first two cells of a table's row that lie one upon the other; a checkbox may lie in a card's corner.
OVERLAP = """
for (const row of document.querySelectorAll('.table tbody tr')) {
    const cells = [...row.children].filter((c) => !c.classList.contains('col-corner'));
    for (const [i, one] of cells.entries()) for (const other of cells.slice(i + 1)) {
        const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
            return one.innerText + ' and ' + other.innerText;
    }
}
return null;
"""


def _pin(certificate):
    """What --ignore-certificate-errors-spki-list takes: this certificate is trusted, and no other."""
    public = subprocess.run(['openssl', 'x509', '-in', certificate, '-noout', '-pubkey'], capture_output=True, check=True)
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=public.stdout, capture_output=True,
                         check=True)
    digest = subprocess.run(['openssl', 'dgst', '-sha256', '-binary'], input=der.stdout, capture_output=True, check=True)
    return base64.b64encode(digest.stdout).decode()


class Browser:
    """One tab on the page of STACK. Every wait is for something seen, never for a time."""

    def __init__(self, stack, pictures, downloads=None, axe=None):
        self.axe = axe  # the text of axe-core
        self.stack, self.pictures, self.home = stack, pictures, stack.url + '/ui/'
        self.downloads = downloads or os.path.join(stack.folder, 'downloads')
        os.makedirs(self.downloads, exist_ok=True)
        options = webdriver.ChromeOptions()
        options.binary_location = '/usr/bin/chromium'
        for flag in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
                     '--no-proxy-server', '--disable-background-networking', '--disable-component-update',
                     '--hide-scrollbars', '--force-color-profile=srgb', '--lang=en-GB', '--no-default-browser-check',
                     '--user-data-dir=' + os.path.join(stack.folder, 'chromium'),
                     '--ignore-certificate-errors-spki-list=' + _pin(stack.ca)):
            options.add_argument(flag)
        options.add_experimental_option('prefs', {'download.default_directory': self.downloads,
                                                  'download.prompt_for_download': False})
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
        env = dict(os.environ, HOME=stack.folder, TZ='UTC')
        self.driver = webdriver.Chrome(service=Service('/usr/bin/chromedriver', env=env), options=options)
        self.expected = []
        # an address of this origin that runs no script of its own
        page = stack.client().get('/ui/').text
        self.still = self.home + re.search(r'assets/[^"]+\.svg', page).group(0)
        self.begin()

    def begin(self):
        """As a browser that has never been here."""
        self.expected = []
        self.driver.get(self.still)
        self.run('sessionStorage.clear(); localStorage.clear();')
        self.look(*WIDE)
        self.cdp('Network.enable')
        self.network()
        self.console()

    def close(self):
        self.driver.quit()

    def cdp(self, command, **more):
        return self.driver.execute_cdp_cmd(command, more)

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    # --- what the console says ---

    def console(self):
        return self.driver.get_log('browser')

    def expect(self, *statuses):
        """Answers with these statuses are part of this test; 0: no answer at all."""
        self.expected += statuses

    def troubles(self):
        """Errors and warnings of the console (a violated policy is one) that the test does not expect."""
        found = []
        for entry in self.console():
            if entry['level'] not in ('SEVERE', 'WARNING'):
                continue
            if '/favicon.ico - ' in entry['message']:
                continue  # Chromium asks for it beside the picture that begin() opens, sooner or later
            status = re.search(r'Failed to load resource: the server responded with a status of (\d+)', entry['message'])
            if status and int(status.group(1)) in self.expected:
                continue
            if 'Failed to load resource: net::ERR_' in entry['message'] and 0 in self.expected:
                continue
            found.append('%(level)s %(source)s: %(message)s' % entry)
        return found

    # --- going about ---

    def sign_in(self, user='demo', token=None, staff=False):
        """As the form leaves it; the form itself has a test of its own."""
        session = {'token': token or self.stack.token(user), 'userId': self.stack.user_id(user), 'userName': user,
                   'projectName': user, 'projectId': self.stack.project(user),
                   'isStaff': staff or user in ('admin', 'foundation')}
        self.driver.get(self.still)
        self.run('sessionStorage.setItem("tally-session", arguments[0])', json.dumps(session))
        return self

    def enter(self, user, password, project):
        """By the form for passwords, which must be there."""
        self.fill('#user', user)
        self.fill('#password', password)
        self.fill('#project', project)
        self.click('Sign in', 'button')

    def expire(self, token):
        """The server takes TOKEN no longer."""
        self.expect(401)
        self.stack.keystone.revoke(token)
        self.stack.tally.stop()
        self.stack.tally.start()  # its cache would still know the token

    def open(self, path='/'):
        """The page's own address PATH, loaded anew."""
        self.driver.get('about:blank')
        self.driver.get(self.home + '#' + path)
        return self

    @property
    def path(self):
        return self.driver.current_url.partition('#')[2]

    def wait(self, what, check, seconds=20):
        """The first true value of check()."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = check()
            except StaleElementReferenceException:
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise LabError('%s: not within %g s. The page says:\n%s\n%s' % (what, seconds, self.text()[:3000],
                                                                               '\n'.join(self.troubles())))
            time.sleep(0.03)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def find(self, css, seconds=20):
        """The first element of CSS that is shown."""
        return self.wait(css, lambda: next((e for e in self.all(css) if e.is_displayed()), None), seconds)

    def named(self, name, css='button, a, summary, label', seconds=20):
        """The button, link or label whose text (or aria-label) is NAME."""
        return self.wait('%s %r' % (css, name), lambda: next(
            (e for e in self.all(css) if e.is_displayed() and name in (e.text.strip(), e.get_attribute('aria-label'))),
            None), seconds)

    def click(self, name, css='button, a, summary, label'):
        self.named(name, css).click()

    def fill(self, css, value):
        field = self.find(css)
        field.send_keys(Keys.CONTROL, 'a')
        field.send_keys(Keys.DELETE)
        field.send_keys(value)
        return field

    def text(self, css='body'):
        """The text that is shown in the first element of CSS."""
        return self.run('const e = document.querySelector(arguments[0]); return e ? e.innerText : ""', css)

    def texts(self, css):
        """The texts of all elements of CSS, at one moment: the page may be drawn anew between two calls."""
        return self.run('return Array.from(document.querySelectorAll(arguments[0]), (e) => e.innerText.trim())', css)

    def sees(self, words, css='body', seconds=20):
        """Waits until WORDS stand in CSS."""
        self.wait('%r in %s' % (words, css), lambda: words in self.text(css), seconds)
        return self

    # --- conditions ---

    def look(self, width, height, theme='light'):
        self.cdp('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp('Emulation.setEmulatedMedia', media='', features=[{'name': 'prefers-color-scheme', 'value': theme}])

    def network(self, offline=False, latency=0, up=-1, down=-1):
        """Bytes a second, and milliseconds."""
        self.cdp('Network.emulateNetworkConditions', offline=offline, latency=latency, uploadThroughput=up,
                 downloadThroughput=down)

    def faults(self):
        """What axe-core finds serious or critical in the page as it is: 'rule: element, why'."""
        self.run('if (!window.axe) { %s\n}' % self.axe)
        found = self.driver.execute_async_script(
            'const done = arguments[0]; axe.run({resultTypes: ["violations"]}).then((r) => done(r.violations),'
            ' (e) => done([{id: String(e), impact: "critical", nodes: [{target: [], failureSummary: ""}]}]))')
        return ['%s: %s %s' % (v['id'], ' '.join(map(str, n['target'])), ' '.join(n['failureSummary'].split()))
                for v in found if v['impact'] in ('serious', 'critical') for n in v['nodes']]

    def shot(self, name, whole=True, themes=('light', 'dark'), sizes=(WIDE, NARROW)):
        """Pictures in light and dark, wide and narrow; nothing may stick out to the right, no cell of a table may lie on
        another. axe-core finds nothing serious in them: it looks once at each theme, and once at each width."""
        os.makedirs(self.pictures, exist_ok=True)
        wide, faults = [], []
        for theme in themes:
            for width, height in sizes:
                self.look(width, height, theme)
                self.run('window.scrollTo(0, 0); return new Promise((done) => requestAnimationFrame(() => '
                         'setTimeout(() => requestAnimationFrame(done), 60)))')
                inner = self.run('return document.documentElement.scrollWidth')
                if inner > width:
                    wide.append('%d px at %d' % (inner, width))
                overlap = self.run(OVERLAP)
                if overlap:
                    faults.append('%d px: %s lie one upon the other' % (width, overlap))
                if (theme == 'light') == (width == WIDE[0]):
                    faults += ['%s, %d px: %s' % (theme, width, f) for f in self.faults()]
                path = os.path.join(self.pictures, '%s-%s-%d.png' % (name, theme, width))
                picture = self.cdp('Page.captureScreenshot', format='png', captureBeyondViewport=whole)
                with open(path, 'wb') as f:
                    f.write(base64.b64decode(picture['data']))
        self.look(*WIDE)
        assert not wide, '%s sticks out: %s' % (name, ', '.join(wide))
        assert not faults, '%s is hard to use for some:\n%s' % (name, '\n'.join(faults))
