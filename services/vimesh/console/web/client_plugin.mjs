import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const CLIENT = resolve(HERE, "../../../../samples/typescript/src");

/** The client package is bundled from its sources, with the libraries that are installed here, of which there must be one. */
export const client = {
  name: "client",
  setup({ onResolve, resolve: resolveAgain }) {
    onResolve({ filter: /^vimesh-client$/ }, () => ({ path: join(CLIENT, "index.ts") }));
    onResolve({ filter: /^vimesh-client\/v1\// }, ({ path }) => ({
      path: join(CLIENT, "gen/vimesh/v1", `${basename(path)}_pb.ts`),
    }));
    onResolve({ filter: /^(@bufbuild\/protobuf|@connectrpc\/connect)(\/|$)/ }, ({ path, kind, pluginData }) =>
      pluginData === "here" ? undefined : resolveAgain(path, { kind, resolveDir: HERE, pluginData: "here" }),
    );
  },
};
