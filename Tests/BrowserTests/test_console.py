"""The console in a real browser, before a real lab. Tests run in the order of their names."""

import base64
import concurrent.futures
import hashlib
import hmac
import os
import re
import struct
import subprocess
import time
import unittest

from browser import PICTURES, Browser, drag, until
from lab import PASSWORD, Lab, Pinging, ping

TENANT_PAGES = ["dashboard", "bay", "endpoints", "endpoints/web1", "vnets", "groups", "policy", "explain?from=web1&to=db1", "usage", "users", "access", "audit"]
DOCUMENT = """version: 1
tenant: acme
groups:
  shop: {members: [web2]}
  store: {members: [db1]}
rules:
  - name: shop-to-store
    from: group:shop
    to: group:store
    verdict: plug
    security: auth
"""
HOSTILE = "<img src=x onerror=alert(1)><b>Mal & Co</b>"


class Console(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.browser = Browser(cls.lab.console)
        cls.lab.owner("acme", "ada", "Ada Lovelace")
        cls.lab.user("acme", "vic", "Vic Viewer", ["viewer"])
        cls.lab.owner("globex", "hal", "Hal")
        cls.lab.user(None, "olga", "Olga", ["operator"])
        cls.page = cls.browser.visitor()
        cls.browser.sign_in(cls.page, "ada@acme")
        cls.page.locator("#nav").wait_for()
        viewer = cls.browser.visitor()
        cls.browser.sign_in(viewer, "vic@acme")
        viewer.locator("#nav").wait_for()
        cls.viewer = viewer.context.storage_state()
        viewer.context.close()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def visit(self, page, where):
        self.browser.visit(page, where)

    def close(self, page):
        page.context.close()

    def test_01_a_wrong_password_is_told_at_the_form(self):
        page = self.browser.visitor()
        self.browser.sign_in(page, "ada@acme", "not the password")
        page.locator(".field-error:visible", has_text="wrong").wait_for()
        self.assertIn("Account", page.content())
        self.assertEqual([], [one["name"] for one in page.context.cookies() if one["name"] == "__Host-patchbay"])
        self.close(page)

    def test_02_the_session_is_in_a_cookie_that_no_script_reads(self):
        cookie = next(one for one in self.page.context.cookies() if one["name"] == "__Host-patchbay")
        self.assertTrue(cookie["secure"] and cookie["httpOnly"])
        self.assertEqual("Strict", cookie["sameSite"])
        self.assertNotIn("__Host-patchbay", self.page.evaluate("document.cookie"))
        # And a change without the token against forged requests is refused.
        status = self.page.evaluate("""fetch('/v1/tenants/acme/groups', {method: 'POST',
            headers: {'content-type': 'application/json'}, body: '{"name":"forged"}'}).then(a => a.status)""")
        self.assertEqual(403, status)

    def test_03_an_invitation_sets_the_password_and_leaves_no_secret(self):
        made = self.lab.ask("POST", "/v1/tenants/acme/users", {"name": "mal", "display_name": HOSTILE, "roles": ["viewer"]})
        page = self.browser.visitor()
        page.goto(made["setup_url"])
        page.get_by_label("New password").fill("short")
        page.get_by_label("The same once more").fill("short")
        page.get_by_role("button", name="Set password").click()
        page.locator(".field-error:visible").first.wait_for()
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same once more").fill(PASSWORD)
        page.get_by_role("button", name="Set password").click()
        page.get_by_text("Your password is set").wait_for()
        self.assertNotIn(made["setup_secret"], page.url)
        self.browser.sign_in(page, "mal@acme")
        page.locator(".me").wait_for()
        # What somebody calls himself is text, wherever it stands.
        self.assertEqual(HOSTILE, page.locator(".me").inner_text())
        self.close(page)
        self.visit(self.page, "#/t/acme/users")
        self.page.get_by_text(HOSTILE, exact=True).wait_for()
        self.assertEqual(0, self.page.locator("main img, main b:has-text('Mal')").count())

    def test_04_a_group_is_made_and_filled(self):
        page = self.page
        self.visit(page, "#/t/acme/groups")
        page.get_by_role("button", name="New group").click()
        page.get_by_label("Name of the group").fill("Not A Name")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        # The API names the field; the complaint stands there.
        page.locator("dialog .field", has_text="Name of the group").locator(".field-error:visible").wait_for()
        page.get_by_label("Name of the group").fill("front")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        card = page.locator('[data-group="front"]')
        card.get_by_text("0 endpoints").wait_for()
        card.get_by_role("button", name="Add endpoint").click()
        page.get_by_label("Endpoint", exact=True).fill("web1")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        card.get_by_text("1 endpoint", exact=True).wait_for()
        self.assertEqual(["web1"], self.lab.ask("GET", "/v1/tenants/acme/groups/front")["members"])

    def test_05_a_wire_is_dragged_and_pulled_out(self):
        page = self.page
        self.visit(page, "#/t/acme/bay")
        page.locator('.jack[data-endpoint="web1"]').wait_for()
        self.assertFalse(ping("pb-acme-web1", "10.0.0.3"))
        drag(page, "web1", "db1", between=lambda: self.browser.picture(page, "dragging"))
        page.locator("g[data-cable='db1|web1'].ready.conf").wait_for()
        with Pinging("pb-acme-web1", "10.0.0.3"):
            until("a ping passes", lambda: ping("pb-acme-web1", "10.0.0.3"))
            # The picture tells of it by itself: the wire is plugged and carries something.
            page.locator("g[data-cable='db1|web1'].live.busy").wait_for()
            page.locator(".inspector .rate b").first.wait_for()
            until("the page is so", lambda: page.evaluate("!/^0 /.test(document.querySelector('.inspector .rate b').textContent)"))
            page.locator(".inspector .verdict .pill.plug").first.wait_for()
            self.browser.picture(page, "plugged")
            page.get_by_role("button", name="Pull out").click()
            page.locator("g[data-cable='db1|web1'].live").wait_for(state="detached")
            until("no ping passes", lambda: not ping("pb-acme-web1", "10.0.0.3"))
        self.assertFalse(ping("pb-acme-web1", "10.0.0.3"))

    def test_06_a_wire_is_plugged_by_keyboard_alone(self):
        page = self.page
        self.visit(page, "#/t/acme/bay")
        page.locator('.jack[data-endpoint="batch1"]').wait_for()
        page.locator("#bay-search").focus()
        page.keyboard.type("batch1")
        page.keyboard.press("Enter")
        until("the page is so", lambda: page.evaluate("document.activeElement.dataset.endpoint === 'batch1'"))
        page.locator("#bay-search").fill("")
        page.locator('.jack[data-endpoint="batch1"]').focus()
        page.keyboard.press("Enter")
        until("it is said aloud", lambda: "batch1" in page.locator("#polite").inner_text())
        for _ in range(8):
            page.keyboard.press("ArrowRight")
            if page.evaluate("document.activeElement.dataset.endpoint") == "db1":
                break
        self.assertEqual("db1", page.evaluate("document.activeElement.dataset.endpoint"))
        page.keyboard.press("Enter")
        page.locator("g[data-cable='batch1|db1']").wait_for(state="attached")
        until("a ping passes", lambda: ping("pb-acme-batch1", "10.0.0.3"))
        page.locator("#pull-out").focus()
        page.keyboard.press("Enter")
        page.locator("g[data-cable='batch1|db1']:not(.blocked)").wait_for(state="detached")
        self.assertFalse(ping("pb-acme-batch1", "10.0.0.3"))

    def test_07_a_viewer_can_look_and_nothing_else(self):
        page = self.browser.visitor(storage_state=self.viewer)
        self.browser.open(page, "#/t/acme/bay")
        page.locator('.jack[data-endpoint="web2"]').wait_for()
        before = self.lab.ask("GET", "/v1/tenants/acme/policy")["revision"]
        drag(page, "web2", "db1")
        page.wait_for_timeout(400)
        self.assertEqual(0, page.locator("g[data-cable='db1|web2']:not(.blocked)").count())
        self.assertEqual(before, self.lab.ask("GET", "/v1/tenants/acme/policy")["revision"])
        self.assertEqual(0, page.get_by_text("New wires").count())
        for where, button in [("groups", "New group"), ("endpoints", "New endpoint"), ("policy", "Put in force")]:
            self.visit(page, f"#/t/acme/{where}")
            self.assertEqual(0, page.get_by_role("button", name=button).count(), where)
        names = page.locator("#nav a").all_inner_texts()
        self.assertNotIn("Users", names)
        self.assertNotIn("Audit", names)
        # Nor by hand: the page is not what holds him back.
        status = page.evaluate("""fetch('/v1/self').then(a => a.json()).then(me => fetch('/v1/tenants/acme/plug', {method: 'POST',
            headers: {'content-type': 'application/json', 'x-patchbay-csrf': me.csrf_token},
            body: '{"from":"web2","to":"db1"}'})).then(a => a.status)""")
        self.assertEqual(403, status)
        self.close(page)

    def test_08_another_tenant_sees_nothing(self):
        page = self.browser.visitor()
        self.browser.sign_in(page, "hal@globex")
        page.locator("#nav").wait_for()
        for where in ["dashboard", "bay", "endpoints/web1", "policy"]:
            self.browser.open(page, f"#/t/acme/{where}")
            page.get_by_text("There is no such page").wait_for()
            self.assertNotIn("batch1", page.locator("body").inner_text())
        answers = page.evaluate("""Promise.all(['acme', 'nobody'].map(name => fetch(`/v1/tenants/${name}/endpoints`)
            .then(async a => [a.status, (await a.text()).replaceAll(name, 'NAME')])))""")
        self.assertEqual(404, answers[0][0])
        self.assertEqual(answers[0], answers[1])
        self.visit(page, "#/t/globex/bay")
        page.locator('.jack[data-endpoint="probe1"]').wait_for()
        self.assertEqual(0, page.locator('.jack[data-endpoint="batch1"]').count())
        self.close(page)

    def test_09_a_policy_is_checked_applied_and_rolled_back(self):
        page = self.page
        self.visit(page, "#/t/acme/policy")
        area = page.locator("#policy-text")
        area.fill(DOCUMENT.replace("verdict: plug", "verdict: plugg"))
        page.locator(".findings .error", has_text="Line 10").wait_for()
        page.get_by_role("button", name="Put in force").click()
        page.locator(".notice.failed").wait_for()
        page.locator(".notice.failed button").click()
        area.fill(DOCUMENT)
        page.get_by_text("No error.").wait_for()
        page.get_by_role("heading", name="What would change").wait_for()
        self.assertGreater(page.locator(".diff .add").count(), 5)
        self.browser.picture(page, "policy")
        page.get_by_role("button", name="Put in force").click()
        page.get_by_text("is in force", exact=False).first.wait_for()
        until("a ping passes", lambda: ping("pb-acme-web2", "10.0.0.3"))
        page.get_by_role("tab", name="Revisions").click()
        page.get_by_role("button", name="Put this back in force").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Put this back in force").click()
        page.get_by_role("dialog").wait_for(state="detached")
        until("no ping passes", lambda: not ping("pb-acme-web2", "10.0.0.3"))

    def test_10_a_path_is_explained_and_traced(self):
        page = self.page
        self.lab.ask("POST", "/v1/tenants/acme/plug", {"from": "web1", "to": "db1", "security": "conf"})
        self.visit(page, "#/t/acme/explain?from=web1&to=db1&port=icmp/8")
        page.locator("svg.path .wire.conf").wait_for()
        page.get_by_role("button", name="Trace").click()
        page.get_by_role("heading", name="The packet arrived.").wait_for()
        self.assertGreater(page.locator(".steps li").count(), 4)
        page.get_by_label("To", exact=True).fill("nobody")
        page.get_by_role("button", name="Explain").click()
        page.locator(".field", has_text="To").locator(".field-error:visible").first.wait_for()

    def test_11_a_second_factor_is_set_up_from_the_picture(self):
        self.lab.user("acme", "una", "Una", ["viewer"])
        page = self.browser.visitor()
        self.browser.sign_in(page, "una@acme")
        page.locator("#nav").wait_for()
        self.visit(page, "#/account")
        page.get_by_role("button", name="Set up").click()
        code = page.locator("svg.qr")
        code.wait_for()
        picture = os.path.join(PICTURES, "qr.png")
        code.screenshot(path=picture)
        read = subprocess.run(["zbarimg", "--quiet", "--raw", picture], stdout=subprocess.PIPE, text=True, check=True)
        # Its picture holds a secret; that of a lab, but still.
        os.remove(picture)
        secret = re.search(r"secret=([A-Z2-7]+)", read.stdout)[1]
        self.assertTrue(read.stdout.startswith("otpauth://totp/"))
        page.get_by_label("Code that the app shows now").fill("000000")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.locator("dialog .field-error:visible").wait_for()
        page.get_by_label("Code that the app shows now").fill(one_time_code(secret))
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        recovery = page.locator(".codes li").first.inner_text()
        page.get_by_role("button", name="Done").click()
        page.get_by_text("On: signing in needs a code").wait_for()
        page.get_by_role("button", name="Sign out").click()
        self.browser.sign_in(page, "una@acme")
        page.get_by_label("Code", exact=True).fill(recovery)
        page.locator("form button[type=submit]").click()
        page.locator(".me", has_text="Una").wait_for()
        self.close(page)

    def test_12_every_page_can_be_used_without_eyes(self):
        found = []
        page = self.page
        provider = self.browser.visitor()
        self.browser.sign_in(provider, "olga")
        provider.locator("#nav").wait_for()
        visits = [(page, f"#/t/acme/{one}") for one in TENANT_PAGES] + [(page, "#/account")]
        visits += [(provider, f"#/provider/{one}") for one in ["tenants", "tenants/acme", "hosts", "guardrails", "users", "providers", "usage", "audit"]]
        for one, where in visits:
            self.visit(one, where)
            if "bay" in where:
                one.locator('.jack[data-endpoint="web1"]').click()
            for scheme in ["light", "dark"]:
                one.emulate_media(color_scheme=scheme)
                found += [f"{where} ({scheme}): {text}" for text in self.browser.judge(one, scheme == "dark")]
                name = re.sub(r"\W+", "-", where.split("?")[0]).strip("-")
                self.browser.picture(one, f"{name}-{scheme}")
            one.emulate_media(color_scheme="light")
        # The parts of a page that are behind its tabs.
        for one, where, tabs in [(page, "#/t/acme/policy", ["Entries", "Revisions", "Signing"]), (provider, "#/provider/guardrails", ["Revisions"])]:
            self.visit(one, where)
            for tab in tabs:
                one.get_by_role("tab", name=tab).click()
                one.locator("[role=tabpanel] :is(table, .nothing, #policy-lock):visible").first.wait_for()
                for scheme in ["light", "dark"]:
                    one.emulate_media(color_scheme=scheme)
                    found += [f"{where}, {tab} ({scheme}): {text}" for text in self.browser.judge(one, scheme == "dark")]
                one.emulate_media(color_scheme="light")
        # What opens over a page, and the wires as a table.
        for where, press in [("bay", "List"), ("endpoints", "New endpoint"), ("vnets", "New network"), ("groups", "New group"), ("users", "Invite somebody"), ("access", "Grant access")]:
            self.visit(page, f"#/t/acme/{where}")
            page.get_by_role("button", name=press, exact=True).click()
            page.wait_for_timeout(150)
            found += [f"{where}, {press}: {text}" for text in self.browser.judge(page)]
            if where == "bay":
                page.get_by_role("button", name="Picture", exact=True).click()
            else:
                page.keyboard.press("Escape")
                # The focus is back at what opened the dialog.
                until("the focus is back", lambda: page.evaluate("document.activeElement.textContent") == press)
        outside = self.browser.visitor()
        for where in ["", "#/setup?name=x%40acme&secret=abc"]:
            self.browser.open(outside, where)
            outside.locator("h1").wait_for()
            found += [f"outside {where}: {text}" for text in self.browser.judge(outside)]
        self.close(outside)
        self.close(provider)
        self.assertEqual([], found)

    def test_13_every_page_speaks_three_languages(self):
        seen = {}
        for language in ["en", "zh-Hant", "zh-Hans"]:
            self.page.locator("#language").select_option(language)
            until(language, lambda: self.page.evaluate("document.documentElement.lang") == language)
            for where in TENANT_PAGES:
                self.visit(self.page, f"#/t/acme/{where}")
                text = self.page.locator("body").inner_text()
                # A key without its message would be seen as the key itself.
                self.assertEqual([], re.findall(r"\b(?:bay|page|wire|endpoint|policy|audit|usage|users|access|table|state|security|nav)\.[a-z][a-z.-]+", text), f"{language} {where}")
                seen.setdefault(where, set()).add(self.page.locator("#nav").inner_text())
            self.visit(self.page, "#/t/acme/bay")
            self.browser.picture(self.page, f"bay-{language}")
        self.page.locator("#language").select_option("en")
        self.assertTrue(all(len(texts) == 3 for texts in seen.values()))

    def test_14_it_fits_a_phone(self):
        page = self.browser.visitor(
            viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, storage_state=self.viewer)
        self.browser.open(page)
        page.locator("#main h1").wait_for()
        for where in ["dashboard", "bay", "endpoints", "endpoints/web1", "groups", "policy", "explain"]:
            self.visit(page, f"#/t/acme/{where}")
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390, where)
        self.visit(page, "#/t/acme/bay")
        page.locator('.jack[data-endpoint="db1"]').tap()
        page.locator(".inspector.open h2", has_text="db1").wait_for()
        self.browser.picture(page, "phone")
        page.get_by_role("button", name="Menu").click()
        page.locator("#nav").get_by_text("Endpoints").click()
        page.locator("main h1", has_text="Endpoints").wait_for()
        self.close(page)

    def test_15_thousands_of_endpoints_stay_usable(self):
        count = 1000
        self.lab.ask("POST", "/v1/tenants", {"name": "many"})
        self.lab.ask("POST", "/v1/tenants/many/vnets", {"name": "lan", "ipv4_prefix": "10.0.0.0/16"})
        # No leaf ever joins as this host, so its endpoints are in the directory only.
        self.lab.ask("POST", "/v1/hosts", {"name": "paper"})
        for group in range(20):
            self.lab.ask("POST", "/v1/tenants/many/groups", {"name": f"rack{group}"})

        def make(number):
            self.lab.ask("POST", "/v1/tenants/many/endpoints", {
                "name": f"vm{number}", "vnet": "lan", "host": "paper", "kind": "namespace", "groups": [f"rack{number % 20}"]})

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(make, range(count)))
        self.lab.owner("many", "max", "Max")
        page = self.browser.visitor()
        self.browser.sign_in(page, "max@many")
        page.locator("#nav").wait_for()
        begun = time.monotonic()
        self.visit(page, "#/t/many/bay")
        page.locator(".jack").first.wait_for()
        seconds = time.monotonic() - begun
        self.assertLess(seconds, 5, "the patch bay takes long")
        # Only what is in sight has elements.
        self.assertLess(page.locator(".jack").count(), 901)
        self.browser.picture(page, "thousands")
        page.get_by_role("button", name="Everything").click()
        page.locator(".bay-scroll.overview .panel").nth(19).wait_for()
        self.browser.picture(page, "thousands-far")
        page.locator("#bay-search").fill("vm734")
        page.locator("#bay-search").press("Enter")
        until("the page is so", lambda: page.evaluate("document.activeElement.dataset.endpoint === 'vm734'"))
        page.keyboard.press("Enter")
        page.locator("#bay-search").fill("")
        page.locator('.jack[data-endpoint="vm734"]').focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator(".cable.ready").wait_for(state="attached")
        self.close(page)
        print(f"\n  {count} endpoints: the patch bay was there after {seconds:.2f} s", flush=True)

    def test_16_signing_out_ends_it_everywhere(self):
        page = self.browser.visitor(storage_state=self.viewer)
        self.browser.open(page)
        page.locator("#sign-out").wait_for()
        other = page.context.new_page()
        self.browser.open(other, "#/t/acme/bay")
        other.locator('.jack[data-endpoint="web1"]').wait_for()
        page.locator("#sign-out").click()
        page.get_by_label("Account").wait_for()
        # The other window finds out by the next thing that it asks, and shows nothing any longer.
        other.get_by_label("Account").wait_for()
        self.assertEqual(0, other.locator(".jack").count())
        self.close(page)

    def test_99_no_page_asked_anybody_else_or_complained(self):
        self.assertEqual([], self.browser.foreign)
        self.assertEqual([], self.browser.complaints)


def one_time_code(secret):
    """RFC 6238, as an authenticator app reckons it."""
    digest = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place:place + 4])[0] & 0x7FFFFFFF) % 1000000:06d}"


if __name__ == "__main__":
    unittest.main()
