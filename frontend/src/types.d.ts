/** Icons are bundled as the text of their SVG. */
declare module "*.svg" {
  const source: string;
  export default source;
}
