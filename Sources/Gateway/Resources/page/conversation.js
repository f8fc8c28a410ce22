// A conversation about one picture: what was asked, what was answered. Pure.

import { pieces } from "./references.js";
import { fromAPI, toAPI } from "./regions.js";

/**
 * A question is {parts: [{text} | {number, colour, shape}]}, with each mark as it was when it was
 * asked. An answer is {text, regions, state: "running" | "done" | "stopped" | "failed", …}.
 */
export class Conversation {
  turns = [];

  /** Cuts a question's text and keeps the marks that it mentions. */
  static question(text, marks) {
    return {
      parts: pieces(text.trim(), (number) => marks.has(number)).map((piece) =>
        piece.number ? { ...marks.get(piece.number) } : { text: piece.text }),
    };
  }

  begin(question) {
    const turn = {
      question, asked: new Date(),
      answer: { text: "", regions: [], state: "running", reason: null, usage: null },
    };
    this.turns.push(turn);
    return turn;
  }

  /** What can be gone on from: turns with an answer. */
  get answered() {
    return this.turns.filter(({ answer }) =>
      answer.text && (answer.state === "done" || answer.state === "stopped"));
  }

  /** Messages of the API. `scale` is that of the picture that is sent. */
  messages(uri, turn, { scale = 1, remembers = true } = {}) {
    const before = remembers ? this.answered.filter((other) => other !== turn) : [];
    const messages = [...before, turn].flatMap((each) => [
      { role: "user", content: each.question.parts.map((part) => content(part, scale)) },
      ...(each === turn ? [] : [{ role: "assistant", content: each.answer.text }]),
    ]);
    messages[0].content.unshift({ type: "image_url", image_url: { url: uri } });
    return messages;
  }

  /** Everything, for a file: the messages are those of the API, answers with what was measured. */
  exported(picture, uri, model) {
    const messages = this.turns.flatMap(({ question, answer, asked }) => [
      {
        role: "user", content: question.parts.map((part) => content(part, 1)),
        asked: asked.toISOString(), marks: question.parts.flatMap((part) => part.number ?? []),
      },
      {
        role: "assistant", content: answer.text,
        regions: answer.regions.map(({ text, shape }) => ({ text, image: 0, ...toAPI(shape) })),
        state: answer.state, finish_reason: answer.reason, usage: answer.usage,
        ...(answer.seconds === undefined ? {} : {
          first_token_seconds: answer.firstSeconds, seconds: answer.seconds,
        }),
        ...(answer.error ? { error: answer.error } : {}),
      },
    ]);
    messages[0]?.content.unshift({ type: "image_url", image_url: { url: uri } });
    return {
      format: "chatspot-conversation-1", exported: new Date().toISOString(), model,
      image: { name: picture.name, ...picture.size }, messages,
    };
  }
}

function content(part, scale) {
  return part.shape
    ? { type: "region", region: toAPI(part.shape, scale) }
    : { type: "text", text: part.text };
}

/** An answer's regions as shapes of the original picture, lettered in order. */
export function lettered(regions, scale = 1) {
  return regions.flatMap((region) => {
    const shape = fromAPI(region, scale);
    return shape ? [{ text: region.text, shape }] : [];
  }).map((region, index) => ({ ...region, letter: letterOf(index) }));
}

/** A, B … Z, AA, AB … */
export function letterOf(index) {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last;
}

/** An answer's text in {text} pieces and the {region}s that it names. */
export function answerPieces(text, regions) {
  const found = [];
  let rest = text;
  for (const region of regions) {
    const at = region.text ? rest.indexOf(region.text) : -1;
    if (at < 0) {
      found.push({ region });
      continue;
    }
    if (at > 0) found.push({ text: rest.slice(0, at) });
    found.push({ region });
    rest = rest.slice(at + region.text.length);
  }
  if (rest) found.push({ text: rest });
  return found;
}
