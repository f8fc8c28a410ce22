/// `chatspot keys`: who may join a cluster.

public import ArgumentParser
import Foundation
public import Messaging

struct Keys: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes, lists and revokes the keys of a cluster.",
    discussion: """
      Keys are made where the coordinator runs, once:  chatspot keys make

      Each further machine gets a key of its own:      chatspot keys add rack2 --role worker

      A running coordinator takes changes in at once; who is revoked is cut off.
      """,
    subcommands: [Make.self, Add.self, List.self, Revoke.self])

  /// Where the keys are.
  struct Place: ParsableArguments {
    @Option(help: "The directory of the keys.")
    var keys = KeyDirectory.standard.path

    var directory: KeyDirectory { KeyDirectory(path: keys) }
  }

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Makes the coordinator's identity, and first keys of a worker, a vision node and a client.")

    @OptionGroup var place: Place

    func run() throws {
      try place.directory.make()
      announce("made keys in \(place.keys)")
      announce("chatspot up --keys \(place.keys)")
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a key for another machine, and prints the line that joins it.",
      discussion: """
        The key file is written beside the others and holds a secret: bring it to the machine over a \
        way that you trust, such as scp. The line names no secret.
        """)

    @Argument(help: "A name, such as the machine's.")
    var name: String

    @Option(help: "worker, vision or client.")
    var role: IdentityRole

    @Option(help: "Where the new machine reaches the coordinator.")
    var coordinator = "tcp://COORDINATOR:\(defaultPort)"

    @OptionGroup var place: Place

    func validate() throws {
      if role == .coordinator { throw ValidationError("--role takes worker, vision or client.") }
    }

    func run() throws {
      let file = try place.directory.add(name, role: role)
      let path = place.directory.keyPath(name)
      let note = "The secret is in \(path): copy it to the machine, then run this there.\n"
      FileHandle.standardError.write(Data(note.utf8))
      announce(joining(file))
    }

    private func joining(_ file: KeyFile) -> String {
      let end = "--coordinator \(coordinator) --keys \(name).key"
      return switch file.role {
      case .vision: "chatspot vision \(end)"
      case .client: "chatspot ask IMAGE QUESTION \(end)"
      default: "chatspot worker \(end) --listen 'tcp://*:0' --advertise THIS_MACHINE"
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists who may connect: name, role, public key.")

    @OptionGroup var place: Place

    func run() throws {
      let identities = try place.directory.list().identities
      let width = identities.map(\.name.count).max() ?? 0
      for identity in identities {
        let name = identity.name.padding(toLength: width, withPad: " ", startingAt: 0)
        let role = identity.role.rawValue.padding(toLength: 6, withPad: " ", startingAt: 0)
        announce("\(name)  \(role)  \(identity.key)")
      }
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Takes somebody off the list. A running coordinator cuts them off at once.")

    @Argument(help: "The name that `chatspot keys list` shows.")
    var name: String

    @OptionGroup var place: Place

    func run() throws {
      let identity = try place.directory.revoke(name)
      announce("revoked \(identity.name), a \(identity.role.rawValue)")
    }
  }
}

extension IdentityRole: ExpressibleByArgument {}
