"""Makes the small model's SentencePiece BPE model, with Llama's settings (byte fallback, identity normalisation, dummy
prefix). Its merges are learned from generated text without regions; hand-made merges before them make every coordinate
with two decimals, and `<box>[`, `]</box>`, `<point>[`, `]</point>`, one piece each.

usage: make_tokenizer.py DIRECTORY      writes DIRECTORY/tokenizer.model
"""
import io
import random
import re
import sys
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_proto

from questions import conversations
from scenes import CHARS, scene

VICUNA = ("A chat between a curious user and an artificial intelligence assistant. "
          "The assistant gives helpful, detailed, and polite answers to the user's questions.")
COMMON = (
    "hello hi thanks please tell me show the this that these those region area object picture photo point box "
    "top bottom left right corner center middle big little tiny huge between near next to of in on at under over "
    "who why when which does do can you your it its and or not none zero one two three four five six").split()
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6      # piece types of sentencepiece_model.proto
FIRST_SCENE = 10_000_000                          # scenes that training does not reach


def corpus(scenes=2500):
    lines = []
    for i in range(scenes):
        for turns in conversations(scene("train", FIRST_SCENE + i), random.Random(i), 6):
            for turn in turns:
                line = re.sub(r"<(box|point)>\[[^\]]*\]</\1>", "", f"{turn.question} {turn.answer}")
                line = re.sub(r"\b[A-Z0-9]+\b", "", line)      # strings in pictures stay single characters
                lines.append(re.sub(r" +", " ", line).strip())
    lines += [VICUNA] * 60
    rng = random.Random(7)
    lines += [" ".join(rng.sample(COMMON, 8)) for _ in range(400)]
    return lines + [c + " " + c.lower() for c in CHARS] * 3


def learned(vocabulary=640):
    data = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=data, model_type="bpe", vocab_size=vocabulary,
        byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=True,
        remove_extra_whitespaces=False, split_digits=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
        character_coverage=1.0, num_threads=1, hard_vocab_limit=False, minloglevel=2,
        required_chars="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,?!:;'\"()[]<>/-+%")
    model = model_proto.ModelProto()
    model.ParseFromString(data.getvalue())
    return model


def hand_made():
    """Merges that lead, one character at a time, to the pieces that regions and roles are written with."""
    digits = [f"0.{a}" for a in range(10)]
    merges = ["0."] + digits + [d + str(b) for d in digits for b in range(10)] + ["1.", "1.0", "1.00"]
    for tag in ("box", "point"):
        starts = [tag[:k] for k in range(1, len(tag) + 1)]
        merges += ["<" + s for s in starts] + [f"<{tag}>", f"<{tag}>["]
        merges += (["</"] if tag == "box" else []) + ["</" + s for s in starts] + [f"</{tag}>", f"]</{tag}>"]
    for role in ("USER", "ASSISTANT"):
        merges += ["\u2581" + role[:k] for k in range(1, len(role) + 1)]
    return merges + ["US", "USE", "USER"]      # after </s> a text gets no dummy prefix


def build():
    model = learned()
    control = [p for p in model.pieces if p.type in (UNKNOWN, CONTROL, BYTE)]
    characters = [p.piece for p in model.pieces if p.type == NORMAL and len(p.piece) == 1]
    merges = [p.piece for p in model.pieces if p.type == NORMAL and len(p.piece) > 1]
    tail = ["\u2581<box>[", "\u2581<point>["] + ["\u2581" + c for c in CHARS]
    longer = dict.fromkeys(s for s in hand_made() + merges + tail if len(s) > 1)   # in order, each once
    del model.pieces[:]
    model.pieces.extend(control)
    for rank, text in enumerate([*longer, *characters]):
        piece = model.pieces.add()
        piece.piece, piece.score, piece.type = text, float(-rank), NORMAL
    model.trainer_spec.vocab_size = len(model.pieces)
    return model.SerializeToString()


def main():
    path = Path(sys.argv[1]) / "tokenizer.model"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(build())
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for v in range(101):
        assert len(processor.encode(f"[{v / 100:.2f},", out_type=str)) == 4, v
    print(path, len(processor), "pieces")


if __name__ == "__main__":
    main()
