"""Drives the server with version 1 of the official Python SDK, directly or through LangChain.

    client1.py sdk|langchain URL

Both speak the protocol of 2025-11-25, which begins with `initialize`. The contract is that of ../client.py. LangChain
does not pass the structured content of an error to its agents.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client

TENANT_HEADER = "x-rls-user-id"
PACKAGES = {"sdk": "mcp", "langchain": "langchain-mcp-adapters"}

Json = dict[str, Any]


async def main() -> None:
    """Reads the calls, makes them grouped by tenant, prints the report."""
    kind, url = sys.argv[1:]
    calls: list[Json] = json.load(sys.stdin)
    package = PACKAGES[kind]
    report: Json = {
        "client": f"PyPI {package} {version(package)}",
        "protocolVersion": None,
        "server": None,
        "tools": None,
        "results": [None] * len(calls),
    }
    for tenant in dict.fromkeys(call.get("tenant") for call in calls):
        numbers = [number for number, call in enumerate(calls) if call.get("tenant") == tenant]
        headers = {TENANT_HEADER: tenant} if tenant is not None else {}
        async with connected(kind, url, headers) as session:
            await run_session(kind, session, calls, numbers, report)
    json.dump(report, sys.stdout, ensure_ascii=False)
    print()


@asynccontextmanager
async def connected(kind: str, url: str, headers: dict[str, str]) -> Any:
    """A session before `initialize`."""
    if kind == "langchain":
        client = MultiServerMCPClient({"zava": {"transport": "streamable_http", "url": url, "headers": headers}})
        async with client.session("zava", auto_initialize=False) as session:
            yield session
    else:
        async with (
            streamablehttp_client(url, headers=headers) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            yield session


async def run_session(
    kind: str, session: ClientSession, calls: list[Json], numbers: list[int], report: Json
) -> None:
    """Initializes the session, lists the tools, and makes the calls with these indexes."""
    begun = await session.initialize()
    report["protocolVersion"] = begun.protocolVersion
    info = begun.serverInfo
    report["server"] = {"name": info.name, "version": info.version, "instructions": begun.instructions}
    if kind == "langchain":
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        report["tools"] = [{"name": name} for name in tools]
        for number in numbers:
            report["results"][number] = await use_tool(tools, calls[number])
    else:
        listed = (await session.list_tools()).tools
        report["tools"] = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed]
        for number in numbers:
            report["results"][number] = await call_tool(session, calls[number])


async def call_tool(session: ClientSession, call: Json) -> Json:
    """Makes one call through the SDK."""
    try:
        answer = await session.call_tool(call["tool"], call.get("arguments", {}))
    except McpError as error:
        return {"error": error.error.model_dump(exclude_none=True, mode="json")}
    text = "\n".join(block.text for block in answer.content if block.type == "text")
    return {"isError": answer.isError, "text": text, "structured": answer.structuredContent}


async def use_tool(tools: dict[str, Any], call: Json) -> Json:
    """Makes one call as an agent does: the text for the model, and the structured content for the program."""
    request = {"type": "tool_call", "id": "1", "name": call["tool"], "args": call.get("arguments", {})}
    message = await tools[call["tool"]].ainvoke(request)
    blocks = [message.content] if isinstance(message.content, str) else message.content
    text = "\n".join(block if isinstance(block, str) else block["text"] for block in blocks)
    structured = (message.artifact or {}).get("structured_content")
    return {"isError": message.status == "error", "text": text, "structured": structured}


if __name__ == "__main__":
    asyncio.run(main())
