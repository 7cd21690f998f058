// Who works here: asked once, kept in the browser, sent with corrections and verdicts. The viewer reads the same key.

const KEY = "condyle.who";

export const who = () => localStorage.getItem(KEY) ?? "";
export const setWho = (name) => localStorage.setItem(KEY, name.trim().slice(0, 80));
