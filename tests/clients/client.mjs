// Drives the server with the official TypeScript SDK (npm `@modelcontextprotocol/client`), whose side of the
// protocol we did not write.
//
//   node client.mjs [--era modern|legacy] URL
//   node client.mjs --through-mcp-remote URL
//   node client.mjs --through-mcp-remote URL
//   node client.mjs [--era modern|legacy] --stdio COMMAND [ARGUMENT …]
//
// `modern` (the default) pins the stateless protocol of 2026-07-28: the SDK asks `server/discover`
// and fails when the server does not offer it. `legacy`, which is what the SDK does by itself,
// opens with `initialize`. With `--through-mcp-remote` it does as a host that can only start
// programs: npm `mcp-remote` hands messages on to URL. The contract is that of client.py. Where the
// SDK throws without a JSON-RPC code, `code` is its own word for the failure, and `status` the HTTP
// status if there was one.
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

// What to connect to: `{ era, url, bridge }` or `{ era, command, args }`.
function parseArguments(words) {
  const parsed = { era: 'modern' };
  if (words[0] === '--through-mcp-remote') {
    words.shift();
    // Where it would keep what it learned of authorization servers.
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
    const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}:${value}`]);
    return new StdioClientTransport({
      command: process.execPath,
      args: [program, server.url, '--transport', 'http-only', ...given],
      env: { ...process.env, MCP_REMOTE_CONFIG_DIR: server.bridge },
      stderr: 'ignore',
    });
  }
  return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } });
}

// Connects as `tenant` and makes the calls with these numbers.
async function runConnection(tenant, calls, numbers, report) {
  const mode = server.era === 'modern' ? { pin: '2026-07-28' } : 'legacy';
  const client = new Client({ name: 'zava-client-test', version: '1.0.0' }, { versionNegotiation: { mode } });
  try {
    await client.connect(transportFor(tenant), TIMEOUT);
    // Listed on every connection: the SDK checks results against the output schemas that it saw there.
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

// One tool call; whatever the server answered, or the SDK thought of the answer, is its result.
async function makeCall(client, { tool, arguments: args = {} }) {
  try {
    const answer = await client.callTool({ name: tool, arguments: args }, TIMEOUT);
    const text = answer.content.filter((block) => block.type === 'text').map((block) => block.text).join('\n');
    return { isError: answer.isError ?? false, text, structured: answer.structuredContent };
  } catch (error) {
    return describeAnswer(error) ?? { error: { code: error.code ?? error.name, message: error.message } };
  }
}

// The report's form of an error that the server answered with, or undefined when it did not answer.
function describeAnswer(error) {
  const answered = [ProtocolError, SdkHttpError, UnauthorizedError].some((kind) => error instanceof kind);
  // An HTTP 400 to server/discover is "no modern server here" to the SDK; a lost connection has a cause.
  const notModern = server.url && error.code === SdkErrorCode.EraNegotiationFailed && !error.cause;
  if (!answered && !notModern) return undefined;
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
    const answer = describeAnswer(error);
    if (answer === undefined) throw error;
    for (const number of numbers) report.results[number] ??= answer;
  }
}
process.stdout.write(`${JSON.stringify(report)}\n`);
