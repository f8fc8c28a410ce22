"""Scores answers to the held-out cases against the truth and against transformers. Needs nothing but Python.

usage: check_heldout.py CASES.json ANSWERS.jsonl [--tolerance POINTS] [--differences]

ANSWERS.jsonl: one {"index": i, "answer": "…"} a line, i the place in CASES.json, from 0. Cases without an answer are
left out and counted. Region cases are the questions about a box or a point with one short right answer: what it is,
its text, colour, shape, yes or no; descriptions of a region are counted apart. Fails (exit 1) when the region accuracy
is further from transformers' own than the tolerance (0.5 points), or when a region case has no answer.
"""
import argparse
import json
import sys
from collections import defaultdict


REGION_TASKS = {"cls", "ocr", "color", "shape", "ryn"}


def read_answers(path, count):
    answers = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            entry = json.loads(line)
            index = entry["index"]
            if not 0 <= index < count:
                sys.exit(f"{path}:{number}: no case {index}; there are {count}")
            if index in answers:
                sys.exit(f"{path}:{number}: case {index} is answered twice")
            answers[index] = entry["answer"].strip()
    return answers


def kind(case):
    return "box" if "box" in case else "point" if "point" in case else "no region"


def asks_region(case):
    return kind(case) != "no region" and case["task"] in REGION_TASKS


def percent(part, whole):
    return f"{100 * part / whole:6.2f} %" if whole else "     –  "


def table(cases, answers):
    """Rows of (name, cases, right, transformers right, agreement), those of each task and region, then sums."""
    sums = defaultdict(lambda: [0, 0, 0, 0])
    for index, answer in answers.items():
        case = cases[index]
        row = (1, answer == case["truth"], case["transformers"] == case["truth"], answer == case["transformers"])
        mode = kind(case)
        names = [f"{case['task']}, {mode}", f"all, {mode}", "all cases"]
        if asks_region(case):
            names.append("region cases")
        for name in names:
            sums[name] = [a + b for a, b in zip(sums[name], row)]
    first = sorted(n for n in sums if not n.startswith(("all", "region")))
    return [(n, *sums[n]) for n in first + sorted(n for n in sums if n not in first)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases")
    parser.add_argument("answers")
    parser.add_argument("--tolerance", type=float, default=0.5, help="points of region accuracy")
    parser.add_argument("--differences", action="store_true", help="print every answer that is not transformers'")
    options = parser.parse_args()
    with open(options.cases, encoding="utf-8") as file:
        cases = json.load(file)
    answers = read_answers(options.answers, len(cases))
    print(f"{'':24}{'cases':>6}{'right':>10}{'transformers':>14}{'agreement':>12}")
    rows = table(cases, answers)
    for name, count, right, reference, same in rows:
        print(f"{name:24}{count:6}{percent(right, count):>10}{percent(reference, count):>14}{percent(same, count):>12}")
    if options.differences:
        for index, answer in sorted(answers.items()):
            case = cases[index]
            if answer != case["transformers"]:
                print(f"{index}: {case['prompt']} | {answer} | transformers {case['transformers']} | {case['truth']}")
    missing = [i for i, c in enumerate(cases) if i not in answers]
    missing_regions = [i for i in missing if asks_region(cases[i])]
    if missing:
        print(f"{len(missing)} cases without an answer, {len(missing_regions)} of them region cases")
    regions = next((row for row in rows if row[0] == "region cases"), None)
    gap = 100 * (regions[2] - regions[3]) / regions[1] if regions else float("inf")
    print(f"region accuracy differs from transformers' by {gap:+.2f} points")
    sys.exit(bool(missing_regions) or abs(gap) > options.tolerance)


if __name__ == "__main__":
    main()
