"use strict";
// Surfaces one can turn, coloured by distance. Orthographic: a millimetre is as long in front as behind.
condyle.surface = (() => {
  const stage = document.querySelector("#surface .stage");
  const canvas = stage?.querySelector("canvas");
  const gl = canvas?.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) return { show: () => false, draw() {}, turn() {}, zoom() {}, home() {}, recolor() {} };

  // From inside the truth (blue) over equal (light) to outside (orange), as missed and false in the error map.
  const STOPS = [[20, 84, 190], [110, 170, 240], [242, 240, 236], [250, 170, 80], [190, 78, 6]];
  const NO_DISTANCE = -32768;
  const ramp = (t) => {
    const at = (Math.min(1, Math.max(-1, t)) + 1) * 2;
    const n = Math.min(3, Math.floor(at));
    return STOPS[n].map((c, k) => Math.round(c + (at - n) * (STOPS[n + 1][k] - c)));
  };

  const compiled = (kind, source) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    return shader;
  };
  const program = gl.createProgram();
  gl.attachShader(program, compiled(gl.VERTEX_SHADER, `#version 300 es
    layout(location=0) in vec3 point; layout(location=1) in vec3 normal; layout(location=2) in vec3 color;
    uniform mat3 turn; uniform vec3 scale; out vec3 n; out vec3 c;
    void main() { n = turn * normal; c = color; vec3 p = turn * point * scale; gl_Position = vec4(p.xy, -p.z * .5, 1.); }`));
  gl.attachShader(program, compiled(gl.FRAGMENT_SHADER, `#version 300 es
    precision mediump float; in vec3 n; in vec3 c; out vec4 o;
    void main() {
      vec3 m = normalize(n); float light = .38 + .62 * abs(dot(m, normalize(vec3(-.25, .35, 1.))));
      o = vec4(c * light + .10 * pow(abs(m.z), 24.), 1.);
    }`));
  gl.linkProgram(program);
  const places = { turn: gl.getUniformLocation(program, "turn"), scale: gl.getUniformLocation(program, "scale") };

  // Rows: right, up and towards the viewer, in RAS. From the front, the patient's right is on the left.
  const FRONT = [[-1, 0, 0], [0, 0, 1], [0, 1, 0]];
  let [rows, zoom, radius, bodies] = [FRONT, 1, 1, []];
  const letters = [["R", [1, 0, 0]], ["L", [-1, 0, 0]], ["A", [0, 1, 0]], ["P", [0, -1, 0]], ["S", [0, 0, 1]], ["I", [0, 0, -1]]]
    .map(([letter, axis]) => [stage.appendChild(condyle.element("b", letter)), axis]);

  const buffer = (target, array) => {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, array, gl.STATIC_DRAW);
    return made;
  };

  /** Normals by area: the sum of the cross products of the triangles around each corner. */
  const normalsOf = (points, triangles) => {
    const out = new Float32Array(points.length);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
      const [ux, uy, uz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
      const [vx, vy, vz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
      const n = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) out[corner + k] += n[k];
    }
    return out;
  };

  const colorsOf = (surface, scale) => {
    const out = new Uint8Array(surface.signed.length * 3);
    const alone = condyle.colors[surface.shows === 1 ? 1 : 2];
    const none = surface.signed.every((value) => value === NO_DISTANCE) ? alone : [128, 134, 140];
    surface.signed.forEach((value, n) => out.set(value === NO_DISTANCE ? none : ramp(value / 100 / scale), 3 * n));
    return out;
  };

  /** Takes the surfaces of a case; false if there are none. */
  const show = (surfaces, scale) => {
    for (const body of bodies) { body.buffers.forEach((b) => gl.deleteBuffer(b)); gl.deleteVertexArray(body.array); }
    const low = [0, 1, 2].map((k) => Math.min(...surfaces.map((s) => s.low_mm[k])));
    const high = [Infinity, Infinity, Infinity].map(() => -Infinity);
    const all = surfaces.map((s) => Float32Array.from(s.points, (value, n) => {
      const mm = s.low_mm[n % 3] + value * s.step_mm;
      if (mm > high[n % 3]) high[n % 3] = mm;
      return mm;
    }));
    const middle = low.map((a, k) => (a + high[k]) / 2);
    radius = Math.max(1, Math.hypot(...low.map((a, k) => high[k] - a)) / 2);
    bodies = surfaces.map((surface, n) => {
      const points = all[n].map((mm, k) => mm - middle[k % 3]);
      const array = gl.createVertexArray();
      gl.bindVertexArray(array);
      const buffers = [points, normalsOf(points, surface.triangles), colorsOf(surface, scale)].map((values, k) => {
        const made = buffer(gl.ARRAY_BUFFER, values);
        gl.enableVertexAttribArray(k);
        gl.vertexAttribPointer(k, 3, k === 2 ? gl.UNSIGNED_BYTE : gl.FLOAT, k === 2, 0, 0);
        return made;
      });
      buffers.push(buffer(gl.ELEMENT_ARRAY_BUFFER, Uint32Array.from(surface.triangles)));
      return { array, buffers, surface, count: surface.triangles.length };
    });
    draw();
    return bodies.length > 0;
  };

  const recolor = (scale) => {
    for (const body of bodies) {
      gl.bindBuffer(gl.ARRAY_BUFFER, body.buffers[2]);
      gl.bufferData(gl.ARRAY_BUFFER, colorsOf(body.surface, scale), gl.STATIC_DRAW);
    }
    draw();
  };

  const draw = () => {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0.043, 0.051, 0.059, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const size = Math.min(width, height) / 2;
    const scale = (zoom * 0.94 * size) / radius;
    gl.useProgram(program);
    gl.uniformMatrix3fv(places.turn, true, rows.flat());
    gl.uniform3f(places.scale, (2 * scale) / width, (2 * scale) / height, 1 / radius);
    for (const body of bodies) {
      gl.bindVertexArray(body.array);
      gl.drawElements(gl.TRIANGLES, body.count, gl.UNSIGNED_INT, 0);
    }
    for (const [label, axis] of letters) {
      const [x, y, z] = rows.map((row) => row[0] * axis[0] + row[1] * axis[1] + row[2] * axis[2]);
      label.style.left = `${width / 2 + x * (width / 2 - 16)}px`;
      label.style.top = `${height / 2 - y * (height / 2 - 14)}px`;
      // A letter that points at the viewer or away would hide the middle of the picture.
      label.style.opacity = Math.hypot(x, y) < 0.35 ? 0 : z < -0.3 ? 0.45 : 1;
    }
  };

  /** Turns by so many radians about the picture's vertical and horizontal axis. */
  const turn = (across, down) => {
    const [c, s, d, e] = [Math.cos(across), Math.sin(across), Math.cos(down), Math.sin(down)];
    const [x, y, z] = rows;
    const right = x.map((v, k) => c * v + s * z[k]);
    const near = x.map((v, k) => -s * v + c * z[k]);
    rows = [right, y.map((v, k) => d * v - e * near[k]), y.map((v, k) => e * v + d * near[k])];
    draw();
  };
  const zoomBy = (factor) => { zoom = Math.min(12, Math.max(0.3, zoom * factor)); draw(); };
  const home = () => { [rows, zoom] = [FRONT, 1]; draw(); };

  const held = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.clientX, event.clientY]);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    held.set(event.pointerId, now);
    const apart = (a) => Math.hypot(a[0] - others[0][0], a[1] - others[0][1]);
    if (others.length) zoomBy(apart(now) / Math.max(1, apart(before)));
    else turn((now[0] - before[0]) * 0.01, (now[1] - before[1]) * 0.01);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => held.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return; // else the page could not be scrolled past it
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * 0.001));
  }, { passive: false });
  const KEYS = {
    ArrowLeft: () => turn(-0.15, 0), ArrowRight: () => turn(0.15, 0), ArrowUp: () => turn(0, -0.15), ArrowDown: () => turn(0, 0.15),
    "+": () => zoomBy(1.15), "=": () => zoomBy(1.15), "-": () => zoomBy(1 / 1.15), Home: home,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  return { show, draw, turn, zoom: zoomBy, home, recolor, ramp, gl, NO_DISTANCE };
})();
