import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo } from "node:net";
import { test } from "node:test";
import { keepRenewed } from "../../../services/vimesh/console/web/src/session/issuer.js";

/** It is renewed after two thirds. The clock stands, so that no token ends, however slow this machine is. */
const LIFE_S = 0.3;
Date.now = () => 1_000_000;
const GRANT = { token: "first", lifeMs: LIFE_S * 1000, refreshToken: "refresh-1" };

/** An issuer whose answers to renewals a test gives, one after the other. */
async function withIssuer(
  answers: ((end: () => void) => object | undefined)[],
  use: (oidc: { issuer: string; client_id: string }, sent: URLSearchParams[]) => Promise<void>,
): Promise<void> {
  const sent: URLSearchParams[] = [];
  const server = createServer(async (request, response) => {
    const { port } = server.address() as AddressInfo;
    const issuer = `http://127.0.0.1:${port}`;
    if (request.method === "GET") {
      response.end(JSON.stringify({ issuer, authorization_endpoint: issuer, token_endpoint: `${issuer}/token` }));
      return;
    }
    sent.push(new URLSearchParams(await bodyOf(request)));
    const answer = answers.shift()?.(() => response.destroy());
    response.statusCode = answer ? 200 : 400;
    response.end(JSON.stringify(answer ?? { error: "invalid_grant" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use({ issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, client_id: "console" }, sent);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

const renewed = (token: string, refresh_token?: string) => ({ access_token: token, expires_in: LIFE_S, refresh_token });

/** Keep a grant renewed until it has brought so many tokens, or the signal. */
async function tokensOf(oidc: { issuer: string; client_id: string }, count: number, ended = new AbortController()) {
  const taken: string[] = [];
  await keepRenewed(oidc, GRANT, ended.signal, (token) => {
    if (taken.push(token) === count) ended.abort();
  });
  return taken;
}

test("the refresh token stays the same until the issuer sends another", async () => {
  await withIssuer([() => renewed("second"), () => renewed("third", "refresh-2"), () => renewed("fourth")], async (oidc, sent) => {
    assert.deepEqual(await tokensOf(oidc, 4), ["first", "second", "third", "fourth"]);
    assert.deepEqual(
      sent.map((fields) => fields.get("refresh_token")),
      ["refresh-1", "refresh-1", "refresh-2"],
    );
  });
});

test("a renewal that fails is tried again", { timeout: 30_000 }, async () => {
  const lost = (end: () => void) => (end(), undefined);
  const refused = () => undefined;
  await withIssuer([lost, refused, () => renewed("second")], async (oidc, sent) => {
    assert.deepEqual(await tokensOf(oidc, 2), ["first", "second"]);
    assert.equal(sent.length, 3);
  });
});

test("whoever signs out while the issuer answers stays signed out", async () => {
  const ended = new AbortController();
  await withIssuer([() => (ended.abort(), renewed("second"))], async (oidc, sent) => {
    assert.deepEqual([await tokensOf(oidc, 9, ended), sent.length], [["first"], 1]);
  });
});
