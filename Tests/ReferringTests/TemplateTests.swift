import Referring
import Testing

/// Conversations in each family's template, as the families' own Jinja programs render them.
@Suite struct TemplateTests {
  private func rendered(_ template: ConversationTemplate, system: String?) throws -> String {
    let query = ReferringQuery(
      system: system,
      turns: [
        Turn(role: .user, text: "What?", images: [0]), Turn(role: .assistant, text: "A box"),
        Turn(role: .user, text: "Where?"),
      ])
    let square = try ImageGeometry(
      fit: .stretch, original: ImageSize(width: 10, height: 10), side: 14)
    return try PromptRendering(notation: .llava, template: template)
      .render(query, images: [square])
      .map { piece in
        switch piece {
        case .text(let text): text
        case .image: "<image>"
        case .control(let token): token
        }
      }.joined()
  }

  @Test func llama2HasItsSystemTextInTheFirstTurn() throws {
    #expect(
      try rendered(.llama2, system: "Be brief.")
        == "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n<image>\nWhat? [/INST] A box </s>"
        + "<s>[INST] Where? [/INST]")
    #expect(
      try rendered(.llama2, system: nil)
        == "<s>[INST] <image>\nWhat? [/INST] A box </s><s>[INST] Where? [/INST]")
  }

  @Test func llama3HasHeaders() throws {
    #expect(
      try rendered(.llama3, system: "Be brief.")
        == "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\n<image>\nWhat?<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\nA box<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nWhere?<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\n")
  }

  @Test func chatMLHasItsMarks() throws {
    #expect(
      try rendered(.chatML, system: "Be brief.")
        == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<image>\nWhat?<|im_end|>\n"
        + "<|im_start|>assistant\nA box<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n"
        + "<|im_start|>assistant\n")
  }

  @Test func llava1AndMerlinHaveTokensAroundImages() throws {
    #expect(
      try rendered(.llava1, system: nil)
        == "<s>USER: <im_start><image><im_end>\nWhat? ASSISTANT: A box</s>USER: Where? ASSISTANT:")
    #expect(
      try rendered(.merlin, system: nil)
        == "<s>USER: <im_start><image><im_end>What? ASSISTANT: A box</s>USER: Where? ASSISTANT:")
  }

  @Test func vicunaAndPlainAreLines() throws {
    #expect(
      try rendered(.vicuna, system: "A chat.")
        == "<s>A chat. USER: <image>\nWhat? ASSISTANT: A box</s>USER: Where? ASSISTANT:")
    #expect(try rendered(.plain, system: nil) == "<s><image>\nWhat?\nA box\nWhere?\n")
  }

  @Test func controlTokensOfATemplateAreNoText() throws {
    for template in ConversationTemplate.all {
      let pieces = [
        template.opening, template.beforeSystem, template.afterSystem, template.beforeQuestion,
        template.afterQuestion, template.beforeAnswer, template.afterAnswer,
      ].flatMap { $0 }
      for case .text(let text) in pieces {
        #expect(!text.contains("<|") && !text.contains("<s>") && !text.contains("</s>"))
      }
    }
  }

  @Test func familiesAreRecognizedByTheirMarks() throws {
    let programs: [(String, ConversationTemplate)] = [
      (
        "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n'"
          + " + m['content'] | trim + '<|eot_id|>' }}{% endfor %}", .llama3
      ),
      ("{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'}}", .chatML),
      (
        "{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' %}"
          + "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}", .llama2
      ),
      ("{{ 'USER: ' + message['content'] + ' ASSISTANT:' }}", .vicuna),
    ]
    for (program, template) in programs {
      #expect(try ConversationTemplate.recognized(in: program) == template)
    }
    let error = #expect(throws: ReferringError.self) {
      try ConversationTemplate.recognized(in: "### Human: {{ message }}### Assistant:")
    }
    #expect(error?.code == .unknownName && error?.remedy.contains("chatspot.json") == true)
    #expect(error?.remedy.contains("llama-3") == true)
  }
}
