import assert from "node:assert/strict";
import { test } from "node:test";

import { pageLinks, serverAddress, socketAddress } from "../../chrome-extension/shared/address.js";

test("the service may be below a path", () => {
  const server = serverAddress(" https://example.org/captions/ ");
  assert.equal(server, "https://example.org/captions");
  assert.equal(socketAddress(server, "/api/status", { token: "t" }), "wss://example.org/captions/api/status?token=t");
  assert.equal(pageLinks(server, "a b").viewer, "https://example.org/captions/view/a%20b");
  assert.equal(pageLinks(server, "a b").overlay, "https://example.org/captions/overlay/a%20b");
});
