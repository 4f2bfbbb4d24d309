"""The smoke test of a running server: smoke.py CLIENT URL NAME=TENANT NAME=TENANT

Runs client.py, which is built on the official SDK, and judges its report. Prints a line for each
check. Tries again for two minutes while nothing has answered as it should: a new version starts.
With SMOKE_VERSION, a server of another version has not answered as it should. Exit code 1 if a check
failed.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

# The first answer has a product for the tool that needs one.
FIRST = {"postgresql_query": "SELECT sku FROM retail.products ORDER BY sku LIMIT 1"}
TOOLS = {
    "get_multiple_table_schemas": {"table_names": ["retail.orders"]},
    "execute_sales_query": {"postgresql_query": "SELECT count(*) FROM retail.orders"},
    "semantic_search_products": {"query_description": "a hammer for nails"},
    "find_related_products": {"product": ""},
    "get_current_utc_date": {},
}
FOREIGN_TENANT = "00000000-0000-0000-0000-000000000001"  # no store's
VERSION = os.environ.get("SMOKE_VERSION")
TRIES = int(os.environ.get("SMOKE_TRIES", "12"))
DELAY_SECONDS = float(os.environ.get("SMOKE_DELAY_SECONDS", "10"))


class Failed(Exception):
    pass


def check(passed, text):
    if not passed:
        raise Failed(text)
    print(f"ok   {text}", flush=True)


def status(url, token, tenant=None):
    """The HTTP status of a request, with a token or without one."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if tenant:
        headers["x-rls-user-id"] = tenant
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise Failed(f"{url} cannot be reached: {error}") from error


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # a token never goes to another place


def run_client(client, url, calls):
    command = [sys.executable, "-B", client, "--era", "legacy", url]
    done = subprocess.run(
        command, input=json.dumps(calls), capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        raise Failed(f"the MCP client failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def first_product(client, url, tenant):
    report = run_client(client, url, [{"tenant": tenant, "tool": "execute_sales_query", "arguments": FIRST}])
    (result,) = report["results"]
    if "error" in result or result["isError"]:
        raise Failed(f"the first query failed: {json.dumps(result)[:500]}")
    rows = json.loads(result["text"])["r"]
    if not rows:
        raise Failed("there are no products; load data first: ./scripts/migrate-job ENVIRONMENT --seed small")
    return rows[0][0]


def judge(client, url, stores):
    token = os.environ.get("MCP_ACCESS_TOKEN")
    if token:
        check(status(url, None) == 401, "a request without a token is rejected (401)")
        check(status(url, token, FOREIGN_TENANT) == 403, "a request for another tenant is rejected (403)")
    product = first_product(client, url, next(iter(stores.values())))
    calls = [
        {"tenant": tenant, "tool": tool, "arguments": {**arguments, **({"product": product} if arguments.get("product") == "" else {})}}
        for tenant in stores.values()
        for tool, arguments in TOOLS.items()
    ]
    report = run_client(client, url, calls)
    check(report["server"] is not None, f"MCP {report['protocolVersion']} with {report['server']}"[:120])
    if VERSION:
        check(report["server"]["version"] == VERSION, f"the server is of version {VERSION}")
    names = {tool["name"] for tool in report["tools"]}
    check(names == set(TOOLS), f"the server has the tools {', '.join(sorted(names))}")
    scopes = {}
    for call, result in zip(calls, report["results"]):
        (store,) = [name for name, tenant in stores.items() if tenant == call["tenant"]]
        failed = "error" in result or result["isError"]
        check(not failed, f"{store}: {call['tool']}" + (f" failed: {json.dumps(result)[:500]}" if failed else ""))
        if call["tool"] == "execute_sales_query":
            scopes[store] = json.loads(result["text"])["scope"]
    for store, scope in scopes.items():
        check(scope == f"{store} only", f"{store} sees its own rows only ({scope})")


def main():
    client, url, *pairs = sys.argv[1:]
    stores = dict(pair.rsplit("=", 1) for pair in pairs)
    for attempt in range(TRIES):
        try:
            judge(client, url, stores)
            return
        except Failed as error:
            print(f"FAIL {error}", flush=True)
            if attempt + 1 == TRIES:
                sys.exit(1)
            time.sleep(DELAY_SECONDS)


main()
