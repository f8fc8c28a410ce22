// A picture as it is asked about: the file's own bytes, unless the server cannot take them.

/** What the server decodes. */
const served = new Set(["image/jpeg", "image/png", "image/webp"]);
/** Data URIs of this length leave room for a question in the server's usual limit of 48 MiB. */
const uriMax = 46 * 1024 * 1024;
/** The server's usual limit. */
const pixelsMax = 64 * 1024 * 1024;

export class Picture {
  #blob;
  #encoded = new Map();

  constructor(blob, name, element) {
    this.#blob = blob;
    this.name = name;
    this.url = element.src;
    this.element = element;
    this.size = { width: element.naturalWidth, height: element.naturalHeight };
    /** The side that is sent, as a share of the original's. */
    this.scale = Math.min(1, Math.sqrt(pixelsMax / (this.size.width * this.size.height)));
  }

  /** Throws an Error that says in words why a file is no picture. */
  static async reading(blob, name) {
    const element = new Image();
    element.src = URL.createObjectURL(blob);
    try {
      await element.decode();
    } catch {
      URL.revokeObjectURL(element.src);
      throw new Error(`${name || "This file"} cannot be shown as a picture.`);
    }
    if (!element.naturalWidth || !element.naturalHeight) {
      URL.revokeObjectURL(element.src);
      throw new Error(`${name || "This file"} has no size in pixels.`);
    }
    return new Picture(blob, name || "picture", element);
  }

  /** Halves the pixels of what is sent. False if little would be left. */
  shrink() {
    const next = this.scale * Math.SQRT1_2;
    if (Math.min(this.size.width, this.size.height) * next < 64) return false;
    this.scale = next;
    return true;
  }

  /** A data: URI at the present scale. */
  async dataURI() {
    for (;;) {
      const known = this.#encoded.get(this.scale);
      if (known) return known;
      const uri = await asURI(await this.#atScale());
      if (uri.length <= uriMax || !this.shrink()) {
        this.#encoded.set(this.scale, uri);
        return uri;
      }
    }
  }

  /** The file itself, whatever the server takes. */
  originalURI() { return asURI(this.#blob); }

  async #atScale() {
    if (this.scale === 1 && served.has(this.#blob.type)) return this.#blob;
    const width = Math.max(1, Math.round(this.size.width * this.scale));
    const height = Math.max(1, Math.round(this.size.height * this.scale));
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.element, 0, 0, width, height);
    const type = this.#blob.type === "image/jpeg" ? "image/jpeg" : "image/png";
    return canvas.convertToBlob({ type, quality: 0.95 });
  }

  close() { URL.revokeObjectURL(this.url); }
}

function asURI(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("The picture's file can no longer be read."));
    reader.readAsDataURL(blob);
  });
}
