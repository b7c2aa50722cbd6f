/** Saves a block of code as a file, whose name ends as files of its language do. */

/** Endings of file names, by the languages that models name. */
const ENDINGS = {
  txt: "text,plaintext,plain,none,txt,output,log",
  py: "python,py,python3",
  ipynb: "ipynb",
  js: "javascript,js,node,mjs",
  jsx: "jsx",
  ts: "typescript,ts",
  tsx: "tsx",
  html: "html,htm",
  css: "css",
  scss: "scss",
  less: "less",
  vue: "vue",
  svelte: "svelte",
  json: "json,jsonc,json5",
  jsonl: "jsonl,ndjson",
  yaml: "yaml,yml",
  toml: "toml",
  ini: "ini,cfg,conf",
  env: "env,dotenv",
  xml: "xml",
  svg: "svg",
  md: "markdown,md,mdx",
  tex: "latex,tex",
  sh: "bash,sh,shell,zsh,console,terminal,shell-session",
  fish: "fish",
  ps1: "powershell,ps1,pwsh",
  bat: "bat,batch,cmd",
  c: "c,h",
  cpp: "cpp,c++,cc,cxx,hpp",
  cs: "csharp,cs,c#",
  fs: "fsharp,fs,f#",
  java: "java",
  kt: "kotlin,kt",
  scala: "scala",
  groovy: "groovy,gradle",
  swift: "swift",
  m: "objectivec,objective-c,objc,matlab,octave",
  go: "go,golang",
  rs: "rust,rs",
  zig: "zig",
  rb: "ruby,rb",
  php: "php",
  pl: "perl,pl",
  lua: "lua",
  r: "r",
  jl: "julia,jl",
  hs: "haskell,hs",
  ex: "elixir,ex",
  erl: "erlang,erl",
  clj: "clojure,clj",
  lisp: "lisp,commonlisp",
  ml: "ocaml,ml",
  dart: "dart",
  sql: "sql,postgresql,postgres,mysql,sqlite,plsql",
  graphql: "graphql,gql",
  proto: "protobuf,proto",
  tf: "terraform,tf,hcl",
  nix: "nix",
  vim: "vim",
  csv: "csv",
  tsv: "tsv",
  diff: "diff,patch",
  asm: "asm,assembly,nasm",
  sol: "solidity,sol",
  mmd: "mermaid",
  dot: "dot,graphviz",
};

/** Languages whose files have a name and no ending. */
const NAMES = new Map([
  ["dockerfile", "Dockerfile"],
  ["docker", "Dockerfile"],
  ["makefile", "Makefile"],
  ["make", "Makefile"],
]);

const endings = new Map(
  Object.entries(ENDINGS).flatMap(([ending, names]) =>
    names.split(",").map((name) => [name, ending]),
  ),
);

/**
 * The name of a file with code of a language.
 * @param {string} language as the fence names it
 */
export function fileName(language) {
  const name = language.toLowerCase();
  return NAMES.get(name) ?? `code.${endings.get(name) ?? "txt"}`;
}

/**
 * @param {string} text
 * @param {string} language
 */
export function download(text, language) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName(language);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
