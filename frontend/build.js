/**
 * Builds the static files of the page with esbuild into parley_frontend/static/parley.
 *
 * chat.js, check.js and transcript.js are one file each, so that a page starts with one request.
 * The modules in LAZY become files of their own, which a page loads when it needs them.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { MOST_BYTES, scriptOf, tagOf } from "./catalogues.js";

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

/** Modules that a page, or `drawing`, loads when it needs them. */
const LAZY = [
  "lib/digest",
  "markdown/diagram",
  "markdown/download",
  "markdown/highlight",
  "markdown/math",
  "protocol/http-connection",
  "views/overlays",
].map((name) => `src/${name}.js`);

const lazy = await build({
  ...common,
  entryPoints: LAZY,
  entryNames: "chunks/[name]-[hash]",
});

/**
 * Turns an SVG file into the text of the content of its <svg> element.
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

/**
 * Points `import("./math.js")` at the built file of that module.
 * @param {string} folder of the chunks, from where the importing file is
 * @param {import("esbuild").BuildResult[]} chunks
 * @returns {import("esbuild").Plugin}
 */
function lazily(folder, ...chunks) {
  return {
    name: "lazily",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const source = relative(here, join(resolveDir, path));
        const outputs = chunks.flatMap(({ metafile }) => Object.entries(metafile?.outputs ?? {}));
        const file = outputs.find(([, { entryPoint }]) => entryPoint === source)?.[0];
        if (!file) throw new Error(`${source} is loaded on demand, but is not in LAZY.`);
        return { path: `${folder}${basename(file)}`, external: true };
      });
    },
  };
}

/** Markdown is loaded when the page is at rest, and loads colours, formulas and diagrams itself. */
const drawing = await build({
  ...common,
  entryPoints: ["src/markdown/streaming-markdown.js"],
  entryNames: "chunks/[name]-[hash]",
  plugins: [drawings(), lazily("./", lazy)],
});

/**
 * Leaves packages out of a bundle: a layout engine of 1.5 MB, and a second KaTeX.
 * @type {import("esbuild").Plugin}
 */
const without = {
  name: "without",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:elkjs|katex)(?:\/|$)/ }, ({ path }) => ({
      path,
      namespace: "without",
    }));
    onLoad({ filter: /.*/, namespace: "without" }, () => ({ contents: "export default {};" }));
  },
};

const results = [
  lazy,
  drawing,
  await build({
    ...common,
    entryPoints: ["src/chat.js", "src/check.js", "src/admin/transcript.js"],
    entryNames: "[name]",
    plugins: [drawings(), lazily("./chunks/", lazy, drawing)],
  }),
  // A classic script: it runs before the first paint, so that the chosen theme does not flash.
  await build({ ...common, format: "iife", entryPoints: ["src/site.js"] }),
  // Classic scripts, too: not every browser takes a module as a service worker.
  await build({
    ...common,
    format: "iife",
    entryPoints: ["src/service-worker.js", "src/offline.js"],
  }),
  // A classic script: a document without an origin may load no modules.
  await build({
    ...common,
    format: "iife",
    entryPoints: ["src/diagram-frame.js"],
    plugins: [without],
  }),
  await build({
    ...common,
    target: undefined,
    entryPoints: ["base", "chat", "check", "offline", "transcript"].map(
      (name) => `css/${name}.css`,
    ),
  }),
];
cpSync(join(here, "css", "icon.svg"), join(out, "icon.svg"));
for (const name of readdirSync(join(here, "icons")).filter((name) => name.endsWith(".png"))) {
  cpSync(join(here, "icons", name), join(out, name));
}
writeFileSync(join(out, "LICENSES.txt"), licenses(results));

mkdirSync(join(out, "catalogues"));
for (const name of readdirSync(join(here, "locale")).filter((name) => name.endsWith(".po"))) {
  const script = scriptOf(readFileSync(join(here, "locale", name), "utf8"), tagOf(name));
  const size = gzipSync(script).length;
  if (size > MOST_BYTES) throw new Error(`The catalogue ${name} has ${size} bytes.`);
  writeFileSync(join(out, "catalogues", `${tagOf(name).toLowerCase()}.js`), script);
}

/** Most compressed bytes of JavaScript that the chat page loads before it can be used. */
const FIRST_LOAD = 60_000;
const sizes = ["chat.js", "site.js"].map((name) => gzipSync(readFileSync(join(out, name))).length);
const size = sizes.reduce((sum, one) => sum + one, 0);
if (size > FIRST_LOAD) throw new Error(`The first load has ${size} bytes, not ${FIRST_LOAD}.`);

/**
 * Collects the licence texts of all packages in the built files.
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
    const files = readdirSync(folder).filter((file) =>
      /^(licen[cs]e|copying|notice)(?!.*js$)/i.test(file),
    );
    const text = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
    return [`${name} ${version} (${license})`, ...text].join("\n\n");
  });
  const line = `\n\n${"-".repeat(78)}\n\n`;
  return `${texts.join(line)}\n`;
}
