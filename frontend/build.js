/**
 * Builds the static files of the page with esbuild into parley_frontend/static/parley.
 *
 * chat.js, check.js and transcript.js are one file each, so that a page loads nothing after them. What only
 * some answers need (highlighting, formulas), or some networks, is built apart, and loaded when it is
 * needed.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
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
  plugins: [drawings()],
  logLevel: "warning",
  metafile: true,
  target: "es2022",
  format: "esm",
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const lazy = await build({
  ...common,
  entryPoints: ["digest", "highlight", "httpconnection", "math"].map((name) => `src/${name}.js`),
  entryNames: "chunks/[name]-[hash]",
});

/**
 * An icon as the text of what is within its <svg>.
 * @returns {import("esbuild").Plugin}
 */
function drawings() {
  return {
    name: "drawings",
    setup({ onLoad }) {
      onLoad({ filter: /\.svg$/ }, ({ path }) => {
        const within = readFileSync(path, "utf8").match(/<svg[^>]*>(.*)<\/svg>/s)?.[1] ?? "";
        return { loader: "text", contents: within.replace(/\s*\n\s*/g, "") };
      });
    },
  };
}

/** Points `import("./math.js")` at the file that was built of it. @type {import("esbuild").Plugin} */
const lazily = {
  name: "lazily",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(digest|highlight|httpconnection|math)\.js$/ }, ({ path, kind }) => {
      if (kind !== "dynamic-import") return undefined;
      const source = `src/${path.slice(2)}`;
      const outputs = Object.entries(lazy.metafile?.outputs ?? {});
      const file = outputs.find(([, { entryPoint }]) => entryPoint === source)?.[0] ?? "";
      return { path: `./chunks/${basename(file)}`, external: true };
    });
  },
};

const results = [
  lazy,
  await build({
    ...common,
    entryPoints: ["src/chat.js", "src/check.js", "src/transcript.js"],
    plugins: [drawings(), lazily],
  }),
  // A classic script: it runs before the first paint, so that the chosen theme does not flash.
  await build({ ...common, format: "iife", entryPoints: ["src/site.js"] }),
  await build({
    ...common,
    target: undefined,
    entryPoints: ["css/base.css", "css/chat.css", "css/check.css", "css/transcript.css"],
  }),
];
cpSync(join(here, "css", "icon.svg"), join(out, "icon.svg"));
writeFileSync(join(out, "LICENSES.txt"), licenses(results));

/** What the chat page loads before anything can be done with it, in bytes as they travel. */
const FIRST_LOAD = 60_000;
const sizes = ["chat.js", "site.js"].map((name) => gzipSync(readFileSync(join(out, name))).length);
const size = sizes.reduce((sum, one) => sum + one, 0);
if (size > FIRST_LOAD) throw new Error(`The first load has ${size} bytes, not ${FIRST_LOAD}.`);

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
  const line = `\n\n${"-".repeat(78)}\n\n`;
  return `${texts.join(line)}\n`;
}
