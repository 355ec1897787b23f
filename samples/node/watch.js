// Registers a VIM, prints every change of its status until it is reachable, and deregisters it.
//
//   node watch.js http://127.0.0.1:5000/v3
//
// The front of the mesh is VIMESH_ADDRESS, by default 127.0.0.1:7600, and the certificate to show there is in the folder
// VIMESH_CREDENTIALS; without one, the front is called without TLS. No code is generated: the contract is loaded from the
// descriptor set that lies beside the generated Python code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";

const CONTRACT = new URL("../../gen/vimesh/v1/contract.binpb", import.meta.url);
const WITHIN_S = 30;
const address = process.env.VIMESH_ADDRESS ?? "127.0.0.1:7600";
const authUrl = process.argv[2];
if (!authUrl) {
  console.error("usage: node watch.js AUTH_URL");
  process.exit(2);
}

const { vimesh } = grpc.loadPackageDefinition(
  loadFileDescriptorSetFromBuffer(readFileSync(CONTRACT), { keepCase: true, longs: String, enums: String, defaults: true }),
);
const folder = process.env.VIMESH_CREDENTIALS;
const credentials = folder
  ? grpc.credentials.createSsl(...["ca.crt", "tls.key", "tls.crt"].map((name) => readFileSync(join(folder, name))))
  : grpc.credentials.createInsecure();
const vims = new vimesh.v1.VimService(address, credentials);

// A call with a limit, as a promise.
const call = (method, request) =>
  new Promise((resolve, reject) =>
    vims[method](request, { deadline: Date.now() + 10_000 }, (error, answer) => (error ? reject(error) : resolve(answer))),
  );

// Prints every change from the one after the registration on: nothing is missed, however long it took to get here.
const follow = (vim) =>
  new Promise((resolve, reject) => {
    const watch = vims.WatchVims(
      { vim_id: vim.id, start_revision: String(BigInt(vim.revision) + 1n) },
      { deadline: Date.now() + WITHIN_S * 1000 },
    );
    watch.on("data", ({ events }) => {
      for (const event of events) console.log(event.revision, event.kind, event.status, event.reason);
      if (events.some((event) => event.status === "REACHABLE")) watch.cancel();
    });
    watch.on("error", (error) => {
      if (error.code === grpc.status.CANCELLED) resolve();
      else if (error.code === grpc.status.DEADLINE_EXCEEDED) reject(new Error(`not REACHABLE within ${WITHIN_S} s`));
      else reject(error);
    });
    watch.on("end", () => reject(new Error("the watch ended: go on with another one from the last revision")));
  });

try {
  // Repeating the call with the same request_id would be answered with the same VIM.
  const { vim } = await call("RegisterVim", {
    vim: { name: `sample-${randomUUID()}`, type: "openstack", auth_url: authUrl },
    request_id: randomUUID(),
  });
  try {
    console.log(vim.revision, "REGISTERED", vim.status);
    await follow(vim);
  } finally {
    await call("DeregisterVim", { vim_id: vim.id });
    console.log("deregistered");
  }
} catch (error) {
  console.error(error.code in grpc.status ? `${grpc.status[error.code]}: ${error.details}` : error.message);
  process.exitCode = 1;
} finally {
  vims.close();
}
