/// Messages that ZeroMQ does not take yet, in order for each peer, bounded in count and bytes.
///
/// A peer that is slow holds up its own messages only. Sockets other than routers have a single
/// queue, under `nil`.
struct Outbox {
  /// The most messages and bytes that wait.
  let messageLimit: Int
  let byteLimit: Int
  private(set) var messageCount = 0
  private(set) var byteCount = 0
  private var queues: [PeerIdentity?: Queue] = [:]

  init(messageLimit: Int, byteLimit: Int) {
    self.messageLimit = messageLimit
    self.byteLimit = byteLimit
  }

  var isEmpty: Bool { messageCount == 0 }

  /// The peers for whom messages wait, in no particular order.
  var peers: [PeerIdentity?] { Array(queues.keys) }

  func hasMessages(for peer: PeerIdentity?) -> Bool { queues[peer] != nil }

  /// Adds a message behind the peer's others. `false` if it does not fit. An empty outbox takes any
  /// one message, so that no size can be stuck for ever.
  mutating func append(_ message: [UInt8], for peer: PeerIdentity?) -> Bool {
    let fits = messageCount < messageLimit && message.count <= byteLimit - byteCount
    guard isEmpty || fits else { return false }
    queues[peer, default: Queue()].append(message)
    messageCount += 1
    byteCount += message.count
    return true
  }

  /// The peer's oldest message.
  func first(for peer: PeerIdentity?) -> [UInt8]? { queues[peer]?.first }

  /// Removes the peer's oldest message.
  mutating func removeFirst(for peer: PeerIdentity?) {
    guard let message = queues[peer]?.removeFirst() else { return }
    messageCount -= 1
    byteCount -= message.count
    if queues[peer]?.count == 0 { queues[peer] = nil }
  }

  /// Removes all messages for a peer and says how many there were.
  mutating func removeAll(for peer: PeerIdentity?) -> Int {
    guard let queue = queues.removeValue(forKey: peer) else { return 0 }
    messageCount -= queue.count
    byteCount -= queue.byteCount
    return queue.count
  }

  /// A first-in-first-out queue whose removal does not move the rest each time.
  private struct Queue {
    private var messages: [[UInt8]] = []
    private var head = 0
    private(set) var byteCount = 0

    var count: Int { messages.count - head }
    var first: [UInt8]? { head < messages.count ? messages[head] : nil }

    mutating func append(_ message: [UInt8]) {
      messages.append(message)
      byteCount += message.count
    }

    mutating func removeFirst() -> [UInt8]? {
      guard head < messages.count else { return nil }
      let message = messages[head]
      messages[head] = []
      head += 1
      byteCount -= message.count
      if head * 2 >= messages.count {
        messages.removeFirst(head)
        head = 0
      }
      return message
    }
  }
}
