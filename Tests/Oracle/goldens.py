"""Golden values of one checkpoint: what transformers computes in f32, every step on the way, as tensors and as JSON."""
import json

import torch
from safetensors.torch import save_file

ANSWER_TOKENS = 24
TAIL_ROWS = 6       # of a long text only the last rows are kept

LONG_TEXT = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions. USER: What is at <box>[0.10,0.20,0.55,1.00]</box>? ASSISTANT: a large "
    "red circle left of a blue square.</s>USER: Read the text in <box>[0.25,0.30,0.50,0.62]</box>. ASSISTANT: CAT</s>"
    "USER: What color is the object at <point>[0.25,0.40]</point>? ASSISTANT: green</s>USER: Where is it? ASSISTANT: "
    "<box>[0.63,0.03,0.97,0.38]</box></s>USER: What is in <box>[0.05,0.55,0.30,0.85]</box>? ASSISTANT: a large cyan "
    "heart</s>USER: Describe the image. ASSISTANT:")


class Recorder:
    """Runs a LlavaForConditionalGeneration on one picture and a few prompts.

    `tensors`: pixel_values [1, 3, S, S]; vision.hidden_states.N [1, 1 + patches, width], 0 after pre_layrnorm, the last
    one before post_layernorm; vision.selected and projected [1, image tokens, width]; text.hidden_states.N
    [1, tokens, width], 0 the embeddings with the image spliced in, the last one after the final norm; logits.
    """

    def __init__(self, model, tokenizer, processor, image, image_tokens):
        self.model, self.tokenizer, self.image_tokens = model, tokenizer, image_tokens
        self.pixels = processor(image, return_tensors="pt")["pixel_values"].float()
        self.tensors, self.values = {}, {}

    def tokenize(self, text):
        text = text.replace("<image>", "<image>" * self.image_tokens)
        return self.tokenizer(text, return_tensors="pt")["input_ids"]

    def logits(self, ids, **options):
        pixels = self.pixels if (ids == self.model.config.image_token_id).any() else None
        return self.model(input_ids=ids, pixel_values=pixels, use_cache=False, **options)

    def greedy(self, ids, count):
        """`count` tokens, `</s>` being one like any other, and the smallest lead of a best logit over the second."""
        answer, lead = [], float("inf")
        for _ in range(count):
            best = self.logits(ids).logits[0, -1].topk(2)
            lead = min(lead, (best.values[0] - best.values[1]).item())
            answer.append(best.indices[0].item())
            ids = torch.cat([ids, best.indices[None, :1]], 1)
        return answer, lead

    def generate(self, ids, count):
        """The same through transformers' own generate, with its KV cache."""
        out = self.model.generate(input_ids=ids, pixel_values=self.pixels, attention_mask=torch.ones_like(ids),
                                  do_sample=False, max_new_tokens=count, eos_token_id=None)
        return out[0, ids.shape[1]:].tolist()

    @torch.no_grad()
    def record(self, prompt, multi_turn, text_only, long_text=None):
        self.record_vision()
        self.record_prompt(prompt)
        ids = self.tokenize(multi_turn)
        self.values["multi_turn"] = {"prompt": multi_turn, "input_ids": ids[0].tolist(),
                                     "last_logits_top5": self.logits(ids).logits[0, -1].topk(5).indices.tolist()}
        ids = self.tokenize(text_only)
        self.tensors["text_only.logits"] = self.logits(ids).logits
        self.values["text_only"] = {"text": text_only, "input_ids": ids[0].tolist()}
        if long_text:
            self.record_long(long_text)

    def record_vision(self):
        config, tower = self.model.config, self.model.model.vision_tower
        states = tower(self.pixels, output_hidden_states=True).hidden_states
        selected = states[config.vision_feature_layer]
        if config.vision_feature_select_strategy == "default":
            selected = selected[:, 1:]
        self.tensors["pixel_values"] = self.pixels
        self.tensors |= {f"vision.hidden_states.{i}": h for i, h in enumerate(states)}
        self.tensors["vision.selected"] = selected
        self.tensors["projected"] = self.model.model.multi_modal_projector(selected)

    def record_prompt(self, prompt):
        ids = self.tokenize(prompt)
        out = self.logits(ids, output_hidden_states=True)
        self.tensors |= {f"text.hidden_states.{i}": h for i, h in enumerate(out.hidden_states)}
        self.tensors["logits"] = out.logits
        places = (ids[0] == self.model.config.image_token_id).nonzero()[:, 0]
        spliced = out.hidden_states[0][0, places]
        assert (spliced - self.tensors["projected"][0]).abs().max() < 1e-5, "image features are not where they belong"
        answer, lead = self.greedy(ids, ANSWER_TOKENS)
        assert answer == self.generate(ids, ANSWER_TOKENS), "the KV cache changes the answer"
        self.values |= {"prompt": prompt, "input_ids": ids[0].tolist(), "image_positions": places.tolist(),
                        f"greedy_{ANSWER_TOKENS}_ignoring_eos": answer, "greedy_smallest_lead": round(lead, 5)}

    def record_long(self, text):
        ids = self.tokenize(text)
        out = self.logits(ids, output_hidden_states=True)
        for i, h in enumerate(out.hidden_states):
            self.tensors[f"long_text.hidden_states.{i}"] = h[:, -TAIL_ROWS:]
        self.tensors["long_text.logits"] = out.logits[:, -TAIL_ROWS:]
        answer, lead = self.greedy(ids, ANSWER_TOKENS)
        self.values["long_text"] = {
            "text": text, "input_ids": ids[0].tolist(), "first_row": ids.shape[1] - TAIL_ROWS,
            f"greedy_{ANSWER_TOKENS}_ignoring_eos": answer, "greedy_smallest_lead": round(lead, 5)}

    def save(self, directory):
        tensors = {k: v.float().clone().contiguous() for k, v in self.tensors.items()}
        save_file(tensors, directory / "goldens.safetensors")
        (directory / "goldens.json").write_text(json.dumps(self.values, indent=1) + "\n")
