import assert from "node:assert/strict";
import { test } from "node:test";
import { fileName } from "../src/markdown/download.js";

test("a file is named as files of its language are", () => {
  const names = ["Python", "ts", "c++", "bash", "dockerfile", "mermaid", "", "what", "constructor"];
  assert.deepEqual(names.map(fileName), [
    "code.py",
    "code.ts",
    "code.cpp",
    "code.sh",
    "Dockerfile",
    "code.mmd",
    "code.txt",
    "code.txt",
    "code.txt",
  ]);
});
