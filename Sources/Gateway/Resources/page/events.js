// Server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html

/** Takes the stream's text in any portions; `push` returns the data of the events it completes. */
export class EventReader {
  #rest = "";
  #data = [];

  push(text) {
    const events = [];
    this.#rest += text;
    // A carriage return at the end may be half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/u);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) events.push(this.#data.join("\n"));
        this.#data = [];
      } else if (line === "data" || line.startsWith("data:")) {
        this.#data.push(line.slice(5).replace(/^ /u, ""));
      }
    }
    return events;
  }
}
