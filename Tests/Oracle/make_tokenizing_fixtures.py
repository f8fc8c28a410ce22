"""Makes the fixtures of TokenizingTests with Hugging Face tokenizers and transformers (no torch needed).

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers sentencepiece transformers protobuf
    /tmp/venv/bin/python Tests/Oracle/make_tokenizing_fixtures.py ORACLE_DIRECTORY

ORACLE_DIRECTORY holds mini-chatspot/, goldens/goldens.json and tiny-linear/goldens.json. Writes into
Tests/TokenizingTests/Fixtures: mini/ (the tokeniser files of mini-chatspot), legacy/ (a tiny second
SentencePiece model, trained here, with a legacy Llama tokenizer.json), and the expected ids and texts.
"""
import io, json, os, random, shutil, sys

import sentencepiece as spm
import tokenizers
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "TokenizingTests", "Fixtures")
FILES = ["tokenizer.model", "tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"]

HAND = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u0000", "a\u0000b", "▁", "▁▁", "▁a", " ▁a", "a▁b", "a", " a", "  a", "a ",
    "a  ", " a ", "a  b", "a   b    c", "a\tb", "a\nb", "\na", "a\n", " \n", "\n ", " \n a", "<", "</", "<image", "image>", "< image>",
    "<image>", " <image>", "<image> ", " <image> ", "<image><image>", "<image> <image>", "<image>\n", "a<image>b", "a <image> b",
    "</s>", " </s> ", "a</s>b", "</s></s>", "<s>", "<s>a", "<s> a", "<s>  a", " <s>a", "<unk>", "a<unk>b", "<pad>", "<pad> a <pad>",
    "<s><image></s><pad><unk>", "<0x0A>", "a<0x41>b", "<0x0a>", "<IMAGE>", "<ima<image>ge>", "<<image>>", "<image>\u0301", "</s>\u0308",
    "e\u0301", "é", "e\u0301 é", "\u0301", " \u0301", "ﬁ", "Å Å Å", "你好", "你 好 世界", "日本語のテキスト", "한국어", "Привет, мир",
    "שלום עולם", "مرحبا", "ไทย", "हिन्दी", "😀", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "a😀b", "😀😀😀", "\U0001F9FF", "\U0010FFFF", "\uFFFD", "\uFEFFa",
    "\u200B", "a\u00A0b", "\u3000a", "a\u2028b", "zero\u200dwidth", "“quoted”", "naïve café", "ÀÉÎÕÜ", "x" * 300, "0" * 100,
    " " * 100, "\n" * 50, "ab " * 100, "▁" * 40, "😀" * 40, "0.00" * 40, "\t\t  \n\n  x", "www.example.com/?q=1&r=%20", "a\rb", "\x01\x02\x7f",
    "What is at <box>[0.25,0.30,0.50,0.62]</box>?", "<box>[0.254,0.3,1,1.00]</box>", "<point>[0.25,0.40]</point>", "<box>", "</box>",
    "[0.04, 0.57, 0.63, 0.71]", "[131, 238, 675, 578]", "<Id1>Frame1:[1,2,3,4];Frame2:[5,6,7,8]</Id1>", "[0.1,0.2,0.3,0.4;0.5,0.6,0.7,0.8]",
    "<box>[0.123, 0.456, 0.789, 0.900]</box>", "<box>[0.123, 0.456]</box>", "<box>[0.25,0.30", "0.250.30", "1.000", "10.00",
    "USER: <image>\nWhat is at <point>[0.61,0.58]</point>? ASSISTANT:", "USER: hi ASSISTANT: hello</s>USER: again ASSISTANT:",
    "USER: hi ASSISTANT: hello</s> USER: again ASSISTANT:", "<s>USER: <image>\nhi ASSISTANT:", "USER:USER: USER", "ASSISTANT",
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful answers. USER: <image>\nhi",
    "### Human: hi### Assistant:", "[INST] <<SYS>>\nbe brief\n<</SYS>>\n\nhi [/INST]", "{\"a\": [1, 2.5e-3, null]}", "def f(x):\n    return x\n",
]
WORDS = (["a", "small", "red", "circle", "What", "is", "at", "the", "box", "USER:", "ASSISTANT:", "0.25", "0.30,", "[", "]", "<box>[", "]</box>",
          "<point>[", "</point>", "<", ">", "</", "s>", "<image>", "</s>", "<s>", "<pad>", "<unk>", "image", " ", "  ", "    ", "\n", "\t", "▁",
          "é", "e\u0301", "你", "好", "😀", "🇩🇪", "\u200d", "\u0000", "Ж", "\U0001F468", ".", ",", "?", "K7", "<0x41>", "0x0A", "\u00A0", "Ω"])


def texts(extra=()):
    rng = random.Random(2307)
    made = list(HAND)
    for _ in range(260):
        made.append("".join(rng.choice(WORDS + list(extra)) + rng.choice(["", "", " "]) for _ in range(rng.randint(1, 14))))
    for _ in range(40):  # anything at all, surrogates left out
        scalars = [rng.choice([rng.randint(0, 0x7F), rng.randint(0x80, 0x7FF), rng.randint(0xE000, 0xFFFF), rng.randint(0x10000, 0x10FFFF)])
                   for _ in range(rng.randint(1, 30))]
        made.append("".join(map(chr, scalars)))
    return made


def id_lists(size, count=160):
    rng = random.Random(9474)
    lists = [[], [1], [2], [0], [1, 1, 2], [size], [size + 5, 300], [13], [3 + 0x20], [3 + 0x20, 3 + 0x20, 3 + 0x41], [3 + 0xC3, 3 + 0xA9],
             [3 + 0xC3], [3 + 0xA9], [3 + 0xC3, 1, 3 + 0xA9], [3 + 0xE4, 3 + 0xBD, 3 + 0xA0, 3 + 0xFF], [3 + 0xED, 3 + 0xA0, 3 + 0x80],
             [3 + 0xC0, 3 + 0x80], [3 + 0xF4, 3 + 0x90, 3 + 0x80, 3 + 0x80], [3 + b for b in "😀 é".encode()], [3 + b for b in "😀".encode()[:3]]]
    for _ in range(count):
        ids = []
        for _ in range(rng.randint(1, 16)):
            kind = rng.random()
            if kind < 0.35:
                ids.append(rng.randrange(259, size))
            elif kind < 0.6:
                ids += [3 + b for b in rng.choice(["é", "你", "😀", "\n", " ", "a", "Ω\u0301"]).encode()]
            elif kind < 0.75:
                ids.append(rng.randrange(3, 259))
            elif kind < 0.9:
                ids.append(rng.randrange(0, 3))
            else:
                ids.append(rng.randrange(size, size + 20))
        lists.append(ids)
    return lists


def cases(tokenizer, extra=()):
    """`split`: added tokens recognised. `plain`: none of them, special or not, as if the text were a user's."""
    bare = json.loads(tokenizer.to_str())
    bare["added_tokens"], bare["post_processor"] = [], None
    bare = Tokenizer.from_str(json.dumps(bare))
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    return {
        "encode": [{"text": t, "split": tokenizer.encode(t, add_special_tokens=False).ids, "plain": bare.encode(t, add_special_tokens=False).ids}
                   for t in texts(extra)],
        "decode": [{"ids": i, "text": tokenizer.decode(i, skip_special_tokens=True)} for i in id_lists(size)],
    }


def write(name, value):
    with open(os.path.join(FIXTURES, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=True, separators=(",", ":"))
        f.write("\n")


def mini(oracle):
    folder = os.path.join(FIXTURES, "mini")
    os.makedirs(folder, exist_ok=True)
    for name in FILES:
        shutil.copyfile(os.path.join(oracle, "mini-chatspot", name), os.path.join(folder, name))
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    made = cases(tokenizer)
    # The same through transformers, and text after a special token through sentencepiece itself.
    from transformers import AutoTokenizer
    whole = AutoTokenizer.from_pretrained(folder)
    sp = spm.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
    override = pb.ModelProto()
    override.normalizer_spec.add_dummy_prefix = False
    raw = spm.SentencePieceProcessor(model_proto=sp.serialized_model_proto() + override.SerializeToString())
    for case in made["encode"]:
        ids = whole(case["text"], add_special_tokens=False).input_ids
        assert ids == case["split"], (case["text"], ids, case["split"])
        case["rest"] = raw.encode(case["text"])
    for case in made["decode"]:
        assert whole.decode(case["ids"], skip_special_tokens=True) == case["text"], case
    write("mini.json", made)

    goldens = json.load(open(os.path.join(oracle, "goldens", "goldens.json")))["items"]
    trimmed = [{"prompt": g["prompt"], "images": 64, "ids": g["input_ids"]} for g in goldens]
    tiny = json.load(open(os.path.join(oracle, "tiny-linear", "goldens.json")))
    trimmed += [{"prompt": tiny["prompt"], "images": 16, "ids": tiny["input_ids"]},
                {"prompt": tiny["multi_turn"]["prompt"], "images": 16, "ids": tiny["multi_turn"]["input_ids"]},
                {"prompt": tiny["text_only"]["text"], "images": 0, "ids": tiny["text_only"]["input_ids"]}]
    write("goldens.json", trimmed)


def legacy():
    """A tiny model with Llama's own settings, and the tokenizer.json that transformers 4 makes of one."""
    folder = os.path.join(FIXTURES, "legacy")
    os.makedirs(folder, exist_ok=True)
    rng = random.Random(4)
    nouns = "picture region object circle square triangle letter number colour corner question answer image assistant user".split()
    verbs = "shows contains names touches hides describes points follows reads counts".split()
    corpus = [f"The {rng.choice(nouns)} {rng.choice(verbs)} the {rng.choice(nouns)}, and café {rng.choice(nouns)}s are {rng.randint(0, 999)}.  No   more 你好!"
              for _ in range(400)]
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=out, model_type="bpe", vocab_size=520, byte_fallback=True,
        normalization_rule_name="identity", add_dummy_prefix=True, remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, character_coverage=1.0, num_threads=1,
        hard_vocab_limit=False, minloglevel=2)
    with open(os.path.join(folder, "tokenizer.model"), "wb") as f:
        f.write(out.getvalue())
    from transformers.tokenization_utils_base import generate_merges
    pieces = pb.ModelProto.FromString(out.getvalue()).pieces
    vocabulary = {p.piece: i for i, p in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, generate_merges(vocabulary), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>", "<image>")])
    tokenizer.add_tokens([  # every flag, and both sides of normalisation
        AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("<both>", lstrip=True, rstrip=True, normalized=False), AddedToken("word", single_word=True, normalized=False),
        AddedToken("<norm>", normalized=True), AddedToken("two words", normalized=True), AddedToken("<image>2", normalized=False)])
    path = os.path.join(folder, "tokenizer.json")
    tokenizer.save(path)
    extra = ["<left>", "<right>", "<both>", "word", "<norm>", "two words", "<image>2", "The picture", " contains", "café", "words", "\n\t", "_"]
    write("legacy.json", cases(tokenizer, extra))

    schemes = {}
    for scheme, split in [("first", False), ("first", True), ("always", False), ("always", True), ("never", False)]:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", scheme, split)
        made = cases(tokenizer, extra)["encode"]
        schemes[f"{scheme}{'+split' if split else ''}"] = [{"text": c["text"], "split": c["split"]} for c in made[len(HAND)::4]]
    write("schemes.json", schemes)

    # Trim the saved file: only the parts that a loader looks at beside tokenizer.model.
    saved = json.load(open(path, encoding="utf-8"))
    saved["model"] = {"type": "BPE"}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(saved, f, ensure_ascii=True, indent=1)
        f.write("\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"}, f, indent=1)


def token(content, special=False, normalized=None, **flags):
    return {"content": content, "special": special, "normalized": (not special) if normalized is None else normalized,
            "lstrip": False, "rstrip": False, "single_word": False, **flags}


def precedence():
    """Which file's added tokens win: what transformers itself ends up with, for several sets of files beside legacy/tokenizer.model."""
    from transformers import LlamaTokenizer, PreTrainedTokenizerFast
    folder = os.path.join(FIXTURES, "legacy")
    pieces = pb.ModelProto.FromString(open(os.path.join(folder, "tokenizer.model"), "rb").read()).pieces
    model = {"type": "BPE", "vocab": {p.piece: i for i, p in enumerate(pieces)}, "merges": [], "byte_fallback": True, "unk_token": "<unk>"}
    base = len(pieces)
    roles = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    core = [dict(token(t, True), id=i) for i, t in enumerate(("<unk>", "<s>", "</s>"))]
    saved = json.load(open(os.path.join(folder, "tokenizer.json"), encoding="utf-8"))

    def tokenizer_json(*tokens):
        return dict(saved, model=model, added_tokens=core + list(tokens))

    sets = {
        "no file at all": {},
        "added_tokens.json alone": {"added_tokens.json": {"<image>": base, "<im_patch>": base + 1}},
        "special map makes special": {"added_tokens.json": {"<image>": base, "[PAD]": base + 1}, "tokenizer_config.json": roles,
                                      "special_tokens_map.json": dict(roles, pad_token="[PAD]")},
        "special map in long form": {"special_tokens_map.json": {k: token(v, lstrip=False) for k, v in roles.items()}},
        "pad in no list": {"tokenizer_config.json": dict(roles, pad_token="[PAD]")},
        "pad in no list after added": {"added_tokens.json": {"<image>": base}, "tokenizer_config.json": dict(roles, pad_token="[PAD]")},
        "additional special tokens": {"tokenizer_config.json": dict(roles, additional_special_tokens=["<a>", "<b>"])},
        "decoder over added_tokens.json": {
            "tokenizer_config.json": dict(roles, added_tokens_decoder={
                "0": token("<unk>", True), "1": token("<s>", True), "2": token("</s>", True), str(base): token("<image>", True, lstrip=True)}),
            "added_tokens.json": {"<image>": base, "<ignored>": base + 1}},
        "decoder over special map": {
            "tokenizer_config.json": dict(roles, pad_token="<unk>", added_tokens_decoder={
                "0": token("<unk>", True), "1": token("<s>", True), "2": token("</s>", True)}),
            "special_tokens_map.json": dict(roles, pad_token="[PAD]")},
        "tokenizer.json over added_tokens.json": {
            "tokenizer.json": tokenizer_json(dict(token("<image>", True, rstrip=True), id=base)), "tokenizer_config.json": roles,
            "added_tokens.json": {"<image>": base, "<more>": base + 1}},
        "decoder over tokenizer.json": {
            "tokenizer.json": tokenizer_json(dict(token("<image>", True, rstrip=True), id=base), dict(token("<more>"), id=base + 1)),
            "tokenizer_config.json": dict(roles, added_tokens_decoder={
                "0": token("<unk>", True), "1": token("<s>", True), "2": token("</s>", True), str(base): token("<image>", True, lstrip=True)})},
    }
    expected = []
    import tempfile
    for name, files in sets.items():
        with tempfile.TemporaryDirectory() as temporary:
            shutil.copyfile(os.path.join(folder, "tokenizer.model"), os.path.join(temporary, "tokenizer.model"))
            for file, value in files.items():
                json.dump(value, open(os.path.join(temporary, file), "w"))
            # LlamaTokenizer of transformers 5 rebuilds what tokenizer.json says; the general class and version 4 take it as it stands.
            made = (PreTrainedTokenizerFast if "tokenizer.json" in files else LlamaTokenizer).from_pretrained(temporary)
            added = [dict(token(t.content, t.special, t.normalized, lstrip=t.lstrip, rstrip=t.rstrip, single_word=t.single_word), id=i)
                     for i, t in sorted(made.added_tokens_decoder.items())]
            expected.append({"name": name, "files": {k: json.dumps(v) for k, v in files.items()}, "added": [{"singleWord" if k == "single_word" else k: v for k, v in a.items()} for a in added]})
    write("precedence.json", expected)


if __name__ == "__main__":
    os.makedirs(FIXTURES, exist_ok=True)
    mini(sys.argv[1])
    legacy()
    precedence()
    print("tokenizers", tokenizers.__version__, "->", os.path.normpath(FIXTURES))
