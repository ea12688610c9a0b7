// A person's browser on the page of `adieu serve`: headless Chromium, driven by playwright-core.
"use strict";

const assert = require("node:assert/strict");
const { X509Certificate, createHash } = require("node:crypto");
const path = require("node:path");
const { after, before, beforeEach, afterEach, test } = require("node:test");
const { SECONDS, certificate, serve } = require(path.join(__dirname, "..", "support", "program.js"));
const { launch } = require(path.join(__dirname, "..", "support", "browser.js"));

const timeout = 3 * SECONDS * 1000;
let server;
let secure;
let made;
let browser;
let context;

/** Lets the browser take a certificate with this very key, and no other. */
function trusting(cert) {
  const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`;
}

before(async () => {
  made = certificate();
  server = await serve();
  secure = await serve("--cert", made.file, "--key", made.keyFile);
  browser = await launch(trusting(made.cert));
}, { timeout });

after(async () => {
  await browser?.close();
  await server?.stop();
  await secure?.stop();
  made?.remove();
}, { timeout });

beforeEach(async () => {
  context = await browser.newContext();
  context.setDefaultTimeout(SECONDS * 1000);
});

afterEach(async () => {
  await context.close();
  for (const each of [server, secure]) {
    assert.ok(each.running(), each.output());
    assert.doesNotMatch(each.err.join("\n"), /panicked/);
  }
});

/** A fresh tab with the page; what the page complains about is kept. */
async function tab(of = server) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(error.message));
  await page.goto(of.http);
  return page;
}

/** Waits until an element shows a text. */
async function shows(page, selector, expected) {
  const matches = (text) => (expected instanceof RegExp ? expected.test(text) : text === expected);
  const end = Date.now() + SECONDS * 1000;
  let text;
  while (!matches((text = (await page.textContent(selector)).trim()))) {
    assert.ok(Date.now() < end, `${selector} shows ${JSON.stringify(text)}, and not ${expected}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  return text;
}

/** Every state that the page shows from now on, in order. */
async function recordStates(page) {
  await page.evaluate(() => {
    const state = document.querySelector("#state");
    window.states = [];
    new MutationObserver(() => {
      const text = state.textContent.trim();
      if (window.states.at(-1) !== text) window.states.push(text);
    }).observe(state, { childList: true, characterData: true, subtree: true });
  });
}

/** Connects to an endpoint of the server. */
async function connect(page, endpoint) {
  const field = page.locator("#endpoint");
  const select = await field.evaluate((element) => element.tagName === "SELECT");
  await (select ? field.selectOption(endpoint) : field.fill(endpoint));
  await page.click("#connect");
}

test("it connects and a message comes back", { timeout }, async () => {
  const page = await tab();
  await connect(page, "/echo");
  await shows(page, "#state", "OPEN");
  await page.fill("#message", "Grüße aus dem Browser 🌍");
  await page.click("#send");
  await shows(page, "#log", /< Grüße aus dem Browser 🌍/);
  assert.deepEqual(page.complaints, []);
});

test("a message is shown as text and never as markup", { timeout }, async () => {
  const page = await tab();
  await connect(page, "/echo");
  await shows(page, "#state", "OPEN");
  await page.fill("#message", "<b id='intruder'>bold</b>");
  await page.click("#send");
  await shows(page, "#log", /< <b id='intruder'>bold<\/b>/);
  assert.equal(await page.locator("#intruder").count(), 0);
});

test("the person closes: four states, and the verdict has the code and the reason", { timeout }, async () => {
  const page = await tab();
  await recordStates(page);
  await connect(page, "/echo");
  await shows(page, "#state", "OPEN");
  await page.fill("#code", "4005");
  await page.fill("#reason", "seen enough");
  await page.click("#close");
  await shows(page, "#state", "CLOSED");
  const verdict = await shows(page, "#verdict", /4005/);
  assert.match(verdict, /seen enough/);
  assert.match(verdict, /clean/i);
  assert.doesNotMatch(verdict, /not clean/i);
  assert.deepEqual(await page.evaluate(() => window.states), ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
  assert.deepEqual(page.complaints, []);
});

test("the server closes: the verdict has its code and reason", { timeout }, async () => {
  const page = await tab();
  await connect(page, "/close?code=4006&reason=the%20server%20says%20so");
  const verdict = await shows(page, "#verdict", /4006/);
  assert.match(verdict, /the server says so/);
  assert.doesNotMatch(verdict, /not clean/i);
  await shows(page, "#state", "CLOSED");
});

test("a stream that ends without a Close is not clean", { timeout }, async () => {
  const page = await tab();
  await connect(page, "/drop");
  await shows(page, "#verdict", /1006/);
  await shows(page, "#verdict", /not clean/i);
  await shows(page, "#state", "CLOSED");
});

test("two tabs share the counter and see each other come and go", { timeout }, async () => {
  const one = await tab();
  const value = Number(await shows(one, "#counter-value", /^-?\d+$/));
  const users = Number(await shows(one, "#counter-users", /^\d+$/));
  const two = await tab();
  await shows(one, "#counter-users", String(users + 1));
  await shows(two, "#counter-users", String(users + 1));
  await shows(two, "#counter-value", String(value));
  await one.click("#plus");
  await shows(one, "#counter-value", String(value + 1));
  await shows(two, "#counter-value", String(value + 1));
  await two.click("#minus");
  await shows(one, "#counter-value", String(value));
  await shows(two, "#counter-value", String(value));
  await two.close();
  await shows(one, "#counter-users", String(users));
  assert.deepEqual([...one.complaints, ...two.complaints], []);
});

test("over https the page speaks wss", { timeout }, async () => {
  const page = await tab(secure);
  const opened = page.waitForEvent("websocket", (socket) => socket.url().endsWith("/echo"));
  await connect(page, "/echo");
  assert.match((await opened).url(), /^wss:\/\/127\.0\.0\.1:\d+\/echo$/);
  await shows(page, "#state", "OPEN");
  await page.fill("#message", "Grüße über TLS");
  await page.click("#send");
  await shows(page, "#log", /< Grüße über TLS/);
  await page.fill("#code", "4007");
  await page.fill("#reason", "over TLS");
  await page.click("#close");
  const verdict = await shows(page, "#verdict", /4007/);
  assert.match(verdict, /over TLS/);
  assert.doesNotMatch(verdict, /not clean/i);
  assert.deepEqual(page.complaints, []);
});

test("over https a stream that ends without a Close is not clean", { timeout }, async () => {
  const page = await tab(secure);
  await connect(page, "/drop");
  await shows(page, "#verdict", /1006/);
  await shows(page, "#state", "CLOSED");
});
