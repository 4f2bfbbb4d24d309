// Drives the server with the official TypeScript SDK (npm `@modelcontextprotocol/client`), an
// independent implementation of MCP.
//
//   node client.mjs [--era modern|legacy] URL
//   node client.mjs --through-mcp-remote URL
//   node client.mjs [--era modern|legacy] --stdio COMMAND [ARGUMENT …]
//
// `modern` (the default) pins the stateless protocol of 2026-07-28: the SDK calls `server/discover`
// and fails if the server does not support it. `legacy`, the default of the SDK, opens with
// `initialize`. `--through-mcp-remote` behaves like a host that can only start programs: npm
// `mcp-remote` forwards messages to URL. The contract is that of client.py. If the SDK throws
// without a JSON-RPC code, `code` is the SDK's own error code, and `status` the HTTP status if there
// was one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  Client, ProtocolError, SdkErrorCode, SdkHttpError, StreamableHTTPClientTransport, UnauthorizedError,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const TENANT_HEADER = 'x-rls-user-id';
const TIMEOUT = { timeout: 30_000 };

const server = parseArguments(process.argv.slice(2));

// The server to connect to: `{ era, url, bridge }` or `{ era, command, args }`.
function parseArguments(words) {
  const parsed = { era: 'modern' };
  if (words[0] === '--through-mcp-remote') {
    words.shift();
    // The folder in which mcp-remote stores authorization data.
    const folder = mkdtempSync(`${tmpdir()}/mcp-remote-`);
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    Object.assign(parsed, { era: 'legacy', bridge: folder });
  }
  if (words[0] === '--era') [, parsed.era] = words.splice(0, 2);
  if (words[0] === '--stdio') [, parsed.command, ...parsed.args] = words;
  else if (words.length === 1) [parsed.url] = words;
  if (!['modern', 'legacy'].includes(parsed.era) || !(parsed.url || parsed.command)) {
    process.stderr.write('usage: client.mjs --through-mcp-remote URL | [--era modern|legacy] (URL | --stdio COMMAND [ARGUMENT …])\n');
    process.exit(64);
  }
  return parsed;
}

function transportFor(tenant) {
  if (server.command) return new StdioClientTransport({ command: server.command, args: server.args, env: process.env });
  const headers = tenant === undefined ? {} : { [TENANT_HEADER]: tenant };
  if (server.bridge) {
    const program = fileURLToPath(import.meta.resolve('mcp-remote/dist/proxy.js'));
    const headerArguments = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}:${value}`]);
    return new StdioClientTransport({
      command: process.execPath,
      args: [program, server.url, '--transport', 'http-only', ...headerArguments],
      env: { ...process.env, MCP_REMOTE_CONFIG_DIR: server.bridge },
      stderr: 'ignore',
    });
  }
  return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } });
}

// Connects as `tenant` and makes the calls with these indexes.
async function runConnection(tenant, calls, numbers, report) {
  const mode = server.era === 'modern' ? { pin: '2026-07-28' } : 'legacy';
  const client = new Client({ name: 'zava-client-test', version: '1.0.0' }, { versionNegotiation: { mode } });
  try {
    await client.connect(transportFor(tenant), TIMEOUT);
    // Needed on every connection: the SDK validates results against the output schemas listed there.
    const { tools } = await client.listTools(undefined, TIMEOUT);
    if (report.tools === null) {
      const { name, version } = client.getServerVersion();
      report.protocolVersion = client.getNegotiatedProtocolVersion();
      report.server = { name, version, instructions: client.getInstructions() };
      report.tools = tools;
    }
    for (const number of numbers) report.results[number] = await makeCall(client, calls[number]);
  } finally {
    await client.close();
  }
}

// Makes one tool call; an error of the server or of the SDK becomes its result.
async function makeCall(client, { tool, arguments: args = {} }) {
  try {
    const result = await client.callTool({ name: tool, arguments: args }, TIMEOUT);
    const text = result.content.filter((block) => block.type === 'text').map((block) => block.text).join('\n');
    return { isError: result.isError ?? false, text, structured: result.structuredContent };
  } catch (error) {
    return describeServerError(error) ?? { error: { code: error.code ?? error.name, message: error.message } };
  }
}

// An error of the server in the format of the report; undefined if the server did not respond.
function describeServerError(error) {
  const isServerError = [ProtocolError, SdkHttpError, UnauthorizedError].some((kind) => error instanceof kind);
  // The SDK reports an HTTP 400 to server/discover as a failed negotiation without a cause; a lost
  // connection has one.
  const notModern = server.url && error.code === SdkErrorCode.EraNegotiationFailed && !error.cause;
  if (!isServerError && !notModern) return undefined;
  const { code, name, message, data, status } = error;
  return { error: { code: code ?? name, message, status, data: status === undefined ? data : undefined } };
}

const calls = JSON.parse(readFileSync(0, 'utf8'));
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));
const report = {
  client: `npm @modelcontextprotocol/client ${dependencies['@modelcontextprotocol/client']}`,
  protocolVersion: null,
  server: null,
  tools: null,
  results: calls.map(() => null),
};
for (const tenant of new Set(calls.length > 0 ? calls.map((call) => call.tenant) : [undefined])) {
  const numbers = [...calls.keys()].filter((number) => calls[number].tenant === tenant);
  try {
    await runConnection(tenant, calls, numbers, report);
  } catch (error) {
    const result = describeServerError(error);
    if (result === undefined) throw error;
    for (const number of numbers) report.results[number] ??= result;
  }
}
process.stdout.write(`${JSON.stringify(report)}\n`);
