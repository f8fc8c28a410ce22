/// Reads a pickle without running it.
///
/// Format: https://docs.python.org/3/library/pickle.html, and the opcodes in CPython's `pickletools`
/// — a program for a machine with a stack and a memo, whose instructions can call any function of
/// any module. Here the machine knows those instructions of protocol 2 that `torch.save` writes, and
/// the three functions that make dictionaries and tensors; at anything else it stops.

import Foundation

/// Memory grows with the bytes that are read, and is bounded: every instruction makes at most one
/// value, and nothing is nested or repeated.
package struct PickleMachine {
  /// Largest pickle, in bytes: a tensor takes some 200.
  static let bytesMax = 16 << 20
  private static let stackMax = 1 << 16
  private static let marksMax = 32
  private static let memoMax = 1 << 18
  private static let itemsMax = 1 << 19
  private static let textBytesMax = 1 << 12

  let path: String
  private let bytes: [UInt8]
  private(set) var position = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]
  /// Items of tuples and lists, by number.
  private(set) var lists: [[PickleValue]] = []
  /// Entries of dictionaries, by number, in order.
  private(set) var mappings: [[(key: String, value: PickleValue)]] = []
  var storages: [TorchStorage] = []
  var tensors: [TorchTensor] = []
  private var items = 0

  private init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The tensors of a pickled dictionary, by name, in order.
  ///
  /// Throws `.malformed` for what is no such dictionary, and `.unsupported` for a pickle that asks
  /// for anything but tensors.
  package static func tensors(
    in bytes: [UInt8], path: String
  ) throws(CheckpointError) -> [(name: String, tensor: TorchTensor)] {
    guard bytes.count <= bytesMax else {
      throw CheckpointError(
        .malformed, "\(path): its pickle is \(bytes.count) bytes; at most \(bytesMax) are read")
    }
    var machine = PickleMachine(bytes, path: path)
    let result = try machine.run()
    guard case .mapping(let mapping) = result else {
      throw machine.malformed("holds \(result.summary), not a dictionary of tensors")
    }
    var tensors: [(name: String, tensor: TorchTensor)] = []
    for (name, value) in machine.mappings[mapping] {
      guard case .tensor(let tensor) = value else {
        throw machine.malformed("has \(value.summary) under \(name.prefix(80)), not a tensor")
      }
      tensors.append((name, machine.tensors[tensor]))
    }
    return tensors
  }

  private mutating func run() throws(CheckpointError) -> PickleValue {
    guard bytes.starts(with: [0x80, 2]) else {
      let protocolText = bytes.first == 0x80 && bytes.count > 1 ? "\(bytes[1])" : "0"
      throw unsupported("is of protocol \(protocolText), not 2", remedy: Self.saveAnew)
    }
    position = 2
    while true {
      let opcode = try byte()
      // STOP
      if opcode == UInt8(ascii: ".") {
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw malformed("ends with values left over") }
        return result
      }
      try step(opcode)
    }
  }

  private mutating func step(_ opcode: UInt8) throws(CheckpointError) {
    switch opcode {
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "K"): try push(.integer(Int(try byte())))
    case UInt8(ascii: "M"): try push(.integer(Int(try number(UInt16.self))))
    case UInt8(ascii: "J"):
      try push(.integer(Int(Int32(bitPattern: try number(UInt32.self)))))
    case 0x8A: try push(.integer(try longInteger()))
    case UInt8(ascii: "G"):
      try push(.number(Double(bitPattern: try number(UInt64.self).byteSwapped)))
    case UInt8(ascii: "X"): try push(.text(try text(count: Int(try number(UInt32.self)))))
    case UInt8(ascii: "("):
      guard marks.count < Self.marksMax else {
        throw malformed("is nested more than \(Self.marksMax) deep")
      }
      marks.append(stack.count)
    case UInt8(ascii: ")"): try pushTuple([])
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case 0x85: try pushTuple(try pop(1))
    case 0x86: try pushTuple(try pop(2))
    case 0x87: try pushTuple(try pop(3))
    case UInt8(ascii: "]"):
      try count(1)
      lists.append([])
      try push(.list(lists.count - 1))
    case UInt8(ascii: "}"): try pushMapping()
    case UInt8(ascii: "a"): try append(try pop(1))
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "s"): try set(try pop(2))
    case UInt8(ascii: "u"): try set(try popToMark())
    case UInt8(ascii: "q"): try memorize(UInt32(try byte()))
    case UInt8(ascii: "r"): try memorize(try number(UInt32.self))
    case UInt8(ascii: "h"): try recall(UInt32(try byte()))
    case UInt8(ascii: "j"): try recall(try number(UInt32.self))
    case UInt8(ascii: "c"): try push(try global())
    case UInt8(ascii: "Q"): try push(try stored(try pop()))
    case UInt8(ascii: "R"):
      let arguments = try pop()
      try push(try answer(try pop(), try items(of: arguments)))
    case UInt8(ascii: "b"):
      // Attributes, such as a state dictionary's _metadata. No weight is among them.
      _ = try pop()
      guard case .mapping? = stack.last else {
        throw unsupported("gives attributes to what is no dictionary", remedy: Self.convert)
      }
    default:
      throw unsupported(
        "has the instruction 0x\(String(opcode, radix: 16)), which torch.save does not write for "
          + "weights", remedy: Self.convert)
    }
  }

  // MARK: Reading

  private mutating func take(_ count: Int) throws(CheckpointError) -> Range<Int> {
    guard count <= bytes.count - position else {
      throw malformed("is cut off", remedy: "The file is damaged: fetch it again")
    }
    position += count
    return position - count..<position
  }

  private mutating func byte() throws(CheckpointError) -> UInt8 { bytes[try take(1).lowerBound] }

  private mutating func number<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type
  ) throws(CheckpointError) -> Value {
    bytes.littleEndian(type, at: try take(Value.bitWidth / 8).lowerBound)
  }

  /// A whole number of as many bytes as the first one says.
  private mutating func longInteger() throws(CheckpointError) -> Int {
    let range = try take(Int(try byte()))
    guard range.count <= 8 else { throw malformed("has a number of \(range.count) bytes") }
    guard !range.isEmpty else { return 0 }
    let isNegative = bytes[range.upperBound - 1] >= 0x80
    return range.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int(bytes[$1]) }
  }

  private mutating func text(count: Int) throws(CheckpointError) -> String {
    guard count <= Self.textBytesMax else {
      throw malformed("has a text of \(count) bytes; at most \(Self.textBytesMax) are read")
    }
    guard let text = String(validating: bytes[try take(count)], as: UTF8.self) else {
      throw malformed("has a text that is no UTF-8")
    }
    return text
  }

  /// A line, of a function's name.
  private mutating func line() throws(CheckpointError) -> String {
    guard let end = bytes[position...].prefix(256).firstIndex(of: UInt8(ascii: "\n")) else {
      throw malformed("has a name without an end")
    }
    let range = try take(end + 1 - position)
    return String(decoding: bytes[range.dropLast()], as: UTF8.self)
  }

  private mutating func global() throws(CheckpointError) -> PickleValue {
    let module = try line()
    let name = try line()
    if module == "torch", let type = TorchStorageType(rawValue: name) { return .storageType(type) }
    guard let function = PickleFunction(rawValue: "\(module).\(name)") else {
      throw unsupported(
        "names \(module).\(name), which is no part of a tensor", remedy: Self.convert)
    }
    return .function(function)
  }

  // MARK: Stack, memo, containers

  private mutating func push(_ value: PickleValue) throws(CheckpointError) {
    guard stack.count < Self.stackMax else {
      throw malformed("has more than \(Self.stackMax) values waiting")
    }
    stack.append(value)
  }

  private mutating func pop() throws(CheckpointError) -> PickleValue { try pop(1)[0] }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw malformed("takes a value where there is none")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw malformed("takes values without a beginning") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  /// Counts what takes memory.
  mutating func count(_ more: Int) throws(CheckpointError) {
    items += more
    guard items <= Self.itemsMax else { throw malformed("holds more than \(Self.itemsMax) values") }
  }

  private mutating func pushTuple(_ values: [PickleValue]) throws(CheckpointError) {
    try count(values.count + 1)
    lists.append(values)
    try push(.tuple(lists.count - 1))
  }

  mutating func pushedMapping() throws(CheckpointError) -> PickleValue {
    try count(1)
    mappings.append([])
    return .mapping(mappings.count - 1)
  }

  private mutating func pushMapping() throws(CheckpointError) { try push(try pushedMapping()) }

  private mutating func append(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .list(let list)? = stack.last else { throw malformed("adds to what is no list") }
    try count(values.count)
    lists[list] += values
  }

  private mutating func set(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .mapping(let mapping)? = stack.last, values.count.isMultiple(of: 2) else {
      throw malformed("sets entries of what is no dictionary")
    }
    try count(values.count)
    for index in stride(from: 0, to: values.count, by: 2) {
      guard case .text(let key) = values[index] else {
        throw malformed("has \(values[index].summary) as a name")
      }
      mappings[mapping].append((key, values[index + 1]))
    }
  }

  private mutating func memorize(_ index: UInt32) throws(CheckpointError) {
    guard let value = stack.last else { throw malformed("takes a value where there is none") }
    memo[index] = value
    guard memo.count <= Self.memoMax else {
      throw malformed("remembers more than \(Self.memoMax) values")
    }
  }

  private mutating func recall(_ index: UInt32) throws(CheckpointError) {
    guard let value = memo[index] else {
      throw malformed("recalls value \(index), which it has not seen")
    }
    try push(value)
  }

  /// The items of a tuple.
  func items(of value: PickleValue) throws(CheckpointError) -> [PickleValue] {
    guard case .tuple(let tuple) = value else {
      throw malformed("has \(value.summary) where a tuple must be")
    }
    return lists[tuple]
  }

  // MARK: Errors

  static let saveAnew = "Save the file anew with torch.save as it is by default"
  static let convert =
    "Nothing of it has been run. Weights are read, programs are not: convert the file to "
    + "safetensors if you trust who made it"

  func malformed(_ cause: String, remedy: String = "") -> CheckpointError {
    CheckpointError(
      .malformed, "\(path): its pickle \(cause), at byte \(position)", remedy: remedy)
  }

  func unsupported(_ cause: String, remedy: String) -> CheckpointError {
    CheckpointError(
      .unsupported, "\(path): its pickle \(cause), at byte \(position)", remedy: remedy)
  }
}
