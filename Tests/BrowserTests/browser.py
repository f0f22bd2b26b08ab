"""Chromium, and what the tests do with the console in it."""

import os
import re
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from lab import PASSWORD

PICTURES = os.environ.get("PATCHBAY_PICTURES", ".build/browser-tests")


class Browser:
    """One Chromium for all tests; each visitor has a profile of his own."""

    def __init__(self, url):
        self.url = url
        self.driver = sync_playwright().start()
        # No sandbox: the tests are root, and the only pages are our own.
        self.chromium = self.driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox", "--disable-gpu"])
        self.axe = Axe()
        # What no page may ever do, from all tests together.
        self.foreign, self.complaints = [], []
        os.makedirs(PICTURES, exist_ok=True)

    def visitor(self, **options):
        """A page in a fresh profile."""
        options = {"viewport": {"width": 1360, "height": 850}, "locale": "en-US", "color_scheme": "light", **options}
        # The lab's certificate is of the platform's own root; Chromium here knows no roots but the public ones.
        context = self.chromium.new_context(ignore_https_errors=True, **options)
        context.set_default_timeout(8000)
        page = context.new_page()
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._said(message))
        return page

    def _asked(self, url):
        if not url.startswith((self.url, "blob:", "about:", "data:")):
            self.foreign.append(url)

    def _said(self, message):
        # Chromium itself writes a line for each answer that is an error; those are the API's, not the page's.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self, page, where=""):
        page.goto("about:blank")
        page.goto(f"{self.url}/console/{where}")

    def sign_in(self, page, name, password=PASSWORD):
        """By the form, as people do."""
        self.open(page)
        page.get_by_label(re.compile("^(Account|帳號|账号)")).fill(name)
        page.get_by_label(re.compile("^(Password|密碼|密码)")).fill(password)
        page.locator("form button[type=submit]").click()

    def visit(self, page, where):
        """A page of one who is signed in, until it is there."""
        page.evaluate("where => { location.hash = where; }", where)
        until(where, lambda: page.evaluate("where => document.documentElement.dataset.shown === where && !document.querySelector('main[aria-busy]')", where))
        page.locator("main h1").first.wait_for(state="attached")

    def picture(self, page, name):
        page.screenshot(path=os.path.join(PICTURES, f"{name}.png"))

    def look(self, name):
        """Pictures of all pages that are open."""
        for context in self.chromium.contexts:
            for number, page in enumerate(context.pages):
                self.picture(page, f"failed-{name}-{self.chromium.contexts.index(context)}-{number}")

    def judge(self, page, colours_only=False):
        """What axe finds that is serious or critical, in words."""
        options = {"resultTypes": ["violations"]}
        if colours_only:
            options["runOnly"] = ["color-contrast"]
        results = self.axe.run(page, options=options)
        return [
            f"{one['id']}: {one['help']} at {node['target']}"
            for one in results.response["violations"] if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]

    def close(self):
        self.chromium.close()
        self.driver.stop()


class Authenticator:
    """A device with passkeys, in software, that Chromium's DevTools plug into one page."""

    def __init__(self, page):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable", {})
        self.number = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True}})["authenticatorId"]

    def passkeys(self):
        return self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.number})["credentials"]

    def verify(self, does):
        """Whether it makes sure from now on who uses it."""
        self.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self.number, "isUserVerified": does})


def middle(page, endpoint):
    """The middle of a socket."""
    box = page.locator(f'.jack[data-endpoint="{endpoint}"] .hole').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, source, destination, between=None):
    """Drags a cable from socket to socket, with a hand that is as quick as a person's."""
    x, y = middle(page, source)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 15, y + 15, steps=3)
    page.mouse.move(*middle(page, destination), steps=8)
    if between:
        between()
    page.mouse.up()


def until(what, condition, seconds=8.0):
    """Waits for something that no page tells of. Conditions inside of pages are asked this way too: Playwright's own way
    evaluates text in the page, which the page's policy refuses."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")
