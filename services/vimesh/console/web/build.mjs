// Makes the bundle that `vimesh console` serves: `node build.mjs [OUT]`. Scripts and styles have a hash of their content in
// their names, and the page refers to them relatively, so that it works behind any prefix.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { client } from "./client_plugin.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = resolve(process.argv[2] ?? join(HERE, "../bundle"));

rmSync(OUT, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { app: join(HERE, "src/main.tsx") },
  outdir: join(OUT, "assets"),
  entryNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  metafile: true,
  plugins: [client],
  tsconfigRaw: { compilerOptions: { jsx: "react-jsx", jsxImportSource: "preact", verbatimModuleSyntax: true } },
  absWorkingDir: HERE,
  logLevel: "warning",
});
const made = Object.keys(metafile.outputs).map((name) => basename(name));
const named = (ending) => `assets/${made.find((name) => name.endsWith(ending))}`;
const page = readFileSync(join(HERE, "src/index.html"), "utf8")
  .replace("app.css", named(".css"))
  .replace("app.js", named(".js"));
mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, "index.html"), page);

// The libraries that are in the bundle want their licences beside them.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
);
const licences = [...packages].sort().map((name) => {
  const folder = join(HERE, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((one) => join(folder, one)).find(existsSync);
  return `${name} ${version}: ${license}\n\n${file ? readFileSync(file, "utf8") : ""}`;
});
writeFileSync(join(OUT, "LICENSES.txt"), licences.join("\n----\n\n"));
