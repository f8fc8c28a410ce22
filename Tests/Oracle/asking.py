"""Asks an exported checkpoint through transformers, in f32, greedily: the reference answers."""
from pathlib import Path

import torch
from transformers import CLIPImageProcessorPil, LlavaForConditionalGeneration

from checkpoint_files import load_tokenizer


class Reference:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.model = LlavaForConditionalGeneration.from_pretrained(directory, dtype=torch.float32).eval()
        self.tokenizer = load_tokenizer(directory)
        self.processor = CLIPImageProcessorPil.from_pretrained(directory)
        vision = self.model.config.vision_config
        self.side = vision.image_size
        self.image_tokens = (vision.image_size // vision.patch_size) ** 2

    def pixels(self, image):
        return self.processor(image.convert("RGB"), return_tensors="pt")["pixel_values"]

    def inputs(self, image, prompts):
        expanded = [p.replace("<image>", "<image>" * self.image_tokens) for p in prompts]
        encoded = self.tokenizer(expanded, padding=True, return_tensors="pt")
        return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"],
                "pixel_values": self.pixels(image).expand(len(prompts), -1, -1, -1)}

    @torch.no_grad()
    def generate(self, image, prompts, limit=64):
        """Token ids of the answers, one row to a prompt."""
        inputs = self.inputs(image, prompts)
        out = self.model.generate(**inputs, do_sample=False, max_new_tokens=limit)
        return out[:, inputs["input_ids"].shape[1]:]

    def answers(self, image, questions, limit=64):
        prompts = [f"USER: <image>\n{q} ASSISTANT:" for q in questions]
        rows = self.generate(image, prompts, limit)
        return [text.strip() for text in self.tokenizer.batch_decode(rows, skip_special_tokens=True)]
