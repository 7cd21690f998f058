"use strict";
// The viewer: which case, structure, picture and slice is chosen, and everything drawn again when that changes.
if (document.getElementById("case")) {
  const { setup, element, fill, colors, css, planes } = condyle;
  const pick = (id) => document.getElementById(id);
  const view = { case: 0, structure: "", mode: "contours", bit: 2, agreement: [2, setup.symmetric ? 1 : 4], index: [0, 0, 0],
    structures: [], scale_mm: setup.scale_mm };
  condyle.view = view;
  condyle.data = null;
  const figures = [...document.querySelectorAll(".plane[data-plane]")].map((figure) => ({
    name: figure.dataset.plane, canvas: figure.querySelector("canvas"), slider: figure.querySelector("input"),
    told: figure.querySelector("output"), figure,
  }));
  const second = () => (setup.symmetric ? setup.truth : setup.models[1]);
  const chosen = () => setup.models[view.bit === 4 ? 1 : 0];

  const drawPlanes = () => {
    if (!condyle.data) return;
    for (const { name, canvas, slider, told } of figures) {
      const { cut } = planes[name];
      slider.value = view.index[cut];
      const mm = condyle.data.first_mm[cut] + view.index[cut] * condyle.data.step_mm[cut];
      told.textContent = fill(words.slice, { n: view.index[cut] + 1, of: condyle.data.shape[cut],
        side: ["RL", "AP", "SI"][cut][mm < 0 ? 1 : 0], mm: Math.abs(mm).toFixed(1) });
      slider.setAttribute("aria-valuetext", told.textContent);
      condyle.drawPlane(canvas, condyle.data, name, view);
    }
  };

  const legend = () => {
    const items = {
      contours: [["line", colors.truth, setup.truth], ["line", colors.prediction, chosen()]],
      error: [["", colors[1], words.missed], ["", colors[2], words.false], ["", colors[3], words.agreed]],
      agreement: [["", colors.both, words.both], ["", colors.a, fill(words.only, { name: setup.models[0] })],
        ["", colors.b, fill(words.only, { name: second() })]],
      plain: [],
    }[view.mode];
    pick("legend").replaceChildren(...items.map(([kind, color, text]) => {
      const item = element("span");
      const mark = item.appendChild(element("i", "", kind || "swatch"));
      if (kind) mark.style.borderColor = css(color); else mark.style.background = css(color);
      item.append(text);
      return item;
    }));
  };

  const drawSurface = () => {
    const surfaces = view.structures.map((s) => s.surfaces[view.bit === 4 ? 1 : 0] ?? null).filter((s) => s !== null);
    const drawn = condyle.surface.show(surfaces, view.scale_mm);
    const none = surfaces.length ? words.noWebgl : words.noSurface;
    const shown = surfaces.some((s) => s.shows !== 1);
    const text = { name: shown ? chosen() : setup.truth, truth: setup.truth };
    const measured = surfaces.some((s) => s.signed.some((value) => value !== condyle.surface.NO_DISTANCE));
    const caption = measured ? fill(words.surfaceOf, text) : `${fill(words.surfaceAlone, text)} ${words.noDistance}.`;
    document.querySelector("#surface .caption").textContent = drawn ? caption : none;
    bar();
  };

  const bar = () => {
    const canvas = document.querySelector(".bar canvas");
    if (!condyle.surface.ramp) return;
    [canvas.width, canvas.height] = [201, 1];
    const context = canvas.getContext("2d");
    for (let n = 0; n <= 200; n++) {
      context.fillStyle = css(condyle.surface.ramp(n / 100 - 1));
      context.fillRect(n, 0, 1, 1);
    }
    const ends = [`−${view.scale_mm} mm ${fill(words.inside, { truth: setup.truth })}`, "0", `${words.outside} +${view.scale_mm} mm`];
    document.querySelector(".bar span").replaceChildren(...ends.map((text) => element("span", text)));
  };

  const chooseStructure = (name) => {
    view.structure = name;
    view.structures = condyle.data.structures.filter((s) => name === "" || s.name === name);
    drawPlanes();
    drawSurface();
  };

  const open = async (number) => {
    const data = await condyle.load(number);
    if (Number(pick("case").value) !== number) return; // another was chosen meanwhile
    condyle.data = data;
    view.case = number;
    view.index = [...data.start];
    const names = data.structures.map((s) => s.name);
    const options = [...(names.length === 1 ? [] : [["", words.all]]), ...names.map((name) => [name, name])];
    pick("structure").replaceChildren(...options.map(([value, text]) => Object.assign(element("option", text), { value })));
    pick("structure").value = names.includes(view.structure) ? view.structure : options[0][0];
    for (const { name, slider } of figures) slider.max = data.shape[planes[name].cut] - 1;
    pick("told").replaceChildren(element("p", data.id, "printed"), ...data.text.map((text) => element("p", text)), ...data.notes.map((text) => element("p", text, "aside")));
    chooseStructure(pick("structure").value);
  };
  const choose = (number) => {
    pick("case").value = number;
    pick("previous").disabled = number === 0;
    pick("next").disabled = number === pick("case").length - 1;
    condyle.opened = open(number).catch((error) => {
      const old = typeof DecompressionStream === "undefined";
      pick("told").replaceChildren(element("p", old ? words.noUnpack : String(error)));
    });
  };

  for (const { name, canvas, slider, figure } of figures) {
    const plane = planes[name];
    figure.querySelector("b").textContent = words[name];
    ["left", "right", "top", "bottom"].forEach((side, n) => { figure.querySelector(`.${side}`).textContent = plane.letters[n]; });
    slider.addEventListener("input", () => { view.index[plane.cut] = Number(slider.value); drawPlanes(); });
    canvas.addEventListener("click", (event) => {
      const ratio = canvas.width / canvas.clientWidth;
      const at = condyle.placed(canvas, condyle.data, plane);
      const pixel = [(event.offsetX * ratio - at.left) / at.step[0], (event.offsetY * ratio - at.top) / at.step[1]].map(Math.floor);
      const [columns, rows] = [condyle.data.shape[plane.across], condyle.data.shape[plane.down]];
      if (pixel[0] < 0 || pixel[0] >= columns || pixel[1] < 0 || pixel[1] >= rows) return;
      view.index[plane.across] = pixel[0];
      view.index[plane.down] = plane.flip ? rows - 1 - pixel[1] : pixel[1];
      drawPlanes();
    });
  }

  const modes = ["contours", "error", ...(setup.symmetric || setup.models.length > 1 ? ["agreement"] : []), "plain"];
  pick("modes").append(...modes.map((mode) => {
    const label = element("label");
    const radio = Object.assign(element("input"), { type: "radio", name: "mode", value: mode, checked: mode === view.mode });
    radio.addEventListener("change", () => { view.mode = mode; legend(); drawPlanes(); });
    label.append(radio, ` ${words[mode]}`);
    return label;
  }));
  pick("model")?.append(...setup.models.map((name, n) => Object.assign(element("option", name), { value: 2 << n })));
  pick("model")?.addEventListener("change", (event) => { view.bit = Number(event.target.value); legend(); drawPlanes(); drawSurface(); });
  pick("structure").addEventListener("change", (event) => chooseStructure(event.target.value));
  pick("case").addEventListener("change", () => choose(Number(pick("case").value)));
  pick("previous").addEventListener("click", () => choose(view.case - 1));
  pick("next").addEventListener("click", () => choose(view.case + 1));
  pick("scale").append(...setup.scales_mm.map((mm) => Object.assign(element("option", String(mm)), { value: mm, selected: mm === view.scale_mm })));
  pick("scale").addEventListener("change", (event) => {
    view.scale_mm = Number(event.target.value);
    condyle.surface.recolor(view.scale_mm);
    bar();
  });
  for (const link of document.querySelectorAll("a[data-case]")) link.addEventListener("click", () => choose(Number(link.dataset.case)));
  document.querySelector("#surface canvas").setAttribute("aria-label", words.surfaceLabel);
  const redraw = () => { drawPlanes(); condyle.surface.draw(); };
  window.addEventListener("resize", redraw);
  window.addEventListener("beforeprint", redraw);
  legend();
  choose(0);
}
