/// The templates of the model families that are served.

extension ConversationTemplate {
  /// Vicuna v1.1, as LLaVA 1.5 and the embedded model were trained:
  /// `<s>USER: <image>\nquestion ASSISTANT: answer</s>USER: question ASSISTANT:`.
  public static let vicuna = vicuna(name: "vicuna-v1.1", afterImage: [.text("\n")])

  /// LLaVA where it was trained with `mm_use_im_start_end`: Vicuna's with `<im_start>` before an image
  /// and `<im_end>` after it.
  public static let llava1 = vicuna(
    name: "llava-v1", beforeImage: [.control("<im_start>")],
    afterImage: [.control("<im_end>"), .text("\n")])

  /// Merlin: the same, the question directly after the image.
  public static let merlin = vicuna(
    name: "merlin", beforeImage: [.control("<im_start>")], afterImage: [.control("<im_end>")])

  private static func vicuna(
    name: String, beforeImage: [PromptPiece] = [], afterImage: [PromptPiece]
  ) -> ConversationTemplate {
    ConversationTemplate(
      name: name, opening: [.control("<s>")], afterSystem: [.text(" ")],
      beforeQuestion: [.text("USER: ")], beforeImage: beforeImage, afterImage: afterImage,
      afterQuestion: [.text(" ASSISTANT:")], beforeAnswer: [.text(" ")],
      afterAnswer: [.control("</s>")])
  }

  /// Llama 2: `<s>[INST] <<SYS>>\nsystem\n<</SYS>>\n\nquestion [/INST] answer </s><s>[INST] …`.
  public static let llama2 = ConversationTemplate(
    name: "llama-2", opening: [.control("<s>")], beforeSystem: [.text("<<SYS>>\n")],
    afterSystem: [.text("\n<</SYS>>\n\n")], hasSystemInTurn: true,
    beforeQuestion: [.text("[INST] ")], afterQuestion: [.text(" [/INST]")],
    beforeAnswer: [.text(" ")],
    afterAnswer: [.text(" "), .control("</s>"), .control("<s>")])

  /// Llama 3: every turn has a header of control tokens and ends in `<|eot_id|>`.
  public static let llama3 = ConversationTemplate(
    name: "llama-3", opening: [.control("<|begin_of_text|>")],
    beforeSystem: llama3Header("system"), afterSystem: [.control("<|eot_id|>")],
    beforeQuestion: llama3Header("user"),
    afterQuestion: [.control("<|eot_id|>")] + llama3Header("assistant"),
    afterAnswer: [.control("<|eot_id|>")])

  private static func llama3Header(_ role: String) -> [PromptPiece] {
    [
      .control("<|start_header_id|>"), .text(role), .control("<|end_header_id|>"), .text("\n\n"),
    ]
  }

  /// ChatML: `<|im_start|>user\nquestion<|im_end|>\n<|im_start|>assistant\n`.
  public static let chatML = ConversationTemplate(
    name: "chatml", beforeSystem: [.control("<|im_start|>"), .text("system\n")],
    afterSystem: [.control("<|im_end|>"), .text("\n")],
    beforeQuestion: [.control("<|im_start|>"), .text("user\n")],
    afterQuestion: [
      .control("<|im_end|>"), .text("\n"), .control("<|im_start|>"), .text("assistant\n"),
    ],
    afterAnswer: [.control("<|im_end|>"), .text("\n")])

  /// No roles: turns are lines.
  public static let plain = ConversationTemplate(
    name: "plain", opening: [.control("<s>")], afterSystem: [.text("\n")],
    afterQuestion: [.text("\n")], afterAnswer: [.text("\n")])
}
