// Numbers in a question that refer to marks: "[1]" or "①". Pure.

const pattern = /\[(\d{1,3})\]|([\u2460-\u2473])/gu;

/** Cuts text into {text} and {number, text} pieces; numbers without a mark stay text. */
export function pieces(text, isMark) {
  const found = [];
  let plain = "";
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const number = match[1] ? Number(match[1]) : match[2].codePointAt(0) - 0x245f;
    if (!isMark(number)) continue;
    plain += text.slice(end, match.index);
    if (plain) found.push({ text: plain });
    plain = "";
    found.push({ number, text: match[0] });
    end = match.index + match[0].length;
  }
  plain += text.slice(end);
  if (plain) found.push({ text: plain });
  return found;
}

/** The text with `number` mentioned in place of a selection, spaced as a word. */
export function mentioning(text, start, end, number) {
  const before = text.slice(0, start);
  const after = text.slice(end);
  const left = before && !/[\s([{"'“‘]$/u.test(before) ? " " : "";
  const right = after && !/^[\s)\]}"'”’.,;:!?]/u.test(after) ? " " : "";
  const inserted = `${left}[${number}]${right}`;
  return { text: before + inserted + after, caret: before.length + inserted.length };
}

/** The text without mentions of a mark that is no more. */
export function forgetting(text, number) {
  let result = "";
  for (const piece of pieces(text, (other) => other === number)) {
    if (piece.number) continue;
    const joins = /\s$/u.test(result) && /^[\s.,;:!?]/u.test(piece.text);
    result = (joins ? result.trimEnd() : result) + piece.text;
  }
  return result;
}
