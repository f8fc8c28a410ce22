import Messaging
import Testing

@Suite("Address")
struct AddressTests {
  @Test(
    "good addresses are read into one canonical form",
    arguments: [
      ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
      ("127.0.0.1:5555", "tcp://127.0.0.1:5555"),
      ("Worker-3.pods.local:80", "tcp://worker-3.pods.local:80"),
      ("tcp://*:*", "tcp://*:*"),
      ("0.0.0.0:0", "tcp://*:*"),
      ("localhost:0", "tcp://localhost:*"),
      ("[::1]:9", "tcp://[::1]:9"),
      ("tcp://[0:0:0:0:0:0:0:1]:9", "tcp://[::1]:9"),
      ("tcp://[FE80::1%eth0]:65535", "tcp://[fe80::1%eth0]:65535"),
      ("ipc:///run/chatspot.sock", "ipc:///run/chatspot.sock"),
      ("ipc://@name", "ipc://@name"),
      ("ipc://*", "ipc://*"),
      ("inproc://a:b/c", "inproc://a:b/c"),
    ])
  func good(text: String, canonical: String) throws {
    let address = try Address(text)
    #expect(address.description == canonical)
    #expect(try Address(canonical) == address)
  }

  @Test(
    "bad addresses are refused with a remedy",
    arguments: [
      "", "5555", ":5555", "host", "host:", "host:65536", "host:-1", "host:+1", "host:0x1",
      "host:٣",
      "tcp://", "tcp://host", "udp://host:1", "tcp:host:1", "::1:5555", "[::1]", "[::1:5", "::1]:5",
      "[::g]:1", "[127.0.0.1]:1", "[host]:1", "[]:1", "127.1:1", "1:1", "256.0.0.1:1", "01.2.3.4:1",
      "a..b:1", ".a:1", "a b:1", "a/b:1", "host:1\n", "host\0:1", "tcp://a;b:1", "höst:1",
      "[::1%]:1",
      "ipc://", "ipc://@", "inproc://", "ipc:///a b", "ipc://" + String(repeating: "x", count: 108),
      "tcp://" + String(repeating: "a", count: 64) + ":1", String(repeating: "a", count: 600),
      "inproc://" + String(repeating: "x", count: 201), "tcp://tcp://a:1",
    ])
  func bad(text: String) {
    let error = #expect(throws: MessagingError.self) { try Address(text) }
    #expect(error?.code == .invalidAddress)
    #expect(error?.remedy.isEmpty == false)
  }

  @Test(
    "loopback is told from the network",
    arguments: [
      ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("localhost:1", true), ("LOCALHOST:1", true),
      ("[::1]:1", true), ("[::ffff:127.0.0.1]:1", true), ("[::ffff:7f00:1]:1", true),
      ("ipc:///x", true), ("inproc://x", true), ("*:1", false), ("0.0.0.0:1", false),
      ("[::]:1", false), ("10.0.0.1:1", false), ("[::ffff:10.0.0.1]:1", false),
      ("128.0.0.1:1", false),
      ("localhost.evil.example:1", false), ("127.0.0.1.evil.example:1", false),
    ])
  func loopback(text: String, expected: Bool) throws {
    let address = try Address(text)
    #expect(address.isLoopback == expected)
    try address.requireKeys(false, unless: true)
    try address.requireKeys(true, unless: false)
    if expected {
      try address.requireKeys(false, unless: false)
    } else {
      let error = #expect(throws: MessagingError.self) {
        try address.requireKeys(false, unless: false)
      }
      #expect(error?.code == .notLoopback)
      #expect(error?.description.contains("--insecure") == true)
      #expect(error?.description.contains("chatspot keys make") == true)
    }
  }

  @Test("parts are given out and put together")
  func parts() throws {
    let address = try Address(host: "[::1]", port: 0)
    #expect(address.host == "::1" && address.port == nil && address.isWildcard)
    #expect(try Address(host: "node", port: 7) == Address("node:7"))
    #expect(try !Address("node:7").isWildcard && Address("[::]:7").isWildcard)
    #expect(throws: MessagingError.self) { try Address(host: "a:b", port: 7) }
    #expect(PeerIdentity("w-1").description == "w-1")
    #expect(PeerIdentity([0, 0xab]).description == "0x00ab")
  }
}
