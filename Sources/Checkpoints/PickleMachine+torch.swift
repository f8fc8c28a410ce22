/// What a pickle's calls amount to: dictionaries, storages and tensors.

extension PickleMachine {
  /// The storage that a persistent identifier names: `("storage", type, key, device, count)`.
  mutating func stored(_ identifier: PickleValue) throws(CheckpointError) -> PickleValue {
    let parts = try items(of: identifier)
    guard parts.count == 5, parts[0] == .text("storage"), case .storageType(let type) = parts[1],
      case .text(let key) = parts[2], case .text = parts[3], case .integer(let count) = parts[4],
      count >= 0
    else { throw malformed("names a storage in a way that torch.save does not") }
    try self.count(1)
    storages.append(TorchStorage(type: type, key: key, count: count))
    return .storage(storages.count - 1)
  }

  /// What `function` would give for `arguments`.
  mutating func answer(
    _ function: PickleValue, _ arguments: [PickleValue]
  ) throws(CheckpointError) -> PickleValue {
    guard case .function(let function) = function else {
      throw unsupported("calls \(function.summary)", remedy: Self.convert)
    }
    switch function {
    case .orderedDictionary:
      guard arguments.isEmpty else { throw malformed("gives entries to \(function.rawValue)") }
      return try pushedMapping()
    case .rebuildParameter:
      guard arguments.count == 3, case .tensor = arguments[0] else {
        throw malformed("gives other arguments to \(function.rawValue)")
      }
      return arguments[0]
    case .rebuildTensor:
      // Storage, offset, shape, strides, requires_grad, hooks; newer ones may add metadata.
      guard (6...7).contains(arguments.count), case .storage(let storage) = arguments[0],
        case .integer(let offset) = arguments[1]
      else { throw malformed("gives other arguments to \(function.rawValue)") }
      let shape = try integers(arguments[2])
      let strides = try integers(arguments[3])
      guard offset >= 0, shape.count == strides.count else {
        throw malformed("has a tensor of \(shape.count) extents and \(strides.count) strides")
      }
      try count(1 + 2 * shape.count)
      tensors.append(
        TorchTensor(storage: storages[storage], offset: offset, shape: shape, strides: strides))
      return .tensor(tensors.count - 1)
    }
  }

  /// A tensor's extents or strides.
  private func integers(_ value: PickleValue) throws(CheckpointError) -> [Int] {
    let items = try items(of: value)
    guard items.count <= Self.dimensionsMax else {
      throw malformed("has a tensor of \(items.count) extents; at most \(Self.dimensionsMax)")
    }
    var result: [Int] = []
    for item in items {
      guard case .integer(let number) = item, number >= 0 else {
        throw malformed("has a tensor with \(item.summary) as an extent or stride")
      }
      result.append(number)
    }
    return result
  }

  private static let dimensionsMax = 8
}
