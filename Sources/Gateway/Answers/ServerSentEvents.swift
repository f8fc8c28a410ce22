/// `text/event-stream`: one event per chunk of an answer.

internal import Foundation
internal import NIOCore

/// Writes server-sent events as OpenAI's clients read them.
enum ServerSentEvents {
  static let end = ByteBuffer(string: "data: [DONE]\n\n")

  static func write(_ json: Data, to buffer: inout ByteBuffer) {
    buffer.writeStaticString("data: ")
    buffer.writeBytes(json)
    buffer.writeStaticString("\n\n")
  }
}

extension ByteBuffer {
  /// Writes a JSON string, quotes included. RFC 8259.
  mutating func writeJSONString(_ text: String) {
    writeInteger(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      for (index, byte) in bytes.enumerated() {
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
          continue
        }
        writeBytes(bytes[start..<index])
        start = index + 1
        switch byte {
        case UInt8(ascii: "\n"): writeStaticString("\\n")
        case UInt8(ascii: "\t"): writeStaticString("\\t")
        case UInt8(ascii: "\r"): writeStaticString("\\r")
        case UInt8(ascii: "\""): writeStaticString("\\\"")
        case UInt8(ascii: "\\"): writeStaticString("\\\\")
        default:
          writeStaticString("\\u00")
          for digit in [byte >> 4, byte & 15] {
            writeInteger(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
          }
        }
      }
      writeBytes(bytes[start...])
    }
    writeInteger(UInt8(ascii: "\""))
  }
}
