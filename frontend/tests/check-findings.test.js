import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bufferingFinding,
  clockFinding,
  compressionFinding,
  idleFinding,
  originFinding,
  schemeFinding,
  socketFinding,
} from "../src/state/check-findings.js";

const HTTPS = { protocol: "https:", origin: "https://chat.example", host: "chat.example" };
const HTTP = { protocol: "http:", origin: "http://chat.example", host: "chat.example" };
const seen = (more = {}) => ({
  ...{ scheme: "https", host: "chat.example", origin_allowed: true, forwarded_proto: "https" },
  ...{ trusts_proxies: true, https: true, now: 0 },
  ...more,
});
const stream = (times, more = {}) => ({
  ...{ times, pieces: 10, apart: 200, encoding: null, caching: "no-cache, no-transform" },
  ...more,
});
const APART = Array.from({ length: 10 }, (_, i) => 20 + i * 200);
const AT_ONCE = [1850, 1851, 1852];

test("the scheme is right where both ends see the same", () => {
  assert.equal(schemeFinding(seen(), HTTPS).state, "ok");
  assert.equal(schemeFinding(seen({ scheme: "http", https: false }), HTTP).state, "ok");
  assert.match(schemeFinding(seen({ https: false }), HTTPS).text, /HTTPS=on/);
});

test("each way to get the scheme wrong has its own remedy", () => {
  assert.match(schemeFinding(seen(), HTTP).text, /\$scheme/);
  const blind = { scheme: "http", https: false, trusts_proxies: false };
  assert.match(schemeFinding(seen(blind), HTTPS).text, /does not trust/);
  const mute = seen({ ...blind, forwarded_proto: null });
  assert.match(schemeFinding(mute, HTTPS).text, /X-Forwarded-Proto \$scheme/);
});

test("an origin is wrong by its host, by its scheme or by itself", () => {
  assert.equal(originFinding(seen(), HTTPS).state, "ok");
  const foreign = seen({ origin_allowed: false });
  assert.match(originFinding({ ...foreign, host: "127.0.0.1:8000" }, HTTPS).text, /\$http_host/);
  assert.equal(originFinding({ ...foreign, scheme: "http" }, HTTPS).state, "skipped");
  assert.match(originFinding(foreign, HTTPS).text, /CSRF_TRUSTED_ORIGINS/);
});

test("a socket that does not come about is explained", () => {
  const text = (outcome, code = 0) => socketFinding({ outcome, code }, true).text;
  assert.equal(socketFinding({ outcome: "ready", code: 0 }, true).state, "ok");
  assert.match(text("refused"), /pass on the upgrade/);
  assert.match(text("held up"), /no answer/);
  assert.match(text("silent"), /no data arrives/);
  assert.match(text("closed", 4401), /session/);
  assert.match(text("closed", 4412), /restarting/);
  assert.match(text("closed", 4429), /Too many/);
  assert.match(text("closed", 1011), /1011/);
  assert.equal(socketFinding({ outcome: "refused", code: 1006 }, false).state, "skipped");
});

test("pieces that come at once were held back", () => {
  assert.equal(bufferingFinding(stream(APART)).state, "ok");
  assert.equal(bufferingFinding(stream(AT_ONCE)).state, "problem");
  assert.equal(bufferingFinding(stream([20, 1850])).state, "problem"); // all but the first
  assert.equal(bufferingFinding(stream([])).state, "problem");
});

test("a stream that is compressed and held back is held back by that", () => {
  const held = stream(AT_ONCE, { encoding: "gzip" });
  assert.equal(bufferingFinding(held).state, "skipped");
  assert.match(compressionFinding(held).text, /gzip_types/);
  assert.equal(compressionFinding(stream(APART, { encoding: "gzip" })).state, "ok");
  assert.match(compressionFinding(stream(APART, { caching: "no-cache" })).text, /no-transform/);
});

test("clocks that differ by seconds are named with the way", () => {
  assert.equal(clockFinding(-2).state, "ok");
  assert.match(clockFinding(-61).text, /61 s behind/);
  assert.match(clockFinding(3700).text, /3,700 s ahead/);
});

test("a time-out counts where it is shorter than the server's silence", () => {
  const idle = (socket, held) => idleFinding({ socket, stream: held, seconds: 40 });
  assert.equal(idle(null, null).state, "ok");
  assert.equal(idle(null, 30).state, "ok");
  assert.equal(idle(null, 10).state, "problem");
  assert.equal(idle(30, null).state, "problem");
});
