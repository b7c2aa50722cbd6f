/**
 * Builds the static files of the page with esbuild into parley_frontend/static/parley.
 *
 * chat.js and transcript.js are built apart, so that each is one file to load first; what only some
 * answers need (highlighting, formulas) becomes chunks that both share, for their names are hashes.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "parley_frontend", "static", "parley");

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "linked",
  loader: { ".svg": "text" },
  logLevel: "warning",
  metafile: true,
};

/** @type {import("esbuild").BuildOptions} */
const modules = {
  ...common,
  format: "esm",
  splitting: true,
  target: "es2022",
  chunkNames: "chunks/[name]-[hash]",
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const results = [
  await build({ ...modules, entryPoints: ["src/chat.js"] }),
  await build({ ...modules, entryPoints: ["src/transcript.js"] }),
  // A classic script: it runs before the first paint, so that the chosen theme does not flash.
  await build({ ...common, format: "iife", target: "es2022", entryPoints: ["src/site.js"] }),
  await build({ ...common, entryPoints: ["css/base.css", "css/chat.css", "css/transcript.css"] }),
];
cpSync(join(here, "css", "icon.svg"), join(out, "icon.svg"));
writeFileSync(join(out, "LICENSES.txt"), licenses(results));

/**
 * The licence texts of every package of which something is in the built files.
 * @param {import("esbuild").BuildResult[]} built
 */
function licenses(built) {
  const packages = new Set();
  for (const { metafile } of built) {
    for (const input of Object.keys(metafile?.inputs ?? {})) {
      const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
      if (found) packages.add(found[1]);
    }
  }
  const texts = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const text = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
    return [`${name} ${version} (${license})`, ...text].join("\n\n");
  });
  return texts.join(`\n\n${"-".repeat(78)}\n\n`) + "\n";
}
