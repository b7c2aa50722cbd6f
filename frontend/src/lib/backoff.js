/** Delay before the next try to connect. Pure but for the dice. */

export const CLOSE = {
  badFrames: 4400,
  logIn: 4401,
  tooSlow: 4408,
  restarting: 4412,
  tooMany: 4429,
};

const LONGEST = 30_000;

/**
 * Milliseconds to wait, jittered so that the pages of a restarted server do not come all at once.
 * @param {number} failures tries in a row that reached no `ready`, this close included
 * @param {number} code of the close; 0 where no connection came about
 * @param {() => number} [random]
 */
export function wait(failures, code, random = Math.random) {
  // The first repetition is quick; a second failure in a row takes the usual way.
  if (failures <= 1 && code === CLOSE.restarting) return random() * 500;
  if (failures <= 1 && code === CLOSE.logIn) return 0;
  if (code === CLOSE.badFrames || code === CLOSE.tooMany) return LONGEST * (0.5 + random() / 2);
  const ceiling = Math.min(LONGEST, 1000 * 2 ** Math.min(failures - 1, 10));
  return ceiling * (0.5 + random() / 2);
}
