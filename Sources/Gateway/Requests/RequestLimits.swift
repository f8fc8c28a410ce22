/// The limits on what one request may ask for. Bytes and pixels are settings of the operator.

enum RequestLimits {
  /// Tokens that an answer may be asked to take; the context ends it earlier.
  static let newTokens = 1_000_000
  /// Answers to one request, prompts times `n`.
  static let choices = 32
  /// Prompts of one text completion.
  static let prompts = 32
  /// Tokens of one prompt that is given as tokens.
  static let promptTokens = 1 << 20
  /// Stop strings.
  static let stops = 16
  /// Bytes of one stop string.
  static let stopBytes = 1024
  /// Alternatives to a token of which the probability is told.
  static let likeliest = 20
  /// Messages of a conversation.
  static let messages = 256
  /// Parts of one message.
  static let parts = 1024
  /// Images of a conversation.
  static let images = 16
  /// Bytes of one text.
  static let textBytes = 1 << 20
  /// Bytes of `user`.
  static let userBytes = 200
}
