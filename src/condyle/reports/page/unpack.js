"use strict";
// Data of the page: the setup at once, a case when it is opened.
const condyle = { setup: JSON.parse(document.getElementById("setup").textContent) };
const words = condyle.setup.words;

/** Fills `{name}` in a sentence. */
condyle.fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));

/** A new element with text; text is never read as HTML. */
condyle.element = (tag, text = "", className = "") => {
  const out = document.createElement(tag);
  out.textContent = text;
  if (className) out.className = className;
  return out;
};

/** Bytes of a gzipped base64 text as an array of a type. */
condyle.unpack = async (text, Type) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Type(await new Response(stream).arrayBuffer());
};

/** A case with its arrays unpacked; axes of arrays are x (to the left), y (to the back), z (up), x fastest. */
condyle.load = async (number) => {
  const data = JSON.parse(document.getElementById(`case-${number}`).textContent);
  if (data.image !== null) data.image = await condyle.unpack(data.image, Uint8Array);
  for (const structure of data.structures) {
    structure.codes = await condyle.unpack(structure.codes, Uint8Array);
    for (const surface of structure.surfaces) {
      if (surface === null) continue;
      surface.points = await condyle.unpack(surface.points, Uint16Array);
      surface.triangles = await condyle.unpack(surface.triangles, surface.wide ? Uint32Array : Uint16Array);
      surface.signed = await condyle.unpack(surface.signed, Int16Array);
    }
  }
  return data;
};
