"""The app registration of the server's API, as the two updates that bring it about.

    entra.py api|client CURRENT [--uri URI …] [--store NAME …]

CURRENT is a file with the registration as Microsoft Graph returns it. Prints the body of a PATCH
request, or nothing if the registration has all of it. `api` sets the token version, scopes, app
roles and application id URIs; `client` pre-authorizes clients, which needs the scopes to exist.
What others have added (roles of further stores, clients, URIs) stays.
"""

import argparse
import json
import uuid

# Of version 5, so that every run and every tenant gets the same ids.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:zava-mcp-server:entra")

SCOPES = {
    "mcp.query": ("Query sales data", "Query the sales data of your stores in SQL."),
    "mcp.search": ("Search products", "Search the products of your stores."),
}
ROLES = {
    "mcp.query": "Applications that query the sales data.",
    "mcp.search": "Applications that search products.",
    "store.all": "Head office: all stores.",
    "analyst": "Larger results and longer statements.",
    "operator": "Detailed health of the server.",
}
STORES = ["Seattle", "Bellevue", "Tacoma", "Spokane", "Everett", "Redmond", "Kirkland", "Online"]
CLIENTS = {
    "aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
}


def identifier(kind, name):
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


def store_role(name):
    return "store." + name.lower().replace(" ", "-")


def merge(present, wanted, key):
    """`present` with the entries of `wanted` that it lacks, or that differ in a field named there."""
    by_key = {entry[key]: entry for entry in present}
    for entry in wanted:
        old = by_key.get(entry[key], {})
        by_key[entry[key]] = {**entry, **old, **{name: entry[name] for name in entry if name != "id"}}
    return list(by_key.values())


def scopes():
    for value, (title, text) in SCOPES.items():
        yield {
            "id": identifier("scope", value),
            "value": value,
            "type": "User",
            "isEnabled": True,
            "adminConsentDisplayName": title,
            "adminConsentDescription": text,
            "userConsentDisplayName": title,
            "userConsentDescription": text,
        }


def roles(stores):
    named = dict(ROLES)
    named.update({store_role(name): f"The store {name}." for name in stores})
    for value, text in named.items():
        yield {
            "id": identifier("role", value),
            "value": value,
            "displayName": value,
            "description": text,
            "isEnabled": True,
            "allowedMemberTypes": ["Application"] if value.startswith("mcp.") else ["User", "Application"],
        }


def api_update(current, uris, stores):
    api = current.get("api") or {}
    present = {
        "requestedAccessTokenVersion": api.get("requestedAccessTokenVersion"),
        "oauth2PermissionScopes": api.get("oauth2PermissionScopes") or [],
    }
    wanted = {
        "requestedAccessTokenVersion": 2,
        "oauth2PermissionScopes": merge(present["oauth2PermissionScopes"], scopes(), "value"),
    }
    update = {}
    if wanted != present:
        update["api"] = wanted
    present_roles = current.get("appRoles") or []
    wanted_roles = merge(present_roles, roles(stores), "value")
    if wanted_roles != present_roles:
        update["appRoles"] = wanted_roles
    present_uris = current.get("identifierUris") or []
    wanted_uris = present_uris + [uri for uri in uris if uri not in present_uris]
    # Not in the same request as the token version, which decides which URIs are allowed.
    if wanted_uris != present_uris and "api" not in update:
        update["identifierUris"] = wanted_uris
    return update


def client_update(current):
    api = current.get("api") or {}
    present = api.get("preAuthorizedApplications") or []
    ids = [scope["id"] for scope in api.get("oauth2PermissionScopes") or [] if scope["value"] in SCOPES]
    by_client = {entry["appId"]: entry for entry in present}
    for client in CLIENTS:
        granted = by_client.get(client, {}).get("delegatedPermissionIds") or []
        missing = [scope for scope in ids if scope not in granted]
        if missing or client not in by_client:
            by_client[client] = {"appId": client, "delegatedPermissionIds": granted + missing}
    wanted = list(by_client.values())
    return {"api": {"preAuthorizedApplications": wanted}} if wanted != present else {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["api", "client", "role", "store-role"])
    parser.add_argument("current")
    parser.add_argument("--uri", action="append", default=[])
    parser.add_argument("--store", action="append", default=[])
    options = parser.parse_args()
    if options.part == "role":  # prints the id of an app role: entra.py role store.all
        print(identifier("role", options.current))
        return
    if options.part == "store-role":  # prints the app role of a store: entra.py store-role NAME
        print(store_role(options.current))
        return
    with open(options.current) as file:
        current = json.load(file)
    stores = [f"Zava Retail {name}" for name in STORES] + options.store
    update = client_update(current) if options.part == "client" else api_update(current, options.uri, stores)
    if update:
        print(json.dumps(update))


main()
