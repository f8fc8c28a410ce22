// What went wrong, in words.

/** An error of the API, or of the way there. */
export class RequestError extends Error {
  constructor(message, { status = 0, code = "", retryAfter = 0 } = {}) {
    super(message);
    this.name = "RequestError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether a smaller picture would have been taken. */
  get asksForLess() {
    return this.status === 413
      || (this.code === "invalid_image" && /limit is|longest side/u.test(this.message));
  }
}

/** The server's message as a sentence: its first letter large, a full stop at its end. */
export function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const first = /^[a-z]+[\s,]/u.test(trimmed) ? trimmed[0].toUpperCase() : trimmed[0];
  const end = /[.!?…]$/u.test(trimmed) ? "" : ".";
  return first + trimmed.slice(1) + end;
}

/** A title, what happened, and what can be done about it. */
export function words(error) {
  const detail = sentence(error.message ?? "");
  const wait = error.retryAfter > 0 ? `in ${error.retryAfter} s` : "in a moment";
  if (!(error instanceof RequestError)) {
    return { title: "Something broke in this page", detail, remedy: "Load the page again." };
  }
  if (error.status === 0) {
    return {
      title: "The server does not answer", detail,
      remedy: "See whether it is running and can be reached, then try again.",
    };
  }
  if (error.status === 401) {
    return {
      title: "A key is needed", detail: "", remedy: "Enter an API key of this server, then ask again.",
    };
  }
  if (error.status === 429) {
    return { title: "The cluster is full", detail, remedy: `Try again ${wait}.` };
  }
  if (error.status === 503) {
    return { title: "The cluster is not ready", detail, remedy: `Try again ${wait}.` };
  }
  if (error.status === 504 || error.code === "deadline_exceeded") {
    return {
      title: "The answer took too long", detail, remedy: "Ask for a shorter one, or when less is going on.",
    };
  }
  const remedies = {
    invalid_region: "Move the mark to where the model sees the picture, then ask again.",
    invalid_image: "Choose another picture: JPEG, PNG and WebP can be read.",
    invalid_query: "Change the question, or begin a new conversation.",
  };
  const code = /\boutside\b/u.test(detail) ? "invalid_region" : error.code;
  if (remedies[code]) {
    return { title: "The question cannot be answered as it is", detail, remedy: remedies[code] };
  }
  if (error.status >= 500) {
    return { title: "The cluster lost the question", detail, remedy: "Ask again." };
  }
  return { title: "The server refused the question", detail, remedy: "Change it and ask again." };
}
