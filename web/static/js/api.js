// Questions to the platform's own API, with a time limit and errors that can be shown.

import { has, say } from "./texts.js";

const TIME_LIMIT_MS = 20000;

export class ApiError extends Error {
  constructor(message, status, body) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }
}

/**
 * Return the parsed answer. Throws ApiError, or AbortError when the caller gave up.
 * `timeLimit_ms`: 0 waits as long as it takes, for files on their way.
 * What is about persons takes a task: where none is open, the visitor is asked, and it is tried again.
 */
export async function askJson(url, options = {}) {
  try {
    return await ask(url, options);
  } catch (error) {
    if (error.status !== 428 || !(await taskWasOpened())) throw error;
    return ask(url, options);
  }
}

/** Let the page ask for a task (task.js); whether one is open then. */
export function taskWasOpened() {
  return new Promise((resolve) => {
    const needed = new CustomEvent("task-needed", { cancelable: true, detail: { resolve } });
    if (document.dispatchEvent(needed)) resolve(false); // nobody listens
  });
}

async function ask(
  url, { signal, method = "GET", body, headers = {}, timeLimit_ms = TIME_LIMIT_MS },
) {
  const limit = new AbortController();
  const timer = timeLimit_ms ? setTimeout(() => limit.abort(), timeLimit_ms) : 0;
  signal?.addEventListener("abort", () => limit.abort(), { once: true });
  try {
    const answer = await fetch(url, {
      method,
      body,
      headers: { Accept: "application/json", ...headers },
      signal: limit.signal,
      credentials: "same-origin",
    });
    if (answer.status === 204) return null; // done, with nothing to say
    const parsed = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(messageOf(answer.status, parsed), answer.status, parsed);
    if (parsed === null) throw new ApiError(say("common.error_answer"), answer.status, parsed);
    return parsed;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (signal?.aborted) throw new DOMException("given up", "AbortError");
    throw new ApiError(say(limit.signal.aborted ? "common.error_slow" : "common.error_offline"), 0);
  } finally {
    clearTimeout(timer);
  }
}

export function wasGivenUp(error) {
  return error.name === "AbortError";
}

function messageOf(status, body) {
  const told = body?.error?.message ?? body?.message ?? body?.detail;
  // What kind of error it is, in the page's language; the server tells the rest in English.
  const kind = `error.${body?.error?.code}`;
  const text = status < 500 && has(kind)
    ? say(kind) : say(status >= 500 ? "common.error_server" : "common.error_request", { status });
  const reference = body?.error?.reference ?? body?.reference;
  return [
    text,
    typeof told === "string" && status < 500 ? say("common.error_detail", { text: told }) : null,
    reference ? say("common.error_reference", { reference }) : null,
  ]
    .filter(Boolean)
    .join(" ");
}
