// Places in a picture: pure geometry, in pixels of the original.
//
// A shape is {kind: "point", x, y}, {kind: "box", x1, y1, x2, y2} with x1 < x2 and y1 < y2, or
// {kind: "polygon", points: [[x, y], …]}. Shapes are values: each function returns a new one.

/** Corners that the API takes of one polygon. */
export const cornersMax = 64;
/** The smallest side of a box. */
export const sideMin = 2;

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** The box between two points, at least `sideMin` wide and high and inside the picture. */
export function boxBetween([ax, ay], [bx, by], size) {
  const [x1, x2] = span(ax, bx, size.width);
  const [y1, y2] = span(ay, by, size.height);
  return { kind: "box", x1, y1, x2, y2 };
}

function span(a, b, length) {
  const side = Math.min(sideMin, length);
  let low = clamp(Math.min(a, b), 0, length - side);
  let high = clamp(Math.max(a, b), 0, length);
  if (high - low < side) high = low + side;
  return [low, high];
}

export function pointAt([x, y], size) {
  return { kind: "point", x: clamp(x, 0, size.width - 1), y: clamp(y, 0, size.height - 1) };
}

/** The smallest box around a shape, as [x1, y1, x2, y2]. */
export function bounds(shape) {
  switch (shape.kind) {
    case "point": return [shape.x, shape.y, shape.x, shape.y];
    case "box": return [shape.x1, shape.y1, shape.x2, shape.y2];
    default: {
      const xs = shape.points.map((point) => point[0]);
      const ys = shape.points.map((point) => point[1]);
      return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    }
  }
}

/** The shape moved as far as it stays inside the picture. */
export function moved(shape, dx, dy, size) {
  const [x1, y1, x2, y2] = bounds(shape);
  const end = shape.kind === "point" ? 1 : 0;
  dx = clamp(dx, -x1, size.width - end - x2);
  dy = clamp(dy, -y1, size.height - end - y2);
  switch (shape.kind) {
    case "point": return { kind: "point", x: shape.x + dx, y: shape.y + dy };
    case "box": return { kind: "box", x1: x1 + dx, y1: y1 + dy, x2: x2 + dx, y2: y2 + dy };
    default:
      return { kind: "polygon", points: shape.points.map(([x, y]) => [x + dx, y + dy]) };
  }
}

/** Where a shape is taken hold of to change its form: name and place of each handle. */
export function handles(shape) {
  if (shape.kind === "box") {
    const { x1, y1, x2, y2 } = shape;
    const x = (x1 + x2) / 2;
    const y = (y1 + y2) / 2;
    return [
      ["nw", x1, y1], ["n", x, y1], ["ne", x2, y1], ["e", x2, y],
      ["se", x2, y2], ["s", x, y2], ["sw", x1, y2], ["w", x1, y],
    ];
  }
  if (shape.kind === "polygon") return shape.points.map(([x, y], index) => [`${index}`, x, y]);
  return [];
}

/** The shape after one of its handles was dragged to a place. A box may turn over. */
export function reshaped(shape, handle, [x, y], size) {
  if (shape.kind === "box") {
    let { x1, y1, x2, y2 } = shape;
    if (handle.includes("w")) x1 = x;
    if (handle.includes("e")) x2 = x;
    if (handle.includes("n")) y1 = y;
    if (handle.includes("s")) y2 = y;
    return boxBetween([x1, y1], [x2, y2], size);
  }
  if (shape.kind === "polygon") {
    const place = [clamp(x, 0, size.width), clamp(y, 0, size.height)];
    return { kind: "polygon", points: shape.points.with(Number(handle), place) };
  }
  return shape;
}

/** The shape made larger by dx and dy around its upper left corner. Points have no size. */
export function resized(shape, dx, dy, size) {
  const [x1, y1, x2, y2] = bounds(shape);
  const width = clamp(x2 - x1 + dx, sideMin, size.width - x1);
  const height = clamp(y2 - y1 + dy, sideMin, size.height - y1);
  if (shape.kind === "box") return { kind: "box", x1, y1, x2: x1 + width, y2: y1 + height };
  if (shape.kind === "polygon") {
    const scale = (value, low, high, length) =>
      high > low ? low + ((value - low) * length) / (high - low) : low;
    return {
      kind: "polygon",
      points: shape.points.map(([x, y]) => [scale(x, x1, x2, width), scale(y, y1, y2, height)]),
    };
  }
  return shape;
}

/** Twice the area that corners enclose. */
function doubledArea(points) {
  let sum = 0;
  for (let i = 0; i < points.length; i += 1) {
    const [ax, ay] = points[i];
    const [bx, by] = points[(i + 1) % points.length];
    sum += ax * by - bx * ay;
  }
  return Math.abs(sum);
}

/** A polygon of a drawn line; null if it encloses nothing. `tolerance` is in pixels. */
export function outline(points, tolerance, size) {
  const inside = points.map(([x, y]) => [clamp(x, 0, size.width), clamp(y, 0, size.height)]);
  let line = inside;
  for (let slack = tolerance; ; slack *= 1.5) {
    line = simplified(inside, slack);
    if (line.length <= cornersMax) break;
  }
  if (line.length > 3 && distance(line[0], line.at(-1)) <= tolerance * 2) line = line.slice(0, -1);
  if (line.length < 3 || doubledArea(line) < 2 * sideMin * sideMin) return null;
  return { kind: "polygon", points: line };
}

const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

/** The line without corners that lie within `tolerance` of it. Ramer 1972; Douglas, Peucker 1973. */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Set([0, points.length - 1]);
  const runs = [[0, points.length - 1]];
  while (runs.length > 0) {
    const [first, last] = runs.pop();
    let far = -1;
    let most = tolerance;
    for (let i = first + 1; i < last; i += 1) {
      const away = distanceToSegment(points[i], points[first], points[last]);
      if (away > most) [far, most] = [i, away];
    }
    if (far < 0) continue;
    kept.add(far);
    runs.push([first, far], [far, last]);
  }
  return points.filter((_, index) => kept.has(index));
}

function distanceToSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length > 0 ? clamp(((px - ax) * dx + (py - ay) * dy) / length, 0, 1) : 0;
  return Math.hypot(px - ax - share * dx, py - ay - share * dy);
}

const rounded = (value) => Math.round(value * 100) / 100;

/** The shape as the API's `region`, in pixels of a picture `scale` times as large. */
export function toAPI(shape, scale = 1) {
  const at = (value) => rounded(value * scale);
  switch (shape.kind) {
    case "point": return { point: [at(shape.x), at(shape.y)] };
    case "box": return { box: [shape.x1, shape.y1, shape.x2, shape.y2].map(at) };
    default: return { polygon: shape.points.map(([x, y]) => [at(x), at(y)]) };
  }
}

/** The shape of a region of the API, whose picture was `scale` times as large; null if none. */
export function fromAPI(region, scale = 1) {
  const at = (value) => value / scale;
  if (region.box) {
    const [x1, y1, x2, y2] = region.box.map(at);
    return { kind: "box", x1, y1, x2, y2 };
  }
  if (region.point) {
    const [x, y] = region.point.map(at);
    return { kind: "point", x, y };
  }
  if (region.polygon) {
    return { kind: "polygon", points: region.polygon.map((point) => point.map(at)) };
  }
  return null;
}

/** The shape in words, for those who do not see it. */
export function described(shape) {
  const [x1, y1, x2, y2] = bounds(shape).map(Math.round);
  switch (shape.kind) {
    case "point": return `point at ${x1}, ${y1}`;
    case "box": return `box from ${x1}, ${y1} to ${x2}, ${y2}`;
    default:
      return `outline of ${shape.points.length} corners, from ${x1}, ${y1} to ${x2}, ${y2}`;
  }
}
