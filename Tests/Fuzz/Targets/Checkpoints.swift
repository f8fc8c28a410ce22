internal import Checkpoints
internal import Tokenizing

private let safetensors = InputFile("safetensors/model.safetensors")
private let pickled = InputFile("pickled/pytorch_model.bin")
private let gguf = InputFile("gguf/model.gguf")

/// The header of a safetensors file.
func trySafetensors(_ bytes: [UInt8]) {
  safetensors.write(bytes)
  _ = try? SafetensorsHeader(reading: safetensors.url)
}

/// A file that PyTorch pickled, or its pickle alone.
func tryPickle(_ bytes: [UInt8]) {
  guard bytes.first != 0x80 else {
    _ = try? PickleMachine.tensors(in: bytes, path: "pickle")
    return
  }
  pickled.write(bytes)
  _ = try? PickledHeader(reading: pickled.url)
}

/// A GGUF file: its header, the configuration and the tokeniser that its metadata make, and where
/// its tensors stand.
func tryGGUF(_ bytes: [UInt8]) {
  gguf.write(bytes)
  if let metadata = try? GGUFMetadata(reading: gguf.url),
    let tokenizer = try? Tokenizer(metadata: metadata)
  {
    tryTexts(tokenizer)
  }
  guard let checkpoint = try? Checkpoint(at: gguf.url) else { return }
  for name in checkpoint.tensorNames {
    guard let shape = checkpoint.shape(of: name), shape.reduce(1, *) < 1 << 20 else { continue }
    _ = try? checkpoint.tensor(name, shape: shape)
  }
}
