/// Which tokens a checkpoint's files give a role: beginning, end, padding …

struct SpecialTokenRoles {
  /// The roles that transformers gives to every tokeniser, in the order in which it adds them.
  static let names = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// Every token with a role, the model's own roles (`image_token` …) included.
  let special: Set<[UInt8]>
  /// The tokens that must exist, in transformers' order: standard roles, then the extra ones. Each
  /// as a string or as a serialized `AddedToken`.
  let listed: [JSONValue]
  private let fields: [String: JSONValue]

  init(_ files: TokenizerFiles) {
    let configuration = files.configuration ?? [:]
    // The map is of before `added_tokens_decoder`, and not read when that is there.
    let isCurrent = configuration["added_tokens_decoder"]?.object != nil
    let map = isCurrent ? [:] : files.specialTokensMap ?? [:]
    let fields = configuration.merging(map) { _, ofMap in ofMap }
    self.fields = fields

    var listed = Self.names.compactMap { fields[$0] }
    var special: [JSONValue] = []
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      listed += fields[key]?.array ?? []
      special += (fields[key]?.object ?? [:]).values
    }
    special += fields.filter { $0.key.hasSuffix("_token") }.values
    self.listed = listed
    self.special = Set((listed + special).compactMap(\.tokenContent).map { Array($0.utf8) })
  }

  /// The token of a role. `.some(nil)`: the files say that there is none; nil: they don't say.
  func content(of role: String) -> [UInt8]?? {
    guard let field = fields[role] else { return nil }
    return .some(field.tokenContent.map { Array($0.utf8) })
  }
}
