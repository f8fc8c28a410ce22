/// Telling a family's template from the Jinja program that comes with a model.

extension ConversationTemplate {
  /// What marks a family in its program; the first whose marks are all there is the one.
  private static let marks: [(template: ConversationTemplate, marks: [String])] = [
    (.llama3, ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
    (.chatML, ["<|im_start|>", "<|im_end|>"]),
    (.llama2, ["[INST]", "[/INST]", "<<SYS>>"]),
    (.vicuna, ["USER:", "ASSISTANT:"]),
  ]

  /// The template that a chat template in Jinja amounts to, told by its marks; it is not run.
  /// - Throws: ``ReferringError`` `unknownName` where no family's marks are in it.
  public static func recognized(in program: String) throws(ReferringError) -> ConversationTemplate {
    guard let found = marks.first(where: { $0.marks.allSatisfy(program.contains) }) else {
      throw ReferringError(
        .unknownName, "the model's chat template is of no family that is known",
        remedy: "Say in chatspot.json which \"template\" comes closest: \(names)")
    }
    return found.template
  }
}
