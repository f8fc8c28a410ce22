internal import Foundation
internal import HTTPTypes
internal import Imaging
internal import Requests
internal import Wire

private let limits = ImageLimits(pixelsMax: 1 << 16, sideMax: 1 << 13)

/// The body of a request, as those of the API's endpoints would read it whose fields it has: what is
/// refused is an error of the client's that can be told, and what is taken can be sent to the
/// coordinator.
func tryHTTPBody(_ bytes: [UInt8]) {
  let body = Data(bytes)
  func has(_ name: String) -> Bool { body.range(of: Data(name.utf8)) != nil }
  if has("\"prompt\"") {
    attempt { try complete(body) }
    attempt { _ = try RequestJSON.decode(TokenizeRequest.self, from: body) }
  } else if has("\"tokens\"") {
    attempt { _ = try RequestJSON.decode(DetokenizeRequest.self, from: body) }
  } else {
    attempt { try chat(body) }
  }
}

private func chat(_ body: Data) throws {
  let request = try RequestJSON.decode(ChatCompletionRequest.self, from: body)
  let images = try ImageReference.all(in: request.messages).map {
    guard DataURI.isOne($0.url) else { throw $0.path.error("is an address") }
    return try LoadedImage(file: DataURI($0.url, at: $0.path).bytes, limits: limits, at: $0.path)
  }
  let conversation = try Conversation(request.messages, images: images)
  var query = query(request.answer, request.sampling, likeliest: request.likeliest)
  query.images = conversation.images
  query.system = conversation.system
  query.turns = conversation.turns
  send(query)
}

private func complete(_ body: Data) throws {
  let request = try RequestJSON.decode(CompletionRequest.self, from: body)
  for prompt in request.prompts.prompts {
    var query = query(request.answer, request.sampling, likeliest: request.likeliest)
    query.prompt = prompt
    send(query)
  }
}

private func query(
  _ answer: AnswerFields, _ sampling: SamplingFields, likeliest: Int?
) -> ReferringQueryMessage {
  ReferringQueryMessage(
    query: 1, sampling: sampling.wire(choice: answer.choices - 1, seed: sampling.drawnSeed()),
    newTokensMax: answer.newTokensMax ?? 0, stop: answer.stop.strings,
    minTokens: sampling.minTokens, ignoreEnd: sampling.ignoreEnd, logProbabilities: likeliest,
    user: answer.user)
}

private func attempt(_ body: () throws -> Void) {
  do {
    try body()
  } catch let error as APIError {
    let told = try? JSONDecoder().decode([String: [String: String?]].self, from: error.json)
    require(
      error.status == .badRequest && told?["error"]?["message"] == error.message,
      "\(error) is no error of the client's that can be told")
  } catch {
    require(false, "\(error) names nothing that is wrong with the request")
  }
}

private func send(_ query: ReferringQueryMessage) {
  let message = Message.referringQuery(query)
  do throws(WireFault) {
    let again = try decode(try encode(message))
    require(again == message, "\(message) comes back as \(again)")
  } catch {
    require(false, "\(message) was taken and does not go out: \(error)")
  }
}
