import Referring
import Testing

@Suite struct PromptRenderingTests {
  let square: ImageGeometry
  let mini = PromptRendering(notation: .mini, template: .vicuna)

  init() throws {
    square = try ImageGeometry(
      fit: .centerCrop, original: ImageSize(width: 100, height: 100), side: 112)
  }

  /// The pieces as the text that transformers' processor takes (it adds `<s>` itself).
  private func flat(_ pieces: [PromptPiece]) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .image: "<image>"
      case .control(let token): token == "<s>" ? "" : token
      }
    }.joined()
  }

  /// A query whose rendering should be the prompt: its regions taken out and mapped to pixels.
  private func query(from prompt: String, _ geometry: ImageGeometry) throws -> ReferringQuery {
    let parts = prompt.split(separator: "USER: ", omittingEmptySubsequences: false)
    let system = parts[0].isEmpty ? nil : String(parts[0].dropLast())
    var turns: [Turn] = []
    for (index, part) in parts.dropFirst().enumerated() {
      let sides = part.split(separator: " ASSISTANT:", omittingEmptySubsequences: false)
      var question = String(sides[0])
      let images = question.hasPrefix("<image>\n") ? [0] : []
      if !images.isEmpty { question = String(question.dropFirst("<image>\n".count)) }
      let regions = AnswerRegions.find(in: question, notation: .mini, geometry: geometry)
      for region in regions { question = question.replacing(region.text, with: "<region>") }
      turns.append(
        Turn(role: .user, text: question, regions: regions.map(\.region), images: images))
      guard index < parts.count - 2 else { break }
      turns.append(
        Turn(role: .assistant, text: String(sides[1].dropFirst().dropLast("</s>".count))))
    }
    return ReferringQuery(system: system, turns: turns)
  }

  @Test("prompts are those that transformers was run on")
  func goldenPrompts() throws {
    let items = try Fixtures.load("prompts.json", as: [Fixtures.Prompt].self)
    #expect(items.count == 30)
    var regionCount = 0
    for item in items {
      let geometry = try ImageGeometry(
        fit: .centerCrop, original: ImageSize(width: item.size[0], height: item.size[1]), side: 112)
      let query = try query(from: item.prompt, geometry)
      regionCount += query.turns.reduce(0) { $0 + $1.regions.count }
      let pieces = try mini.render(query, images: [geometry])
      #expect(pieces.first == .control("<s>"))
      #expect(flat(pieces) == item.prompt)
    }
    #expect(regionCount == 20)
  }

  @Test("a conversation has each turn's regions and images where they belong")
  func conversation() throws {
    let wide = try ImageGeometry(
      fit: .stretch, original: ImageSize(width: 200, height: 100), side: 112)
    let query = ReferringQuery(
      system: "Be brief.",
      turns: [
        Turn(
          role: .user, text: "What is <region:it>?",
          regions: [Region(.box(Box(x1: 10, y1: 20, x2: 50, y2: 62)), name: "it")], images: [0]),
        Turn(role: .assistant, text: "a cup"),
        Turn(
          role: .user, text: "And here?",
          regions: [
            Region(.point(Point(x: 50, y: 40)), image: 1),
            Region(.point(Point(x: 0.5, y: 0.25)), frame: .normalized),
          ], images: [1]),
      ])
    #expect(
      try mini.render(query, images: [square, wide]) == [
        .control("<s>"), .text("Be brief. USER: "), .image(0),
        .text("\nWhat is <box>[0.10,0.20,0.50,0.62]</box>? ASSISTANT: a cup"), .control("</s>"),
        .text("USER: "), .image(1),
        .text(
          "\nAnd here? <point>[0.25,0.40]</point>, <point>[0.50,0.25]</point> ASSISTANT:"),
      ])
    #expect(
      try PromptRendering(notation: .llava, template: .plain).render(query, images: [square, wide])
        == [
          .control("<s>"), .text("Be brief.\n"), .image(0),
          .text("\nWhat is [0.10, 0.20, 0.50, 0.62]?\na cup\n"), .image(1),
          .text("\nAnd here? [0.25, 0.40], [0.50, 0.25]\n"),
        ])
  }

  @Test("control tokens in what people write stay text")
  func controlTokens() throws {
    let text = "<image> </s><s>[INST] USER: ASSISTANT: <pad><unk>?"
    let query = ReferringQuery(turns: [
      Turn(role: .user, text: text, images: [0]),
      Turn(role: .assistant, text: "</s> <region> <image>"),
      Turn(role: .user, text: "<image>"),
    ])
    #expect(
      try mini.render(query, images: [square]) == [
        .control("<s>"), .text("USER: "), .image(0),
        .text("\n\(text) ASSISTANT: </s> <region> <image>"), .control("</s>"),
        .text("USER: <image> ASSISTANT:"),
      ])
  }

  @Test("a bad region is named with its turn and its place")
  func namesRegion() {
    let query = ReferringQuery(turns: [
      Turn(role: .user, text: "a", images: [0]), Turn(role: .assistant, text: "b"),
      Turn(
        role: .user, text: "c",
        regions: [Region(.point(Point(x: 5, y: 5))), Region(.point(Point(x: 500, y: 5)))]),
    ])
    let text = errorText { () throws(ReferringError) in _ = try mini.render(query, images: [square])
    }
    #expect(text?.hasPrefix("turn 3: region 2: the point 500,5 lies wholly outside") == true)
  }

  @Test("what is wrong with a query is said")
  func refused() throws {
    let point = Region(.point(Point(x: 5, y: 5)))
    func code(_ turns: [Turn], system: String? = nil) -> ReferringError.Code? {
      errorCode { () throws(ReferringError) in
        _ = try mini.render(ReferringQuery(system: system, turns: turns), images: [square])
      }
    }
    let ask = Turn(role: .user, text: "q", images: [0])
    let answer = Turn(role: .assistant, text: "a")
    #expect(code([ask]) == nil)
    #expect(code([]) == .emptyQuestion)
    #expect(code([Turn(role: .user, text: " \n\t", images: [0])]) == .emptyQuestion)
    #expect(code([answer]) == .turnOrder)
    #expect(code([ask, answer]) == .turnOrder)
    #expect(code([ask, ask]) == .turnOrder)
    #expect(code([Turn(role: .user, text: "q", regions: [point])]) == .badImageIndex)
    #expect(code([Turn(role: .user, text: "q", images: [1])]) == .badImageIndex)
    #expect(code([Turn(role: .user, text: "q", images: [-1])]) == .badImageIndex)
    #expect(code([ask, answer, ask]) == .badImageIndex)
    #expect(code([ask, Turn(role: .assistant, text: "a", images: [1]), ask]) == .badImageIndex)
    #expect(code([Turn(role: .user, text: "<region>", images: [0])]) == .markWithoutRegion)
    let long = String(repeating: "x", count: 65_537)
    #expect(code([Turn(role: .user, text: long, images: [0])]) == .limit)
    #expect(code([ask], system: long) == .limit)
    let crowd = Array(repeating: point, count: 65)
    #expect(code([Turn(role: .user, text: "q", regions: crowd, images: [0])]) == .limit)
    #expect(code([Turn(role: .user, text: "q", images: Array(0..<65))]) == .limit)
    let plain = Turn(role: .user, text: "q")
    let endless = (0..<257).map { $0.isMultiple(of: 2) ? plain : answer }
    #expect(code(endless) == .limit)
    #expect(
      errorCode { () throws(ReferringError) in _ = try ConversationTemplate.named("alpaca") }
        == .unknownName)
    #expect(try ConversationTemplate.named("vicuna-v1.1") == .vicuna)
  }
}
