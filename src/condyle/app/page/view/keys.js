// The keyboard. Letters choose tools (see toolbar.js); the rest is told by the help page.
import { TOOLS } from "./toolbar.js";
import { toPlane, toVoxel } from "./planes.js";

const LETTERS = new Map(
  Object.values(TOOLS)
    .flatMap((tools) => Object.entries(tools))
    .map(([name, key]) => [key, name]),
);
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STYLES = ["both", "fill", "outlines"];

/**
 * @param {HTMLElement} root @param {object} view  what the keys act on
 * @param {import("./session.js").Session} view.session @param {import("./hand.js").Hand} view.hand
 * @param {() => import("./pane.js").Pane} view.pane  the plane in focus, or the last one
 * @param {() => void} view.redraw @param {() => void} view.save @param {() => void} view.help
 * @param {(name: string) => void} view.enlarge @param {() => void} view.close
 * @returns {() => void} stops listening
 */
export function keyboard(root, view) {
  const listen = (event) => {
    if (!view.session.scan || typing(event.target)) return;
    const act = event.ctrlKey || event.metaKey ? withControl(event, view) : event.altKey ? null : plain(event, view);
    if (!act) return;
    event.preventDefault();
    act();
    view.redraw();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}

const typing = (target) =>
  target instanceof HTMLElement &&
  target.closest("input:not([type=range]):not([type=checkbox]), select, textarea, dialog");

function withControl({ key, shiftKey }, { session, save }) {
  const letter = key.toLowerCase();
  if (letter === "z") return () => (shiftKey ? session.redo() : session.undo());
  if (letter === "y") return () => session.redo();
  if (letter === "s") return save;
  return null;
}

function plain({ key, target }, { session, hand, pane, enlarge, help, close }) {
  const onButton = target instanceof HTMLElement && target.closest("button, a, input");
  const onScene = target instanceof HTMLElement && target.closest(".view-scene");
  const now = pane();
  if (ARROWS[key] && !onButton && !onScene) return () => step(session, now, [...ARROWS[key], 0]);
  if ((key === "Enter" || key === " ") && !onButton && !onScene) return () => hand.press(now);
  const { tool, look } = session;
  const set = (what, values) => () => session.set(what, values);
  const letter = key.toLowerCase();
  if (LETTERS.has(letter)) return set("tool", { name: LETTERS.get(letter) });
  if (/^[1-9]$/.test(key)) return () => choose(session, Number(key) - 1);
  return {
    PageUp: () => now.goTo(now.slice + 1),
    PageDown: () => now.goTo(now.slice - 1),
    "[": set("tool", { radius: Math.max(0.5, tool.radius - 0.5) }),
    "]": set("tool", { radius: Math.min(40, tool.radius + 0.5) }),
    x: set("look", { labels: !look.labels }),
    o: set("look", { style: STYLES[(STYLES.indexOf(look.style) + 1) % 3] }),
    d: set("tool", { flat: !tool.flat }),
    "+": () => now.zoomBy(1.25),
    "=": () => now.zoomBy(1.25),
    "-": () => now.zoomBy(0.8),
    0: () => now.reset(),
    m: () => enlarge(now.name),
    "?": help,
    escape: close,
  }[key.length === 1 ? letter : key === "Escape" ? "escape" : key];
}

function step(session, pane, [dx, dy]) {
  const place = toPlane(pane.plane, session.cursor);
  session.moveTo(toVoxel(pane.plane, [place[0] + dx, place[1] + dy, place[2]]));
}

function choose(session, n) {
  if (!session.structures[n]) return;
  session.active = session.structures[n].id;
  session.tell("look");
}
