/// Rules of images, steps, queries and answers, each broken once.

import Wire

extension BrokenRule {
  static let images: [BrokenRule] = [
    BrokenRule("EncodeImage.epoch is 0", Whole.encodeImage, Message.encodeImage) { $0.epoch = 0 },
    BrokenRule("EncodeImage.image is 0", Whole.encodeImage, Message.encodeImage) { $0.image = 0 },
    BrokenRule("EncodeImage.file_digest is 1 b", Whole.encodeImage, Message.encodeImage) {
      $0.fileDigest = [1]
    },
    BrokenRule("EncodeImage.file is 0", Whole.encodeImage, Message.encodeImage) { $0.file = [] },
    BrokenRule("EncodeImage.file is 67108865", Whole.encodeImage, Message.encodeImage) {
      $0.file = [UInt8](repeating: 0, count: 64 << 20 + 1)
    },
    BrokenRule("ImageGeometry.original_width is 0", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.originalWidth = 0
    },
    BrokenRule("ImageGeometry.original_height is 65536", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.originalHeight = 65536
    },
    BrokenRule("ImageGeometry.side is 0", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.side = 0
    },
    BrokenRule("ImageGeometry.shortest_edge is 128", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.shortestEdge = 128
    },
    BrokenRule("ImageFeatures.features has the shape [6]", Whole.features, Message.imageFeatures) {
      $0.features.shape = [6]
    },
    BrokenRule("ImageFeatures.decode_seconds is inf", Whole.features, Message.imageFeatures) {
      $0.decodeSeconds = .infinity
    },
    BrokenRule("Tensor.data is 11 bytes", Whole.features, Message.imageFeatures) {
      $0.features.data.removeLast()
    },
    BrokenRule("Tensor.data is 12 bytes", Whole.features, Message.imageFeatures) {
      $0.features.type = .f32
    },
    BrokenRule("Tensor.shape is 0", Whole.features, Message.imageFeatures) {
      $0.features.shape = []
    },
    BrokenRule("Tensor.shape is 5", Whole.features, Message.imageFeatures) {
      $0.features.shape = [1, 1, 1, 1, 1]
    },
    BrokenRule("Tensor.shape is 0", Whole.features, Message.imageFeatures) {
      $0.features.shape = [0, 6]
    },
    BrokenRule("Tensor.shape is 4503599627370496", Whole.features, Message.imageFeatures) {
      $0.features.shape = [1 << 26, 1 << 26, 1 << 26, 1]
    },
    BrokenRule("FeaturesReady.rows is 0", Whole.ready, Message.featuresReady) { $0.rows = 0 },
    BrokenRule(
      "ReleaseFeatures.images is 0", ReleaseFeatures(epoch: 1, images: []), Message.releaseFeatures
    ) { _ in },
    BrokenRule(
      "ReleaseFeatures.images is 0", ReleaseFeatures(epoch: 1, images: [4, 0]),
      Message.releaseFeatures
    ) { _ in },
  ]

  static let steps: [BrokenRule] = [
    BrokenRule("Span.likeliest is 21", Whole.step, Message.step) {
      $0.spans[0].logProbabilities = 21
    },
    BrokenRule("TokenCount.count is 0", Whole.step, Message.step) {
      $0.spans[0].generated = [WireTokenCount(tokenID: 3, count: 0)]
    },
    BrokenRule("Span.generated name 3 twice", Whole.step, Message.step) {
      $0.spans[0].generated = [
        WireTokenCount(tokenID: 3, count: 1), WireTokenCount(tokenID: 3, count: 2),
      ]
    },
    BrokenRule("SampledToken.likeliest is 21", Whole.tokens, Message.tokens) {
      $0.tokens[0].likeliest = Array(
        repeating: TokenLikelihood(id: 1, logProbability: 0), count: 21)
    },
    BrokenRule("Step.epoch is 0", Whole.step, Message.step) { $0.epoch = 0 },
    BrokenRule("Step.number is 0", Whole.step, Message.step) { $0.number = 0 },
    BrokenRule("Step.spans is 0", Whole.step, Message.step) { $0.spans = [] },
    BrokenRule("Step.spans is 1025", Whole.step, Message.step) {
      $0.spans = Array(repeating: Whole.span, count: 1025)
    },
    BrokenRule("Step.spans name 1 twice", Whole.step, Message.step) { $0.spans += [Whole.span] },
    BrokenRule("Step.spans lack token_ids", Whole.step, Message.step) { $0.spans[0].tokenIDs = [] },
    BrokenRule("Step.spans hold token_ids", Whole.step, Message.step) {
      $0.activations = Whole.tensor
    },
    BrokenRule("Step.spans hold token_ids or splices", Whole.later, Message.step) {
      $0.spans[0].splices = Whole.span.splices
    },
    BrokenRule("Step.activations has the shape [3, 2]", Whole.later, Message.step) {
      $0.activations?.shape = [3, 2]
    },
    BrokenRule("Step.spans is 65537", Whole.later, Message.step) {
      $0.spans[0].tokenCount = 65536
      $0.spans.append(WireSpan(sequence: 2, firstPosition: 0, tokenCount: 1, kvBlocks: [0]))
    },
    BrokenRule("Step.spans is 1114112", Whole.later, Message.step) {
      $0.spans = (0..<17).map {
        WireSpan(
          sequence: $0, firstPosition: 0, tokenCount: 1,
          kvBlocks: Array(repeating: 0, count: 65536))
      }
    },
    BrokenRule("Step.spans sample in a step", Whole.step, Message.step) { $0.purpose = .resend },
    BrokenRule("Step.spans hold token_ids", Whole.step, Message.step) {
      $0.spans[0].sampling = nil
      $0.purpose = .resend
    },
    BrokenRule("Step.activations are missing", Whole.step, Message.step) {
      $0.spans[0].sampling = nil
      $0.purpose = .rebuild
    },
    BrokenRule("Step.activations are given", Whole.later, Message.step) {
      for index in $0.spans.indices { $0.spans[index].sampling = nil }
      $0.purpose = .resend
    },
    BrokenRule("Step.timings is 1025", Whole.step, Message.step) {
      $0.timings = Array(repeating: StageTiming(stage: 0), count: 1025)
    },
    BrokenRule("StageTiming.wait_seconds is -inf", Whole.tokens, Message.tokens) {
      $0.timings[0].waitSeconds = -.infinity
    },
    BrokenRule("Span.token_count is 0", Whole.step, Message.step) { $0.spans[0].tokenCount = 0 },
    BrokenRule("Span.token_ids holds 2 tokens", Whole.step, Message.step) {
      $0.spans[0].tokenCount = 3
    },
    BrokenRule("Span.token_ids holds a negative", Whole.step, Message.step) {
      $0.spans[0].tokenIDs[1] = -1
    },
    BrokenRule("Span.first_position is 4294967296", Whole.step, Message.step) {
      $0.spans[0].firstPosition = 1 << 32
    },
    BrokenRule("Span.kv_blocks is 0", Whole.step, Message.step) { $0.spans[0].kvBlocks = [] },
    BrokenRule("Span.kv_blocks is -1", Whole.step, Message.step) { $0.spans[0].kvBlocks = [-1] },
    BrokenRule("Span.splices end at token 3 of 2", Whole.step, Message.step) {
      $0.spans[0].splices[0].rowCount = 3
    },
    BrokenRule("Span.splices start at token 0, before 1", Whole.step, Message.step) {
      $0.spans[0].splices += Whole.span.splices
    },
    BrokenRule("Span.splices is 65", Whole.step, Message.step) {
      $0.spans[0].splices = Array(repeating: Splice(image: 1, rowCount: 1), count: 65)
    },
    BrokenRule("Splice.image is 0", Whole.step, Message.step) { $0.spans[0].splices[0].image = 0 },
    BrokenRule("Splice.row_count is 0", Whole.step, Message.step) {
      $0.spans[0].splices[0].rowCount = 0
    },
    BrokenRule("Sampling.temperature is nan", Whole.step, Message.step) {
      $0.spans[0].sampling?.temperature = .nan
    },
    BrokenRule("Sampling.temperature is 100.5", Whole.step, Message.step) {
      $0.spans[0].sampling?.temperature = 100.5
    },
    BrokenRule("Sampling.top_p is 0", Whole.step, Message.step) { $0.spans[0].sampling?.topP = 0 },
    BrokenRule("Sampling.top_p is 1.5", Whole.step, Message.step) {
      $0.spans[0].sampling?.topP = 1.5
    },
    BrokenRule("Sampling.top_k is -1", Whole.step, Message.step) {
      $0.spans[0].sampling?.topK = -1
    },
    BrokenRule("Tokens.number is 0", Whole.tokens, Message.tokens) { $0.number = 0 },
    BrokenRule("Tokens.tokens name 1 twice", Whole.tokens, Message.tokens) {
      $0.tokens += Whole.tokens.tokens
    },
    BrokenRule("SampledToken.token_id is -1", Whole.tokens, Message.tokens) {
      $0.tokens[0].tokenID = -1
    },
    BrokenRule("SampledToken.log_probability is nan", Whole.tokens, Message.tokens) {
      $0.tokens[0].logProbability = .nan
    },
  ]

  static let queries: [BrokenRule] = [
    BrokenRule("ReferringQuery.prompt is given beside", Whole.query, Message.referringQuery) {
      $0.prompt = .text("a")
    },
    BrokenRule("RawPrompt.token_ids is 0, less than 1", Whole.raw, Message.referringQuery) {
      $0.prompt = .tokens([])
    },
    BrokenRule("RawPrompt.token_ids holds a negative", Whole.raw, Message.referringQuery) {
      $0.prompt = .tokens([1, -1])
    },
    BrokenRule("ReferringQuery.stop is 17", Whole.query, Message.referringQuery) {
      $0.stop = Array(repeating: "a", count: 17)
    },
    BrokenRule("ReferringQuery.stop holds an empty text", Whole.query, Message.referringQuery) {
      $0.stop = ["a", ""]
    },
    BrokenRule("ReferringQuery.stop is 1025 bytes", Whole.query, Message.referringQuery) {
      $0.stop = [String(repeating: "a", count: 1025)]
    },
    BrokenRule("ReferringQuery.min_tokens is -1", Whole.query, Message.referringQuery) {
      $0.minTokens = -1
    },
    BrokenRule("ReferringQuery.likeliest is 21", Whole.query, Message.referringQuery) {
      $0.logProbabilities = 21
    },
    BrokenRule("ReferringQuery.user is 257 bytes", Whole.query, Message.referringQuery) {
      $0.user = String(repeating: "u", count: 257)
    },
    BrokenRule("Sampling.presence_penalty is 2.5", Whole.query, Message.referringQuery) {
      $0.sampling.presencePenalty = 2.5
    },
    BrokenRule("Sampling.frequency_penalty is nan", Whole.query, Message.referringQuery) {
      $0.sampling.frequencyPenalty = .nan
    },
    BrokenRule("ReferringQuery.images is 17", Whole.query, Message.referringQuery) {
      $0.images = Array(repeating: [1], count: 17)
    },
    BrokenRule("ReferringQuery.images is 0", Whole.query, Message.referringQuery) {
      $0.images = [[]]
    },
    BrokenRule("ReferringQuery.turns is 0", Whole.query, Message.referringQuery) { $0.turns = [] },
    BrokenRule("ReferringQuery.turns is 257", Whole.query, Message.referringQuery) {
      $0.turns = Array(repeating: Whole.turn, count: 257)
    },
    BrokenRule("ReferringQuery.turns refer to image 0 of 0", Whole.query, Message.referringQuery) {
      $0.images = []
    },
    BrokenRule("ReferringQuery.turns refer to image 3 of 1", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].image = 3
    },
    BrokenRule("ReferringQuery.turns name 0 twice", Whole.query, Message.referringQuery) {
      $0.turns[0].images = [0, 0]
    },
    BrokenRule("ReferringQuery.turns do not begin", Whole.query, Message.referringQuery) {
      $0.turns.append(WireTurn(speaker: .assistant, text: "yes"))
    },
    BrokenRule("ReferringQuery.new_tokens_max is -1", Whole.query, Message.referringQuery) {
      $0.newTokensMax = -1
    },
    BrokenRule("Turn.regions stand in", Whole.query, Message.referringQuery) {
      $0.turns[0].speaker = .assistant
    },
    BrokenRule("Turn.regions is 257", Whole.query, Message.referringQuery) {
      $0.turns[0].regions = Array(repeating: Whole.region, count: 257)
    },
    BrokenRule("Turn.text contains a zero", Whole.query, Message.referringQuery) {
      $0.turns[0].text = "\0"
    },
    BrokenRule("Region.coordinates holds 3 numbers for a box", Whole.query, Message.referringQuery)
    {
      $0.turns[0].regions[0].coordinates.removeLast()
    },
    BrokenRule(
      "Region.coordinates holds 4 numbers for a point", Whole.query, Message.referringQuery
    ) {
      $0.turns[0].regions[0].kind = .point
    },
    BrokenRule("Region.coordinates holds 7 numbers", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].kind = .polygon
      $0.turns[0].regions[0].coordinates = [1, 2, 3, 4, 5, 6, 7]
    },
    BrokenRule("Region.coordinates is 514", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].kind = .polygon
      $0.turns[0].regions[0].coordinates = Array(repeating: 1, count: 514)
    },
    BrokenRule("Region.coordinates is nan", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].coordinates[2] = .nan
    },
    BrokenRule("Region.name is 129 bytes", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].name = long
    },
  ]

  static let answers: [BrokenRule] = [
    BrokenRule("AnswerToken.log_probability is -inf", Whole.text, Message.answerText) {
      $0.tokens[0].logProbability = -.infinity
    },
    BrokenRule("TokenLikelihood.token_id is -1", Whole.text, Message.answerText) {
      $0.tokens[0].likeliest[0].id = -1
    },
    BrokenRule("Answer.queued_seconds is -1.0", Whole.answer, Message.answer) {
      $0.queuedSeconds = -1
    },
    BrokenRule("AnswerText.text contains", AnswerText(query: 1, text: "\0"), Message.answerText) {
      _ in
    },
    BrokenRule("Answer.image_tokens is 3", Whole.answer, Message.answer) { $0.imageTokens = 3 },
    BrokenRule("Answer.total_seconds is nan", Whole.answer, Message.answer) {
      $0.totalSeconds = .nan
    },
    BrokenRule("AnswerRegion.region is not in pixels", Whole.answer, Message.answer) {
      $0.regions[0].region.frame = .normalized
    },
    BrokenRule("ProcessReport.layer_count is 4097", Whole.answer, Message.answer) {
      $0.processes[0].layerCount = 4097
    },
    BrokenRule("ProcessReport.name is 129", Whole.answer, Message.answer) {
      $0.processes[0].name = long
    },
  ]
}
