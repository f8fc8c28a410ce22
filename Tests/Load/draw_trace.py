#!/usr/bin/env python3
"""Draws a stretch of a trace as SVG: one line for every stage and vision node, one box for every step.

    python3 Tests/Load/draw_trace.py TRACE PICTURE.svg [--from SECONDS] [--seconds SECONDS]
"""

import argparse
import html
import json

COLOURS = {"prefill": "#e08a3c", "decode": "#3b6fd4", "both": "#8a5bc7", "image": "#3f9b6d"}
LEFT, WIDTH, LANE, TOP = 190, 900, 40, 58


def events(path):
    text = open(path).read().strip()
    # A process that was killed has not closed the array.
    return json.loads(text if text.endswith("]") else text.rstrip(",") + "]")


def kind(event):
    arguments = event.get("args", {})
    decodes, rows = arguments.get("decodes"), arguments.get("prefill rows")
    if decodes is None:
        return "image"
    return "both" if decodes and rows else "decode" if decodes else "prefill"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trace")
    parser.add_argument("picture")
    parser.add_argument("--from", type=float, default=0, dest="start", help="seconds after the first box")
    parser.add_argument("--seconds", type=float, default=1)
    options = parser.parse_args()
    trace = events(options.trace)
    names = {event["tid"]: event["args"]["name"] for event in trace if event["name"] == "thread_name"}
    boxes = [event for event in trace if event["ph"] == "X"]
    lanes = sorted({event["tid"] for event in boxes}, key=lambda lane: ("stage" in names[lane], names[lane]))
    begin = min(event["ts"] for event in boxes) + options.start * 1e6
    span = options.seconds * 1e6
    height = TOP + LANE * len(lanes) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 40} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{LEFT + WIDTH + 40}" height="{height}" fill="#ffffff"/>',
    ]
    titles = {"prefill": "prompt", "decode": "decodes", "both": "decodes and prompt", "image": "image"}
    for index, (name, title) in enumerate(titles.items()):
        x = LEFT + index * 165
        lines.append(f'<rect x="{x}" y="16" width="14" height="14" rx="3" fill="{COLOURS[name]}"/>')
        lines.append(f'<text x="{x + 21}" y="28" fill="#333333">{title}</text>')
    for index, lane in enumerate(lanes):
        y = TOP + LANE * index
        share = 0.0
        for event in boxes:
            if event["tid"] != lane:
                continue
            start, end = max(event["ts"] - begin, 0), min(event["ts"] + event["dur"] - begin, span)
            if end <= start:
                continue
            share += (end - start) / span
            x, width = LEFT + start / span * WIDTH, max((end - start) / span * WIDTH - 0.6, 0.4)
            lines.append(
                f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{LANE - 12}" rx="2" fill="{COLOURS[kind(event)]}">'
                f"<title>{html.escape(event['name'])}: {event['dur'] / 1000:.2f} ms</title></rect>"
            )
        lines.append(f'<text x="{LEFT - 12}" y="{y + 13}" text-anchor="end" fill="#111111">{html.escape(names[lane])}</text>')
        lines.append(f'<text x="{LEFT - 12}" y="{y + 28}" text-anchor="end" fill="#777777">{share:.0%} busy</text>')
    bottom = TOP + LANE * len(lanes)
    for tick in range(6):
        x = LEFT + WIDTH * tick / 5
        lines.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{bottom}" stroke="#00000022"/>')
        text = f"{options.seconds * 1000 * tick / 5:.0f} ms"
        lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" fill="#555555">{text}</text>')
    lines.append("</svg>")
    with open(options.picture, "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
