/// Text completions, tokens and models.

import Coordinator
import HTTPTypes
import Testing
import Wire

@testable import Gateway

@Suite("text completions, tokens and models", .timeLimit(.minutes(5)))
struct CompletionTests {
  @Test("each prompt is asked n times, as it is, and answers stand in order")
  func prompts() async throws {
    let cluster = FakeCluster { query, continuation in
      let text = query.prompt == .text("one") ? " 1" : " 2"
      continuation.yield(.text(text, []))
      continuation.yield(.answer(FakeCluster.answer(text)))
      continuation.finish()
    }
    let answer = try await APIClient(cluster).post(
      "/v1/completions", #"{"prompt": ["one", "two"], "n": 2, "echo": true}"#)
    let object = try answer.object
    #expect(object["object"] as? String == "text_completion")
    let choices = try #require(object["choices"] as? [[String: Any]])
    #expect(choices.map { $0["text"] as? String } == ["one 1", "one 1", "two 2", "two 2"])
    #expect((object["usage"] as? [String: Any])?["prompt_tokens"] as? Int == 160)
    #expect(
      cluster.asked.map(\.prompt) == [.text("one"), .text("one"), .text("two"), .text("two")])
    #expect(cluster.asked.allSatisfy { $0.newTokensMax == 16 && $0.turns.isEmpty })
    #expect(Set(cluster.asked.map(\.sampling.seed)).count == 4)
  }

  @Test(
    "prompts may be tokens",
    arguments: [
      ("[1, 2]", [.tokens([1, 2])]), ("[[1], [2, 3]]", [.tokens([1]), .tokens([2, 3])]),
      ("\"x\"", [.text("x")]),
    ] as [(String, [RawPrompt])])
  func tokens(json: String, prompts: [RawPrompt]) async throws {
    let cluster = FakeCluster("x")
    #expect(
      try await APIClient(cluster).post("/v1/completions", "{\"prompt\": \(json)}").status == 200)
    #expect(cluster.asked.map(\.prompt) == prompts)
  }

  @Test("a stream begins with the echo and ends with a reason")
  func stream() async throws {
    let answer = try await APIClient(FakeCluster(" is", " red")).post(
      "/v1/completions",
      #"{"prompt": [97, 98], "echo": true, "stream": true, "stream_options": {"include_usage": true}}"#
    )
    let events = try answer.events()
    let choices = events.compactMap { ($0["choices"] as? [[String: Any]])?.first }
    #expect(choices.compactMap { $0["text"] as? String }.joined() == "ab is red")
    #expect(choices.last?["finish_reason"] as? String == "stop")
    #expect((events.last?["usage"] as? [String: Any])?["completion_tokens"] as? Int == 5)
  }

  @Test("log-probabilities are lists side by side, with offsets in characters")
  func logProbabilities() async throws {
    let cluster = FakeCluster { _, continuation in
      for (text, value) in [("é", -0.5), (" red", -1)] as [(String, Float)] {
        let bytes = Array(text.utf8)
        let likeliest = TokenLikelihood(id: 1, bytes: bytes, logProbability: value)
        continuation.yield(
          .text(
            text,
            [AnswerToken(id: 1, bytes: bytes, logProbability: value, likeliest: [likeliest])]))
      }
      continuation.yield(.answer(FakeCluster.answer("é red")))
      continuation.finish()
    }
    let client = try APIClient(cluster)
    let object = try await client.post("/v1/completions", #"{"prompt": "a", "logprobs": 1}"#).object
    let choice = try #require((object["choices"] as? [[String: Any]])?.first)
    let told = try #require(choice["logprobs"] as? [String: Any])
    #expect(told["tokens"] as? [String] == ["é", " red"])
    #expect(told["token_logprobs"] as? [Double] == [-0.5, -1])
    #expect(told["top_logprobs"] as? [[String: Double]] == [["é": -0.5], [" red": -1]])
    #expect(told["text_offset"] as? [Int] == [0, 1])
    let events = try await client.post(
      "/v1/completions", #"{"prompt": "a", "logprobs": 1, "stream": true}"#
    ).events()
    let offsets = events.flatMap { event in
      (event["choices"] as? [[String: Any]] ?? []).flatMap {
        ($0["logprobs"] as? [String: Any])?["text_offset"] as? [Int] ?? []
      }
    }
    #expect(offsets == [0, 1])
  }

  @Test("text becomes tokens and tokens text")
  func tokenize() async throws {
    let client = try APIClient(FakeCluster("x"))
    let tokens = try await client.post("/tokenize", #"{"prompt": "ab"}"#).object
    #expect(tokens["tokens"] as? [Int] == [1, 97, 98] && tokens["count"] as? Int == 3)
    #expect(tokens["max_model_len"] as? Int == 2048)
    let bare = try await client.post(
      "/tokenize", #"{"prompt": "ab", "add_special_tokens": false}"#
    ).object
    #expect(bare["tokens"] as? [Int] == [97, 98])
    let text = try await client.post("/detokenize", #"{"tokens": [97, 98]}"#).object
    #expect(text["prompt"] as? String == "ab")
    let bad = try await client.post("/detokenize", #"{"tokens": [-1]}"#)
    #expect(bad.status == 400)
  }

  @Test("models are listed and named")
  func models() async throws {
    let client = try APIClient(FakeCluster("x"))
    let list = try await client.send(.get, "/v1/models").object
    let model = try #require((list["data"] as? [[String: Any]])?.first)
    #expect(model["id"] as? String == "mini" && model["max_model_len"] as? Int == 2048)
    #expect(try await client.send(.get, "/v1/models/mini").object["id"] as? String == "mini")
    #expect(try await client.send(.get, "/v1/models/other").status == 404)
  }
}
