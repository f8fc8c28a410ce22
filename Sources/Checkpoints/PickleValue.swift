/// What a pickle may be made of: what `torch.save` writes for a dictionary of tensors.

/// A value on the machine's stack. Values that hold others are numbers of the machine's own
/// containers: none is nested, however deep the pickle claims to be.
enum PickleValue: Equatable {
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case tuple(Int)
  case list(Int)
  case mapping(Int)
  case function(PickleFunction)
  case storageType(TorchStorageType)
  case storage(Int)
  case tensor(Int)

  var summary: String {
    switch self {
    case .none: "None"
    case .bool: "a truth value"
    case .integer, .number: "a number"
    case .text: "a text"
    case .tuple: "a tuple"
    case .list: "a list"
    case .mapping: "a dictionary"
    case .function(let function): function.rawValue
    case .storageType(let type): "torch.\(type.rawValue)"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// The functions that a pickle may name. Nothing of a pickle is called: these are what the machine
/// knows how to answer itself.
enum PickleFunction: String {
  case orderedDictionary = "collections.OrderedDict"
  case rebuildTensor = "torch._utils._rebuild_tensor_v2"
  case rebuildParameter = "torch._utils._rebuild_parameter"
}

/// Types of numbers that a storage holds, as PyTorch calls them.
package enum TorchStorageType: String, CaseIterable {
  case float32 = "FloatStorage"
  case float16 = "HalfStorage"
  case bfloat16 = "BFloat16Storage"
  case float64 = "DoubleStorage"
  case int64 = "LongStorage"
  case int32 = "IntStorage"
  case int16 = "ShortStorage"
  case int8 = "CharStorage"
  case uint8 = "ByteStorage"
  case bool = "BoolStorage"
  case complex64 = "ComplexFloatStorage"
  case complex128 = "ComplexDoubleStorage"

  /// Bytes of one number.
  var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .float16, .bfloat16, .int16: 2
    case .float32, .int32: 4
    case .float64, .int64, .complex64: 8
    case .complex128: 16
    }
  }

  /// The type's name in safetensors files, by which those that are not read are called.
  var name: String {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float64: "F64"
    case .int64: "I64"
    case .int32: "I32"
    case .int16: "I16"
    case .int8: "I8"
    case .uint8: "U8"
    case .bool: "BOOL"
    case .complex64: "C64"
    case .complex128: "C128"
    }
  }
}

/// A run of numbers in an entry of its own.
package struct TorchStorage: Equatable {
  let type: TorchStorageType
  /// The entry's name below the archive's `data`.
  let key: String
  /// Its numbers.
  let count: Int
}

/// A tensor as a pickle describes it: a view of a storage.
package struct TorchTensor: Equatable {
  let storage: TorchStorage
  /// Its first number in the storage.
  let offset: Int
  let shape: [Int]
  /// How many numbers further the next one along each extent is.
  let strides: [Int]
}
