"""Passkeys in a real browser, with an authenticator in software. Tests run in the order of their names."""

import unittest

from browser import Authenticator, Browser, until
from lab import Lab


class Passkeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.browser = Browser(cls.lab.console)
        cls.lab.owner("acme", "ada", "Ada Lovelace")
        cls.lab.user("acme", "pia", "Pia", ["viewer"])
        for passkey in cls.lab.ask("GET", "/v1/tenants/acme/users/pia/passkeys")["items"]:
            cls.lab.ask("DELETE", f"/v1/tenants/acme/users/pia/passkeys/{passkey['id']}")
        cls.page = cls.browser.visitor()
        cls.device = Authenticator(cls.page)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def enter(self):
        self.page.locator(".me", has_text="Pia").wait_for()

    def leave(self):
        self.page.locator("#sign-out").click()
        self.page.get_by_label("Account").wait_for()

    def test_1_a_passkey_is_added_and_renamed(self):
        page = self.page
        self.browser.sign_in(page, "pia@acme")
        self.enter()
        self.browser.visit(page, "#/account")
        page.get_by_text("There are no passkeys.").wait_for()
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_label("What it is called").fill("Laptop")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        page.get_by_role("button", name="Rename: Laptop").click()
        page.get_by_label("What it is called").fill("Grey laptop")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.get_by_role("rowheader", name="Grey laptop").wait_for()
        page.get_by_text("On: your passkey is asked for").wait_for()
        self.assertEqual(1, len(self.device.passkeys()))
        self.assertEqual("localhost", self.device.passkeys()[0]["rpId"])
        # The same device makes no second one for the account.
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_label("What it is called").fill("Once more")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        page.locator(".field-error:visible", has_text="This device has a passkey of this account already.").wait_for()
        page.keyboard.press("Escape")
        self.assertEqual([], self.browser.judge(page))
        person = self.lab.ask("GET", "/v1/tenants/acme/users/pia")
        self.assertTrue(person["has_second_factor"] and person["passkeys"] == 1)
        self.leave()

    def test_2_it_signs_in_alone(self):
        page = self.page
        page.get_by_role("button", name="Sign in with a passkey").click()
        self.enter()
        self.assertEqual("pia@acme", page.evaluate("fetch('/v1/self').then(a => a.json())")["name"])
        # Nothing of the sign-in is left in the browser but the session and the known device.
        names = sorted(one["name"] for one in page.context.cookies())
        self.assertEqual(2, len(names))
        self.assertNotIn("__Host-patchbay-passkey", names)
        self.leave()

    def test_3_it_is_the_second_factor_after_the_password(self):
        page = self.page
        self.browser.sign_in(page, "pia@acme")
        page.locator(".lead", has_text="Confirm with your passkey.").wait_for()
        self.assertEqual([], self.browser.judge(page))
        page.get_by_role("button", name="Use a passkey").click()
        self.enter()
        self.leave()
        # A stranger with the device: it does not verify him, so the browser gives nothing.
        self.device.verify(False)
        self.addCleanup(self.device.verify, True)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.locator(".notice", has_text="No passkey was used").wait_for()
        self.assertEqual(0, page.locator(".me").count())

    def test_4_behind_an_address_there_are_none(self):
        page = self.browser.visitor()
        page.goto(f"{self.lab.url}/console/")
        page.get_by_label("Account").wait_for()
        self.assertEqual(0, page.get_by_role("button", name="Sign in with a passkey").count())
        page.context.close()
        self.browser.foreign.clear()

    def test_5_an_owner_takes_away_what_was_lost(self):
        owner = self.browser.visitor()
        self.browser.sign_in(owner, "ada@acme")
        owner.locator(".me").wait_for()
        self.browser.visit(owner, "#/t/acme/users")
        owner.get_by_role("button", name="Passkeys of pia@acme").click()
        owner.get_by_role("button", name="Remove: Grey laptop").click()
        until("it is gone", lambda: self.lab.ask("GET", "/v1/tenants/acme/users/pia")["passkeys"] == 0)
        owner.context.close()
        # The device still has it, and it signs in no longer.
        self.assertEqual(1, len(self.device.passkeys()))
        page = self.page
        self.browser.open(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.locator(".notice", has_text="This passkey is not good here").wait_for()
        self.assertEqual(0, page.locator(".me").count())
        # The password alone does again.
        self.browser.sign_in(page, "pia@acme")
        self.enter()

    def test_9_no_page_asked_anybody_else_or_complained(self):
        self.assertEqual([], self.browser.foreign)
        self.assertEqual([], self.browser.complaints)


if __name__ == "__main__":
    unittest.main()
