/** Conclusions of the check page from its findings. Pure. Settings are in backticks. */

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
        ? "https, in this browser and at the server."
        : "http. Others on the network can read passwords. Use it only on this machine or in a network you trust.",
    );
  }
  if (own === "http") {
    return problem(
      "This page was loaded over http, but the proxy reports https. It must pass on the real scheme, " +
        "in nginx: `proxy_set_header X-Forwarded-Proto $scheme;`",
    );
  }
  if (seen.forwarded_proto === "https" && !seen.trusts_proxies) {
    return problem(
      "This page was loaded over https, but the server sees http: it does not trust the proxy. Set " +
        "`TRUSTED_PROXIES` to the address of the proxy.",
    );
  }
  return problem(
    "This page was loaded over https, but the server sees http. The proxy must pass on the scheme, in nginx: " +
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
  if (seen.origin_allowed) return ok(`${origin} is allowed.`);
  if (host.toLowerCase() !== seen.host.toLowerCase()) {
    return problem(
      `The browser is at ${host}, but the server sees ${seen.host}. The proxy must pass on the host, ` +
        "in nginx: `proxy_set_header Host $http_host;` or set " +
        `\`CSRF_TRUSTED_ORIGINS=${origin}\`.`,
    );
  }
  if (protocol !== `${seen.scheme}:`) return skipped("Fix the scheme first.");
  return problem(
    `The server treats ${origin} as another site. Set \`CSRF_TRUSTED_ORIGINS=${origin}\`.`,
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
      return ok("Connected, and the server answers.");
    case "held up":
      return problem(
        "The handshake gets no answer. The proxy must pass on the " +
          "Upgrade and Connection headers, over HTTP/1.1.",
      );
    case "silent":
      return problem(
        "It opens, but no data arrives. Something other than Parley answers the handshake, or holds " +
          "back the data.",
      );
    case "closed":
      return problem(closedText(code));
    default:
      if (!isOriginAllowed) {
        return skipped("Refused because of the origin. Fix the origin first.");
      }
      return problem(
        "The handshake is refused: the proxy does not pass on the upgrade. In nginx: " +
          "`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
          'proxy_set_header Connection "upgrade";` The chat works without a WebSocket, a little slower.',
      );
  }
}

/** @param {number} code */
function closedText(code) {
  switch (code) {
    case 4401:
      return "The server does not see your session: the proxy does not pass on cookies to /ws/.";
    case 4412:
      return "The server is restarting or cannot reach its database. Check again in a moment.";
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
  if (times.length === 0) return problem("The test stream did not arrive.");
  if (cameApart(stream)) return ok(`All ${pieces} pieces arrived one by one.`);
  if (encoding) return skipped("The stream is held back. Fix the compression first.");
  return problem(
    "All pieces arrive at once: the proxy buffers them. In nginx: `proxy_buffering off;` " +
      "and no `proxy_ignore_headers X-Accel-Buffering;`",
  );
}

/**
 * @param {Stream} stream
 * @returns {Finding}
 */
export function compressionFinding(stream) {
  const { encoding, caching, times } = stream;
  if (times.length === 0) return skipped("There is no stream to check.");
  if (encoding && !cameApart(stream)) {
    return problem(
      `The proxy compresses streams (${encoding}), which holds them back. Exclude ` +
        "`text/event-stream` " +
        "from compression, in nginx: `gzip_types`.",
    );
  }
  if (!caching.includes("no-transform")) {
    return problem(
      "The server's header `Cache-Control: no-transform` does not arrive. Without it a proxy may " +
        "compress or change streams. The proxy must pass it on.",
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
      "device's. Synchronise both by NTP.",
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
      `The WebSocket was closed after ${socket} s. Parley sends something every ${SPOKEN} s. The proxy must ` +
        "wait longer, in nginx: `proxy_read_timeout 75s;`",
    );
  }
  if (stream === null) return ok(`No connection was closed in ${seconds} s.`);
  if (stream > SPOKEN + 5) {
    return ok(
      `A silent stream is closed after ${stream} s. Parley sends something every ${SPOKEN} s.`,
    );
  }
  return problem(
    `A silent stream is closed after ${stream} s, but Parley is silent for up to ${SPOKEN} s. The proxy must ` +
      "wait longer, in nginx: `proxy_read_timeout 75s;`",
  );
}
