// The page: its parts, put together.

import { ask, setKey } from "./api.js";
import { Canvas } from "./canvas.js";
import { Composer } from "./composer.js";
import { Conversation, lettered } from "./conversation.js";
import { byID, element } from "./elements.js";
import { RequestError, sentence } from "./errors.js";
import { Marks } from "./marks.js";
import { Picture } from "./picture.js";
import { Pipeline } from "./pipeline.js";
import { Pointing } from "./pointing.js";
import { described } from "./regions.js";
import { showSamples } from "./samples.js";
import { Transcript } from "./transcript.js";

const stage = byID("stage");
const marks = new Marks();
const canvas = new Canvas(stage, marks);
let conversation = new Conversation();
let picture = null;
let model = "";
/** Whether a finger was used last. On a touch screen a keyboard would cover the picture. */
let isTouched = false;
/** Hangs up on the answer that is coming. */
let hangUp = null;

const composer = new Composer(marks, { onAsk, onStop });
const transcript = new Transcript({
  onLight: (what) => canvas.light(what),
  onShow: (turn) => canvas.showFound(turn.answer.regions),
  onRetry,
});
const pointing = new Pointing(canvas, marks, {
  onMade(mark, isPointed) {
    composer.introduce(mark.number);
    if (isPointed && !isTouched) composer.focus();
  },
  onMention(number) {
    composer.introduce(number);
    composer.focus();
  },
  onTool(name) {
    for (const input of document.querySelectorAll("input[name=tool]")) {
      input.checked = input.value === name;
    }
    byID("hint").textContent = name === "outline"
      ? "Draw around something, or click its corners and close with Enter or a double click."
      : "Click or tap for a point, drag for a box.";
  },
});

addEventListener("pointerdown", (event) => {
  isTouched = event.pointerType === "touch";
}, { capture: true });

// MARK: The picture

async function open(blob, name) {
  let opened;
  try {
    opened = await Picture.reading(blob, name);
  } catch (error) {
    say(error.message, true);
    return;
  }
  begin();
  picture?.close();
  picture = opened;
  document.body.classList.add("has-picture");
  canvas.show(picture);
  pointing.use("place");
  composer.showPicture(true);
  if (!isTouched) composer.focus();
  const { width, height } = picture.size;
  byID("picture-name").textContent = `${picture.name} · ${width} × ${height}`;
  say(`${picture.name}, ${width} by ${height} pixels. Point at a place in it.`);
}

function begin() {
  onStop();
  pointing.cancel();
  marks.clear();
  conversation = new Conversation();
  transcript.clear();
  canvas.showFound([]);
  composer.text = "";
  changedTurns();
}

function openFile(file) {
  if (file) open(file, file.name);
}

byID("file").addEventListener("change", (event) => {
  openFile(event.target.files[0]);
  event.target.value = "";
});
for (const button of document.querySelectorAll("[data-choose]")) {
  button.addEventListener("click", () => byID("file").click());
}
byID("other").addEventListener("click", () => {
  begin();
  picture?.close();
  picture = null;
  document.body.classList.remove("has-picture");
  canvas.show(null);
  composer.showPicture(false);
  byID("choose").focus();
});
addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (!file) return;
  event.preventDefault();
  openFile(file);
});
let depth = 0;
addEventListener("dragenter", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  depth += 1;
  stage.classList.add("dropping");
});
addEventListener("dragleave", () => {
  depth = Math.max(0, depth - 1);
  if (depth === 0) stage.classList.remove("dropping");
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  stage.classList.remove("dropping");
  openFile(event.dataTransfer.files[0]);
});

// MARK: Marks

for (const input of document.querySelectorAll("input[name=tool]")) {
  input.addEventListener("change", () => pointing.use(input.value));
}
byID("clear-marks").addEventListener("click", () => {
  pointing.cancel();
  marks.clear();
});
marks.addEventListener("change", (event) => {
  listMarks();
  const { added, removed, cleared } = event.detail;
  if (added) say(`Mark ${added}: ${described(marks.get(added).shape)}.`);
  if (removed) say(`Mark ${removed} removed.`);
  if (cleared) say("All marks removed.");
});

/** The marks as buttons, for those who cannot reach them on the picture. */
function listMarks() {
  byID("clear-marks").hidden = marks.all.length < 2;
  const list = byID("marks");
  const numbers = marks.all.map(({ number }) => number).join();
  if (list.dataset.numbers === numbers) return;
  list.dataset.numbers = numbers;
  list.replaceChildren(...marks.all.map(({ number, colour, shape }) =>
    element("li", { class: "listed" },
      element("button", {
        type: "button", class: "name", "aria-label": `Mention mark ${number} in the question`,
        onpointerenter: () => canvas.light({ number }), onpointerleave: () => canvas.light(null),
        onclick() {
          marks.select(number);
          composer.introduce(number);
          composer.focus();
        },
      }, element("span", { class: `chip ${colour}` }, `${number}`),
      { point: "Point", box: "Box", polygon: "Outline" }[shape.kind]),
      element("button", {
        type: "button", class: "remove", "aria-label": `Remove mark ${number}`,
        onclick() {
          marks.remove(number);
          canvas.light(null);
          (list.querySelector(".remove") ?? canvas.surface).focus({ preventScroll: true });
        },
      }, "×"))));
}

// MARK: Asking

async function onAsk() {
  const text = composer.text.trim();
  if (!picture || !text || hangUp) return;
  pointing.cancel();
  const question = Conversation.question(text, marks);
  composer.text = "";
  await answer(conversation.begin(question));
}

async function answer(turn) {
  const controller = new AbortController();
  hangUp = controller;
  transcript.add(turn);
  canvas.showFound([]);
  composer.showRunning(true);
  changedTurns();
  const state = turn.answer;
  const asked = picture;
  try {
    await read(turn, asked, controller.signal);
    state.state = "done";
  } catch (error) {
    if (controller.signal.aborted) {
      state.state = "stopped";
    } else {
      state.state = "failed";
      state.cause = error;
      state.error = error.message;
      if (error.status === 401) askForKey(error);
    }
  }
  if (hangUp === controller) {
    hangUp = null;
    composer.showRunning(false);
  }
  if (!conversation.turns.includes(turn)) return;
  transcript.update(turn);
  if (state.regions.length > 0) canvas.showFound(state.regions);
  changedTurns();
}

/** Asks, with a smaller picture each time that the server finds it too large. */
async function read(turn, asked, signal) {
  const remembers = byID("remembers").checked;
  const limit = Number(byID("length").value);
  for (;;) {
    const uri = await asked.dataURI();
    const scale = asked.scale;
    signal.throwIfAborted();
    const request = {
      messages: conversation.messages(uri, turn, { scale, remembers }),
      temperature: Number(byID("temperature").value) || 0,
      ...(limit > 0 ? { max_tokens: limit } : {}),
    };
    try {
      await receive(request, turn, scale, signal);
      return;
    } catch (error) {
      if (!(error instanceof RequestError) || !error.asksForLess || !asked.shrink()) throw error;
      say(`The picture is sent at ${Math.round(asked.scale * 100)} % of its size.`);
    }
  }
}

async function receive(request, turn, scale, signal) {
  const state = turn.answer;
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  let frame = 0;
  for await (const part of ask(request, signal)) {
    if (part.text) {
      state.firstSeconds ??= seconds();
      state.text += part.text;
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (state.state === "running" && conversation.turns.includes(turn)) transcript.update(turn);
      });
    } else if (part.usage) {
      state.usage = part.usage;
    } else {
      state.regions = lettered(part.regions, scale);
      state.reason = part.reason;
    }
    state.seconds = seconds();
  }
}

function onStop() { hangUp?.abort(); }

async function onRetry(turn) {
  if (hangUp) return;
  conversation.turns = conversation.turns.filter((other) => other !== turn);
  transcript.remove(turn);
  // Marks may have been moved since, to where they can be answered about.
  const parts = turn.question.parts.map((part) => ({ ...part, ...marks.get(part.number) }));
  await answer(conversation.begin({ parts }));
}

// MARK: The conversation

function changedTurns() {
  const isEmpty = conversation.turns.length === 0;
  document.body.classList.toggle("has-turns", !isEmpty);
  byID("export").disabled = isEmpty;
  byID("new").disabled = isEmpty;
}

byID("new").addEventListener("click", () => {
  begin();
  canvas.surface.focus({ preventScroll: true });
});
byID("export").addEventListener("click", async () => {
  const exported = conversation.exported(picture, await picture.originalURI(), model);
  const file = new Blob([JSON.stringify(exported, null, 2)], { type: "application/json" });
  const moment = exported.exported.slice(0, 19).replaceAll(":", "-");
  const link = element("a", {
    href: URL.createObjectURL(file), download: `chatspot-${moment}.json`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});

// MARK: The server

/** A model of fewer layers answers what was asked before when the conversation goes on. */
const layersForMemory = 8;
byID("remembers").addEventListener("change", () => { byID("remembers").dataset.chosen = ""; });

const pipeline = new Pipeline({
  onStatus(status) {
    if (byID("remembers").dataset.chosen === undefined) {
      byID("remembers").checked = status.model.layers >= layersForMemory;
    }
    document.body.dataset.server = status.ready ? "ready" : "waiting";
    model = status.model.name;
    byID("model").textContent = model;
    byID("state").textContent = status.ready ? "ready" : "workers are loading or missing";
  },
  onError(error) {
    document.body.dataset.server = "lost";
    byID("state").textContent = error.status === 401 ? "asks for a key" : "does not answer";
    if (error.status === 401) askForKey(error);
  },
});

const keyDialog = byID("key-dialog");

function askForKey(error) {
  byID("key-reason").textContent = sentence(error.message);
  if (!keyDialog.open) keyDialog.showModal();
}

byID("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(byID("key").value.trim());
  byID("key").value = "";
  keyDialog.close();
  pipeline.start();
});
byID("key-cancel").addEventListener("click", () => keyDialog.close());

/** Says something to those who listen; what went wrong is also shown. */
function say(text, isShown = false) {
  const status = byID("status");
  status.textContent = text;
  status.classList.toggle("shown", isShown);
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !keyDialog.open && hangUp) onStop();
});

composer.showPicture(false);
changedTurns();
pipeline.start();
byID("samples-title").hidden = !(await showSamples(byID("samples"), open));
