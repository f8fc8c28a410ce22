// The picture and the marks drawn over it, in the pixels of the screen.

import { drawing, element } from "./elements.js";
import { bounds, described, handles } from "./regions.js";

/** How many times as large as it is a small picture is shown. */
const enlargementMax = 3;
const badge = 11;

export class Canvas {
  #stage;
  #marks;
  #drawn = new Map();
  #found = [];
  #lit = null;

  picture = null;
  /** Pixels of the screen for one of the picture. */
  scale = 1;

  constructor(stage, marks) {
    this.#stage = stage;
    this.#marks = marks;
    this.foundLayer = drawing("g", { class: "found-layer" });
    this.markLayer = drawing("g");
    this.overLayer = drawing("g", { class: "over", "aria-hidden": "true" });
    this.surface = drawing("svg", {
      class: "surface", tabindex: "0", role: "application",
      "aria-describedby": "picture-keys",
    }, this.foundLayer, this.markLayer, this.overLayer);
    this.frame = element("div", { class: "frame" });
    new ResizeObserver(() => this.fit()).observe(stage);
    marks.addEventListener("change", () => this.draw());
    marks.addEventListener("select", () => this.draw());
  }

  show(picture) {
    this.picture = picture;
    this.#found = [];
    this.frame.remove();
    if (!picture) {
      this.draw();
      return;
    }
    picture.element.alt = "";
    picture.element.draggable = false;
    this.surface.setAttribute("aria-label", `Picture ${picture.name}`);
    this.frame.replaceChildren(picture.element, this.surface);
    this.#stage.append(this.frame);
    this.fit();
  }

  /** Makes the picture as large as there is room for. */
  fit() {
    if (!this.picture) return;
    const style = getComputedStyle(this.#stage);
    const across = this.#stage.clientWidth - parseFloat(style.paddingLeft) * 2;
    const down = this.#stage.clientHeight - parseFloat(style.paddingTop) * 2;
    const { width, height } = this.picture.size;
    // Where the page scrolls, the stage is as high as the picture makes it.
    const grows = style.getPropertyValue("--grows").trim() === "1";
    const room = grows ? innerHeight * 0.62 : down;
    const scale = Math.min(across / width, room / height, enlargementMax);
    this.scale = Math.max(scale, 1 / Math.max(width, height));
    this.frame.style.width = `${width * this.scale}px`;
    this.frame.style.height = `${height * this.scale}px`;
    this.draw();
  }

  /** The place in the picture under a pointer. */
  place(event) {
    const frame = this.frame.getBoundingClientRect();
    return [(event.clientX - frame.left) / this.scale, (event.clientY - frame.top) / this.scale];
  }

  draw() {
    for (const [number, node] of this.#drawn) {
      if (this.#marks.has(number) && this.picture) continue;
      node.remove();
      this.#drawn.delete(number);
    }
    if (!this.picture) return;
    for (const mark of this.#marks.all) this.#drawMark(mark);
    this.#drawFound();
  }

  /** The element of a mark, which takes the keyboard's focus. */
  node(number) { return this.#drawn.get(number) ?? null; }

  #drawMark(mark) {
    let node = this.#drawn.get(mark.number);
    if (!node) {
      node = drawing("g", {
        tabindex: "0", role: "button", "data-number": mark.number,
        "aria-describedby": "mark-keys", "aria-keyshortcuts": "Delete Enter Escape",
      });
      this.#drawn.set(mark.number, node);
      this.markLayer.append(node);
    }
    const isSelected = this.#marks.selected?.number === mark.number;
    node.setAttribute("class", `mark ${mark.colour}${isSelected ? " selected" : ""}`);
    node.setAttribute("aria-label", `Mark ${mark.number}: ${described(mark.shape)}`);
    node.replaceChildren(
      ...this.#lines(mark.shape, true), this.#badge(mark.shape, `${mark.number}`),
      ...(isSelected ? this.#handles(mark.shape) : []));
  }

  #lines(shape, isGrip) {
    const d = this.path(shape);
    const lines = [
      drawing("path", { class: "casing", d }), drawing("path", { class: "line", d }),
    ];
    if (isGrip) lines.push(drawing("path", { class: `grip ${shape.kind}`, d, "data-grip": true }));
    return lines;
  }

  /** A shape as path data. */
  path(shape) {
    const at = (value) => (value * this.scale).toFixed(1);
    if (shape.kind === "point") {
      return `M${at(shape.x)} ${at(shape.y)}m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z`;
    }
    const points = shape.kind === "polygon" ? shape.points
      : [[shape.x1, shape.y1], [shape.x2, shape.y1], [shape.x2, shape.y2], [shape.x1, shape.y2]];
    return `M${points.map(([x, y]) => `${at(x)} ${at(y)}`).join("L")}Z`;
  }

  #badge(shape, text, isSquare = false) {
    const [left, top, right] = bounds(shape).map((value) => value * this.scale);
    const end = this.picture.size.width * this.scale;
    let x = shape.kind === "point" ? left + 16 : left + badge;
    let y = top - badge - 4;
    if (shape.kind === "point" && x > end - badge) x = left - 16;
    if (isSquare && shape.kind === "box") x = right - badge;
    if (y < badge + 1) {
      // No room above: beside it, or else within.
      y = Math.max(top, 0) + badge + 1;
      if (!isSquare && left > 2 * badge + 4) x = left - badge - 4;
      else if (shape.kind !== "point") y += 3;
    }
    x = Math.min(Math.max(x, badge + 1), end - badge - 1);
    const form = isSquare
      ? drawing("rect", { x: x - badge, y: y - badge, width: badge * 2, height: badge * 2, rx: 5 })
      : drawing("circle", { cx: x, cy: y, r: badge });
    return drawing("g", { class: "badge", "data-grip": !isSquare },
      drawing("circle", { class: "reach", cx: x, cy: y, r: 20 }), form,
      drawing("text", { x, y }, text));
  }

  #handles(shape) {
    return handles(shape).flatMap(([name, x, y]) => {
      const at = { cx: x * this.scale, cy: y * this.scale, "data-handle": name };
      return [
        drawing("circle", { class: "reach", r: 14, ...at }),
        drawing("circle", { class: "handle", r: 5, ...at }),
      ];
    });
  }

  // MARK: Places in answers

  /** Shows the places of an answer: [{letter, shape}]. */
  showFound(found) {
    this.#found = found;
    this.#drawFound();
  }

  /** Brings out one place: {letter}, {number}, or a {shape, number} as it was when it was asked. */
  light(what) {
    this.#lit = what;
    this.#drawFound();
    for (const [number, node] of this.#drawn) node.classList.toggle("lit", what?.number === number);
  }

  #drawFound() {
    if (!this.picture) return;
    const layers = this.#found.map(({ letter, shape }) =>
      drawing("g", { class: `found${this.#lit?.letter === letter ? " lit" : ""}` },
        drawing("title", {}, `Place ${letter} of the answer`),
        ...this.#lines(shape, false), this.#badge(shape, letter, true)));
    if (this.#lit?.shape) {
      layers.push(drawing("g", { class: `ghost ${this.#lit.colour}` },
        ...this.#lines(this.#lit.shape, false)));
    }
    this.foundLayer.replaceChildren(...layers);
  }
}
