// The page's pure parts. Evaluated in the page itself; the value is the list of what is wrong.
(async () => {
  const [regions, references, events, conversation, errors, marks] = await Promise.all(
    ["regions", "references", "events", "conversation", "errors", "marks"].map((name) =>
      import(`/${name}.js`)));
  const wrong = [];
  const same = (name, got, wanted) => {
    const [a, b] = [got, wanted].map((value) => JSON.stringify(value));
    if (a !== b) wrong.push(`${name}: ${a}, not ${b}`);
  };
  const holds = (name, condition) => { if (!condition) wrong.push(name); };
  const size = { width: 100, height: 80 };

  // Regions
  const box = regions.boxBetween([30, 40], [10, 20], size);
  same("a box drawn backwards", box, { kind: "box", x1: 10, y1: 20, x2: 30, y2: 40 });
  same("a box ends at the edges", regions.boxBetween([-5, -5], [500, 500], size),
    { kind: "box", x1: 0, y1: 0, x2: 100, y2: 80 });
  same("a box has sides", regions.boxBetween([100, 80], [100, 80], size),
    { kind: "box", x1: 98, y1: 78, x2: 100, y2: 80 });
  same("a point is a pixel", regions.pointAt([100, -3], size), { kind: "point", x: 99, y: 0 });
  same("a box stays inside when moved", regions.moved(box, 1000, -1000, size),
    { kind: "box", x1: 80, y1: 0, x2: 100, y2: 20 });
  same("a corner dragged over the other", regions.reshaped(box, "se", [0, 0], size),
    { kind: "box", x1: 0, y1: 0, x2: 10, y2: 20 });
  same("an edge moves alone", regions.reshaped(box, "e", [50, 7], size),
    { kind: "box", x1: 10, y1: 20, x2: 50, y2: 40 });
  same("a box grows to the edge", regions.resized(box, 1000, 5, size),
    { kind: "box", x1: 10, y1: 20, x2: 100, y2: 45 });
  same("a box does not vanish", regions.resized(box, -1000, -1000, size),
    { kind: "box", x1: 10, y1: 20, x2: 12, y2: 22 });
  const circle = Array.from({ length: 500 }, (_, i) =>
    [50 + 30 * Math.cos(i / 79.58), 40 + 30 * Math.sin(i / 79.58)]);
  const drawn = regions.outline(circle, 0.001, size);
  holds("an outline has 3 to 64 corners",
    drawn.points.length >= 3 && drawn.points.length <= regions.cornersMax);
  holds("an outline keeps to what was drawn", drawn.points.every(([x, y]) =>
    Math.abs(Math.hypot(x - 50, y - 40) - 30) < 1));
  same("a line encloses nothing", regions.outline([[0, 0], [10, 10], [20, 20]], 1, size), null);
  same("straight runs lose their middle",
    regions.simplified([[0, 0], [5, 0.1], [10, 0], [10, 10]], 1), [[0, 0], [10, 0], [10, 10]]);
  const polygon = { kind: "polygon", points: [[10, 10], [30, 10], [20, 40]] };
  same("a corner of an outline moves alone", regions.reshaped(polygon, "2", [25, 200], size),
    { kind: "polygon", points: [[10, 10], [30, 10], [25, 80]] });
  for (const shape of [box, polygon, { kind: "point", x: 7.5, y: 9 }]) {
    same(`there and back: ${shape.kind}`, regions.fromAPI(regions.toAPI(shape, 0.5), 0.5), shape);
  }
  same("numbers are short", regions.toAPI({ kind: "point", x: 1 / 3, y: 2 }), { point: [0.33, 2] });
  // A thousand random moves never leave the picture.
  let random = 1;
  const next = () => (random = (random * 48271) % 2147483647) / 2147483647;
  let shapes = [box, polygon, { kind: "point", x: 50, y: 40 }];
  for (let i = 0; i < 1000; i += 1) {
    const [dx, dy] = [next() * 300 - 150, next() * 300 - 150];
    shapes = shapes.map((shape) => next() < 0.5
      ? regions.moved(shape, dx, dy, size) : regions.resized(shape, dx, dy, size));
    holds(`inside after ${i} changes`, shapes.every((shape) => {
      const [x1, y1, x2, y2] = regions.bounds(shape);
      return x1 >= -1e-9 && y1 >= -1e-9 && x2 <= 100 + 1e-9 && y2 <= 80 + 1e-9;
    }));
  }

  // Numbers in the text
  const isMark = (number) => number <= 2;
  same("numbers are cut out", references.pieces("Is [1] like ②?", isMark), [
    { text: "Is " }, { number: 1, text: "[1]" }, { text: " like " }, { number: 2, text: "②" },
    { text: "?" }]);
  same("numbers without a mark are text", references.pieces("In [1984], ⑦", isMark),
    [{ text: "In [1984], ⑦" }]);
  same("a mention is a word", references.mentioning("Is like that", 2, 2, 1),
    { text: "Is [1] like that", caret: 6 });
  same("a mention before a full stop", references.mentioning("Read .", 5, 5, 2),
    { text: "Read [2].", caret: 8 });
  same("a mention replaces a selection", references.mentioning("see this here", 4, 8, 3),
    { text: "see [3] here", caret: 7 });
  same("what is removed is not mentioned", references.forgetting("What is at [1]?", 1), "What is at?");

  // Events, however they are cut
  const stream = "data: {\"a\":1}\n\n: note\r\n\r\ndata:x\r\ndata: y\r\n\r\nid: 4\n\ndata: [DONE]\n\n";
  for (let length = 1; length <= stream.length; length += 1) {
    const reader = new events.EventReader();
    const got = [];
    for (let at = 0; at < stream.length; at += length) {
      got.push(...reader.push(stream.slice(at, at + length)));
    }
    same(`events in portions of ${length}`, got, ["{\"a\":1}", "x\ny", "[DONE]"]);
  }

  // Conversations
  const set = new marks.Marks();
  set.add(box);
  const talk = new conversation.Conversation();
  const first = talk.begin(conversation.Conversation.question(" What is [1]? ", set));
  set.change(1, polygon);
  same("a question keeps its marks as they were", first.question.parts.map((part) => part.shape ?? part.text),
    ["What is ", box, "?"]);
  const image = { type: "image_url", image_url: { url: "data:" } };
  same("the first question", talk.messages("data:", first, { scale: 0.5 }), [{ role: "user", content: [
    image, { type: "text", text: "What is " },
    { type: "region", region: { box: [5, 10, 15, 20] } }, { type: "text", text: "?" }] }]);
  Object.assign(first.answer, { text: "a cat", state: "done" });
  const failed = talk.begin({ parts: [{ text: "lost" }] });
  failed.answer.state = "failed";
  const second = talk.begin({ parts: [{ text: "And?" }] });
  const messages = talk.messages("data:", second);
  same("the conversation goes on from what was answered",
    messages.map(({ role }) => role), ["user", "assistant", "user"]);
  same("the image is sent once",
    messages.flatMap(({ content }) => Array.isArray(content) ? content : []).filter(({ type }) => type === "image_url").length, 1);
  same("a question alone", talk.messages("data:", second, { remembers: false }),
    [{ role: "user", content: [image, { type: "text", text: "And?" }] }]);
  same("letters", [0, 25, 26, 51, 52, 702].map(conversation.letterOf), ["A", "Z", "AA", "AZ", "BA", "AAA"]);
  const found = conversation.lettered([{ text: "[1]", box: [1, 2, 3, 4] }, { text: "[2]", point: [5, 6] }], 0.5);
  same("answers' places are of the original", found[0].shape, { kind: "box", x1: 2, y1: 4, x2: 6, y2: 8 });
  same("an answer's text and places", conversation.answerPieces("at [1] and [2].", found)
    .map(({ text, region }) => text ?? region.letter), ["at ", "A", " and ", "B", "."]);

  // Numbers of marks are filled up again
  set.add(box);
  set.add(box);
  set.remove(2);
  same("a free number is used again", set.add(box).number, 2);

  // Errors
  const error = (status, code = "", message = "the cause", retryAfter = 0) =>
    errors.words(new errors.RequestError(message, { status, code, retryAfter }));
  same("a full cluster", error(429, "overloaded", "too many wait", 3),
    { title: "The cluster is full", detail: "Too many wait.", remedy: "Try again in 3 s." });
  for (const status of [0, 400, 401, 404, 413, 429, 500, 503, 504]) {
    const { title, remedy } = error(status);
    holds(`${status} has a title and a remedy`, title.length > 8 && remedy.length > 8);
  }
  same("paths keep their case", errors.sentence("messages[0].content is missing"), "messages[0].content is missing.");
  return wrong;
})()
