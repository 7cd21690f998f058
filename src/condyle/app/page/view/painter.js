// Draws at most once a frame, and knows how long that took.

/** @param {() => void} draw @returns {{soon: () => void, now: () => void, times: number[]}} times in ms of the last draws */
export function painter(draw) {
  let waiting = false;
  const times = [];
  const now = () => {
    waiting = false;
    const start = performance.now();
    draw();
    times.push(performance.now() - start);
    if (times.length > 120) times.shift();
  };
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(now);
  };
  return { soon, now, times };
}
