/** The time that all drawing of texts has taken in this turn of the event loop. */
let start = 0;

/** The start of drawing in this turn, in the page's ms. */
export function turnStart() {
  if (!start) {
    start = performance.now();
    setTimeout(() => {
      start = 0;
    });
  }
  return start;
}
