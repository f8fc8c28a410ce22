/// What a cluster on this machine is made of.

public import Foundation

/// What a local cluster consists of.
public struct LocalClusterSettings: Sendable {
  /// The `chatspot` executable.
  public var executable: URL
  /// The checkpoint: a directory or a GGUF file.
  public var model: URL
  /// The file of a GGUF model's vision encoder, where it is not found beside the model.
  public var encoder: URL?
  public var workers = 2
  /// Workers more than the plan expects, which stand by.
  public var spares = 0
  /// Threads that compute: decoder workers share them out, at least one each; the vision node,
  /// which works while they wait, has as many. A spare has as many as the worker it stands in for.
  public var threads = ProcessInfo.processInfo.activeProcessorCount
  /// Where the coordinator listens, such as "tcp://127.0.0.1:5710"; port 0 leaves it to the system.
  public var listen = "tcp://127.0.0.1:0"
  /// Further arguments of `chatspot coordinator`.
  public var coordinatorArguments: [String] = []
  /// Further arguments of every `chatspot worker`.
  public var workerArguments: [String] = []
  /// Further arguments of the vision node.
  public var visionArguments: [String] = []
  /// Arguments of every process that say which keys it has, if any.
  public var securityArguments: [String] = []
  /// Whether a process that dies is started again; otherwise it ends the cluster.
  public var restarts = false
  /// The log level of all processes.
  public var logLevel = "info"

  public init(executable: URL, model: URL) {
    self.executable = executable
    self.model = model
  }
}
