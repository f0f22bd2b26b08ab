"""Certificates, linked identities, requests for access and records of identity providers, in a real browser. After test_pages,
on the same lab."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import hostile
from browser import Browser, until
from lab import Lab, Refused

ISSUER = "https://id.example/realms/acme"
# Markup without a space, which a subject may be.
TAG = "<img/src=x/onerror=alert(1)>"


def told(page, label):
    """What stands at a field of the dialog that is open."""
    return page.get_by_role("dialog").last.locator(".field", has=page.get_by_text(label, exact=True)).locator(".field-error:visible")


class People(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.browser = Browser(cls.lab.console)
        cls.lab.owner("acme", "ada", "Ada Lovelace")
        cls.lab.user("acme", "vic", "Vic Viewer", ["viewer"])
        cls.lab.user("acme", "cleo", "Cleo", ["viewer"])
        cls.lab.user(None, "olga", "Olga", ["operator"])
        cls.lab.user(None, "augusta", "Augusta", ["auditor"])
        # A lab that was kept has them already.
        for one in cls.lab.ask("GET", "/v1/identity-providers")["items"]:
            if one["issuer"].startswith("https://id.example/"):
                cls.lab.ask("DELETE", f"/v1/identity-providers/{one['name']}")
        for one in cls.lab.ask("GET", "/v1/tenants/acme/users/cleo/certificates")["items"]:
            cls.lab.ask("DELETE", f"/v1/tenants/acme/users/cleo/certificates/{one['id']}")
        cls.older = {one["id"] for one in cls.lab.ask("GET", "/v1/tenants/acme/access-requests")["items"]}
        cls.owner, cls.person, cls.provider, cls.auditor = [cls.signed_in(name) for name in ("ada@acme", "cleo@acme", "olga", "augusta")]

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    @classmethod
    def signed_in(cls, name, **options):
        page = cls.browser.visitor(**options)
        cls.browser.sign_in(page, name)
        page.locator(".me").wait_for()
        return page

    def visit(self, page, where):
        self.browser.visit(page, where)

    def judge(self, page, what):
        """What axe finds in both colour schemes."""
        found = []
        for scheme in ["light", "dark"]:
            page.emulate_media(color_scheme=scheme)
            found += [f"{what} ({scheme}): {text}" for text in self.browser.judge(page, scheme == "dark")]
            self.browser.picture(page, f"people-{what}-{scheme}")
        page.emulate_media(color_scheme="light")
        self.assertEqual([], found)

    def requests(self):
        return self.lab.ask("GET", "/v1/tenants/acme/access-requests")["items"]

    def request(self, reason):
        """The only request of this run with that reason; those of one second have no order."""
        found = [one for one in self.requests() if one["reason"].startswith(reason) and one["id"] not in self.older]
        self.assertEqual(1, len(found), found)
        return found[0]

    def certificates(self, name):
        return self.lab.ask("GET", f"/v1/tenants/acme/users/{name}/certificates")["items"]

    def save(self, page, button, folder):
        with page.expect_download() as download:
            page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
        place = os.path.join(folder, download.value.suggested_filename)
        download.value.save_as(place)
        return place

    def listed_by(self, certificate):
        """The command, by a certificate and the key beside it alone."""
        with open("/run/patchbay/lab/cli.json", encoding="utf-8") as file:
            found = json.load(file)
        return subprocess.run(
            [os.path.join(os.environ["PATCHBAY_BIN"], "patchbay"), "endpoint", "list", "acme", "--certificate", certificate, "--controller",
             found["controller"], "--root-certificate", found["root_certificate"]], capture_output=True, text=True, check=False)

    def test_01_a_key_is_made_here_and_certified_and_a_program_signs_in_by_it(self):
        page = self.person
        bodies = []
        page.on("request", lambda request: bodies.append(request.post_data or ""))
        self.visit(page, "#/account")
        page.get_by_role("button", name="New certificate").click()
        page.get_by_label("What it is for").fill("night run / 1")
        page.get_by_label("Days (1 to 90)").fill("91")
        make = page.get_by_role("dialog").get_by_role("button", name="Make certificate")
        make.click()
        told(page, "Days (1 to 90)").wait_for()
        page.get_by_label("Days (1 to 90)").fill("7")
        make.click()
        page.get_by_text("Save the key and the certificate").wait_for()
        self.judge(page, "certificate-made")
        with tempfile.TemporaryDirectory() as folder:
            key = self.save(page, "Save the key", folder)
            certificate = self.save(page, "Save the certificate", folder)
            self.assertEqual(("night-run-1.key", "night-run-1.pem"), (os.path.basename(key), os.path.basename(certificate)))
            with open(key, encoding="utf-8") as file:
                secret = file.read()
            # The key went nowhere; what was sent is a request that another program finds good as well.
            self.assertEqual([], [one for one in bodies if "PRIVATE KEY" in one or secret.splitlines()[1] in one])
            request = next(json.loads(one)["csr"] for one in reversed(bodies) if '"csr"' in one)
            seen = subprocess.run(["openssl", "req", "-verify", "-noout", "-subject"], input=request, capture_output=True, text=True, check=True)
            self.assertIn("patchbay", seen.stdout)
            page.get_by_role("dialog").get_by_role("button", name="Done").click()
            made = self.certificates("cleo")[-1]
            self.assertEqual(("night run / 1", True), (made["label"], made["holds"]))
            row = page.locator("#certificates tbody tr", has_text=made["id"])
            row.get_by_text("good", exact=True).wait_for()
            self.assertIn("web1", self.listed_by(certificate).stdout)
            row.get_by_role("button", name="Details: night run / 1").click()
            for word in [made["certificate"]["serial"], made["certificate"]["sha256"], made["id"], "spiffe://user.acme.tenant."]:
                page.get_by_role("dialog").get_by_text(word).first.wait_for()
            self.judge(page, "certificate-details")
            page.keyboard.press("Escape")
            self.assertEqual("Details: night run / 1", page.evaluate("document.activeElement.getAttribute('aria-label')"))
            row.get_by_role("button", name="Revoke: night run / 1").click()
            page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
            row.get_by_text("revoked", exact=True).wait_for()
            self.assertEqual(0, row.get_by_role("button", name="Revoke").count())
            # What had the focus is gone; it is still in the table, not lost.
            self.assertTrue(page.evaluate("document.activeElement.closest('#certificates') !== null"))
            self.assertFalse(self.certificates("cleo")[-1]["holds"])
            refused = self.listed_by(certificate)
            self.assertNotEqual(0, refused.returncode)
            self.assertNotIn("web1", refused.stdout)

    def test_02_a_request_that_was_made_elsewhere_is_certified_and_a_lost_key_is_told(self):
        page = self.person
        make = page.get_by_role("dialog").get_by_role("button", name="Make certificate")
        for text, what in [(hostile.MARKUP, "no request"), ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "an empty one")]:
            page.get_by_role("button", name="New certificate").click()
            page.get_by_label("What it is for").fill("elsewhere")
            page.get_by_label("Request of a key that you have").fill(text)
            make.click()
            told(page, "Request of a key that you have").wait_for()
            self.assertEqual("true", page.evaluate("document.activeElement.getAttribute('aria-invalid')"), what)
            page.keyboard.press("Escape")
        made = subprocess.run(
            ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=mine", "-sha256"],
            capture_output=True, text=True, check=True).stdout
        page.get_by_role("button", name="New certificate").click()
        page.get_by_label("What it is for").fill(hostile.MARKUP)
        page.get_by_label("Request of a key that you have").fill(made)
        make.click()
        page.get_by_text("Save the certificate beside its key").wait_for()
        self.assertEqual(0, page.get_by_role("button", name="Save the key", exact=True).count())
        page.get_by_role("dialog").get_by_role("button", name="Done").click()
        page.get_by_role("button", name="New certificate").click()
        page.get_by_label("What it is for").fill("lost")
        make.click()
        page.get_by_text("Save the key and the certificate").wait_for()
        page.keyboard.press("Escape")
        page.locator(".notice.failed", has_text="The key of lost was not saved").wait_for()

    def test_03_an_owner_sees_and_revokes_the_certificates_of_her_people(self):
        good = [one for one in self.certificates("cleo") if one["holds"]]
        self.assertEqual({hostile.MARKUP, "lost"}, {one["label"] for one in good})
        page = self.owner
        self.visit(page, "#/t/acme/users")
        page.get_by_role("button", name="Certificates of cleo@acme").click()
        page.get_by_role("button", name="Revoke: lost").click()
        page.get_by_role("dialog").last.get_by_role("button", name="Revoke").click()
        page.get_by_role("button", name="Revoke: lost").wait_for(state="detached")
        self.assertEqual([hostile.MARKUP], [one["label"] for one in self.certificates("cleo") if one["holds"]])
        self.judge(page, "certificates-of-others")
        page.get_by_role("rowheader").get_by_text(hostile.MARKUP).first.wait_for()
        self.assertEqual(0, page.locator("dialog img").count())
        page.keyboard.press("Escape")
        self.assertEqual("Certificates of cleo@acme", page.evaluate("document.activeElement.getAttribute('aria-label')"))
        # So do operators with the provider's people, and auditors look on.
        self.visit(self.provider, "#/provider/users")
        self.provider.get_by_role("button", name="Certificates of augusta").click()
        self.provider.get_by_text("There are no certificates.").wait_for()
        self.provider.keyboard.press("Escape")
        # Nobody else, on no page and in no answer.
        viewer = self.signed_in("vic@acme")
        self.visit(viewer, "#/t/acme/users")
        viewer.get_by_text("There is no such page").wait_for()
        for path in ["users/cleo/certificates", "users/cleo/identities", "access-requests"]:
            self.assertEqual(403, viewer.evaluate("path => fetch(path).then(a => a.status)", f"/v1/tenants/acme/{path}"), path)
        viewer.context.close()
        foreign = self.provider.evaluate("fetch('/v1/tenants/acme/users/cleo/certificates').then(a => a.status)")
        self.assertEqual(404, foreign)

    def test_04_the_provider_asks_for_access_and_the_owner_grants_it(self):
        for one in self.requests():
            if one["state"] == "waiting":
                self.lab.ask("POST", f"/v1/tenants/acme/access-requests/{one['id']}/decline")
        page, owner = self.provider, self.owner
        self.visit(owner, "#/t/acme/dashboard")
        self.assertEqual(0, owner.locator("#asking").count())
        self.visit(page, "#/provider/tenants/acme")
        page.get_by_role("button", name="Ask for access").click()
        ask = page.get_by_role("dialog").get_by_role("button", name="Ask for access")
        ask.click()
        told(page, "Reason").wait_for()
        page.get_by_label("Reason").fill(hostile.TURNED)
        ask.click()
        told(page, "Reason").wait_for()
        page.get_by_label("Reason").fill("ticket 18 & <b>more</b>")
        page.get_by_label("Hours").fill("200")
        ask.click()
        told(page, "Hours").wait_for()
        page.get_by_label("Hours").fill("3")
        page.get_by_role("dialog").get_by_label("viewer").uncheck()
        ask.click()
        told(page, "Roles").wait_for()
        page.get_by_role("dialog").get_by_label("network admin").check()
        ask.click()
        row = page.locator("#tenant-requests tbody tr", has_text="ticket 18 & <b>more</b>").first
        row.get_by_text("waiting", exact=True).wait_for()
        asked = self.request("ticket 18")
        self.assertEqual(("olga", ["network-admin"], 3, "waiting"), (asked["requester"], asked["roles"], asked["hours"], asked["state"]))
        # Without any hand of hers the owner's page tells of it: a card, and a mark in the navigation.
        owner.locator("#asking", has_text="olga, as network admin, hours: 3: ticket 18 & <b>more</b>").wait_for()
        until("it is said aloud", lambda: "1 request waits for an answer" in owner.locator("#polite").inner_text())
        owner.locator("#nav a", has_text="Provider's access").locator(".unseen", has_text="1 request waits for an answer").wait_for(state="attached")
        self.judge(owner, "asked")
        owner.locator("#nav a", has_text="Provider's access").click()
        owner.locator("main h1", has_text="Provider's access").wait_for()
        self.judge(owner, "access")
        owner.get_by_role("button", name=re.compile("^Grant: olga, ticket 18")).click()
        owner.get_by_role("dialog").get_by_text("olga is let in as network admin").wait_for()
        owner.get_by_role("dialog").get_by_role("button", name="Grant", exact=True).click()
        owner.locator("#requests").get_by_text("granted", exact=True).first.wait_for()
        grant = owner.locator("#grants tbody tr", has_text="ticket 18 & <b>more</b>").first
        grant.get_by_text("now", exact=True).first.wait_for()
        until("the mark is gone", lambda: owner.locator("#waiting:visible").count() == 0)
        # It holds, and the one who asked gets in.
        self.assertEqual("granted", self.request("ticket 18")["state"])
        self.visit(page, "#/t/acme/vnets")
        page.locator(".banner", has_text="network admin").wait_for()
        page.get_by_role("button", name="New network").wait_for()
        self.visit(page, "#/provider/tenants/acme")
        page.locator("#tenant-requests").get_by_text("granted", exact=True).first.wait_for()
        grant.get_by_role("button", name="Revoke").click()
        grant.get_by_text("revoked", exact=True).first.wait_for()

    def test_05_the_owner_declines_and_others_may_neither_ask_nor_answer(self):
        page, owner = self.provider, self.owner
        self.visit(page, "#/t/acme/dashboard")
        page.locator("main").get_by_role("button", name="Ask for access").click()
        page.get_by_label("Reason").fill("ticket 19")
        page.get_by_label("With consoles of endpoints").check()
        page.get_by_role("dialog").get_by_role("button", name="Ask for access").click()
        page.locator("#requests tbody tr", has_text="ticket 19").first.get_by_text("waiting").wait_for()
        self.assertEqual(0, page.get_by_role("button", name=re.compile("^(Grant|Decline)")).count())
        auditor = self.auditor
        self.visit(auditor, "#/t/acme/access")
        auditor.locator("#requests tbody tr", has_text="ticket 19").first.wait_for()
        self.assertEqual(0, auditor.locator("main").get_by_role("button", name=re.compile("^(Ask for access|Grant|Decline)")).count())
        self.visit(auditor, "#/provider/tenants/acme")
        self.assertEqual(0, auditor.get_by_role("button", name="Ask for access").count())
        status = auditor.evaluate("""id => fetch('/v1/self').then(a => a.json()).then(me => fetch(`/v1/tenants/acme/access-requests/${id}/grant`, {
            method: 'POST', headers: {'x-patchbay-csrf': me.csrf_token}})).then(a => a.status)""", self.request("ticket 19")["id"])
        self.assertEqual(403, status)
        self.visit(owner, "#/t/acme/dashboard")
        owner.locator("#asking", has_text="with consoles of endpoints").get_by_role("button", name="Decline: olga, ticket 19").click()
        owner.locator("#asking").wait_for(state="detached")
        self.assertEqual("declined", self.request("ticket 19")["state"])
        # Who asked finds it when he comes back to his page.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.locator("#requests tbody tr", has_text="ticket 19").first.get_by_text("declined").wait_for()
        # What has been answered meanwhile is told, not done twice.
        self.visit(page, "#/t/acme/access")
        page.get_by_role("button", name="Ask for access").click()
        page.get_by_label("Reason").fill("ticket 20")
        page.get_by_role("dialog").get_by_role("button", name="Ask for access").click()
        page.locator("#requests tbody tr", has_text="ticket 20").first.wait_for()
        self.visit(owner, "#/t/acme/access")
        self.lab.ask("POST", f"/v1/tenants/acme/access-requests/{self.request('ticket 20')['id']}/decline")
        owner.get_by_role("button", name=re.compile("^Grant: olga, ticket 20")).click()
        owner.get_by_role("dialog").get_by_role("button", name="Grant", exact=True).click()
        owner.get_by_role("dialog").locator(".field-error:visible", has_text="answered already").wait_for()
        owner.keyboard.press("Escape")

    def test_06_an_identity_provider_is_added_changed_and_removed(self):
        page = self.provider
        self.visit(page, "#/provider/providers")
        page.get_by_role("button", name="New identity provider").click()
        add = page.get_by_role("dialog").get_by_role("button", name="Add", exact=True)
        good = {"Name": "acme-sso", "On its button": "Acme & Söhne", "Issuer": ISSUER, "Client id": "patchbay", "Client secret": "a secret & more"}
        for label, text in good.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_label("For the people of").fill("acme")
        page.get_by_label("For the people of").blur()
        # One tenant's has no button for all to see, unless that is wanted.
        self.assertFalse(page.get_by_label("With a button on the page for signing in").is_checked())
        for label, bad in [("Name", hostile.MARKUP), ("On its button", hostile.TURNED), ("Issuer", "http://id.example"), ("Client id", hostile.TURNED),
                           ("Client secret", "x" * 1025), ("For the people of", "nobody"), ("Scopes", "profile"), ("Certificates that vouch for it", hostile.MARKUP)]:
            field = page.get_by_label(label, exact=True)
            before = field.input_value()
            field.fill(bad)
            add.click()
            told(page, label).wait_for()
            self.assertEqual("true", field.get_attribute("aria-invalid"), label)
            field.fill(before)
        self.assertEqual([], self.lab.ask("GET", "/v1/identity-providers")["items"])
        self.judge(page, "provider-form")
        add.click()
        # What is to be entered at the provider is shown.
        shown = page.get_by_role("dialog", name="acme-sso")
        shown.get_by_text("/v1/session/callback").wait_for()
        self.judge(page, "provider")
        shown.get_by_role("button", name="Done").click()
        made = self.lab.ask("GET", "/v1/identity-providers/acme-sso")
        self.assertEqual(("Acme & Söhne", ISSUER, "acme", False, ["openid"], "sub", False), tuple(
            made[one] for one in ["display_name", "issuer", "tenant", "listed", "scopes", "subject_claim", "multi_factor"]))
        row = page.locator("main tbody tr", has_text="acme-sso")
        row.get_by_text("by link").wait_for()
        self.judge(page, "providers")
        row.get_by_role("button", name="Change: acme-sso").click()
        self.assertEqual("", page.get_by_label("Client secret").input_value())
        page.get_by_label("Asks for a second factor itself").check()
        page.get_by_label("Scopes").fill("openid  profile")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.get_by_role("dialog").wait_for(state="detached")
        made = self.lab.ask("GET", "/v1/identity-providers/acme-sso")
        self.assertEqual((True, ["openid", "profile"], "acme"), (made["multi_factor"], made["scopes"], made["tenant"]))
        # Nobody signs in by a provider that is switched off, until it is on again.
        for is_on in (False, True):
            row.get_by_role("button", name="Change: acme-sso").click()
            page.get_by_label("People may sign in by it").set_checked(is_on)
            page.get_by_role("dialog").get_by_role("button", name="Save").click()
            page.get_by_role("dialog").wait_for(state="detached")
            row.get_by_text("disabled", exact=True).wait_for(state="detached" if is_on else "visible")
            self.assertEqual(is_on, self.lab.ask("GET", "/v1/identity-providers/acme-sso")["enabled"])
        # Somebody else's change meanwhile is not overwritten.
        row.get_by_role("button", name="Change: acme-sso").click()
        page.get_by_label("On its button").fill("Mine")
        self.lab.ask("PUT", "/v1/identity-providers/acme-sso", {"issuer": ISSUER, "client_id": "patchbay", "tenant": "acme", "display_name": "Theirs"})
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.get_by_role("dialog").locator(".field-error:visible", has_text="changed meanwhile").wait_for()
        page.keyboard.press("Escape")
        auditor = self.auditor
        self.visit(auditor, "#/provider/providers")
        auditor.locator("main tbody tr", has_text="Theirs").wait_for()
        self.assertEqual(0, auditor.locator("main").get_by_role("button", name=re.compile("^(New|Change|Remove)")).count())
        self.visit(self.owner, "#/provider/providers")
        self.owner.get_by_text("There is no such page").wait_for()
        # What was open over a page goes with it.
        row.get_by_role("button", name="Details: acme-sso").click()
        page.get_by_role("dialog").wait_for()
        self.visit(page, "#/provider/tenants")
        self.assertEqual(0, page.get_by_role("dialog").count())

    def test_07_an_owner_says_who_is_expected_and_takes_the_link_away(self):
        page = self.owner
        self.visit(page, "#/t/acme/users")
        page.get_by_role("button", name="Sign-in of vic@acme by other providers").click()
        page.get_by_text("No provider is linked").wait_for()
        page.get_by_role("button", name="Expect somebody").click()
        add = page.get_by_role("dialog").last.get_by_role("button", name="Add", exact=True)
        for bad in ["", hostile.TURNED]:
            page.get_by_label("Known there as").fill(bad)
            add.click()
            told(page, "Known there as").wait_for()
        page.get_by_label("Known there as").fill("f3a-17")
        add.click()
        page.get_by_role("dialog").last.get_by_text("f3a-17").wait_for()
        self.judge(page, "identities")
        links = lambda: [one["subject"] for one in self.lab.ask("GET", "/v1/tenants/acme/users/vic/identities")["items"]]
        self.assertEqual(["f3a-17"], links())
        # While somebody is linked by it, it is nobody else's word that is believed.
        operator = self.provider
        self.visit(operator, "#/provider/providers")
        operator.get_by_role("button", name="Change: acme-sso").click()
        operator.get_by_label("Issuer").fill(ISSUER + "/other")
        operator.get_by_role("dialog").get_by_role("button", name="Save").click()
        told(operator, "Issuer").wait_for()
        operator.keyboard.press("Escape")
        page.get_by_role("button", name="Unlink: Theirs").click()
        page.get_by_role("dialog").last.get_by_role("button", name="Unlink").click()
        until("it is gone", lambda: links() == [])
        page.get_by_text("No provider is linked").wait_for()
        self.lab.ask("POST", "/v1/tenants/acme/users/vic/identities", {"provider": "acme-sso", "subject": TAG})
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Sign-in of vic@acme by other providers").click()
        page.get_by_role("dialog").get_by_text(TAG).wait_for()
        self.assertEqual(0, page.locator("dialog img").count())
        page.keyboard.press("Escape")
        # Of oneself nobody expects somebody here.
        page.get_by_role("button", name="Sign-in of ada@acme by other providers").click()
        page.get_by_text("No provider is linked").wait_for()
        self.assertEqual(0, page.get_by_role("button", name="Expect somebody").count())
        page.keyboard.press("Escape")
        # What removing the provider does is told first, and wants a word that it is known.
        operator.get_by_role("button", name="Remove: acme-sso").click()
        operator.get_by_role("dialog").get_by_text("All links of accounts to Theirs are taken away").wait_for()
        remove = operator.get_by_role("dialog").get_by_role("button", name="Remove")
        remove.click()
        told(operator, "I know who signs in by it").wait_for()
        self.assertEqual([TAG], links())
        self.judge(operator, "provider-removal")
        operator.get_by_label("I know who signs in by it").check()
        remove.click()
        operator.get_by_text("There are no identity providers.").wait_for()
        self.assertEqual([], links())
        with self.assertRaises(Refused) as gone:
            self.lab.ask("GET", "/v1/identity-providers/acme-sso")
        self.assertEqual(404, gone.exception.status)

    def test_08_in_three_languages_and_at_the_width_of_a_phone(self):
        seen = {}
        self.lab.ask("POST", "/v1/identity-providers", {"name": "long", "display_name": hostile.MARKUP, "issuer": "https://id.example/" + "y" * 200, "client_id": "patchbay", "client_secret": "z"})
        for page, wheres in [(self.owner, ["t/acme/access", "t/acme/users", "account"]), (self.provider, ["provider/providers", "provider/tenants/acme", "t/acme/access"])]:
            page.set_viewport_size({"width": 390, "height": 800})
            for language in ["zh-Hant", "zh-Hans", "en"]:
                # The choice in the bar is not seen at this width; that of the account's page is.
                self.visit(page, "#/account")
                page.locator("#language-own").select_option(language)
                until(language, lambda page=page, language=language: page.evaluate("document.documentElement.lang") == language)
                for where in wheres:
                    self.visit(page, f"#/{where}")
                    text = page.locator("main").inner_text()
                    self.assertEqual([], re.findall(r"\b(?:access|requests|certificates|identities|providers|account|users|page)\.[a-z][a-z.-]+", text), f"{language} {where}")
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390, where)
                    seen.setdefault((page, where), set()).add(page.locator("main h1").inner_text() + text)
                    self.browser.picture(page, f"people-phone-{language}-{where.replace('/', '-')}")
        self.assertTrue(all(len(texts) == 3 for texts in seen.values()))
        self.assertEqual(0, self.provider.locator("main img").count())
        # By keyboard alone, from the first stop of the table to the dialog and back.
        page = self.provider
        self.visit(page, "#/provider/providers")
        page.locator("main .table-scroll").focus()
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.getAttribute('aria-label')") != "Details: long":
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="long").wait_for()
        self.assertLessEqual(page.evaluate("document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth"), 0)
        page.keyboard.press("Escape")
        self.assertEqual("Details: long", page.evaluate("document.activeElement.getAttribute('aria-label')"))
        self.lab.ask("DELETE", "/v1/identity-providers/long")

    def test_99_no_page_asked_anybody_else_or_complained(self):
        self.assertEqual([], self.browser.foreign)
        self.assertEqual([], self.browser.complaints)


if __name__ == "__main__":
    unittest.main()
