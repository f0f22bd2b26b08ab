"""The lab as tests see it: its controller by REST, its endpoints by their namespaces."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request

PASSWORD = "a long and quiet sentence"


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Lab:
    """Asks the controller as the installation."""

    def __init__(self, settings="/run/patchbay/lab/cli.json"):
        with open(settings, encoding="utf-8") as file:
            found = json.load(file)
        self.url = found["controller"]
        # People use a name: passkeys are bound to one, and the links of invitations have it.
        self.console = self.url.replace("127.0.0.1", "localhost")
        with open(found["token_file"], encoding="utf-8") as file:
            self.token = file.read().strip()
        self.tls = ssl.create_default_context(cafile=found["root_certificate"])
        self.tls.check_hostname = False

    def ask(self, method, path, body=None):
        """One request; the value of the answer."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        if body is None:
            request.remove_header("Content-type")
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from None

    def owner(self, tenant, name, shown):
        """The first owner of a tenant, with the password set by the link's secret."""
        self.invite(f"/v1/tenants/{tenant}/first-owner", {"name": name, "display_name": shown})

    def user(self, tenant, name, shown, roles, groups=None):
        """An account of a tenant, or of the provider where that is None."""
        where = f"/v1/tenants/{tenant}/users" if tenant else "/v1/users"
        body = {"name": name, "display_name": shown, "roles": roles}
        self.invite(where, {**body, "groups": groups} if groups else body)

    def invite(self, where, body):
        try:
            made = self.ask("POST", where, body)
        except Refused as refused:
            # A lab that was kept has its people already.
            if refused.status == 409:
                return
            raise
        self.ask("POST", "/v1/setup", {
            "name": made["user"]["name"], "secret": made["setup_secret"], "password": PASSWORD})


def ping(namespace, address, seconds=1):
    """Whether an answer comes in that time."""
    return subprocess.run(
        ["ip", "netns", "exec", namespace, "ping", "-n", "-c", "1", "-W", str(seconds), address],
        stdout=subprocess.DEVNULL, check=False).returncode == 0


class Pinging:
    """A ping that goes on, five a second, while something is done in the browser."""

    def __init__(self, namespace, address):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "ping", "-n", "-i", "0.2", "-s", "800", address], stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
