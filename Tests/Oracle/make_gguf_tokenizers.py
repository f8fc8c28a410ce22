"""Makes the GGUF fixtures of TokenizingTests: vocabularies without weights, and the ids that Hugging Face gives.

usage: make_gguf_tokenizers.py          writes Tests/TokenizingTests/Fixtures/gguf/

`mini.gguf` and `legacy.gguf` hold the SentencePiece models of mini/ and legacy/, whose expected ids are there already.
`llama3.gguf` is a byte-level BPE trained here with the expression and the settings of Llama 3's tokenizer.json, and
`llama3.json` what `tokenizers` makes of texts with it.
"""
import json
import random
from pathlib import Path

from gguf import GGUFWriter, TokenType
from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

FIXTURES = Path(__file__).resolve().parent.parent / "TokenizingTests" / "Fixtures"
OUT = FIXTURES / "gguf"
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
CORPUS = """
What is at this place in the image? A small red circle is left of the large blue square. It's there, isn't it? We'll
see that they've moved; I'm sure you'd agree. The assistant gives helpful, detailed, and polite answers to the user's
questions. 0123456789 3.14159 2024-11-23 [0.25, 0.30, 0.50, 0.62] <box>[0.04, 0.57]</box> def f(x):\n    return x + 1\n
Größe, naïve café, Ærøskøbing. Привет, мир! 你好，世界。日本語のテキスト。 안녕하세요 שלום مرحبا हिन्दी 😀 👍🏽 🇩🇪
"""
PIECES = ["'s", "'S", "'\u017f", "'ll", "'LL", "'Re", "'x", "''s", "it's", "a", "Zé", "e\u0301", "12", "1234567", "½", "Ⅷ", "٣", " ", "  ",
          "   ", "\n", "\r\n", "\n\n ", " \n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", ".", "...", "?!\n", "<|eot_id|>", "<|", "你好",
          "world", " the", "the", "😀", "👩‍👩‍👧", "\u200d", "\ufeff", "_", "$", "__init__", "\u0000", "\ufffd", "\U0010ffff", "ǅ", "ª"]


def write_sentencepiece(name, prefix):
    model = SentencePieceProcessor(model_file=str(FIXTURES / name / "tokenizer.model"))
    writer = GGUFWriter(OUT / f"{name}.gguf", "llama")
    tokens, scores, kinds = [], [], []
    for i in range(model.vocab_size()):
        kind = (TokenType.UNKNOWN if model.is_unknown(i) else TokenType.CONTROL if model.is_control(i)
                else TokenType.UNUSED if model.is_unused(i) else TokenType.BYTE if model.is_byte(i) else TokenType.NORMAL)
        tokens.append(model.id_to_piece(i).encode())
        scores.append(model.get_score(i))
        kinds.append(kind)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(model.bos_id())
    writer.add_eos_token_id(model.eos_id())
    writer.add_unk_token_id(model.unk_id())
    if not prefix:
        writer.add_add_space_prefix(False)
    finish(writer)


def train():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=640, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([CORPUS] * 4, trainer)
    # Tokens that no merge reaches are found all the same, since whole words are looked up first.
    value = json.loads(tokenizer.to_str())
    alphabet = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for word in [" squarely", "你好", "1234"]:
        token = alphabet.pre_tokenize_str(word)[0][0]
        value["model"]["vocab"].setdefault(token, len(value["model"]["vocab"]))
    # A token of text that is not written in the alphabet of bytes is never found.
    value["model"]["vocab"]["世界"] = len(value["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(value))
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def write_bytes(tokenizer):
    value = json.loads(tokenizer.to_str())["model"]
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    writer = GGUFWriter(OUT / "llama3.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list([tokenizer.id_to_token(i) for i in range(size)])
    writer.add_token_types([TokenType.CONTROL if tokenizer.id_to_token(i) in SPECIAL else TokenType.NORMAL
                            for i in range(size)])
    writer.add_token_merges([" ".join(merge) for merge in value["merges"]])
    writer.add_bos_token_id(tokenizer.token_to_id(SPECIAL[0]))
    writer.add_eos_token_id(tokenizer.token_to_id(SPECIAL[4]))
    writer.add_chat_template("{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{% endfor %}<|eot_id|>")
    finish(writer)


def write_files(tokenizer):
    """The same in the manner of Hugging Face: tokenizer.json and the names of its special tokens."""
    (OUT / "llama3").mkdir(exist_ok=True)
    value = json.loads(tokenizer.to_str())
    (OUT / "llama3" / "tokenizer.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
    config = {"bos_token": SPECIAL[0], "eos_token": SPECIAL[4]}
    (OUT / "llama3" / "tokenizer_config.json").write_text(json.dumps(config) + "\n")


def texts():
    rng = random.Random(3)
    made = ["", CORPUS, "x" * 500, "ab" * 300, " " * 200, "\n" * 40 + " x", "1" * 50, "!" * 90, "squarely squarely 1234 你好", "世界"] + PIECES
    for _ in range(220):
        made.append("".join(rng.choice(PIECES) for _ in range(rng.randint(2, 12))))
    for _ in range(40):
        ranges = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0x9FFF), (0x1F300, 0x1F6FF)]
        made.append("".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 24))))
    return made


def write_cases(tokenizer):
    bare = json.loads(tokenizer.to_str())
    bare["added_tokens"] = []
    bare = Tokenizer.from_str(json.dumps(bare))
    encode = [{"text": t, "split": tokenizer.encode(t, add_special_tokens=False).ids,
               "plain": bare.encode(t, add_special_tokens=False).ids} for t in texts()]
    rng = random.Random(5)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    ids = [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(120)]
    ids += [case["plain"] for case in encode[::9]]
    decode = [{"ids": i, "text": tokenizer.decode(i, skip_special_tokens=True)} for i in ids]
    text = json.dumps({"encode": encode, "decode": decode}, separators=(",", ":"))
    (OUT / "llama3.json").write_text(text + "\n")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    OUT.mkdir(exist_ok=True)
    write_sentencepiece("mini", prefix=False)
    write_sentencepiece("legacy", prefix=True)
    tokenizer = train()
    write_bytes(tokenizer)
    write_files(tokenizer)
    write_cases(tokenizer)


main()
