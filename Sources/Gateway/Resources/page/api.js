// The public API of the gateway.

import { RequestError } from "./errors.js";
import { EventReader } from "./events.js";

const keyName = "chatspot-api-key";

export function setKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
}

async function send(path, options = {}) {
  const key = sessionStorage.getItem(keyName);
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("No connection could be made, or it broke off");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // What stands between here and the server may answer with other than JSON.
  }
  return new RequestError(error.message ?? `The server answered with status ${response.status}`, {
    status: response.status, code: error.code ?? "",
    retryAfter: Number(response.headers.get("retry-after")) || 0,
  });
}

/** `GET` of a JSON document. */
export async function get(path, options) {
  return (await send(path, { cache: "no-store", ...options })).json();
}

/**
 * Asks, and yields {text}, {regions, reason} and {usage} as they come. Aborting `signal` hangs up,
 * which ends the query at the server.
 */
export async function* ask(request, signal) {
  const response = await send("v1/chat/completions", {
    method: "POST", headers: { "content-type": "application/json" }, signal,
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
  });
  const bytes = response.body.getReader();
  const decoder = new TextDecoder();
  const events = new EventReader();
  try {
    for (;;) {
      const { done, value } = await bytes.read();
      if (done) throw new RequestError("The connection broke off before the answer's end");
      for (const data of events.push(decoder.decode(value, { stream: true }))) {
        if (data === "[DONE]") return;
        yield* parts(JSON.parse(data));
      }
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof RequestError) throw error;
    throw new RequestError("The connection broke off before the answer's end");
  } finally {
    bytes.cancel().catch(() => {});
  }
}

function* parts(chunk) {
  if (chunk.error) {
    throw new RequestError(chunk.error.message, { status: 500, code: chunk.error.code ?? "" });
  }
  for (const choice of chunk.choices) {
    if (choice.delta.content) yield { text: choice.delta.content };
    if (choice.finish_reason) {
      yield { regions: choice.delta.regions ?? [], reason: choice.finish_reason };
    }
  }
  if (chunk.usage) yield { usage: chunk.usage };
}
