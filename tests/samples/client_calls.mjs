// Makes calls with the TypeScript client, and prints what came of them, one line of JSON each:
//
//   node client_calls.mjs SCENARIO [ARGUMENT]
import { Code, connect, Vim_Status, VimeshError } from "../../samples/typescript/dist/node.js";

const [scenario, argument] = process.argv.slice(2);
const client = connect(process.env.VIMESH_ADDRESS, {
  credentials: process.env.VIMESH_CREDENTIALS,
  onBadCredentials: (error) => print({ bad: error.message }),
});

const print = (value) => console.log(JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one)));

// Print the result of a call, or how it failed.
async function attempt(call) {
  try {
    print({ result: await call() });
  } catch (error) {
    if (!(error instanceof VimeshError)) return print({ failed: error.name, message: error.message });
    const { reason, attempts, violations } = error;
    print({ code: Code[error.code], reason, attempts, fields: violations.map(({ field }) => field) });
  }
}

const scenarios = {
  // Each call is refused once as it is when a conductor ends.
  async retries() {
    const vim = { name: "a", type: "openstack", authUrl: "http://127.0.0.1:9/v3" };
    await attempt(async () => (await client.register(vim)).id);
    await attempt(async () => (await client.vims.registerVim({ vim })).vim.id);
    await attempt(async () => (await client.get(argument)).id);
    await attempt(async () => (await client.modify({ id: argument, description: "b" })).id);
    await attempt(async () => (await client.modify({ id: argument, description: "c" }, { etag: "1" })).id);
    await attempt(() => client.deregister(argument));
    await attempt(async () => (await client.conductor.updateVim({ vimId: argument, actionId: argument })).outcome.case);
  },

  // Registers VIMs, lists them by pages of one, waits for one of them, and for what does not come.
  async calls() {
    const vim = (name) => ({ name, type: "openstack", authUrl: "http://127.0.0.1:9/v3" });
    const first = await client.register(vim("first"));
    await client.register(vim("second"));
    await attempt(() => client.register(vim("second")));
    await attempt(() => client.register({ ...vim("third"), authUrl: "gopher://there" }));
    const names = [];
    for await (const one of client.list({ pageSize: 1 })) names.push(one.name);
    print({ names: names.sort() });
    print({ waits: first.id });
    await attempt(async () => (await client.waitFor(first.id, Vim_Status.REACHABLE, { timeoutMs: 60_000 })).name);
    await attempt(() => client.waitFor(first.id, Vim_Status.UNREACHABLE, { timeoutMs: 300 }));
    const gone = client.waitFor(first.id, Vim_Status.UNREACHABLE, { timeoutMs: 60_000 });
    await client.deregister(first.id);
    await attempt(() => gone);
    await attempt(() => client.waitFor(first.id, Vim_Status.REACHABLE, { timeoutMs: 60_000 }));
  },

  // Prints what a watch yields, until the first change of a VIM's name to "last".
  async watch() {
    const from = argument ? { revision: BigInt(argument.split(":")[0]), logId: argument.split(":")[1] } : "snapshot";
    for await (const item of client.watch({ from })) {
      if (item.kind === "vim") print({ vim: item.vim.name });
      else if (item.kind === "event") print({ event: String(item.event.revision), name: item.event.vim?.name });
      else print({ [item.kind]: item.position ?? true });
      if (item.kind === "event" && item.event.vim?.name === "last") return;
    }
  },

  // Prints whom the front takes it for, again whenever that changes, while a watch stays open.
  async renewal() {
    let ended = "the watch is open";
    const watch = client.watch({ from: "now", onInterruption: (error) => (ended = error.message) });
    await watch.next();
    let known = "";
    while (!known.endsWith(argument)) {
      const { identity } = await client.access.whoAmI({});
      if (identity !== known) print({ identity });
      known = identity;
    }
    print({ ended });
    await watch.return();
  },
};

await scenarios[scenario]();
client.close();
