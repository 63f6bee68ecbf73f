import assert from "node:assert/strict";
import { test } from "node:test";

import { ProblemError, isFinal, problemOf, problemOfLoss } from "../../chrome-extension/shared/problem.js";

test("close codes tell whether reconnecting is pointless", () => {
  for (const code of [4400, 4401, 4403, 4404]) assert.equal(isFinal(code), true, String(code));
  for (const code of [1000, 1006, 1011, 1012, 4408, 4413, 4429]) assert.equal(isFinal(code), false, String(code));
});

test("a loss is reported with the service's sentence", () => {
  assert.deepEqual(problemOfLoss({ code: 1006, detail: "" }), { code: "unreachable" });
  assert.deepEqual(problemOfLoss({ code: 4429, detail: "16 sources run." }), { code: "busy", detail: "16 sources run." });
});

test("an error is a problem", () => {
  assert.deepEqual(problemOf(new ProblemError({ code: "address" })), { code: "address" });
  assert.deepEqual(problemOf(new TypeError("x is not a function")), { code: "unknown", detail: "x is not a function" });
});
