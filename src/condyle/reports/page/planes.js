"use strict";
// Slices: the scan in grey, and over it contours or a map of what is missed, false and agreed.
// A code has bit 1 for the truth, 2 for the prediction, 4 for a second prediction.

/** Axes of each plane (x to the left, y to the back, z up): across the picture, down it, and the one it cuts. */
condyle.planes = {
  axial: { across: 0, down: 1, cut: 2, flip: false, letters: ["R", "L", "A", "P"] },
  coronal: { across: 0, down: 2, cut: 1, flip: true, letters: ["R", "L", "S", "I"] },
  sagittal: { across: 1, down: 2, cut: 0, flip: true, letters: ["A", "P", "S", "I"] },
};

/** Colours that are told apart by people who see no red or green; the same in every picture. */
condyle.colors = {
  truth: [46, 224, 107], prediction: [255, 59, 48],
  1: [77, 163, 255], 2: [255, 159, 28], 3: [0, 178, 128],
  both: [0, 178, 128], a: [77, 163, 255], b: [250, 224, 60],
};
condyle.css = (color) => `rgb(${color.join(",")})`;

{
  const { planes, colors, css } = condyle;
  const OPACITY = { strong: 215, weak: 77 };

  /** Calls `each(pixel, code)` for the voxels of a structure in a slice; pixels count along rows, from the top. */
  const inSlice = (data, structure, plane, index, each) => {
    const { across, down, cut, flip } = plane;
    const [start, shape] = [structure.start, structure.shape];
    const at = index - start[cut];
    if (at < 0 || at >= shape[cut]) return;
    const step = [1, shape[0], shape[0] * shape[1]];
    const [width, height] = [data.shape[across], data.shape[down]];
    for (let v = 0; v < shape[down]; v++) {
      const row = flip ? height - 1 - (v + start[down]) : v + start[down];
      let place = at * step[cut] + v * step[down];
      let pixel = row * width + start[across];
      for (let u = 0; u < shape[across]; u++, pixel++, place += step[across]) each(pixel, structure.codes[place]);
    }
  };

  /** What is shown of one slice: `kind` of each pixel, 0 for nothing. What is wrong hides what is agreed. */
  condyle.kinds = (data, structures, plane, index, kindOf) => {
    const out = new Uint8Array(data.shape[plane.across] * data.shape[plane.down]);
    for (const structure of structures) {
      inSlice(data, structure, plane, index, (pixel, code) => {
        const kind = kindOf(code);
        if (kind && (out[pixel] === 0 || out[pixel] === 3)) out[pixel] = kind;
      });
    }
    return out;
  };

  /** 1 missed, 2 false, 3 agreed; `bit` is the prediction's. */
  condyle.errorOf = (bit) => (code) => (code & 1) | (code & bit ? 2 : 0);

  /** 1 only the first, 2 only the second, 3 both. */
  condyle.agreementOf = (first, second) => (code) => (code & first ? 1 : 0) | (code & second ? 2 : 0);

  /** The outline of one mask in a slice as a path through the middles between pixels (marching squares). */
  const outline = (data, structure, plane, index, bit, place) => {
    const [width, height] = [data.shape[plane.across], data.shape[plane.down]];
    const inside = new Uint8Array((width + 2) * (height + 2));
    inSlice(data, structure, plane, index, (pixel, code) => {
      if (code & bit) inside[(Math.floor(pixel / width) + 1) * (width + 2) + (pixel % width) + 1] = 1;
    });
    const path = new Path2D();
    const line = (a, b) => { path.moveTo(...place(...a)); path.lineTo(...place(...b)); };
    for (let y = 0; y <= height; y++) {
      for (let x = 0; x <= width; x++) {
        const n = y * (width + 2) + x;
        const corners = inside[n] | (inside[n + 1] << 1) | (inside[n + width + 3] << 2) | (inside[n + width + 2] << 3);
        if (corners === 0 || corners === 15) continue;
        const [top, right, bottom, left] = [[x, y - 0.5], [x + 0.5, y], [x, y + 0.5], [x - 0.5, y]];
        if (corners === 5 || corners === 10) {
          line(left, corners === 5 ? top : bottom);
          line(right, corners === 5 ? bottom : top);
        } else {
          const crossed = [];
          if ((corners & 1) !== (corners >> 1 & 1)) crossed.push(top);
          if ((corners >> 1 & 1) !== (corners >> 2 & 1)) crossed.push(right);
          if ((corners >> 2 & 1) !== (corners >> 3 & 1)) crossed.push(bottom);
          if ((corners >> 3 & 1) !== (corners & 1)) crossed.push(left);
          line(...crossed);
        }
      }
    }
    return path;
  };

  /** Pixels as a picture of their own. */
  const picture = (width, height, paint) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    paint(image.data);
    context.putImageData(image, 0, 0);
    return canvas;
  };

  const grey = (data, plane, index) => (pixels) => {
    const { across, down, cut, flip } = plane;
    const step = [1, data.shape[0], data.shape[0] * data.shape[1]];
    const [width, height] = [data.shape[across], data.shape[down]];
    for (let y = 0, pixel = 0; y < height; y++) {
      let place = index * step[cut] + (flip ? height - 1 - y : y) * step[down];
      for (let x = 0; x < width; x++, pixel += 4, place += step[across]) {
        const value = data.image === null ? 52 : (data.image[place] * 255) / (data.levels - 1);
        pixels[pixel] = pixels[pixel + 1] = pixels[pixel + 2] = value;
        pixels[pixel + 3] = 255;
      }
    }
  };

  /** Where a slice lies in a canvas: as large as fits, in true proportions. */
  condyle.placed = (canvas, data, plane) => {
    const mm = [data.spacing_mm[plane.across], data.spacing_mm[plane.down]];
    const size = [data.shape[plane.across] * mm[0], data.shape[plane.down] * mm[1]];
    const scale = Math.min(canvas.width / size[0], canvas.height / size[1]);
    return { left: (canvas.width - size[0] * scale) / 2, top: (canvas.height - size[1] * scale) / 2,
      step: [mm[0] * scale, mm[1] * scale], width: size[0] * scale, height: size[1] * scale };
  };

  /** Draws one plane. `view` has mode, bit, agreement (two bits), structures, and index (three slices). */
  condyle.drawPlane = (canvas, data, name, view) => {
    const plane = planes[name];
    const index = view.index[plane.cut];
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    const context = canvas.getContext("2d");
    const { left, top, step, width, height } = condyle.placed(canvas, data, plane);
    const [columns, rows] = [data.shape[plane.across], data.shape[plane.down]];
    context.drawImage(picture(columns, rows, grey(data, plane, index)), left, top, width, height);
    if (view.mode === "contours") {
      const place = (x, y) => [left + (x - 0.5) * step[0], top + (y - 0.5) * step[1]];
      for (const [bit, color, thick] of [[1, colors.truth, 3.2], [view.bit, colors.prediction, 1.4]]) {
        context.strokeStyle = css(color);
        context.lineWidth = thick * ratio;
        context.lineCap = "round";
        for (const structure of view.structures) context.stroke(outline(data, structure, plane, index, bit, place));
      }
    } else if (view.mode !== "plain") {
      const agreement = view.mode === "agreement";
      const kindOf = agreement ? condyle.agreementOf(...view.agreement) : condyle.errorOf(view.bit);
      const kinds = condyle.kinds(data, view.structures, plane, index, kindOf);
      const table = agreement ? [null, colors.a, colors.b, colors.both] : [null, colors[1], colors[2], colors[3]];
      context.imageSmoothingEnabled = false;
      context.drawImage(picture(columns, rows, (pixels) => kinds.forEach((kind, n) => {
        if (kind) pixels.set([...table[kind], kind === 3 && !agreement ? OPACITY.weak : OPACITY.strong - 60 * (kind === 3)], 4 * n);
      })), left, top, width, height);
    }
    cross(context, data, plane, view.index, { left, top, step, width, height }, ratio);
  };

  /** Short ticks at the rim where the two other planes cut this one. */
  const cross = (context, data, plane, index, at, ratio) => {
    const x = at.left + (index[plane.across] + 0.5) * at.step[0];
    const row = plane.flip ? data.shape[plane.down] - 1 - index[plane.down] : index[plane.down];
    const y = at.top + (row + 0.5) * at.step[1];
    const tick = 12 * ratio;
    context.strokeStyle = "rgba(255,226,138,.8)";
    context.lineWidth = ratio;
    context.beginPath();
    for (const [a, b] of [[at.top, at.top + tick], [at.top + at.height - tick, at.top + at.height]]) {
      context.moveTo(x, a); context.lineTo(x, b);
    }
    for (const [a, b] of [[at.left, at.left + tick], [at.left + at.width - tick, at.left + at.width]]) {
      context.moveTo(a, y); context.lineTo(b, y);
    }
    context.stroke();
  };
}
