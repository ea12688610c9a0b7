// Node's `ws` as the client of `adieu serve`, and as the server for `adieu connect`.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const https = require("node:https");
const path = require("node:path");
const { after, before, describe, test } = require("node:test");
const WebSocket = require("ws");
const { SECONDS, certificate, serve, start, within } = require(path.join(__dirname, "..", "support", "program.js"));

const timeout = 2 * SECONDS * 1000;

/** A client that keeps what it receives. */
async function open(url, options) {
  const socket = new WebSocket(url, options);
  socket.received = [];
  socket.on("message", (data, binary) => socket.received.push(binary ? data : data.toString()));
  socket.end = once(socket, "close").then(([code, reason]) => ({ code, reason: reason.toString() }));
  await within(once(socket, "open"), `open ${url}`);
  return socket;
}

async function received(socket, count) {
  while (socket.received.length < count) {
    await within(once(socket, "message"), `message ${socket.received.length + 1} of ${count}`);
  }
  return socket.received;
}

describe("ws as the client of `adieu serve`", { timeout }, () => {
  let server;
  before(async () => {
    server = await serve();
  });
  after(() => server.stop());

  test("text and binary come back", { timeout }, async () => {
    const socket = await open(`${server.ws}/echo`);
    socket.send("Grüße, 世界 🌍");
    socket.send(Buffer.from([0, 1, 255]));
    assert.deepEqual(await received(socket, 2), ["Grüße, 世界 🌍", Buffer.from([0, 1, 255])]);
    socket.close();
    await within(socket.end, "close");
  });

  test("a fragmented message with a ping inside comes back whole", { timeout }, async () => {
    const socket = await open(`${server.ws}/echo`, { perMessageDeflate: false });
    socket.send("one ", { fin: false });
    socket.ping("between");
    const [payload] = await within(once(socket, "pong"), "pong");
    assert.equal(payload.toString(), "between");
    socket.send("message", { fin: true });
    assert.deepEqual(await received(socket, 1), ["one message"]);
    socket.terminate();
  });

  test("the client closes: its code and reason are echoed", { timeout }, async () => {
    const socket = await open(`${server.ws}/echo`);
    socket.close(3007, "bis bald");
    assert.deepEqual(await within(socket.end, "close"), { code: 3007, reason: "bis bald" });
  });

  test("the client closes without a code: no code comes back", { timeout }, async () => {
    const socket = await open(`${server.ws}/echo`);
    socket.close();
    assert.deepEqual(await within(socket.end, "close"), { code: 1005, reason: "" });
  });

  test("the server closes first", { timeout }, async () => {
    const socket = await open(`${server.ws}/close?code=4001&reason=enough`);
    assert.deepEqual(await within(socket.end, "close"), { code: 4001, reason: "enough" });
  });

  test("a stream that ends without a Close is 1006", { timeout }, async () => {
    const socket = await open(`${server.ws}/drop`);
    assert.deepEqual(await within(socket.end, "close"), { code: 1006, reason: "" });
  });

  test("an unknown target is refused with 404", { timeout }, async () => {
    const socket = new WebSocket(`${server.ws}/nothing`);
    socket.on("error", () => {});
    const [, response] = await within(once(socket, "unexpected-response"), "a refusal");
    assert.equal(response.statusCode, 404);
    response.destroy();
  });
});

describe("ws as the server for `adieu connect`", { timeout }, () => {
  /** Runs a test with a server, the program that connects to it, and the server's end of the connection. */
  async function connected(run) {
    const server = new WebSocket.Server({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const connection = once(server, "connection");
    const program = start("connect", `ws://127.0.0.1:${server.address().port}/`);
    try {
      const [socket] = await within(connection, `a connection\n${program.output()}`);
      socket.end = once(socket, "close").then(([code, reason]) => ({ code, reason: reason.toString() }));
      await run(program, socket);
    } finally {
      await program.stop();
      server.clients.forEach((socket) => socket.terminate());
      await new Promise((resolve) => server.close(resolve));
    }
  }

  test("lines go out as messages and replies are shown", { timeout }, () =>
    connected(async (program, socket) => {
      socket.on("message", (data, binary) => socket.send(data, { binary }));
      program.say("hin und zurück");
      await program.line((line) => line === "< hin und zurück", "the reply");
    }));

  test("the program closes", { timeout }, () =>
    connected(async (program, socket) => {
      program.say("/close 4003 so long");
      assert.deepEqual(await within(socket.end, "close"), { code: 4003, reason: "so long" });
      assert.equal(await program.status(), 0, program.output());
    }));

  test("the server closes", { timeout }, () =>
    connected(async (program, socket) => {
      socket.close(4004, "enough");
      assert.deepEqual(await within(socket.end, "close"), { code: 4004, reason: "enough" });
      assert.equal(await program.status(), 0, program.output());
    }));

  test("the server's stream ends without a Close", { timeout }, () =>
    connected(async (program, socket) => {
      socket.terminate();
      assert.equal(await program.status(), 1, program.output());
    }));
});

describe("ws over TLS", { timeout }, () => {
  let made;
  before(() => {
    made = certificate();
  });
  after(() => made.remove());

  test("as the client: messages come back, and its Close is echoed", { timeout }, async () => {
    const server = await serve("--cert", made.file, "--key", made.keyFile);
    try {
      assert.match(server.ws, /^wss:/);
      const socket = await open(`${server.ws}/echo`, { ca: made.cert });
      const long = Buffer.alloc(1 << 20, 7);
      socket.send("Grüße");
      socket.send(long);
      assert.deepEqual(await received(socket, 2), ["Grüße", long]);
      socket.close(3008, "bis bald");
      assert.deepEqual(await within(socket.end, "close"), { code: 3008, reason: "bis bald" });
    } finally {
      await server.stop();
    }
  });

  test("as the client: it does not trust what nobody told it to", { timeout }, async () => {
    const server = await serve("--cert", made.file, "--key", made.keyFile);
    try {
      const [error] = await within(once(new WebSocket(`${server.ws}/echo`), "error"), "a refusal");
      assert.match(error.code, /SELF_SIGNED|UNABLE_TO_VERIFY/);
    } finally {
      await server.stop();
    }
  });

  test("as the server: lines are messages, and each side can close", { timeout }, async () => {
    for (const closes of ["program", "server"]) {
      const listener = https.createServer({ cert: made.cert, key: made.key });
      const server = new WebSocket.Server({ server: listener });
      listener.listen(0, "localhost");
      await once(listener, "listening");
      const connection = once(server, "connection");
      const program = start("connect", "--ca", made.file, `wss://localhost:${listener.address().port}/`);
      try {
        const [socket] = await within(connection, `a connection\n${program.output()}`);
        const end = once(socket, "close");
        socket.on("message", (data, binary) => socket.send(data, { binary }));
        program.say("hin und zurück");
        await program.line((line) => line === "< hin und zurück", "the reply");
        if (closes === "program") program.say("/close 4009 so long");
        else socket.close(4009, "so long");
        const [code, reason] = await within(end, "close");
        assert.deepEqual([code, reason.toString()], [4009, "so long"]);
        assert.equal(await program.status(), 0, program.output());
      } finally {
        await program.stop();
        server.clients.forEach((socket) => socket.terminate());
        await new Promise((resolve) => listener.close(resolve));
      }
    }
  });
});
