import assert from "node:assert/strict";
import { test } from "node:test";
import { dayGroup, shortTime } from "../src/views/days.js";

const now = new Date(2026, 10, 21, 9, 0);
const at = (month, day, hour, year = 2026) => new Date(year, month - 1, day, hour).toISOString();

test("the list is grouped by day, then by month, then by year", () => {
  for (const [time, group] of [
    [at(11, 22, 3), "Today"], // the clock of the server is ahead
    [at(11, 21, 0), "Today"],
    [at(11, 20, 23), "Yesterday"],
    [at(11, 16, 1), "Last 7 days"],
    [at(11, 10, 1), "Last 30 days"],
    [at(10, 23, 0), "Last 30 days"],
    [at(10, 22, 23), "October"],
    [at(1, 1, 0), "January"],
    [at(12, 31, 23, 2025), "2025"],
  ]) {
    assert.equal(dayGroup(time, now), group, time);
  }
});

test("a time of today has no day, one of another year has that too", () => {
  assert.equal(shortTime(at(11, 21, 8), now), "08:00");
  assert.equal(shortTime(at(11, 20, 8), now), "20 Nov, 08:00");
  assert.equal(shortTime(at(12, 31, 8, 2025), now), "31 Dec 2025, 08:00");
});

test("days of the list are those of the local calendar, also with 23 or 25 hours", () => {
  const before = process.env.TZ;
  try {
    for (const [zone, time, now, group] of [
      ["Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-26T08:00:00Z", "Yesterday"],
      ["Europe/Berlin", "2026-10-24T21:59:00Z", "2026-10-26T08:00:00Z", "Last 7 days"],
      ["Europe/Berlin", "2027-03-27T22:30:00Z", "2027-03-29T08:00:00Z", "Last 7 days"],
      ["Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-29T08:00:00Z", "Yesterday"],
      ["America/New_York", "2026-10-26T04:00:00Z", "2026-11-01T23:00:00Z", "Last 7 days"],
      ["America/New_York", "2026-10-26T03:59:00Z", "2026-11-01T23:00:00Z", "Last 30 days"],
      ["Europe/Berlin", "2026-10-24T22:00:00Z", "2026-11-23T08:00:00Z", "Last 30 days"],
      ["Europe/Berlin", "2026-10-24T21:59:00Z", "2026-11-23T08:00:00Z", "October"],
      ["Europe/Berlin", "2026-02-28T22:59:00Z", "2026-04-10T08:00:00Z", "February"],
      ["Europe/Berlin", "2026-02-28T23:00:00Z", "2026-04-10T08:00:00Z", "March"],
      ["Pacific/Kiritimati", "2025-12-31T10:00:00Z", "2026-06-01T00:00:00Z", "January"],
      ["Pacific/Kiritimati", "2025-12-31T09:59:00Z", "2026-06-01T00:00:00Z", "2025"],
      ["America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T23:00:00Z", "Today"],
      ["Australia/Lord_Howe", "2026-10-02T13:30:00Z", "2026-10-04T12:00:00Z", "Yesterday"],
      ["Africa/Cairo", "2026-04-22T22:00:00Z", "2026-04-24T12:00:00Z", "Yesterday"],
      ["Africa/Cairo", "2026-04-22T21:59:00Z", "2026-04-24T12:00:00Z", "Last 7 days"],
      ["Asia/Kolkata", "2026-01-01T18:30:00Z", "2026-01-02T01:00:00Z", "Today"],
      ["Asia/Kolkata", "2026-01-01T18:29:00Z", "2026-01-02T01:00:00Z", "Yesterday"],
    ]) {
      process.env.TZ = zone;
      assert.equal(dayGroup(time, new Date(now)), group, `${zone} ${time}`);
    }
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
});
