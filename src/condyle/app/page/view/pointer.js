// Mouse, pen and fingers on a plane. One finger or the left button works with the tool; two fingers, the middle and
// the right button move and enlarge the picture; the wheel turns through slices. A pen's eraser end erases.

/** @typedef {import("./pane.js").Pane} Pane @typedef {import("./hand.js").Hand} Hand */

const [PRIMARY, PEN_ERASER] = [1, 32];

/**
 * @param {Pane} pane @param {Hand} hand @param {() => void} redraw
 * @returns {() => void} lets go of the canvas
 */
export function listen(pane, hand, redraw) {
  const { canvas } = pane;
  const { session } = hand;
  const gone = new AbortController();
  const on = (type, act) => canvas.addEventListener(type, act, { signal: gone.signal, passive: false });
  /** @type {Map<number, number[]>} */ const down = new Map();
  let mode = "";

  on("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, placeOf(event));
    if (down.size === 2) {
      if (mode === "tool") hand.end();
      mode = "pinch";
    } else if (event.buttons & (PRIMARY | PEN_ERASER) && !event.shiftKey) {
      mode = session.tool.name === "window" ? "window" : "tool";
      if (mode === "tool")
        hand.begin(pane, pane.voxelAt(...placeOf(event)), {
          erase: event.ctrlKey || Boolean(event.buttons & PEN_ERASER),
        });
    } else {
      mode = event.buttons & 2 ? "zoom" : "pan";
    }
    event.preventDefault();
  });

  on("pointermove", (event) => {
    pane.hover = event.pointerType !== "touch" ? pane.fromScreen(...placeOf(event)) : null;
    const before = down.get(event.pointerId);
    if (before) {
      const places = event.getCoalescedEvents?.().map(placeOf) ?? [];
      for (const place of mode === "tool" && places.length ? places : [placeOf(event)]) {
        step(event.pointerId, down.get(event.pointerId), place);
        down.set(event.pointerId, place);
      }
    }
    redraw();
  });

  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    if (mode === "tool") hand.end();
    if (down.size === 0) mode = "";
    redraw();
  };
  on("pointerup", up);
  on("pointercancel", up);
  on("pointerleave", () => {
    pane.hover = null;
    redraw();
  });
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) pane.zoomBy(Math.exp(-event.deltaY / 300), ...placeOf(event));
    else pane.goTo(pane.slice - Math.sign(event.deltaY || event.deltaX));
    redraw();
  });
  return () => gone.abort();

  function step(id, before, now) {
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (mode === "tool") hand.drag(pane, pane.voxelAt(...now));
    else if (mode === "zoom") pane.zoomBy(Math.exp(-dy / 150));
    else if (mode === "pan") pane.panBy(dx, dy);
    else if (mode === "window") shiftWindow(session, dx, dy);
    else if (mode === "pinch") pinch(id, before, now);
  }

  function pinch(id, before, now) {
    const other = [...down].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const apart = (place) => Math.max(10, Math.hypot(place[0] - other[0], place[1] - other[1]));
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    pane.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    pane.zoomBy(apart(now) / apart(before), ...middle);
  }
}

/** Window and level as radiologists drag them: across is width, down is level. */
function shiftWindow(session, dx, dy) {
  const [low, high] = session.look.window;
  const unit = (session.range[1] - session.range[0]) / 2000;
  const width = Math.max(unit, high - low + dx * unit * 2);
  const middle = (low + high) / 2 + dy * unit;
  session.set("look", { window: [middle - width / 2, middle + width / 2] });
}

const placeOf = (event) => {
  const box = event.target.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
