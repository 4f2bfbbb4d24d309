// Drives the server with the MCP client of an agent framework, Vercel's AI SDK (npm `@ai-sdk/mcp`):
// its tools are those that an agent's model gets.
//
//   node agent.mjs URL
//
// The contract is that of client.py. The AI SDK returns results and tool
// errors alike, and throws for other errors.
import { readFileSync } from 'node:fs';
import { createMCPClient } from '@ai-sdk/mcp';

const TENANT_HEADER = 'x-rls-user-id';

const [url] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(0, 'utf8'));
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));
const report = {
  client: `npm @ai-sdk/mcp ${dependencies['@ai-sdk/mcp']}`,
  protocolVersion: null,
  server: null,
  tools: null,
  results: calls.map(() => null),
};
for (const tenant of new Set(calls.map((call) => call.tenant))) {
  const headers = tenant === undefined ? {} : { [TENANT_HEADER]: tenant };
  const client = await createMCPClient({ transport: { type: 'http', url, headers } });
  try {
    const { name, version } = client.serverInfo;
    report.protocolVersion = client.initializeResult.protocolVersion;
    report.server = { name, version, instructions: client.instructions };
    const tools = await client.tools();
    report.tools = Object.keys(tools).map((tool) => ({ name: tool }));
    for (const [number, call] of calls.entries()) {
      if (call.tenant === tenant) report.results[number] = await useTool(tools[call.tool], call);
    }
  } finally {
    await client.close();
  }
}
process.stdout.write(`${JSON.stringify(report)}\n`);

async function useTool(tool, { arguments: args = {} }) {
  try {
    const answer = await tool.execute(args, { toolCallId: '1', messages: [] });
    const text = answer.content.filter((block) => block.type === 'text').map((block) => block.text).join('\n');
    return { isError: answer.isError ?? false, text, structured: answer.structuredContent };
  } catch (error) {
    return { error: { code: error.code ?? error.name, message: error.message } };
  }
}
