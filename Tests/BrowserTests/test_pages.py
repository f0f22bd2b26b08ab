"""The rest of the console in a real browser: what the provider does, what a tenant grants, sizes, hands, bad input. After
test_console, on the same lab."""

import json
import os
import subprocess
import tempfile
import unittest
import urllib.parse

import hostile
from browser import Browser, until
from lab import Lab, Pinging, Refused

DOCUMENT = """version: 1
platform: true
networks:
  metadata: [169.254.169.254/32]
rules:
  - name: no-metadata
    from: any
    to: network:metadata
    verdict: reject
"""


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.browser = Browser(cls.lab.url)
        cls.lab.owner("acme", "ada", "Ada Lovelace")
        cls.lab.user(None, "olga", "Olga", ["operator"])
        cls.owner, cls.provider = [cls.signed_in(name) for name in ("ada@acme", "olga")]

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

    def command(self, *arguments):
        """The command, as somebody runs it who has the installation's token."""
        with open("/run/patchbay/lab/cli.json", encoding="utf-8") as file:
            found = json.load(file)
        return subprocess.run(
            [os.path.join(os.environ["PATCHBAY_BIN"], "patchbay"), *arguments, "--controller", found["controller"], "--token-file",
             found["token_file"], "--root-certificate", found["root_certificate"]], capture_output=True, text=True, check=True).stdout

    def test_01_a_network_is_made_and_removed(self):
        page = self.owner
        self.visit(page, "#/t/acme/vnets")
        self.assertEqual("4", page.locator("tr", has_text="10.0.0.0/24").locator("td").nth(1).inner_text())
        page.get_by_role("button", name="New network").click()
        page.get_by_label("Network", exact=True).fill("dmz")
        page.get_by_label("Addresses").fill("10.9.0.0/99")
        add = page.get_by_role("dialog").get_by_role("button", name="Add")
        add.click()
        page.locator("dialog .field", has_text="Addresses").locator(".field-error:visible").wait_for()
        page.get_by_label("Addresses").fill("10.9.0.0/24")
        add.click()
        page.get_by_role("button", name="Delete: dmz").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete: dmz").wait_for(state="detached")
        # One with endpoints is not offered for deletion.
        self.assertEqual(0, page.get_by_role("button", name="Delete: lan").count())

    def test_02_a_lock_is_seen_and_the_commands_are_those_that_work(self):
        page = self.owner
        self.visit(page, "#/t/acme/policy")
        page.get_by_role("tab", name="Signing").click()
        page.get_by_text("The controller signs", exact=True).wait_for()
        with tempfile.TemporaryDirectory() as folder:
            # Exactly what the page says, in a folder of its own.
            commands = page.locator(".numbered code").all_inner_texts()
            self.assertEqual(2, len(commands))
            subprocess.run(commands[0].split(), cwd=folder, check=True, capture_output=True)
            key = os.path.join(folder, "policy.pem")
            self.command(*commands[1].replace("policy.pem", key).split()[1:])
            try:
                page.get_by_role("tab", name="Document").click()
                page.locator(".card", has_text="signed by a key of the tenant's own").wait_for()
                self.assertTrue(page.locator("#policy-text").evaluate("area => area.readOnly"))
                self.assertEqual(0, page.locator("#policy-apply").count())
                page.get_by_role("tab", name="Signing").click()
                card = page.locator("#policy-lock")
                card.get_by_text("Locked: only your own key signs").wait_for()
                self.assertIn(self.lab.ask("GET", "/v1/tenants/acme/policy")["lock"], card.inner_text())
                self.assertIn("installation", card.inner_text())
                self.browser.picture(page, "policy-locked")
                unlock = page.locator(".numbered code").all_inner_texts()[-1]
            finally:
                self.command("policy", "unlock", "acme", "--key", key)
            self.assertEqual("patchbay policy unlock acme --key policy.pem", unlock)
        page.get_by_role("tab", name="Document").click()
        page.locator("#policy-apply").wait_for()

    def test_03_the_provider_limits_suspends_and_deletes_a_tenant(self):
        page = self.provider
        if [one for one in self.lab.ask("GET", "/v1/tenants")["items"] if one["name"] == "brief"]:
            confirmation = self.lab.ask("GET", "/v1/tenants/brief/deletion")["confirmation"]
            self.lab.ask("DELETE", f"/v1/tenants/brief?confirm={confirmation}")
        self.visit(page, "#/provider/tenants")
        page.get_by_role("button", name="New tenant").click()
        page.get_by_label("Tenant", exact=True).last.fill("brief")
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        page.get_by_role("link", name="brief").click()
        page.locator("main h1", has_text="brief").wait_for()
        self.lab.owner("brief", "bea", "Bea")
        for number in range(12):
            self.lab.ask("POST", "/v1/tenants/brief/groups", {"name": f"g{number}"})
        page.get_by_role("button", name="Change quota").click()
        page.get_by_label("Groups", exact=True).fill("13")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.locator("#tenant-quota").get_by_text("12 of 13").wait_for()
        tenant = self.signed_in("bea@brief")
        self.visit(tenant, "#/t/brief/dashboard")
        tenant.locator("#quota").get_by_text("12 of 13").wait_for()
        self.assertEqual(0, tenant.get_by_role("button", name="Change quota").count())
        page.get_by_role("button", name="Suspend").click()
        page.get_by_label("Reason").fill(hostile.MARKUP)
        page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
        page.locator("main").get_by_text("onerror").wait_for()
        self.visit(tenant, "#/t/brief/groups")
        self.visit(tenant, "#/t/brief/dashboard")
        tenant.get_by_text("This tenant is suspended").wait_for()
        self.assertIn(hostile.MARKUP, tenant.locator("main").inner_text())
        self.browser.picture(page, "tenant")
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Suspend").wait_for()
        page.get_by_role("button", name="Look what would go").click()
        gone = page.locator("#tenant-deletion tbody tr", has_text="Groups")
        gone.get_by_text("and 2 more").wait_for()
        page.get_by_label("Write the tenant's name").fill("brie")
        page.locator("#tenant-deletion form button[type=submit]").click()
        page.locator("#tenant-deletion .field-error:visible").wait_for()
        # What came after the preview is not deleted with the rest.
        self.lab.ask("POST", "/v1/tenants/brief/groups", {"name": "late"})
        page.get_by_label("Write the tenant's name").fill("brief")
        page.locator("#tenant-deletion form button[type=submit]").click()
        page.locator("#tenant-deletion .field-error:visible", has_text="it has changed meanwhile").wait_for()
        page.get_by_role("button", name="Look what would go").click()
        gone.get_by_text("and 3 more").wait_for()
        page.get_by_label("Write the tenant's name").fill("brief")
        page.locator("#tenant-deletion form button[type=submit]").click()
        page.get_by_text("brief is deleted.").first.wait_for()
        page.locator("table tbody").get_by_text("acme").wait_for()
        self.assertEqual(0, page.get_by_role("link", name="brief").count())
        tenant.context.close()

    def test_04_guardrails_are_checked_applied_and_rolled_back(self):
        page = self.provider
        self.visit(page, "#/provider/guardrails")
        area = page.locator("#policy-text")
        area.fill(DOCUMENT.replace("reject", "rejekt"))
        page.locator(".findings .error", has_text="Line 9").wait_for()
        for text in [DOCUMENT, DOCUMENT.replace("no-metadata", "no-clouds")]:
            area.fill(text)
            page.get_by_text("No error.").wait_for()
            page.locator("#policy-apply").click()
            until("it is in force", lambda wanted=text: self.lab.ask("GET", "/v1/guardrails")["revision"] > 0
                  and page.locator(".diff").count() == 0 and area.input_value() == wanted)
            page.get_by_text("The text is the one in force.").wait_for()
        before = self.lab.ask("GET", "/v1/guardrails")["revision"]
        page.get_by_role("tab", name="Revisions").click()
        page.get_by_role("button", name="Put this back in force").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Put this back in force").click()
        page.get_by_role("dialog").wait_for(state="detached")
        self.assertEqual(before + 1, self.lab.ask("GET", "/v1/guardrails")["revision"])
        self.browser.picture(page, "guardrails")
        page.get_by_role("tab", name="Document").click()
        until("the former text is back", lambda: "no-metadata" in area.input_value())

    def test_05_a_grant_lets_the_provider_in_and_its_end_shuts_him_out(self):
        page = self.provider
        for one in self.lab.ask("GET", "/v1/tenants/acme/access")["items"]:
            if one["holds"]:
                self.lab.ask("DELETE", f"/v1/tenants/acme/access/{one['id']}")
        entry = self.lab.ask("POST", "/v1/tenants/acme/policy/entries", {"action": "plug", "from": "web2", "to": "batch1"})
        # Without a grant nothing of the policy is anywhere, on no page and in no answer.
        for where in ["dashboard", "policy", "bay", "endpoints", "explain", "audit", "users", "vnets"]:
            self.visit(page, f"#/t/acme/{where}")
            text = page.locator("main").inner_text()
            self.assertNotIn("batch1", text, where)
            if where != "dashboard":
                self.assertIn("There is no such page", text, where)
        self.assertEqual(["Overview", "Usage", "Provider's access"], page.locator("#nav ul").nth(1).locator("a").all_inner_texts())
        for path in ["policy", "policy/document", "policy/entries", "policy/revisions", "endpoints", "summary", "explain?from=web1&to=db1", "usage?by=wire"]:
            self.assertIn(page.evaluate("path => fetch(path).then(a => a.status)", f"/v1/tenants/acme/{path}"), (403, 404), path)
        owner = self.signed_in("ada@acme")
        self.visit(owner, "#/t/acme/access")
        owner.get_by_role("button", name="Grant access").click()
        owner.get_by_label("To whom").fill("olga")
        owner.get_by_label("Reason").fill("ticket 17 & <b>more</b>")
        owner.get_by_role("dialog").get_by_role("button", name="Grant access").click()
        owner.locator("tbody", has_text="ticket 17").wait_for()
        self.visit(page, "#/t/acme/bay")
        banner = page.locator(".banner")
        banner.wait_for()
        for word in ["ada@acme", "viewer", "ticket 17 & <b>more</b>", "in 4 hours"]:
            self.assertIn(word, banner.inner_text())
        page.locator('.jack[data-endpoint="batch1"]').wait_for()
        self.browser.picture(page, "granted")
        names = page.locator("#nav ul").nth(1).locator("a").all_inner_texts()
        self.assertIn("Policy", names)
        self.assertTrue({"Users", "Audit"}.isdisjoint(names))
        self.visit(page, "#/t/acme/policy")
        self.assertEqual(0, page.get_by_role("button", name="Put in force").count())
        # The owner sees it at a glance, and ends it there.
        self.visit(owner, "#/t/acme/dashboard")
        owner.locator("#guests", has_text="olga").get_by_role("button").click()
        owner.locator("#guests").wait_for(state="detached")
        self.visit(page, "#/t/acme/dashboard")
        self.visit(page, "#/t/acme/policy")
        page.get_by_text("There is no such page").wait_for()
        self.assertEqual(0, page.locator(".banner").count())
        owner.context.close()
        self.lab.ask("DELETE", f"/v1/tenants/acme/policy/entries/{entry['id']}")

    def test_06_usage_is_shown_over_time_and_taken_along(self):
        self.lab.ask("POST", "/v1/tenants/acme/plug", {"from": "web1", "to": "db1", "security": "conf"})
        page = self.owner
        with Pinging("pb-acme-web1", "10.0.0.3"):
            until("it is booked", lambda: self.lab.ask("GET", "/v1/tenants/acme/usage?by=wire&endpoint=web1&peer=db1")["items"], 30)
        self.visit(page, "#/t/acme/usage")
        page.locator("#usage-by").select_option("wire")
        page.locator("main th", has_text="Wire").wait_for()
        if page.locator("main input[type=search]").count():
            page.locator("main input[type=search]").fill("web1 → db1")
        page.get_by_role("button", name="Show web1 → db1 over time").click()
        page.locator("#usage-chart h2", has_text="web1 → db1").wait_for()
        self.assertGreater(page.locator("#usage-chart rect.sent").count(), 0)
        with page.expect_download() as download:
            page.get_by_role("button", name="As CSV").click()
        with open(download.value.path(), encoding="utf-8") as file:
            self.assertIn("web1,,db1", file.read())
        self.browser.picture(page, "usage-wires")
        # A time that ends before it begins is told, at its field.
        page.locator("#usage-from").fill("2026-01-05")
        page.locator("#usage-to").fill("2026-01-01")
        page.locator("main .nothing", has_text="ends before").wait_for()
        self.assertEqual("true", page.locator("#usage-to").get_attribute("aria-invalid"))
        page.locator("#usage-to").fill("2026-01-06")
        page.get_by_text("Nothing was carried in this time.").wait_for()

    def test_07_two_fingers_the_wheel_and_keys_move_the_picture(self):
        page = self.signed_in("ada@acme", viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, reduced_motion="reduce")
        self.visit(page, "#/t/acme/bay")
        page.locator('.jack[data-endpoint="web1"]').wait_for()
        zoom = lambda: float(page.locator(".bay-scroll").evaluate("one => one.style.getPropertyValue('--zoom')"))
        box = page.locator(".bay-scroll").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        hand = page.context.new_cdp_session(page)
        fingers = lambda kind, width: hand.send("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [] if kind == "touchEnd" else [{"x": x - width, "y": y, "id": 1}, {"x": x + width, "y": y, "id": 2}]})
        before = zoom()
        fingers("touchStart", 30)
        for width in range(34, 92, 6):
            fingers("touchMove", width)
        fingers("touchEnd", 0)
        until("it is larger", lambda: 1.5 * before < zoom() <= 2)
        # Nothing moves for those who do not want it.
        self.assertEqual("none", page.locator(".bay-scroll").evaluate("one => { one.insertAdjacentElement('beforeend', Object.assign(document.createElement('i'), {className: 'x'})); const got = getComputedStyle(one.lastElementChild).animationName; one.lastElementChild.remove(); return got; }"))
        page.context.close()
        page = self.owner
        self.visit(page, "#/t/acme/bay")
        zoom = lambda: float(page.locator(".bay-scroll").evaluate("one => one.style.getPropertyValue('--zoom')"))
        before = zoom()
        page.locator(".bay-scroll").hover()
        page.keyboard.down("Control")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Control")
        until("the wheel makes it larger", lambda: zoom() > before)
        page.locator(".bay-scroll").focus()
        for _ in range(3):
            page.keyboard.press("+")
        large = zoom()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        until("arrow keys move the picture", lambda: page.locator(".bay-scroll").evaluate("one => one.scrollTop + one.scrollLeft > 0"))
        page.keyboard.press("0")
        self.assertLess(zoom(), large)
        # A panel is folded and unfolded by key, and the focus stays on it.
        plate = page.locator('.panel[data-panel="web"] .plate')
        plate.focus()
        page.keyboard.press("Enter")
        page.locator('.panel.folded[data-panel="web"]').wait_for()
        # Other tests put web1 into a group before this one, so it is not said whose socket it is.
        sockets = page.locator('.panel[data-panel="web"] .jack')
        until("folded panels have no sockets", lambda: sockets.count() == 0)
        self.assertEqual("false", page.evaluate("document.activeElement.getAttribute('aria-expanded')"))
        page.keyboard.press("Enter")
        sockets.first.wait_for()
        # The first stop of a page leads past the menu, to its heading.
        self.visit(page, "#/t/acme/dashboard")
        page.locator("body").evaluate("body => { document.activeElement.blur(); }")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        self.assertEqual("H1", page.evaluate("document.activeElement.tagName"))

    def test_08_a_hundred_thousand_are_counted_first(self):
        """The page is told a hundred thousand where there are some thousands less; everything else is the controller's."""
        if not [one for one in self.lab.ask("GET", "/v1/tenants")["items"] if one["name"] == "many"]:
            self.fail("test_15 of test_console makes the tenant")
        page = self.signed_in("max@many")

        def inflate(route):
            answer = route.fetch()
            value = answer.json()
            value["endpoints"] = 100000
            route.fulfill(response=answer, json=value)

        asked = []
        # What the first page has begun to ask is not meant.
        page.goto("about:blank")
        page.route("**/v1/tenants/many/summary*", inflate)
        page.on("request", lambda request: asked.append(request.url))
        self.browser.open(page, "#/t/many/bay")
        page.locator(".panel.folded").first.wait_for()
        marks = page.evaluate("performance.getEntriesByType('mark').map(one => [one.name, one.startTime])")
        first = lambda name: next(time for what, time in marks if what == name)
        seconds = (first("patchbay:drawn") - first("patchbay:summary")) / 1000
        self.assertLess(seconds, 1)
        self.assertEqual([], [one for one in asked if "/endpoints" in one], "endpoints are asked for before somebody wants them")
        page.locator('.panel[data-panel="rack3"] .plate').click()
        page.locator('.jack[data-endpoint="vm3"]').wait_for()
        self.assertTrue(all("group=rack3" in one for one in asked if "/endpoints?" in one))
        page.locator("#bay-search").fill("vm777")
        page.locator("#bay-search").press("Enter")
        until("what was looked for has the focus", lambda: page.evaluate("document.activeElement.dataset.endpoint") == "vm777")
        self.browser.picture(page, "partial")
        self.visit(page, "#/t/many/endpoints")
        page.get_by_text("200 of 100,000 shown").wait_for()
        page.locator("main input[type=search]").fill("vm99")
        page.get_by_text("11 of 100,000 shown").wait_for()
        self.visit(page, "#/t/many/groups")
        page.locator('[data-group="rack7"]').get_by_role("link", name="vm107", exact=True).wait_for()
        page.context.close()
        print(f"\n  counted panels were drawn {seconds * 1000:.0f} ms after the counts came", flush=True)

    def test_09_hostile_letters_are_refused_by_name_and_never_run(self):
        lab = self.lab
        for method, path, body in [
            ("POST", "/v1/tenants", {"name": "bad"}), ("POST", "/v1/hosts", {"name": "paper9"}),
            ("POST", "/v1/tenants/bad/vnets", {"name": "lan", "ipv4_prefix": "10.0.0.0/24"}), ("POST", "/v1/tenants/bad/groups", {"name": "web"}),
            ("POST", "/v1/tenants/bad/endpoints", {"name": "one", "vnet": "lan", "host": "paper9", "kind": "namespace"}),
            ("POST", "/v1/tenants/bad/endpoints", {"name": "two", "vnet": "lan", "host": "paper9", "kind": "namespace"}),
        ]:
            try:
                lab.ask(method, path, body)
            except Refused as refused:
                self.assertEqual(409, refused.status)
        lab.owner("bad", "bob", "Bob")
        lab.ask("POST", "/v1/tenants/bad/resume")
        tried, taken, unnamed = 0, [], []
        try:
            lab.ask("POST", "/v1/identity-providers", {
                "name": "bad", "display_name": hostile.MARKUP, "tenant": "bad", "issuer": "https://id.example/%3Cb%3E", "client_id": hostile.MARKUP, "client_secret": "x"})
        except Refused as refused:
            self.assertEqual(409, refused.status)
        for method, path, needed, name, is_list in hostile.fields(lab.ask("GET", "/openapi.json")):
            where = path.replace("{tenant}", "bad").replace("{endpoint}", "one")
            for kind, text in hostile.ALL.items():
                usual = {**hostile.USUAL, "roles": ["auditor"]} if path == "/v1/users" else hostile.USUAL
                body = {**{one: usual[one] for one in needed}, name: [text] if is_list else text}
                tried += 1
                try:
                    lab.ask(method, where, body)
                    taken.append((path, name, kind))
                    if path == "/v1/identity-providers":
                        lab.ask("DELETE", f"{path}/tried")
                except Refused as refused:
                    problem = json.loads(str(refused).split(": ", 1)[1])
                    self.assertIn(refused.status, (400, 403, 404, 409, 413, 422), (path, name, kind, problem))
                    # What is hidden in a text never comes back as it was.
                    self.assertNotIn("\u202e", problem["detail"], (path, name))
                    self.assertLess(len(problem["detail"]), 1000, (path, name))
                    if refused.status == 409 and kind == "markup":
                        # On a lab that was kept it is there already.
                        taken.append((path, name, kind))
                    elif not path.endswith(hostile.SIGNED) and (problem.get("pointer") or "").lstrip("/").split("/")[0] != name:
                        unnamed.append((path, name, kind, problem["detail"][:80], problem.get("pointer")))
        self.assertGreater(tried, 120)
        self.assertEqual([], unnamed)
        # Words of people are free, but nothing that turns or hides, and nothing endless.
        self.assertEqual([], [one for one in taken if one[2] != "markup"])
        page = self.signed_in("bob@bad")
        pages = [(page, f"#/t/bad/{one}") for one in ["dashboard", "bay", "endpoints", "endpoints/one", "vnets", "groups", "policy", "explain", "usage", "users", "access", "audit"]]
        pages += [(self.provider, f"#/provider/{one}") for one in ["tenants", "tenants/bad", "hosts", "users", "providers", "audit", "guardrails"]] + [(page, "#/account")]
        # The address is a field as well.
        evil = urllib.parse.quote(hostile.MARKUP, safe="")
        pages += [(page, f"#/t/bad/explain?from={evil}&to={evil}&port={evil}")]
        for one, where in pages:
            self.visit(one, where)
            if where.endswith("audit"):
                one.locator("details").first.wait_for(state="attached")
                one.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            self.assertNotIn("owned", one.title(), where)
            self.assertEqual(0, one.locator("main img, main script").count(), where)
        for where in [f"#/t/bad/endpoints/{evil}", f"#/t/{evil}/bay", f"#/{evil}"]:
            page.evaluate("where => { location.hash = where; }", where)
            page.locator("main h1").wait_for()
            self.assertNotIn("owned", page.title())
        lab.ask("DELETE", "/v1/identity-providers/bad")
        print(f"\n  {tried} hostile requests, {len(taken)} taken as words", flush=True)
        page.context.close()

    def test_10_every_form_tells_which_field_is_wrong(self):
        forms = [
            (self.owner, "#/t/acme/groups", "New group", {"Name of the group": hostile.MARKUP}, "Name of the group"),
            (self.owner, "#/t/acme/vnets", "New network", {"Network": hostile.TURNED, "Addresses": "10.8.0.0/24"}, "Network"),
            (self.owner, "#/t/acme/vnets", "New network", {"Network": "fine", "Addresses": hostile.MARKUP}, "Addresses"),
            (self.owner, "#/t/acme/endpoints", "New endpoint", {"Name": hostile.LONG, "Host": "h1"}, "Name"),
            (self.owner, "#/t/acme/endpoints", "New endpoint", {"Name": "fine", "Host": hostile.TURNED}, "Host"),
            (self.owner, "#/t/acme/endpoints", "New endpoint", {"Name": "fine", "Host": "h1", "Address": hostile.MARKUP}, "Address"),
            (self.owner, "#/t/acme/endpoints", "New endpoint", {"Name": "fine", "Host": "h1", "Labels": hostile.TURNED}, "Labels"),
            (self.owner, "#/t/acme/users", "Invite somebody", {"Account": hostile.MARKUP, "Full name": "Fine"}, "Account"),
            (self.owner, "#/t/acme/users", "Invite somebody", {"Account": "fine", "Full name": hostile.TURNED}, "Full name"),
            (self.owner, "#/t/acme/users", "Invite somebody", {"Account": "fine", "Full name": hostile.LONG}, "Full name"),
            (self.owner, "#/t/acme/access", "Grant access", {"To whom": hostile.MARKUP, "Reason": "fine"}, "To whom"),
            (self.owner, "#/t/acme/access", "Grant access", {"To whom": "", "Reason": hostile.TURNED}, "Reason"),
            (self.provider, "#/provider/tenants", "New tenant", {"Tenant": hostile.TURNED}, "Tenant"),
            (self.provider, "#/provider/hosts", "New host", {"Host": hostile.MARKUP}, "Host"),
            (self.provider, "#/provider/tenants/acme", "Suspend", {"Reason": hostile.TURNED}, "Reason"),
            (self.provider, "#/provider/tenants/acme", "Ask for access", {"Reason": hostile.TURNED}, "Reason"),
            (self.provider, "#/provider/providers", "New identity provider",
             {"Name": "fine", "Issuer": hostile.MARKUP, "Client id": "fine", "Client secret": "fine"}, "Issuer"),
            (self.owner, "#/account", "New certificate", {"What it is for": hostile.TURNED}, "What it is for"),
        ]
        for page, where, press, values, wrong in forms:
            self.visit(page, where)
            page.locator("main").get_by_role("button", name=press, exact=True).click()
            opened = page.get_by_role("dialog")
            for label, text in values.items():
                opened.get_by_label(label, exact=True).fill(text)
            opened.locator("button[type=submit]").click()
            told = opened.locator(".field", has=page.get_by_text(wrong, exact=True)).locator(".field-error:visible")
            told.wait_for()
            self.assertNotRegex(told.inner_text(), r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069]", (where, wrong))
            # It is said aloud, and the focus is where it has to be mended.
            self.assertEqual("true", page.evaluate("document.activeElement.getAttribute('aria-invalid')"), (where, wrong))
            until("it is said aloud", lambda page=page: page.locator("#urgent").inner_text() != "")
            self.assertNotIn("owned", page.title())
            page.keyboard.press("Escape")
            opened.wait_for(state="detached")

    def test_99_no_page_asked_anybody_else_or_complained(self):
        self.assertEqual([], self.browser.foreign)
        self.assertEqual([], self.browser.complaints)


if __name__ == "__main__":
    unittest.main()
