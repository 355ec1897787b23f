// Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
//
//   node dist/sample.js register http://10.0.0.5:5000/v3
//   node dist/sample.js report VIM_ID
import { randomUUID } from "node:crypto";
import { connect, type FrontClient, Monitor_Engine, Vim_Status, VimEvent_Kind, VimeshError } from "./node.js";

const client = connect(process.env.VIMESH_ADDRESS ?? "127.0.0.1:7600", {
  credentials: process.env.VIMESH_CREDENTIALS,
});

async function register(client: FrontClient, authUrl: string): Promise<void> {
  const vim = await client.register(
    { name: `sample-${randomUUID()}`, type: "openstack", authUrl },
    { engine: Monitor_Engine.EXTERNAL },
  );
  console.log(`${vim.revision} REGISTERED ${Vim_Status[vim.status]} ${vim.id}`);
  const watch = client.watch({
    vimId: vim.id,
    from: { revision: vim.revision, logId: "" },
    onInterruption: (error) => console.error(`goes on after: ${error.message}`),
  });
  for await (const item of watch) {
    if (item.kind !== "event") continue;
    const { revision, kind, status, reason } = item.event;
    console.log(`${revision} ${VimEvent_Kind[kind]} ${Vim_Status[status]} ${reason}`.trimEnd());
    if (kind === VimEvent_Kind.DEREGISTERED) return;
  }
}

async function report(client: FrontClient, vimId: string): Promise<void> {
  await client.runPingAction({
    vimId,
    intervalMs: 500,
    // Here the cloud would be asked.
    probe: async () => ({ status: Vim_Status.REACHABLE }),
    onLost: (error) => console.error(`reports again after: ${error.message}`),
  });
  console.log("bad_action: not wanted any more");
}

const commands: Record<string, (client: FrontClient, argument: string) => Promise<void>> = { register, report };
const [command, argument] = process.argv.slice(2);
const run = commands[command ?? ""];
if (!run || !argument) {
  console.error("usage: sample register AUTH_URL | report VIM_ID");
  process.exit(2);
}
try {
  await run(client, argument);
} catch (error) {
  if (!(error instanceof VimeshError)) throw error;
  console.error(`${error.reason || "no answer"}: ${error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
