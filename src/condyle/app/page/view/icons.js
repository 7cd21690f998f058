// Line icons, drawn on a field of 24 by 24.

const SHAPES = {
  navigate: "M12 3v6M12 15v6M3 12h6M15 12h6",
  window: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  distance: "M4 20 20 4M4 16v4h4M16 4h4v4",
  angle: "M5 19 17 5M5 19h15M12 11a10 10 0 0 1 3 8",
  brush: "M20 4 10.5 13.5M9 13a3.5 3.5 0 0 1 3 3c0 3-3 4-8 4 2-1.500 1.500-3 2-4.500.4-1.500 1.500-2.500 3-2.500z",
  erase: "M8 20h12M4.500 15.500 14 6l5 5-8 8H8z M10 10l5 5",
  fill: "M5 12 12 5l7 7-7 7zM12 5 9 2M5 12h14M21 16c1 1.800 1.500 2.600 1.500 3.500a1.500 1.500 0 0 1-3 0c0-.9.500-1.700 1.500-3.500z",
  flood: "M12 3c4 5 6 7.500 6 11a6 6 0 0 1-12 0c0-3.500 2-6 6-11zM9.500 14.500a2.500 2.500 0 0 0 2.500 2.500",
  threshold: "M4 20V12M8 20V8M12 20V4M16 20v-9M20 20v-5M2 14h20",
  grow: "M12 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M12 7V3M12 21v-4M7 12H3M21 12h-4M10 3h4M10 21h4M3 10v4M21 10v4",
  between: "M5 4h14M7 12h10M5 20h14M12 6.500v3M12 14.500v3",
  smooth: "M3 15c3 0 3-6 6-6s3 6 6 6 3-6 6-6",
  clean: "M4 11a5 5 0 1 0 10 0a5 5 0 1 0-10 0M18 6h.01M20 10h.01M17 18h.01M20 15h.01",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6",
  hidden:
    "M3 3l18 18M10.600 5.100A10 10 0 0 1 12 5c6 0 10 7 10 7a17 17 0 0 1-3 3.600M6 6.500A17 17 0 0 0 2 12s4 7 10 7a10 10 0 0 0 5-1.500",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V7a3.500 3.500 0 0 1 6.800-1",
  enlarge: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  help: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 18h.01",
  before: "M15 5l-7 7 7 7",
  after: "M9 5l7 7-7 7",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
};

/** @param {keyof typeof SHAPES} name @returns {SVGSVGElement} hidden from readers: its button has the name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "view-icon", "aria-hidden": "true" }))
    svg.setAttribute(key, value);
  return svg;
}
