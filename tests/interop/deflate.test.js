// permessage-deflate with node's `ws` in both roles, and with Chromium as the client: every combination of the four parameters.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const path = require("node:path");
const { after, before, describe, test } = require("node:test");
const WebSocket = require("ws");
const { SECONDS, serve, start, within } = require(path.join(__dirname, "..", "support", "program.js"));
const { browse } = require(path.join(__dirname, "..", "support", "browser.js"));

const timeout = 6 * SECONDS * 1000;
const MESSAGES = ["", "x", "the same again and again", "the same again and again", "größe 世界 🌍 ".repeat(5000)];

/** Sixteen of which parameters there are, each with windows of 9 and of 15 bits. */
function combinations() {
  const found = [];
  for (let which = 0; which < 16; which++) {
    for (const bits of which >= 4 ? [9, 15] : [undefined]) {
      found.push({
        serverNoContextTakeover: (which & 1) !== 0,
        clientNoContextTakeover: (which & 2) !== 0,
        serverMaxWindowBits: which & 4 ? bits : undefined,
        clientMaxWindowBits: which & 8 ? bits : undefined,
      });
    }
  }
  return found;
}

/** The parameters as they stand in the header, in alphabetical order. */
function named(of) {
  const found = [];
  if (of.serverNoContextTakeover) found.push("server_no_context_takeover");
  if (of.clientNoContextTakeover) found.push("client_no_context_takeover");
  if (of.serverMaxWindowBits) found.push(`server_max_window_bits=${of.serverMaxWindowBits}`);
  if (of.clientMaxWindowBits) found.push(`client_max_window_bits=${of.clientMaxWindowBits}`);
  return found.sort();
}

/** What a `Sec-WebSocket-Extensions` with one extension names, in alphabetical order. */
function parameters(header) {
  const [name, ...found] = header.split(";").map((part) => part.trim());
  assert.equal(name, "permessage-deflate");
  return found.sort();
}

/** Sends each message, and expects it back. */
async function echo(socket) {
  for (const message of [...MESSAGES, Buffer.alloc(200_000, 7)]) {
    const back = within(once(socket, "message"), "an echo");
    socket.send(message);
    const [data, binary] = await back;
    assert.deepEqual(binary ? data : data.toString(), message);
  }
}

test("there are sixteen combinations", () => {
  const present = new Set(combinations().map((of) => Object.values(of).map(Boolean).join()));
  assert.equal(present.size, 16);
});

describe("ws as the client of `adieu serve --deflate`", { timeout }, () => {
  let server;
  before(async () => {
    server = await serve("--deflate=0");
  });
  after(() => server.stop());

  for (const of of combinations()) {
    test(`asks for ${named(of).join("; ") || "nothing"}`, { timeout }, async () => {
      const socket = new WebSocket(`${server.ws}/echo`, { perMessageDeflate: { ...of, threshold: 0 } });
      const [[response]] = await within(Promise.all([once(socket, "upgrade"), once(socket, "open")]), "open");
      assert.deepEqual(parameters(response.headers["sec-websocket-extensions"]), named(of));
      await echo(socket);
      socket.close();
      assert.equal((await within(once(socket, "close"), "close"))[0], 1005);
    });
  }
});

describe("ws as the server for `adieu connect --deflate`", { timeout }, () => {
  for (const of of combinations()) {
    test(`asks for ${named(of).join("; ") || "nothing"}`, { timeout }, async () => {
      const server = new WebSocket.Server({ host: "127.0.0.1", port: 0, perMessageDeflate: { ...of, threshold: 0 } });
      await once(server, "listening");
      let answer;
      server.on("headers", (headers) => {
        answer = headers.find((line) => /^sec-websocket-extensions:/i.test(line)).replace(/^[^:]*:/, "").trim();
      });
      server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
      const program = start("connect", `ws://127.0.0.1:${server.address().port}/`, "--deflate=0");
      try {
        MESSAGES.forEach((message) => program.say(message));
        await program.line(() => program.out.length === MESSAGES.length, "all echoes");
        assert.deepEqual(program.out, MESSAGES.map((message) => `< ${message}`));
        assert.deepEqual(parameters(answer), named(of));
        program.say("/quit");
        assert.equal(await program.status(), 0);
      } finally {
        await program.stop();
        server.close();
      }
    });
  }
});

describe("Chromium as the client of `adieu serve --deflate`", { timeout }, () => {
  let page;
  before(async () => {
    page = await browse();
  });
  after(() => page.close());

  for (const of of combinations()) {
    test(`is asked for ${named(of).join("; ") || "nothing"}`, { timeout }, async () => {
      const server = await serve(`--deflate=${["0", ...named(of)].join("; ")}`);
      try {
        const told = await page.talk(server, MESSAGES);
        // A window of 15 bits is what there is without the parameter.
        const expected = named(of).filter((parameter) => !parameter.endsWith("=15"));
        assert.deepEqual(parameters(told.extensions), expected);
        assert.deepEqual(told.received, MESSAGES);
        assert.deepEqual(told.end, { code: 1000, clean: true });
      } finally {
        await server.stop();
      }
    });
  }
});
