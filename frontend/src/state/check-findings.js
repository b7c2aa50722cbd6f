/** Conclusions of the check page from its findings. Pure. Settings are in backticks. */
import { t } from "../lib/translate.js";

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
      return problem(t("Cookies are not limited to https. Set `HTTPS=on`."));
    }
    return ok(
      own === "https"
        ? t("https, in this browser and at the server.")
        : t(
            "http. Others on the network can read passwords. Use it only on this machine or in a network you trust.",
          ),
    );
  }
  if (own === "http") {
    return problem(
      t(
        "This page was loaded over http, but the proxy reports https. It must pass on the real scheme, in nginx: `proxy_set_header X-Forwarded-Proto $scheme;`",
      ),
    );
  }
  if (seen.forwarded_proto === "https" && !seen.trusts_proxies) {
    return problem(
      t(
        "This page was loaded over https, but the server sees http: it does not trust the proxy. Set `TRUSTED_PROXIES` to the address of the proxy.",
      ),
    );
  }
  return problem(
    t(
      "This page was loaded over https, but the server sees http. The proxy must pass on the scheme, in nginx: `proxy_set_header X-Forwarded-Proto $scheme;` and set `TRUSTED_PROXIES` to its address and `HTTPS=on`.",
    ),
  );
}

/**
 * @param {Seen} seen
 * @param {{protocol: string, origin: string, host: string}} page
 * @returns {Finding}
 */
export function originFinding(seen, { protocol, origin, host }) {
  if (seen.origin_allowed) return ok(t("{origin} is allowed.", { origin }));
  if (host.toLowerCase() !== seen.host.toLowerCase()) {
    return problem(
      t(
        "The browser is at {host}, but the server sees {seen}. The proxy must pass on the host, in nginx: `proxy_set_header Host $http_host;` or set `CSRF_TRUSTED_ORIGINS={origin}`.",
        { host, seen: seen.host, origin },
      ),
    );
  }
  if (protocol !== `${seen.scheme}:`) return skipped(t("Fix the scheme first."));
  return problem(
    t("The server treats {origin} as another site. Set `CSRF_TRUSTED_ORIGINS={origin}`.", {
      origin,
    }),
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
      return ok(t("Connected, and the server answers."));
    case "held up":
      return problem(
        t(
          "The handshake gets no answer. The proxy must pass on the Upgrade and Connection headers, over HTTP/1.1.",
        ),
      );
    case "silent":
      return problem(
        t(
          "It opens, but no data arrives. Something other than Parley answers the handshake, or holds back the data.",
        ),
      );
    case "closed":
      return problem(closedText(code));
    default:
      if (!isOriginAllowed) {
        return skipped(t("Refused because of the origin. Fix the origin first."));
      }
      return problem(
        t(
          'The handshake is refused: the proxy does not pass on the upgrade. In nginx: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";` The chat works without a WebSocket, a little slower.',
        ),
      );
  }
}

/** @param {number} code */
function closedText(code) {
  switch (code) {
    case 4401:
      return t("The server does not see your session: the proxy does not pass on cookies to /ws/.");
    case 4412:
      return t("The server is restarting or cannot reach its database. Check again in a moment.");
    case 4429:
      return t("Too many of your pages are connected. Close some and check again.");
    default:
      return t("The connection was closed at once, with code {code}.", { code: String(code) });
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
  if (times.length === 0) return problem(t("The test stream did not arrive."));
  if (cameApart(stream)) return ok(t("All {n} pieces arrived one by one.", { n: pieces }));
  if (encoding) return skipped(t("The stream is held back. Fix the compression first."));
  return problem(
    t(
      "All pieces arrive at once: the proxy buffers them. In nginx: `proxy_buffering off;` and no `proxy_ignore_headers X-Accel-Buffering;`",
    ),
  );
}

/**
 * @param {Stream} stream
 * @returns {Finding}
 */
export function compressionFinding(stream) {
  const { encoding, caching, times } = stream;
  if (times.length === 0) return skipped(t("There is no stream to check."));
  if (encoding && !cameApart(stream)) {
    return problem(
      t(
        "The proxy compresses streams ({encoding}), which holds them back. Exclude `text/event-stream` from compression, in nginx: `gzip_types`.",
        { encoding },
      ),
    );
  }
  if (!caching.includes("no-transform")) {
    return problem(
      t(
        "The server's header `Cache-Control: no-transform` does not arrive. Without it a proxy may compress or change streams. The proxy must pass it on.",
      ),
    );
  }
  return ok(
    encoding
      ? t("Compressed ({encoding}), but without delay.", { encoding })
      : t("Streams are not compressed."),
  );
}

/**
 * @param {number} offset of the server's clock, in seconds
 * @returns {Finding}
 */
export function clockFinding(offset) {
  const seconds = Math.round(Math.abs(offset));
  if (seconds < 5) return ok(t("The clocks of this device and of the server agree."));
  return problem(
    offset > 0
      ? t("The server's clock is {n} s ahead of this device's. Synchronise both by NTP.", {
          n: seconds,
        })
      : t("The server's clock is {n} s behind this device's. Synchronise both by NTP.", {
          n: seconds,
        }),
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
      t(
        "The WebSocket was closed after {n} s. Parley sends something every {most} s. The proxy must wait longer, in nginx: `proxy_read_timeout 75s;`",
        { n: socket, most: SPOKEN },
      ),
    );
  }
  if (stream === null) return ok(t("No connection was closed in {n} s.", { n: seconds }));
  if (stream > SPOKEN + 5) {
    return ok(
      t("A silent stream is closed after {n} s. Parley sends something every {most} s.", {
        n: stream,
        most: SPOKEN,
      }),
    );
  }
  return problem(
    t(
      "A silent stream is closed after {n} s, but Parley is silent for up to {most} s. The proxy must wait longer, in nginx: `proxy_read_timeout 75s;`",
      { n: stream, most: SPOKEN },
    ),
  );
}
