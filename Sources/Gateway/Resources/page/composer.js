// Where a question is written. Numbers of marks stand out in their colours.

import { byID, element } from "./elements.js";
import { forgetting, mentioning, pieces } from "./references.js";

/** Questions to begin with; {n} stands for the mark. */
const aboutMark = ["What is at {n}?", "Read the text in {n}.", "What color is {n}?", "Describe the region {n}."];
const aboutPicture = ["Describe the image.", "What is in the image?"];

export class Composer {
  #field = byID("question");
  #behind = byID("question-behind");
  #suggestions = byID("suggestions");
  #marks;
  /** The text that was suggested and not changed since. */
  #suggested = null;
  #isRunning = false;
  #hasPicture = false;

  constructor(marks, { onAsk, onStop, onLight }) {
    this.#marks = marks;
    this.onLight = onLight;
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#isRunning) onAsk();
    });
    byID("ask-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#isRunning) onAsk();
    });
    byID("stop").addEventListener("click", onStop);
    marks.addEventListener("change", (event) => {
      const { removed, cleared } = event.detail;
      if (removed) this.#forget(removed);
      else if (cleared && this.#isUntouched) this.text = "";
      this.#changed(false);
    });
    marks.addEventListener("select", () => this.#suggest());
    new ResizeObserver(() => this.#grow()).observe(byID("ask-form"));
    this.#changed(false);
  }

  get text() { return this.#field.value; }
  set text(text) {
    this.#field.value = text;
    this.#changed();
  }

  get #isUntouched() { return this.text.trim() === "" || this.text === this.#suggested; }

  focus() { this.#field.focus({ preventScroll: true }); }

  showPicture(hasPicture) {
    this.#hasPicture = hasPicture;
    this.#field.disabled = !hasPicture;
    this.#field.placeholder = hasPicture
      ? "Point at a place, and ask" : "Choose a picture first";
    this.#changed(false);
  }

  showRunning(isRunning) {
    this.#isRunning = isRunning;
    byID("ask").hidden = isRunning;
    byID("stop").hidden = !isRunning;
    this.#changed(false);
  }

  /** A new mark: an empty question becomes one about it, another one names it where the caret is. */
  introduce(number) {
    if (this.#isUntouched) this.suggest(`What is at [${number}]?`);
    else this.mention(number);
  }

  suggest(text) {
    this.#suggested = text;
    this.text = text;
    this.#field.setSelectionRange(text.length, text.length);
  }

  mention(number) {
    const { selectionStart, selectionEnd } = this.#field;
    const { text, caret } = mentioning(this.text, selectionStart, selectionEnd, number);
    this.text = text;
    this.#field.setSelectionRange(caret, caret);
  }

  #forget(number) {
    const wasSuggested = this.text === this.#suggested;
    const text = forgetting(this.text, number);
    if (text !== this.text) this.text = wasSuggested ? "" : text;
  }

  #changed(grows = true) {
    const behind = pieces(this.text, (number) => this.#marks.has(number)).map((piece) =>
      piece.number
        ? element("mark", { class: this.#marks.get(piece.number).colour }, piece.text) : piece.text);
    // A last line that is empty has a height only with something in it.
    this.#behind.replaceChildren(...behind, "\u200b");
    byID("ask").disabled = !this.#hasPicture || this.text.trim() === "";
    if (grows) this.#grow();
    this.#suggest();
  }

  #grow() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(this.#field.scrollHeight, 180)}px`;
  }

  #suggest() {
    const number = this.#marks.selected?.number ?? this.#marks.all.at(-1)?.number;
    const shown = this.#hasPicture && !this.#isRunning && this.#isUntouched;
    const texts = number ? aboutMark.map((text) => text.replace("{n}", `[${number}]`)) : aboutPicture;
    this.#suggestions.hidden = !shown;
    this.#suggestions.replaceChildren(...(shown ? texts : []).map((text) => {
      const parts = pieces(text, (other) => other === number).map((piece) => piece.number
        ? element("span", { class: `chip ${this.#marks.get(number).colour}` }, `${number}`)
        : piece.text);
      return element("button", {
        type: "button", class: "suggestion", "aria-pressed": `${text === this.text}`,
        onclick: () => {
          this.suggest(text);
          this.focus();
        },
      }, ...parts);
    }));
  }
}
