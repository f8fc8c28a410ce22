/// What a stage does with a step.
public enum StepPurpose: UInt32, Sendable, CaseIterable {
  /// Computes it and passes it on; the last stage samples.
  case compute = 0
  /// From the coordinator, to any stage but the last: sends once more what its log holds for the
  /// positions of the spans, to the next stage, as a step that rebuilds. Nothing is computed.
  case resend = 1
  /// From the stage before: fills its KV blocks and its log. Nothing is passed on or sampled; the
  /// coordinator is answered with a Tokens that holds none.
  case rebuild = 2
}
