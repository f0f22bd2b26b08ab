"""What somebody may write into a field who means harm, and the fields that the API has."""

# Markup that would run, letters that turn or hide text, more than fits.
MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>x</b>"
TURNED = "good\u202etxt.exe\u200b\u2066"
LONG = "x" * 5000
ALL = {"markup": MARKUP, "turned": TURNED, "long": LONG}

# What a request needs beside the field that is tried, so that it is refused for that field and nothing else.
USUAL = {
    "name": "tried", "display_name": "Tried", "roles": ["viewer"], "reason": "tried", "hours": 1, "label": "tried", "scopes": ["read"],
    "days": 1, "ipv4_prefix": "10.77.0.0/24", "vnet": "lan", "host": "paper9", "kind": "namespace", "level": 1, "networks": [], "from": "one",
    "to": "two", "port": "tcp/80", "action": "plug", "revision": 1, "body": "e30=", "signature": "e30=", "lock_body": "e30=", "lock_signature": "e30=",
    "key": "e30=", "issuer": "https://login.example", "client_id": "patchbay", "client_secret": "tried",
}
# These are about signing in, which counts what fails, or about the one who asks, which the installation is not.
# What was signed is wrong as a whole, whichever part of it was turned.
SIGNED = ("policy/lock", "policy/signed", "policy/unlock")
LEFT_OUT = ("/v1/identity-providers/", "/v1/session", "/v1/setup", "/v1/enrol", "/v1/self", "/v1/users/", "/v1/tenants/{tenant}/users/{user}", "/v1/tenants/{tenant}/access")


def fields(document):
    """Every field of text of every operation with a body: method, path, the body's required fields, the field, whether it is a list."""

    def resolved(schema):
        while "$ref" in schema:
            found = document
            for part in schema["$ref"][2:].split("/"):
                found = found[part]
            schema = found
        return schema

    for path, operations in document["paths"].items():
        if path.startswith(LEFT_OUT):
            continue
        for method, operation in operations.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if method not in ("post", "put") or not schema:
                continue
            schema = resolved(schema)
            for name, value in schema.get("properties", {}).items():
                kinds = resolved(value).get("type")
                kinds = kinds if isinstance(kinds, list) else [kinds]
                yield method.upper(), path, schema.get("required", []), name, "array" in kinds
