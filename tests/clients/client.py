"""Drives the server with the official Python SDK (PyPI `mcp`), an independent implementation of MCP.

    client.py [--era legacy|modern] URL
    client.py [--era legacy|modern] --sign-in CLIENT-ID REDIRECT-URI [--token TOKEN] URL
    client.py [--era legacy|modern] --stdio COMMAND [ARGUMENT …]

`legacy` (the default) opens each connection with `initialize`; `modern` uses the stateless protocol of 2026-07-28.
If MCP_ACCESS_TOKEN is set, it is sent as the access token (client.mjs does not).
With `--sign-in` (client.mjs has no such option) it obtains access tokens by OAuth (sign_in.py), and tries `TOKEN` first.
Contract, the same as client.mjs: standard input is a JSON array of calls, `[{"tenant", "tool", "arguments"}, …]`;
a call without `tenant` sends no tenant header. Standard output is one JSON object:

    {"client", "protocolVersion", "server": {"name", "version", "instructions"}, "tools": […], "results": […]}

One connection serves all calls of one tenant. The first connection also reports tools, version and server.
A result is `{"isError", "text", "structured"}`, or `{"error": {"code", "message"}}` when the SDK raised instead:
`code` is the JSON-RPC code, or the exception's name if there is none (the SDK rejected the response, for example).
A rejected connection is reported in the results of its calls. Exit code 1 if the server did not respond at all.
"""

import argparse
import asyncio
import json
import os
import sys
from importlib.metadata import version
from typing import Any

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, CallToolResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from sign_in import provider

TENANT_HEADER = "x-rls-user-id"
TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]


async def main() -> None:
    """Reads the calls, makes them grouped by tenant, prints the report."""
    options = parse_arguments()
    calls: list[Json] = json.load(sys.stdin)
    report: Json = {
        "client": f"PyPI mcp {version('mcp')}",
        "protocolVersion": None,
        "server": None,
        "tools": None,
        "results": [None] * len(calls),
    }
    tenants = dict.fromkeys(call.get("tenant") for call in calls) or {None: None}
    for tenant in tenants:
        numbers = [number for number, call in enumerate(calls) if call.get("tenant") == tenant]
        try:
            await run_connection(options, tenant, calls, numbers, report)
        except Exception as error:
            refusal = server_error_in(error)
            if refusal is None:
                raise
            for number in numbers:
                report["results"][number] = report["results"][number] or describe(refusal)
    json.dump(report, sys.stdout, ensure_ascii=False)
    print()


def parse_arguments() -> argparse.Namespace:
    """`URL` or `--stdio COMMAND [ARGUMENT …]`."""
    parser = argparse.ArgumentParser(
        usage="client.py [--era legacy|modern] "
        "([--sign-in CLIENT-ID REDIRECT-URI [--token TOKEN]] URL | --stdio COMMAND [ARGUMENT …])"
    )
    parser.add_argument("--era", choices=["legacy", "modern"], default="legacy")
    parser.add_argument("--sign-in", nargs=2, metavar=("CLIENT-ID", "REDIRECT-URI"))
    parser.add_argument("--token")
    parser.add_argument("--stdio", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.add_argument("url", nargs="?")
    options = parser.parse_args()
    if bool(options.url) == bool(options.stdio):
        parser.error("either a URL or --stdio COMMAND is needed")
    return options


async def run_connection(
    options: argparse.Namespace, tenant: str | None, calls: list[Json], numbers: list[int], report: Json
) -> None:
    """Connects as `tenant` and makes the calls with these indexes."""
    headers = {TENANT_HEADER: tenant} if tenant is not None else {}
    if token := os.environ.get("MCP_ACCESS_TOKEN"):  # not an argument, which other processes can see
        headers["Authorization"] = f"Bearer {token}"
    auth = provider(options.url, *options.sign_in, options.token) if options.sign_in else None
    # trust_env=False: ignores proxy settings of the developer's machine.
    async with httpx2.AsyncClient(headers=headers, auth=auth, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        server: Any
        if options.stdio:
            server = StdioServerParameters(command=options.stdio[0], args=options.stdio[1:], env=dict(os.environ))
        else:
            server = streamable_http_client(options.url, http_client=http)
        # `auto` tries server/discover first; the check below detects a fallback to `initialize`.
        mode = "legacy" if options.era == "legacy" else "auto"
        async with Client(server, mode=mode, read_timeout_seconds=TIMEOUT_SECONDS) as client:
            modern = client.protocol_version in MODERN_PROTOCOL_VERSIONS
            if modern != (options.era == "modern"):
                sys.exit(f"wanted the {options.era} era, but protocol {client.protocol_version} was negotiated")
            # Needed on every connection: the SDK validates results against the output schemas listed there.
            tools = [dump(tool) for tool in (await client.list_tools()).tools]
            if report["tools"] is None:
                info = client.server_info
                report["protocolVersion"] = client.protocol_version
                report["server"] = {
                    "name": info.name if info else None,
                    "version": info.version if info else None,
                    "instructions": client.instructions,
                }
                report["tools"] = tools
            for number in numbers:
                report["results"][number] = await make_call(client, calls[number])


async def make_call(client: Client, call: Json) -> Json:
    """Makes one tool call; an exception of the SDK becomes its result."""
    try:
        return describe(await client.call_tool(call["tool"], call.get("arguments", {})))
    except MCPError as error:
        if server_error_in(error) is None:
            raise
        return describe(error)
    except Exception as error:  # the SDK raises RuntimeError, ValidationError … for invalid responses
        return {"error": {"code": type(error).__name__, "message": str(error)}}


def describe(outcome: CallToolResult | MCPError) -> Json:
    """A result or a JSON-RPC error, in the format of the report."""
    if isinstance(outcome, MCPError):
        return {"error": dump(outcome.error)}
    texts = [block.text for block in outcome.content if block.type == "text"]
    result: Json = {"isError": bool(outcome.is_error), "text": "\n".join(texts)}
    if outcome.structured_content is not None:
        result["structured"] = outcome.structured_content
    return result


def server_error_in(error: BaseException) -> MCPError | None:
    """The server's error inside an exception, possibly in exception groups (Python 3.10 has no type for them)."""
    if isinstance(error, MCPError):
        return None if error.error.code == CONNECTION_CLOSED else error
    return next(filter(None, map(server_error_in, getattr(error, "exceptions", ()))), None)


def dump(model: Any) -> Json:
    """An SDK model in its wire format."""
    fields: Json = model.model_dump(by_alias=True, exclude_none=True, mode="json")
    return fields


if __name__ == "__main__":
    asyncio.run(main())
