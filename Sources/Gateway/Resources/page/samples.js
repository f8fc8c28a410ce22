// Pictures to begin with, which the server has beside its model.

import { element } from "./elements.js";

const folder = "samples/";

/** Thumbnails in `list`; nothing where the server has no samples. */
export async function showSamples(list, onChoose) {
  let names;
  try {
    const response = await fetch(`${folder}samples.json`);
    if (!response.ok) return false;
    names = (await response.json()).samples.map(({ file }) => file);
  } catch {
    return false;
  }
  list.replaceChildren(...names.map((name, index) => {
    const picture = element("img", { src: folder + name, alt: "", loading: "lazy" });
    return element("li", { "data-name": name }, element("button", {
      type: "button", "aria-label": `Sample scene ${index + 1}`,
      onclick: async () => onChoose(await (await fetch(folder + name)).blob(), name),
    }, picture));
  }));
  return names.length > 0;
}
