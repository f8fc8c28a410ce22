/// The limits on what one request may ask for. Bytes and pixels are settings of the operator.

package enum RequestLimits {
  /// Tokens that an answer may be asked to take; the context ends it earlier.
  package static let newTokens = 1_000_000
  /// Answers to one request, prompts times `n`.
  package static let choices = 32
  /// Prompts of one text completion.
  package static let prompts = 32
  /// Tokens of one prompt that is given as tokens.
  package static let promptTokens = 1 << 20
  /// Stop strings.
  package static let stops = 16
  /// Bytes of one stop string.
  package static let stopBytes = 1024
  /// Alternatives to a token of which the probability is told.
  package static let likeliest = 20
  /// Messages of a conversation.
  package static let messages = 256
  /// Parts of one message.
  package static let parts = 1024
  /// Images of a conversation.
  package static let images = 16
  /// Bytes of one text.
  package static let textBytes = 1 << 20
  /// Bytes of `user`.
  package static let userBytes = 200
}
