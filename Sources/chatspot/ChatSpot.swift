/// The `chatspot` command.

import ArgumentParser

@main
struct ChatSpot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chatspot",
    abstract:
      "Asks a multimodal model about places in an image, on a cluster of ordinary machines.",
    discussion: """
      Start with:  chatspot ask photo.png "What is in this region?" --box 10,20,110,140
      On one machine `up` runs a whole cluster; on several, start one `coordinator`, one `vision` \
      and as many `worker`s as there are machines.
      """,
    version: "0.1.0",
    subcommands: [
      Ask.self, Up.self, Status.self, DrainCommand.self, RunCoordinator.self, RunWorker.self,
      RunVision.self,
      Bench.self,
      Model.self, Keys.self,
    ])

  static func main() async {
    do { try DiskFaults.watch() } catch { exit(withError: error) }
    await main(nil)
  }
}
