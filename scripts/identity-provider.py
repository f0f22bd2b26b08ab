#!/usr/bin/env python3
"""A real provider of identities for the tests: Canaille, over TLS, with its accounts in memory.

Usage: identity-provider.py FOLDER PORT REDIRECT_URI
Writes FOLDER/root.pem, prints "ready" when it listens on 127.0.0.1:PORT, and ends with its standard input.
The client is "patchbay" with the secret "a client's secret: äöü & 100 %"; the people are ada, bob and eve, whose password is
"correct horse battery".
"""
import asyncio
import datetime
import ipaddress
import logging
import os
import sys
import threading

from canaille.hypercorn.app import create_app
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypercorn.asyncio import serve
from hypercorn.config import Config
from joserfc.jwk import RSAKey

CLIENT_SECRET = "a client's secret: äöü & 100 %"
PASSWORD = "correct horse battery"
PEOPLE = ["ada", "bob", "eve"]


def certificate(folder):
    """A certificate that signs itself, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "identity provider of a test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    with open(os.path.join(folder, "root.pem"), "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(os.path.join(folder, "key.pem"), "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def application(port, redirect_uri):
    key = RSAKey.generate_key(2048, auto_kid=True)
    app = create_app(
        config={
            "SECRET_KEY": os.urandom(16).hex(),
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "https",
            "CANAILLE": {"DATABASE": "memory", "LOGGING": None},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)], "TRUSTED_DOMAINS": []},
        },
        env_file=None,
        wrap_asgi=False,
    )
    from canaille.app import models
    from canaille.backends import Backend

    with app.app_context():
        now = datetime.datetime.now(datetime.timezone.utc)
        for name in PEOPLE:
            person = models.User(
                user_name=name, family_name=name.title(), formatted_name=name.title(), emails=[f"{name}@example.com"],
                password=PASSWORD, password_last_update=now,
            )
            Backend.instance.save(person)
        client = models.Client(
            client_id="patchbay", client_secret=CLIENT_SECRET, client_name="Patchbay", client_id_issued_at=now,
            redirect_uris=[redirect_uri], grant_types=["authorization_code"], response_types=["code"],
            scope=["openid", "profile"], token_endpoint_auth_method="client_secret_basic", contacts=[],
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    return app


async def run(folder, port, app):
    from asgiref.wsgi import WsgiToAsgi

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile = os.path.join(folder, "root.pem")
    config.keyfile = os.path.join(folder, "key.pem")
    config.graceful_timeout = 0

    def watch():
        sys.stdin.read()
        # There is nothing to save.
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    server = asyncio.create_task(serve(WsgiToAsgi(app), config, shutdown_trigger=asyncio.Event().wait))
    while not server.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            print("ready", flush=True)
            break
        except OSError:
            await asyncio.sleep(0.05)
    await server


if __name__ == "__main__":
    folder, port, redirect_uri = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    logging.getLogger().setLevel(logging.ERROR)
    certificate(folder)
    asyncio.run(run(folder, port, application(port, redirect_uri)))
