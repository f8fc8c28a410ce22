/// JSON strings that are written without an encoder.

import Foundation
import NIOCore
import Testing

@testable import Gateway

@Suite("JSON strings")
struct JSONTextTests {
  @Test("any text is read back as it was by another JSON reader")
  func roundTrip() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let scalars = (0..<Int.random(in: 0...40, using: &random)).map { _ -> Unicode.Scalar in
        let value =
          Bool.random(using: &random)
          ? UInt32.random(in: 0...0x7F, using: &random)
          : UInt32.random(in: 0...0x10FFFF, using: &random)
        return Unicode.Scalar(value) ?? "\\"
      }
      let text = String(String.UnicodeScalarView(scalars))
      var buffer = ByteBuffer()
      buffer.writeJSONString(text)
      let read = try JSONSerialization.jsonObject(
        with: Data(buffer.readableBytesView), options: .fragmentsAllowed)
      #expect((read as? String).map { Array($0.utf8) } == Array(text.utf8))
      #expect(!buffer.readableBytesView.contains(UInt8(ascii: "\n")))
    }
  }
}
