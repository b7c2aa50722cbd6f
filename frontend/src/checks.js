/** What the check page makes of what it has found. Pure. What is to be set stands in backticks. */

/**
 * @typedef {"ok"|"problem"|"skipped"} State
 * @typedef {{state: State, text: string}} Finding
 *
 * @typedef {object} Seen what the server says of a request
 * @property {string} scheme
 * @property {string} host
 * @property {boolean} origin_allowed
 * @property {string|null} forwarded_proto
 * @property {boolean} trusts_proxies
 * @property {boolean} https
 * @property {number} now seconds
 *
 * @typedef {object} Stream
 * @property {number[]} times when its pieces came, in milliseconds since it was asked for
 * @property {number} pieces that were sent
 * @property {number} apart milliseconds between two of them
 * @property {string|null} encoding
 * @property {string} caching the Cache-Control header
 *
 * @typedef {{outcome: "ready"|"closed"|"refused"|"held up"|"silent", code: number}} SocketTry
 */

/** @param {string} text @returns {Finding} */
const ok = (text) => ({ state: "ok", text });
/** @param {string} text @returns {Finding} */
const problem = (text) => ({ state: "problem", text });
/** @param {string} text @returns {Finding} */
const skipped = (text) => ({ state: "skipped", text });

/**
 * @param {Seen} seen
 * @param {{protocol: string}} page
 * @returns {Finding}
 */
export function schemeFinding(seen, { protocol }) {
  const own = protocol.replace(":", "");
  if (own === seen.scheme) {
    if (own === "https" && !seen.https) {
      return problem("Cookies are not limited to https. Set `HTTPS=on`.");
    }
    return ok(
      own === "https"
        ? "https, here and as the server sees it."
        : "http. Passwords can be read on the way: use it on this machine and in networks you trust.",
    );
  }
  if (own === "http") {
    return problem(
      "This page came by http, and the proxy says https. Let it send the scheme it was asked with, " +
        "in nginx: `proxy_set_header X-Forwarded-Proto $scheme;`",
    );
  }
  if (seen.forwarded_proto === "https" && !seen.trusts_proxies) {
    return problem(
      "This page came by https, and the server sees http: it does not believe the proxy. Set " +
        "`TRUSTED_PROXIES` to the address of the proxy.",
    );
  }
  return problem(
    "This page came by https, and the server sees http. Let the proxy say so, in nginx: " +
      "`proxy_set_header X-Forwarded-Proto $scheme;` and set `TRUSTED_PROXIES` to its address and " +
      "`HTTPS=on`.",
  );
}

/**
 * @param {Seen} seen
 * @param {{protocol: string, origin: string, host: string}} page
 * @returns {Finding}
 */
export function originFinding(seen, { protocol, origin, host }) {
  if (seen.origin_allowed) return ok(`${origin} is this server's own.`);
  if (host.toLowerCase() !== seen.host.toLowerCase()) {
    return problem(
      `The browser is at ${host}, and the server sees ${seen.host}. Let the proxy pass on the host, ` +
        "in nginx: `proxy_set_header Host $http_host;` or set " +
        `\`CSRF_TRUSTED_ORIGINS=${origin}\`.`,
    );
  }
  if (protocol !== `${seen.scheme}:`) return skipped("Wrong only because the scheme is.");
  return problem(
    `The server takes ${origin} for a foreign page. Set \`CSRF_TRUSTED_ORIGINS=${origin}\`.`,
  );
}

/**
 * @param {SocketTry} tried
 * @param {boolean} isOriginAllowed
 * @returns {Finding}
 */
export function socketFinding({ outcome, code }, isOriginAllowed) {
  switch (outcome) {
    case "ready":
      return ok("It opens, and the server greets.");
    case "held up":
      return problem(
        "The handshake gets no answer: something on the way holds it. Let the proxy pass on the " +
          "Upgrade and Connection headers, over HTTP/1.1.",
      );
    case "silent":
      return problem(
        "It opens, but nothing comes through. Whatever answers the handshake is not Parley, or holds " +
          "back what Parley says.",
      );
    case "closed":
      return problem(closedText(code));
    default:
      if (!isOriginAllowed) {
        return skipped("Refused, as every page of another origin is: see there.");
      }
      return problem(
        "The handshake is refused: the proxy does not pass on the upgrade. In nginx: " +
          "`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
          'proxy_set_header Connection "upgrade";` Until then the chat works without, a little slower.',
      );
  }
}

/** @param {number} code */
function closedText(code) {
  switch (code) {
    case 4401:
      return "The server does not find your log-in: the proxy does not pass on cookies to /ws/.";
    case 4412:
      return "The server restarts, or cannot reach its database. Check again in a moment.";
    case 4429:
      return "Too many of your pages are connected. Close some and check again.";
    default:
      return `The connection was closed at once, with code ${code}.`;
  }
}

/** @param {Stream} stream */
function cameApart({ times, pieces, apart }) {
  const spread = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const moments = times.filter((time, i) => i === 0 || time - (times[i - 1] ?? 0) > apart / 4);
  return spread > ((pieces - 1) * apart) / 2 && moments.length > pieces / 2;
}

/**
 * @param {Stream} stream
 * @returns {Finding}
 */
export function bufferingFinding(stream) {
  const { times, pieces, encoding } = stream;
  if (times.length === 0) return problem("The test stream did not arrive at all.");
  if (cameApart(stream)) return ok(`${pieces} pieces were sent apart, and came apart.`);
  if (encoding) return skipped("The stream is held back; see compression first.");
  return problem(
    "What is sent in pieces arrives all at once: the proxy collects it. In nginx: `proxy_buffering off;` " +
      "and no `proxy_ignore_headers X-Accel-Buffering;`",
  );
}

/**
 * @param {Stream} stream
 * @returns {Finding}
 */
export function compressionFinding(stream) {
  const { encoding, caching, times } = stream;
  if (times.length === 0) return skipped("There was no stream to look at.");
  if (encoding && !cameApart(stream)) {
    return problem(
      `The proxy compresses streams (${encoding}), which holds them back. Leave ` +
        "`text/event-stream` out " +
        "of what is compressed, in nginx: `gzip_types`.",
    );
  }
  if (!caching.includes("no-transform")) {
    return problem(
      "`Cache-Control: no-transform` of the server does not arrive: something on the way drops it, and " +
        "may compress or change streams. Let it pass on the header.",
    );
  }
  return ok(
    encoding ? `Compressed (${encoding}), but without delay.` : "Streams are not compressed.",
  );
}

/**
 * @param {number} offset of the server's clock, in seconds
 * @returns {Finding}
 */
export function clockFinding(offset) {
  const seconds = Math.round(Math.abs(offset));
  if (seconds < 5) return ok("The clocks of this device and of the server agree.");
  return problem(
    `The server's clock is ${seconds.toLocaleString("en")} s ${offset > 0 ? "ahead of" : "behind"} this ` +
      "device's. Let both keep time by NTP.",
  );
}

/** The server says something after this many seconds at the latest. */
const SPOKEN = 15;

/**
 * @param {{socket: number|null, stream: number|null, seconds: number}} silence after how many
 *   seconds each ended; null where it did not
 * @returns {Finding}
 */
export function idleFinding({ socket, stream, seconds }) {
  if (socket !== null) {
    return problem(
      `The WebSocket was cut after ${socket} s. Parley says something every ${SPOKEN} s: let the proxy ` +
        "wait longer, in nginx: `proxy_read_timeout 75s;`",
    );
  }
  if (stream === null) return ok(`Nothing was cut in ${seconds} s.`);
  if (stream > SPOKEN + 5) {
    return ok(`A silent stream is cut after ${stream} s. Parley says something every ${SPOKEN} s.`);
  }
  return problem(
    `A silent stream is cut after ${stream} s, and Parley is silent for up to ${SPOKEN} s. Let the proxy ` +
      "wait longer, in nginx: `proxy_read_timeout 75s;`",
  );
}
