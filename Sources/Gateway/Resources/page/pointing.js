// Marks made and changed with mouse, touch, pen and keyboard.

import { drawing } from "./elements.js";
import { boxBetween, moved, outline, pointAt, reshaped, resized } from "./regions.js";

/** Pixels of the screen that a pointer may move and still click. */
const slack = 4;
/** Pixels of the screen within which a click closes an outline. */
const closing = 12;
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pointing {
  /** "place": a click is a point and a drag a box; "outline". */
  #tool = "place";
  #gesture = null;
  #corners = [];
  #cross = null;

  /**
   * `onMade(mark, isPointed)` follows each new mark, `onMention(number)` Enter on one,
   * `onTool(name)` a change of the tool.
   */
  constructor(canvas, marks, { onMade, onMention, onTool }) {
    Object.assign(this, { canvas, marks, onMade, onMention, onTool });
    const surface = canvas.surface;
    surface.addEventListener("pointerdown", (event) => this.#down(event));
    surface.addEventListener("pointermove", (event) => this.#move(event));
    surface.addEventListener("pointerup", (event) => this.#up(event));
    surface.addEventListener("pointercancel", () => this.cancel());
    surface.addEventListener("dblclick", () => this.#close());
    surface.addEventListener("keydown", (event) => this.#key(event));
    surface.addEventListener("focusin", (event) => this.#focus(event));
    surface.addEventListener("focusout", () => this.#showCross(null));
  }

  get tool() { return this.#tool; }

  use(tool) {
    this.cancel();
    this.#tool = tool;
    this.canvas.surface.dataset.tool = tool;
    this.onTool(tool);
  }

  /** Drops what is being drawn; puts back what is being dragged. True if there was anything. */
  cancel() {
    const was = this.#gesture !== null || this.#corners.length > 0;
    const gesture = this.#gesture;
    if (gesture?.original) this.marks.change(gesture.number, gesture.original);
    this.#gesture = null;
    this.#corners = [];
    this.#sketch(null);
    return was;
  }

  // MARK: Pointers

  #down(event) {
    if (this.#gesture) {
      // A second finger: the first does not draw.
      this.cancel();
      return;
    }
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    const target = event.target;
    const place = this.canvas.place(event);
    const number = Number(target.closest("[data-number]")?.dataset.number);
    const gesture = { pointer: event.pointerId, from: place, x: event.clientX, y: event.clientY };
    const taken = target.closest("[data-handle]") ?? target.closest("[data-grip]");
    if (number && taken && this.#corners.length === 0) {
      Object.assign(gesture, {
        kind: taken.dataset.handle ? "reshape" : "move", number,
        handle: taken.dataset.handle, original: this.marks.get(number).shape,
      });
      this.marks.select(number);
      this.canvas.node(number).focus({ preventScroll: true });
    } else {
      gesture.kind = this.#tool === "outline" || event.altKey ? "outline" : "place";
      gesture.line = [place];
      this.marks.select(null);
      this.canvas.surface.focus({ preventScroll: true });
      this.#showCross(null);
    }
    this.#gesture = gesture;
    this.canvas.surface.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const gesture = this.#gesture;
    const place = this.canvas.place(event);
    if (!gesture) {
      if (this.#corners.length > 0) this.#sketchLine([...this.#corners, place]);
      return;
    }
    if (event.pointerId !== gesture.pointer) return;
    gesture.hasMoved ||= Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) > slack;
    if (!gesture.hasMoved) return;
    const { size } = this.canvas.picture;
    const [dx, dy] = [place[0] - gesture.from[0], place[1] - gesture.from[1]];
    switch (gesture.kind) {
      case "move":
        this.marks.change(gesture.number, moved(gesture.original, dx, dy, size));
        break;
      case "reshape":
        this.marks.change(
          gesture.number, reshaped(gesture.original, gesture.handle, place, size));
        break;
      case "outline":
        for (const part of event.getCoalescedEvents?.() ?? [event]) {
          gesture.line.push(this.canvas.place(part));
        }
        this.#sketchLine([...this.#corners, ...gesture.line]);
        break;
      default:
        this.#sketch(this.canvas.path(boxBetween(gesture.from, place, size)));
    }
  }

  #up(event) {
    const gesture = this.#gesture;
    if (!gesture || event.pointerId !== gesture.pointer) return;
    this.#gesture = null;
    const { size } = this.canvas.picture;
    if (gesture.kind === "outline") {
      this.#endLine(gesture);
    } else if (gesture.kind === "place") {
      this.#sketch(null);
      this.#make(gesture.hasMoved
        ? boxBetween(gesture.from, this.canvas.place(event), size)
        : pointAt(gesture.from, size));
    }
  }

  /** A line drawn in one go is an outline; clicks set its corners one by one. */
  #endLine(gesture) {
    const near = 2 * this.#perPixel;
    if (gesture.hasMoved && this.#corners.length === 0) {
      this.#sketch(null);
      this.#make(outline(gesture.line, near, this.canvas.picture.size));
      return;
    }
    const first = this.#corners[0];
    const reach = closing * this.#perPixel;
    if (first && this.#corners.length > 2
      && Math.hypot(gesture.from[0] - first[0], gesture.from[1] - first[1]) < reach) {
      this.#close();
      return;
    }
    this.#corners.push(...gesture.line);
    this.#sketchLine(this.#corners);
  }

  #close() {
    if (this.#corners.length < 3) return;
    const shape = outline(this.#corners, this.#perPixel, this.canvas.picture.size);
    this.#corners = [];
    this.#sketch(null);
    this.#make(shape);
  }

  #make(shape) {
    if (shape) this.onMade(this.marks.add(shape), true);
  }

  get #perPixel() { return 1 / this.canvas.scale; }

  // MARK: Keys

  #focus(event) {
    const number = Number(event.target.closest("[data-number]")?.dataset.number);
    if (number) this.marks.select(number);
  }

  #key(event) {
    if (event.altKey || event.metaKey || !this.canvas.picture) return;
    const number = Number(event.target.closest("[data-number]")?.dataset.number);
    const handled = event.key === "Escape" ? this.#escape(number)
      : number ? this.#markKey(event, number) : this.#pictureKey(event);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #escape(number) {
    if (this.cancel()) return true;
    if (!number) return false;
    this.marks.select(null);
    this.canvas.surface.focus({ preventScroll: true });
    return true;
  }

  #step(event) {
    const { width, height } = this.canvas.picture.size;
    return event.ctrlKey ? 1 : Math.max(1, Math.round(Math.max(width, height) / 100));
  }

  #markKey(event, number) {
    const { size } = this.canvas.picture;
    const { shape } = this.marks.get(number);
    const arrow = arrows[event.key];
    if (arrow) {
      const [dx, dy] = arrow.map((value) => value * this.#step(event));
      const change = event.shiftKey ? resized : moved;
      this.marks.change(number, change(shape, dx, dy, size));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.remove(number);
    } else if (event.key === "Enter" || event.key === " ") {
      this.onMention(number);
    } else {
      return false;
    }
    return true;
  }

  /** Removes a mark; the keyboard goes on to its neighbour. */
  remove(number) {
    const hadFocus = this.canvas.node(number)?.contains(document.activeElement);
    const next = this.marks.all.find((mark) => mark.number > number)
      ?? this.marks.all.findLast((mark) => mark.number < number);
    this.marks.remove(number);
    if (!hadFocus) return;
    const target = next ? this.canvas.node(next.number) : this.canvas.surface;
    target.focus({ preventScroll: true });
  }

  /** The keyboard moves a cross; Enter marks its place, Shift and Enter a box around it. */
  #pictureKey(event) {
    const { size } = this.canvas.picture;
    const arrow = arrows[event.key];
    if (arrow) {
      const [x, y] = this.#cross ?? [size.width / 2, size.height / 2];
      const step = this.#step(event) * (event.shiftKey ? 5 : 1);
      const at = this.#cross ? [x + arrow[0] * step, y + arrow[1] * step] : [x, y];
      const point = pointAt(at, size);
      this.#showCross([point.x, point.y]);
      return true;
    }
    if (event.key === "Enter" && this.#corners.length > 2) {
      this.#close();
      return true;
    }
    if ((event.key !== "Enter" && event.key !== " ") || !this.#cross) return false;
    const [x, y] = this.#cross;
    const [w, h] = [size.width / 10, size.height / 10];
    const shape = event.shiftKey
      ? boxBetween([x - w, y - h], [x + w, y + h], size) : pointAt([x, y], size);
    const mark = this.marks.add(shape);
    this.canvas.node(mark.number).focus({ preventScroll: true });
    this.onMade(mark, false);
    return true;
  }

  #showCross(place) {
    this.#cross = place;
    if (!place) {
      if (this.#corners.length === 0 && !this.#gesture) this.#sketch(null);
      return;
    }
    const [x, y] = place.map((value) => value * this.canvas.scale);
    const d = `M${x - 12} ${y}H${x - 3}M${x + 3} ${y}H${x + 12}`
      + `M${x} ${y - 12}V${y - 3}M${x} ${y + 3}V${y + 12}`;
    this.#sketch(d, "cross");
  }

  // MARK: What is being drawn

  #sketchLine(points) {
    const at = (value) => (value * this.canvas.scale).toFixed(1);
    this.#sketch(`M${points.map(([x, y]) => `${at(x)} ${at(y)}`).join("L")}`);
    if (this.#corners.length === 0) return;
    const [[cx, cy]] = this.#corners.map((corner) => corner.map((v) => v * this.canvas.scale));
    this.canvas.overLayer.append(drawing("circle", { class: "corner", cx, cy, r: 6 }));
  }

  #sketch(d, name = "sketch") {
    this.canvas.overLayer.replaceChildren(...(d
      ? [drawing("path", { class: `${name} casing`, d }), drawing("path", { class: `${name} line`, d })]
      : []));
  }
}
