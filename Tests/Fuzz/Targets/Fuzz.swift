internal import CFuzzing

/// `fuzz --target=NAME [libFuzzer's options] [corpus…]`. Tests/Fuzz/run runs them all.
///
/// The target is an option with two dashes, since libFuzzer passes over those and hands them on to
/// the processes that it starts itself, as for `-minimize_crash=1`.
@main enum Fuzz {
  /// What each target does with one input. It must return, whatever the input.
  private static let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "messages": tryMessage, "images": tryImage, "answers": tryAnswer, "shapes": tryShape,
    "safetensors": trySafetensors, "pickle": tryPickle, "gguf": tryGGUF,
    "sentencepiece": trySentencePiece, "tokenizer-json": tryTokenizerJSON, "http": tryHTTPBody,
  ]

  private static let target: (@Sendable ([UInt8]) -> Void)? = {
    let option = "--target="
    let name = CommandLine.arguments.first { $0.hasPrefix(option) }?.dropFirst(option.count)
    return name.flatMap { targets[String($0)] }
  }()

  static func main() {
    guard target != nil else {
      print("usage: fuzz --target=\(targets.keys.sorted().joined(separator: "|")) [OPTION…]")
      return
    }
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    _ = LLVMFuzzerRunDriver(&count, &arguments) { start, count in
      Fuzz.target?(Array(UnsafeBufferPointer(start: start, count: count)))
      return 0
    }
  }
}

/// Ends the program, which libFuzzer reports with the input, unless what must hold holds.
func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
  if !holds { fatalError(otherwise()) }
}
