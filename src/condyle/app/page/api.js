// Calls to the server, with errors that can be shown as they are.

import { words } from "./words.js";

export class ApiError extends Error {
  constructor(status, body) {
    const told = body?.error ?? {};
    super(told.message ?? words.errors.unknown);
    Object.assign(this, { status, body, where: told.where, expected: told.expected, got: told.got, hint: told.hint });
  }
}

async function send(method, path, { body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { error: { message: words.errors.offline } });
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let told;
  try { told = JSON.parse(text); } catch { told = { error: { message: text || words.errors.unknown } }; }
  throw new ApiError(answer.status, told);
}

async function json(method, path, content) {
  const options = content === undefined ? {} : { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } };
  const answer = await send(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

export const api = {
  send,
  url: (path) => path,
  get: (path) => json("GET", path),
  post: (path, content = {}) => json("POST", path, content),
  put: (path, content) => json("PUT", path, content),
  remove: (path) => json("DELETE", path),
};
