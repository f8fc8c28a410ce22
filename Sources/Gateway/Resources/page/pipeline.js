// The live view of the pipeline: who computes what, and how busy each is.

import { get } from "./api.js";
import { byID, drawing, element } from "./elements.js";
import { duration } from "./transcript.js";

const interval = 1000;
/** Moments that the curve of tokens a second shows. */
const moments = 60;

export class Pipeline {
  #rates = [];
  #timer = null;
  /** Tells an answer that is still awaited from one that has been given up. */
  #round = 0;
  #shown = "";

  /** `onStatus(status)` gets each answer, `onError(error)` what goes wrong. */
  constructor({ onStatus, onError }) {
    Object.assign(this, { onStatus, onError });
    document.addEventListener("visibilitychange", () => this.start());
  }

  /** Looks each second while the page is seen. */
  start() {
    clearTimeout(this.#timer);
    this.#round += 1;
    if (!document.hidden) this.#look(this.#round);
  }

  async #look(round) {
    let failure = null;
    let status = null;
    try {
      status = await get("cluster", { signal: AbortSignal.timeout(5000) });
    } catch (error) {
      failure = error;
    }
    if (round !== this.#round) return;
    if (failure) {
      byID("pipeline").dataset.state = "lost";
      this.onError(failure);
      // Who has no key need not ask again before there is one.
      if (failure.status === 401) return;
    } else {
      this.#show(status);
      this.onStatus(status);
    }
    this.#timer = setTimeout(() => this.#look(round), failure ? 3 * interval : interval);
  }

  #show(status) {
    byID("pipeline").dataset.state = status.ready ? "ready" : "waiting";
    this.#rates.push(status.tokens_per_second.new);
    if (this.#rates.length > moments) this.#rates.shift();
    this.#build(status);
    const prompt = status.tokens_per_second.prompt;
    text("rate", number(status.tokens_per_second.new));
    text("prompt-rate", number(prompt));
    text("running", `${status.queries.running}`);
    text("waiting", `${status.queries.waiting}`);
    const { blocks, free, cached } = status.kv;
    text("kv", blocks ? `${Math.round((100 * (blocks - free - cached)) / blocks)} %` : "–");
    byID("kv").title = `${blocks - free - cached} blocks used, ${cached} kept, ${free} free`;
    const { hit_tokens: hits, asked_tokens: asked } = status.prefix;
    text("reuse", asked ? `${Math.round((100 * hits) / asked)} %` : "–");
    byID("reuse").title = `${hits} of ${asked} prompt tokens were found in the cache`;
    this.#curve();
  }

  /** Cards are made anew only when the plan is another: what is looked at stays. */
  #build(status) {
    const vision = status.vision_nodes.map((node) => ({
      id: `v${node.process_id}`, name: node.name, work: "encodes images", busy: node.busy,
      sending: 0, fact: `${node.images} image${node.images === 1 ? "" : "s"}`, kind: "vision",
    }));
    const stages = status.stages.map((stage) => ({
      id: `s${stage.process_id}`, name: stage.name, work: layers(stage.layers), busy: stage.busy,
      sending: stage.sending, kind: "decoder",
      fact: stage.steps ? `${duration(stage.step_seconds_median)} a step` : "no step yet",
    }));
    const spares = status.spares.map((spare, index) => ({
      id: `x${index}${spare.name}`, name: spare.name, work: "stands by", busy: 0, sending: 0,
      fact: "", kind: "spare",
    }));
    const all = [...vision, ...stages, ...spares];
    const plan = `${status.epoch} ${all.map(({ id, work }) => id + work).join(" ")}`;
    if (plan !== this.#shown) {
      this.#shown = plan;
      byID("stages").replaceChildren(...all.map(card));
    }
    for (const each of all) refresh(each);
    byID("no-stages").hidden = all.length > 0;
  }

  #curve() {
    const most = Math.max(...this.#rates, 1);
    const step = 120 / (moments - 1);
    const start = 120 - step * (this.#rates.length - 1);
    const points = this.#rates.map((rate, index) =>
      `${(start + index * step).toFixed(1)} ${(30 - (28 * rate) / most).toFixed(1)}`);
    const line = points.length > 1 ? `M${points.join("L")}` : "";
    byID("curve").replaceChildren(
      drawing("path", { class: "area", d: line ? `${line}L120 32L${start.toFixed(1)} 32Z` : "" }),
      drawing("path", { class: "trace", d: line }));
  }
}

function card({ id, name, work, kind }) {
  return element("li", { class: `member ${kind}`, id: `stage-${id}` },
    element("h3", {}, name), element("p", { class: "work" }, work),
    element("div", {
      class: "meter", role: "meter", "aria-label": `${name} busy`, "aria-valuemin": "0",
      "aria-valuemax": "100",
    }, element("i", { class: "busy" }), element("i", { class: "sending" })),
    element("p", { class: "facts" }, element("span", { class: "share" }),
      element("span", { class: "fact" })));
}

function refresh({ id, busy, sending, fact, kind }) {
  const node = byID(`stage-${id}`);
  const percent = Math.round(Math.min(Math.max(busy, 0), 1) * 100);
  const meter = node.querySelector(".meter");
  meter.setAttribute("aria-valuenow", `${percent}`);
  meter.querySelector(".busy").style.width = `${percent}%`;
  meter.querySelector(".sending").style.width =
    `${Math.min(100 - percent, Math.round(sending * 100))}%`;
  node.querySelector(".share").textContent = kind === "spare" ? "spare" : `${percent} % busy`;
  node.querySelector(".fact").textContent = fact;
}

function layers([first, count]) {
  return count === 1 ? `layer ${first}` : `layers ${first}–${first + count - 1}`;
}

const number = (value) => (value < 10 ? value.toFixed(1) : `${Math.round(value)}`);
const text = (id, value) => { byID(id).textContent = value; };
