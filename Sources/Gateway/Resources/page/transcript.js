// The conversation as it is shown.

import { answerPieces } from "./conversation.js";
import { byID, element } from "./elements.js";
import { words } from "./errors.js";
import { described } from "./regions.js";

export class Transcript {
  #list = byID("transcript");
  #nodes = new Map();

  /** `onLight(what)` brings a place out on the picture; `onRetry(turn)` asks again. */
  constructor({ onLight, onShow, onRetry }) {
    Object.assign(this, { onLight, onShow, onRetry });
  }

  clear() {
    this.#nodes.clear();
    this.#list.replaceChildren();
  }

  add(turn) {
    const said = element("p", { class: "asked" }, element("span", { class: "unseen" }, "You: "));
    for (const part of turn.question.parts) {
      said.append(part.number ? this.#chip(part) : part.text);
    }
    const answer = element("div", { class: "answer", "aria-busy": "true" });
    this.#nodes.set(turn, answer);
    const item = element("article", { class: "turn" }, said, answer);
    for (const type of ["pointerenter", "focusin"]) {
      answer.addEventListener(type, () => this.onShow(turn));
    }
    this.#list.append(item);
    this.update(turn);
    this.#scroll(true);
  }

  #chip({ number, colour, shape }) {
    return this.#lit(element("button", {
      type: "button", class: `chip ${colour}`, "aria-label": `Mark ${number}: ${described(shape)}`,
    }, `${number}`), { number, colour, shape });
  }

  #lit(node, what, before = () => {}) {
    const light = () => {
      before();
      this.onLight(what);
    };
    for (const type of ["pointerenter", "focus", "click"]) node.addEventListener(type, light);
    for (const type of ["pointerleave", "blur"]) {
      node.addEventListener(type, () => this.onLight(null));
    }
    return node;
  }

  /** Shows what there is of an answer. */
  update(turn) {
    const node = this.#nodes.get(turn);
    const { answer } = turn;
    const wasAtEnd = this.#isAtEnd;
    const isRunning = answer.state === "running";
    node.setAttribute("aria-busy", `${isRunning}`);
    node.dataset.state = answer.state;
    const text = element("p", { class: "text" });
    for (const piece of answerPieces(answer.text, answer.regions)) {
      text.append(piece.region ? this.#place(piece.region, turn) : piece.text);
    }
    if (isRunning) text.append(element("span", { class: "caret", "aria-hidden": "true" }));
    const isEmpty = !answer.text && answer.state === "done";
    node.replaceChildren(
      element("span", { class: "unseen" }, "Answer: "),
      isEmpty ? element("p", { class: "text quiet" }, "The model answered with nothing.") : text,
      this.#about(turn) ?? "");
    this.#scroll(wasAtEnd);
  }

  #place(region, turn) {
    return this.#lit(element("button", {
      type: "button", class: "place", title: region.text,
      "aria-label": `Place ${region.letter}: ${described(region.shape)}`,
    }, region.letter, element("span", { class: "where" }, described(region.shape))),
    { letter: region.letter }, () => this.onShow(turn));
  }

  #about(turn) {
    const { answer } = turn;
    switch (answer.state) {
      case "stopped": return element("p", { class: "about" }, "Stopped.");
      case "failed": return this.#failure(turn);
      case "done": return element("p", { class: "about" }, this.#measured(answer));
      default: return null;
    }
  }

  #measured({ usage, firstSeconds, seconds, reason }) {
    const facts = [];
    if (firstSeconds !== undefined) facts.push(`first token ${duration(firstSeconds)}`);
    if (usage) {
      const { completion_tokens: tokens, prompt_tokens: prompt } = usage;
      facts.push(`${tokens} token${tokens === 1 ? "" : "s"}`);
      // What comes in one piece tells no speed.
      if (seconds - firstSeconds > 0.25) {
        facts.push(`${Math.round((tokens - 1) / (seconds - firstSeconds))} a second`);
      }
      const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
      facts.push(cached ? `${cached} of ${prompt} prompt tokens reused` : `${prompt} prompt tokens`);
    }
    if (reason === "length") facts.push("cut at its length limit");
    return facts.join(" · ");
  }

  #failure(turn) {
    const { title, detail, remedy } = words(turn.answer.cause);
    return element("div", { class: "failure", role: "alert" },
      element("p", {}, element("strong", {}, `${title}.`), detail ? ` ${detail}` : ""),
      element("p", {}, remedy),
      element("button", { type: "button", class: "quiet", onclick: () => this.onRetry(turn) },
        "Ask again"));
  }

  remove(turn) {
    this.#nodes.get(turn)?.parentElement.remove();
    this.#nodes.delete(turn);
  }

  get #isAtEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 60;
  }

  #scroll(follows) {
    if (!follows) return;
    this.#list.scrollTop = this.#list.scrollHeight;
    // Where the page scrolls and not the list.
    this.#list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }
}

/** Seconds in words: "8 ms", "1.2 s". */
export function duration(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}
