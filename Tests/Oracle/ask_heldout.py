"""Asks a running cluster the held-out questions, through the program as a user runs it. Needs nothing but Python.

usage: ask_heldout.py CHATSPOT CASES.json ANSWERS.jsonl [--coordinator ADDRESS] [--at-once N]

CHATSPOT is the program. Pictures stand beside CASES.json. check_heldout.py scores what comes out.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys


def command(arguments, case):
    image = pathlib.Path(arguments.cases).parent / case["image"]
    regions = []
    for kind in ("box", "point"):
        if kind in case:
            regions += [f"--{kind}", ",".join(str(number) for number in case[kind])]
    return [arguments.chatspot, "ask", str(image), case["question"], *regions, "--max-tokens", "64", "--json",
            "--coordinator", arguments.coordinator]


def answer(arguments, case):
    run = subprocess.run(command(arguments, case), capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        sys.exit(f"{case['question']}: {run.stderr.strip()}")
    return json.loads(run.stdout)["answer"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("chatspot")
    parser.add_argument("cases")
    parser.add_argument("answers")
    parser.add_argument("--coordinator", default="tcp://127.0.0.1:5710")
    parser.add_argument("--at-once", type=int, default=4)
    arguments = parser.parse_args()
    with open(arguments.cases, encoding="utf-8") as file:
        cases = json.load(file)
    with concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
        answers = list(pool.map(lambda case: answer(arguments, case), cases))
    with open(arguments.answers, "w", encoding="utf-8") as file:
        for index, text in enumerate(answers):
            file.write(json.dumps({"index": index, "answer": text}, ensure_ascii=False) + "\n")
    print(f"{len(answers)} answers in {arguments.answers}")


if __name__ == "__main__":
    main()
