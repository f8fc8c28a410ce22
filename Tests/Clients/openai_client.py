"""Asks a running cluster with the official openai package, unchanged, and checks the answers.

    python openai_client.py http://127.0.0.1:8080 [API key]

The questions are those of the embedded model's samples, about boxes and points, whole and streamed. Expected
answers are transformers' own. Exits with 1 if one of the checks fails.
"""

import asyncio
import base64
import json
import pathlib
import sys
import time
import urllib.request

import openai

SAMPLES = pathlib.Path(__file__).parents[2] / "Sources/chatspot/Resources/samples"
MODEL = "mini-chatspot"
QUESTIONS = {
    "box": ("What is at", "box", "?"),
    "point": ("What is at", "point", "?"),
    "read_box": ("Read the text in", "box", "."),
    "read_point": ("Read the text in", "point", "."),
}
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}", file=sys.stderr)


def fetch(url, key, body=None):
    """JSON from an endpoint that OpenAI does not have."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def image(name):
    kind = "jpeg" if name.endswith(".jpg") else "png"
    data = base64.b64encode((SAMPLES / name).read_bytes()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def text(text):
    return {"type": "text", "text": text}


def ask_about(name, before, region, after):
    return [
        {
            "role": "user",
            "content": [image(name), text(before), {"type": "region", "region": region}, text(after)],
        }
    ]


def cases():
    for sample in json.loads((SAMPLES / "samples.json").read_text())["samples"]:
        for thing in sample["objects"]:
            for kind, answer in thing["answers"].items():
                before, shape, after = QUESTIONS[kind]
                region = {shape: thing[shape]}
                yield ask_about(sample["file"], before, region, after), answer, (sample, kind, thing["name"])


def whole_and_streamed(client):
    asked = 0
    for messages, expected, subject in cases():
        asked += 1
        answer = client.chat.completions.create(
            model=MODEL, messages=messages, temperature=0, max_completion_tokens=32
        )
        got = answer.choices[0].message.content
        check(got == expected, f"{subject}: {got!r} instead of {expected!r}")
        check(answer.choices[0].finish_reason == "stop", f"{subject}: {answer.choices[0].finish_reason}")
        stream = client.chat.completions.create(
            model=MODEL,
            messages=messages,
            temperature=0,
            max_tokens=32,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        streamed = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        check(streamed == got, f"{subject}: streamed {streamed!r}, whole {got!r}")
        check(chunks[-1].usage == answer.usage or chunks[-1].usage.completion_tokens
              == answer.usage.completion_tokens, f"{subject}: usage {chunks[-1].usage}")
        reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
        check(reasons[-1] == "stop" and not any(reasons[:-1]), f"{subject}: {reasons}")
    check(asked >= 48, f"only {asked} questions were asked")
    return asked


def found_regions(client):
    messages = [{"role": "user", "content": [image("scene-03.png"), text("Locate the red ring.")]}]
    truth = [340, 262, 578, 500]
    answer = client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
    regions = answer.choices[0].message.model_extra["regions"]
    check(
        len(regions) == 1 and max(abs(a - b) for a, b in zip(regions[0]["box"], truth)) < 20,
        f"regions {regions}",
    )
    check(regions[0]["text"] in answer.choices[0].message.content, "the region's text is in the answer")
    chunks = list(client.chat.completions.create(model=MODEL, messages=messages, temperature=0, stream=True))
    check(chunks[-1].choices[0].delta.model_extra["regions"] == regions, "regions come in the last chunk")


def conversation(client):
    """Named regions, units, and a second turn about the same image."""
    content = [
        image("scene-03.png"),
        {"type": "region", "region": {"box": [340, 262, 578, 500], "id": "first"}},
        text("What is at <region:first>?"),
    ]
    messages = [{"role": "user", "content": content}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
    check(answer.choices[0].message.content == "a large red ring", f"named: {answer.choices[0].message}")
    messages.append(answer.choices[0].message.to_dict())
    messages.append(
        {
            "role": "user",
            "content": [text("Read the text in"), {"type": "region", "region": {
                "box": [356 / 672, 12 / 672, 412 / 672, 84 / 672], "units": "norm"}}, text(".")],
        }
    )
    answer = client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
    check(answer.usage.prompt_tokens > 90, f"the second turn has {answer.usage.prompt_tokens} prompt tokens")
    check(bool(answer.choices[0].message.content), "the second turn is answered")


def choices_and_probabilities(client):
    messages = ask_about("scene-03.png", "What is at", {"box": [340, 262, 578, 500]}, "?")
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, n=3, seed=7, temperature=1.5, logprobs=True, top_logprobs=3
    )
    check([c.index for c in answer.choices] == [0, 1, 2], "three choices")
    for choice in answer.choices:
        tokens = choice.logprobs.content
        spelt = b"".join(bytes(t.bytes) for t in tokens).decode().removeprefix(" ")
        check(spelt == choice.message.content, f"tokens spell {spelt!r}, not {choice.message.content!r}")
        check(all(t.logprob <= 0 and len(t.top_logprobs) == 3 for t in tokens), "log-probabilities")
    again = client.chat.completions.create(model=MODEL, messages=messages, n=3, seed=7, temperature=1.5)
    check(
        [c.message.content for c in again.choices] == [c.message.content for c in answer.choices],
        "a seed repeats its answers",
    )
    stopped = client.chat.completions.create(model=MODEL, messages=messages, temperature=0, stop=[" red"])
    check(stopped.choices[0].message.content == "a large", f"stop: {stopped.choices[0].message.content!r}")
    short = client.chat.completions.create(model=MODEL, messages=messages, temperature=0, max_tokens=2)
    check(short.choices[0].finish_reason == "length", "length")
    check(short.usage.completion_tokens == 2, "two tokens")
    long = client.chat.completions.create(
        model=MODEL, messages=messages, temperature=0, max_tokens=20, extra_body={"ignore_eos": True}
    )
    check(long.usage.completion_tokens == 20, f"ignore_eos: {long.usage.completion_tokens} tokens")


def text_completions(client):
    answer = client.completions.create(
        model=MODEL, prompt=["What", "Where"], max_tokens=4, temperature=0, n=2, echo=True
    )
    check([c.index for c in answer.choices] == [0, 1, 2, 3], "four completions")
    check(answer.choices[0].text.startswith("What") and answer.choices[2].text.startswith("Where"), "echo")
    check(answer.choices[0].text == answer.choices[1].text, "greedy completions repeat")
    streamed = client.completions.create(model=MODEL, prompt="What", max_tokens=4, temperature=0, stream=True)
    joined = "What" + "".join(c.choices[0].text for c in streamed if c.choices)
    check(joined == answer.choices[0].text, f"streamed completion {joined!r}")
    told = client.completions.create(model=MODEL, prompt="What", max_tokens=4, temperature=0, logprobs=2)
    check(len(told.choices[0].logprobs.tokens) == told.usage.completion_tokens, "completion log-probabilities")


def models_and_tokens(client, url):
    check([m.id for m in client.models.list()] == [MODEL], "the list of models")
    check(client.models.retrieve(MODEL).id == MODEL, "the model")
    tokens = fetch(f"{url}/tokenize", client.api_key, {"prompt": "a red ring"})
    back = fetch(f"{url}/detokenize", client.api_key, {"tokens": tokens["tokens"]})
    check(back["prompt"].strip() == "a red ring", f"tokens and back: {back}")
    check(tokens["count"] == len(tokens["tokens"]) > 1, f"tokens {tokens}")


def errors(client, url):
    def fails(kind, param, **arguments):
        try:
            client.chat.completions.create(**{"model": MODEL, **arguments})
            check(False, f"{kind.__name__} was not raised for {param}")
        except kind as error:
            check(error.param == param, f"{error.param} instead of {param}: {error}")

    question = [{"role": "user", "content": "What?"}]
    fails(openai.BadRequestError, "temperature", messages=question, temperature=5)
    fails(openai.BadRequestError, "messages", messages=[])
    fails(openai.NotFoundError, "model", messages=question, model="another")
    outside = ask_about("scene-03.png", "What is", {"box": [700, 700, 800, 800]}, "?")
    fails(openai.BadRequestError, "messages[0].content[2].region.box", messages=outside)
    if client.api_key != "none":
        try:
            openai.OpenAI(base_url=f"{url}/v1", api_key="wrong-key-1").models.list()
            check(False, "a wrong key was taken")
        except openai.AuthenticationError:
            pass


async def many_at_once(url, key):
    """All questions at once, some of them hung up midway; nothing is left running."""
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=5)

    async def ask(messages, expected, subject):
        answer = await client.chat.completions.create(model=MODEL, messages=messages, temperature=0, max_tokens=32)
        got = answer.choices[0].message.content
        check(got == expected, f"at once {subject}: {got!r} instead of {expected!r}")

    async def hang_up(messages):
        stream = await client.chat.completions.create(
            model=MODEL, messages=messages, stream=True, max_tokens=1500, extra_body={"ignore_eos": True}
        )
        async for _ in stream:
            break
        await stream.close()

    questions = list(cases())
    await asyncio.gather(
        *(ask(*case) for case in questions), *(hang_up(case[0]) for case in questions[:16])
    )
    await client.close()


def nothing_runs(url, key):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = fetch(f"{url}/cluster", key)
        if status["queries"] == {"running": 0, "waiting": 0}:
            break
        time.sleep(0.05)
    kv = status["kv"]
    check(status["queries"] == {"running": 0, "waiting": 0}, f"queries are left: {status['queries']}")
    check(kv["free"] + kv["cached"] == kv["blocks"], f"KV blocks are left: {kv}")


def main():
    url = sys.argv[1].rstrip("/")
    key = sys.argv[2] if len(sys.argv) > 2 else "none"
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)
    asked = whole_and_streamed(client)
    found_regions(client)
    conversation(client)
    choices_and_probabilities(client)
    text_completions(client)
    models_and_tokens(client, url)
    errors(client, url)
    asyncio.run(many_at_once(url, key))
    nothing_runs(url, key)
    if failures:
        sys.exit(f"{len(failures)} checks failed")
    print(f"openai {openai.__version__}: {asked} questions, whole, streamed and at once, are answered as they should be")


if __name__ == "__main__":
    main()
