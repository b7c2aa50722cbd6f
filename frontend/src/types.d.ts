/** Icons are bundled as the text of their SVG. */
declare module "*.svg" {
  const source: string;
  export default source;
}

/** The catalogue of the page's language; English has none. */
declare var parleyCatalogue: import("./lib/translate.js").Catalogue | undefined;

/** The names in braces of a sentence. */
type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;

/** The values that a sentence needs, besides those that are there: nothing, or one object. */
type Values<S extends string, Known extends string = never> = [Exclude<Names<S>, Known>] extends [
  never,
]
  ? []
  : [values: Record<Exclude<Names<S>, Known>, string | number>];
