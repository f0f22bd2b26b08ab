"""Signing in by a provider of identities, in a real browser, at a real provider, before a controller of its own."""

import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest

from browser import Browser, until
from lab import PASSWORD, Lab

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What scripts/identity-provider.py says.
CLIENT_SECRET = "a client's secret: äöü & 100 %"
PROVIDER_PASSWORD = "correct horse battery"


class SingleSignOn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="patchbay-sso-")
        cls.processes = []
        # Also when something of the following fails.
        cls.addClassCleanup(cls.end)
        controller = os.path.join(os.environ["PATCHBAY_BIN"], "patchbay-controller")
        data = os.path.join(cls.folder, "data")
        subprocess.run([controller, "init", "--data", data], check=True, capture_output=True)
        port = random.randrange(20000, 50000)
        url = f"https://127.0.0.1:{port}"
        cls.start([controller, "run", "--data", data, "--listen", f"127.0.0.1:{port}", "--leaf-listen", f"127.0.0.1:{port + 1}"], "controller")
        issuer = f"https://127.0.0.1:{port + 2}"
        cls.start([os.path.join(ROOT, ".build/api-tests/bin/python"), os.path.join(ROOT, "scripts/identity-provider.py"), cls.folder,
                   str(port + 2), url + "/v1/session/callback"], "provider")
        until("the controller runs", lambda: os.path.exists(os.path.join(data, "controller.json")), 20)
        cls.lab = Lab(os.path.join(data, "controller.json"))
        until("the provider runs", lambda: "ready\n" in cls.log("provider"), 30)
        until("the controller answers", cls.answers, 20)
        cls.lab.ask("POST", "/v1/tenants", {"name": "acme"})
        cls.lab.owner("acme", "ada", "Ada Lovelace")
        with open(os.path.join(cls.folder, "root.pem"), encoding="utf-8") as file:
            roots = file.read()
        cls.lab.ask("POST", "/v1/identity-providers", {
            "name": "corp", "display_name": "Acme Corp", "issuer": issuer, "client_id": "patchbay",
            "client_secret": CLIENT_SECRET, "trusted_roots": roots})
        cls.issuer = issuer
        cls.browser = Browser(cls.lab.url)

    @classmethod
    def start(cls, words, name):
        with open(os.path.join(cls.folder, name + ".log"), "wb") as log:
            cls.processes.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log))

    @classmethod
    def log(cls, name):
        with open(os.path.join(cls.folder, name + ".log"), encoding="utf-8") as file:
            return file.read()

    @classmethod
    def answers(cls):
        try:
            return cls.lab.ask("GET", "/v1/health")["status"] == "ok"
        except OSError:
            return False

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    @classmethod
    def end(cls):
        for process in cls.processes:
            process.stdin.close()
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def at_provider(self, page, name):
        """What a person does at the provider's pages."""
        page.locator("input[name=login]").fill(name)
        page.locator("button[type=submit][name=answer]").first.click()
        page.locator("input[name=password]").fill(PROVIDER_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        # It asks only once whether that is all right.
        accept = page.locator("#accept")
        until("the provider's answer", lambda: page.url.startswith(self.lab.url) or accept.count())
        if accept.count():
            accept.click()

    def test_1_an_account_is_linked_by_its_user(self):
        page = self.browser.visitor()
        self.browser.sign_in(page, "ada@acme")
        page.locator(".me").wait_for()
        self.browser.visit(page, "#/account")
        page.get_by_text("No provider is linked").wait_for()
        page.get_by_role("button", name="Link to Acme Corp").click()
        self.at_provider(page, "ada")
        page.get_by_text("The account is linked.").wait_for()
        page.locator("#identities td", has_text=re.compile("^ada$")).wait_for()
        self.assertTrue(page.url.endswith("/console/#/account"), page.url)
        self.assertEqual([], self.browser.judge(page))
        self.browser.picture(page, "account-linked")
        page.context.close()

    def test_2_and_then_signs_in_without_a_password(self):
        page = self.browser.visitor()
        self.browser.open(page)
        button = page.get_by_role("button", name="Sign in with Acme Corp")
        button.wait_for()
        self.assertEqual([], self.browser.judge(page))
        self.browser.picture(page, "sign-in-provider")
        button.click()
        self.at_provider(page, "ada")
        page.locator(".me").wait_for()
        self.assertEqual("Ada Lovelace", page.locator(".me").inner_text())
        cookies = {one["name"]: one for one in page.context.cookies(self.lab.url)}
        self.assertEqual("Strict", cookies["__Host-patchbay"]["sameSite"])
        self.assertNotIn("__Host-patchbay-provider", cookies)
        # The code is in no place that stays.
        self.assertNotIn("code=", page.url)
        # What is sensitive goes: the provider has just asked her.
        self.browser.visit(page, "#/t/acme/users")
        page.reload()
        page.locator(".me").wait_for()
        page.context.close()

    def test_3_who_is_not_linked_is_told_so(self):
        page = self.browser.visitor()
        self.browser.open(page)
        page.get_by_role("button", name="Sign in with Acme Corp").click()
        self.at_provider(page, "bob")
        page.locator("main [role=alert]").get_by_text("No account here is linked to you").wait_for()
        self.assertEqual([], self.browser.judge(page))
        # And goes on with a password.
        self.browser.sign_in(page, "ada@acme", PASSWORD)
        page.locator(".me").wait_for()
        page.context.close()

    def test_4_in_every_language(self):
        for locale, words in [("zh-TW", "使用 Acme Corp 登入"), ("zh-CN", "使用 Acme Corp 登录")]:
            page = self.browser.visitor(locale=locale)
            self.browser.open(page, "#/signin?problem=provider-state")
            page.get_by_role("button", name=words).wait_for()
            page.locator("main [role=alert]").first.wait_for()
            page.context.close()

    def test_5_the_policy_of_the_page_was_kept(self):
        self.assertEqual([], [one for one in self.browser.complaints if "Content Security Policy" in one])
        strangers = [url for url in self.browser.foreign if not url.startswith(self.issuer + "/")]
        self.assertEqual([], strangers)
