// The marks on the picture: numbered, coloured places.

/** How many colours there are; the style sheet has them as .c1, .c2 … */
const colours = 8;

/** Dispatches "change" after each change and "select" when another mark is chosen. */
export class Marks extends EventTarget {
  #marks = new Map();
  #selected = null;

  get all() { return [...this.#marks.values()]; }
  get selected() { return this.#marks.get(this.#selected) ?? null; }
  get(number) { return this.#marks.get(number) ?? null; }
  has(number) { return this.#marks.has(number); }

  /** The smallest number that is free. */
  add(shape) {
    let number = 1;
    while (this.#marks.has(number)) number += 1;
    const mark = { number, shape, colour: colourOf(number) };
    this.#marks.set(number, mark);
    this.#selected = number;
    this.#tell("change", { added: number });
    return mark;
  }

  change(number, shape) {
    const mark = this.#marks.get(number);
    if (!mark) return;
    this.#marks.set(number, { ...mark, shape });
    this.#tell("change", {});
  }

  remove(number) {
    if (!this.#marks.delete(number)) return;
    if (this.#selected === number) this.#selected = null;
    this.#tell("change", { removed: number });
  }

  clear() {
    if (this.#marks.size === 0) return;
    this.#marks.clear();
    this.#selected = null;
    this.#tell("change", { cleared: true });
  }

  select(number) {
    if (this.#selected === number) return;
    this.#selected = number;
    this.#tell("select", {});
  }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

/** The class of a number's colour. */
export const colourOf = (number) => `c${((number - 1) % colours) + 1}`;
