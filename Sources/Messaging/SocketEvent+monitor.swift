import CZeroMQ

/// Reading the frames of ZeroMQ's socket monitor (version 1 of their format).
extension SocketEvent {
  /// The event of a monitor message; `nil` for the ones that tell the user nothing.
  ///
  /// - Parameters:
  ///   - header: six bytes in the machine's byte order: event (16 bits), value (32 bits).
  ///   - endpoint: the second frame.
  init?(header: [UInt8], endpoint: String) {
    guard header.count == 6 else { return nil }
    let code = header.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }
    let value = header.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 2, as: Int32.self) }
    switch Int32(code) {
    case ZMQ_EVENT_LISTENING: self = .listening(endpoint: endpoint)
    case ZMQ_EVENT_BIND_FAILED:
      self = .bindFailed(endpoint: endpoint, reason: MessagingError.reason(value))
    case ZMQ_EVENT_ACCEPTED: self = .accepted(endpoint: endpoint)
    case ZMQ_EVENT_ACCEPT_FAILED:
      self = .acceptFailed(endpoint: endpoint, reason: MessagingError.reason(value))
    case ZMQ_EVENT_CONNECTED: self = .connected(endpoint: endpoint)
    case ZMQ_EVENT_CONNECT_RETRIED:
      self = .retrying(endpoint: endpoint, afterMilliseconds: Int(value))
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .handshakeSucceeded(endpoint: endpoint)
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      self = .handshakeFailed(endpoint: endpoint, reason: MessagingError.reason(value))
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      self = .handshakeFailed(endpoint: endpoint, reason: Self.protocolReason(value))
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH where value == 400:
      self = .keyRefused(endpoint: endpoint)
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH where value == 300:
      self = .handshakeFailed(endpoint: endpoint, reason: Self.keyNotAllowedYet)
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      self = .handshakeFailed(endpoint: endpoint, reason: "refused with status \(value)")
    case ZMQ_EVENT_DISCONNECTED: self = .disconnected(endpoint: endpoint)
    case ZMQ_EVENT_CLOSED: self = .closed(endpoint: endpoint)
    default: return nil
    }
  }

  /// The descriptor in the header of an event that tells of one coming or going.
  func descriptor(header: [UInt8]) -> Int32? {
    switch self {
    case .listening, .accepted, .closed:
      header.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 2, as: Int32.self) }
    default: nil
    }
  }

  /// Why a handshake fails where one side has keys and the other has none.
  static let otherMechanism = "the two sides use different security mechanisms"

  /// Why a listening socket refuses a handshake where its allow-list may still learn of the key.
  public static let keyNotAllowedYet = "the key is not on the allow-list"

  private static func protocolReason(_ value: Int32) -> String {
    switch value {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      return otherMechanism
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
      return "the keys do not match"
    case ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE:
      return "the peer's socket kind does not fit"
    default:
      return "protocol error 0x" + String(UInt32(bitPattern: value), radix: 16)
    }
  }
}
