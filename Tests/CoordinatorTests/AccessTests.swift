/// Keys and roles at the coordinator, and peers that break the rules.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: keys and roles")
struct AccessTests {
  /// A key's owner in the test.
  private struct Owner {
    let identity: Identity

    init(_ name: String, _ role: IdentityRole) throws {
      identity = try Identity(name: name, role: role, key: KeyPair.make().publicKey)
    }
  }

  private let worker: Owner
  private let vision: Owner
  private let client: Owner

  init() throws {
    worker = try Owner("w", .worker)
    vision = try Owner("v", .vision)
    client = try Owner("c", .client)
  }

  private func cluster() throws -> FakeCluster {
    var cluster = try FakeCluster()
    let list = IdentityList([worker, vision, client].map(\.identity))
    cluster.state.access = Access(list)
    return cluster
  }

  private func receive(
    _ message: Message, from peer: String, with owner: Owner?, in cluster: inout FakeCluster
  ) throws {
    let admitted = cluster.state.admits(
      PeerIdentity(peer), key: owner?.identity.key, now: cluster.now)
    if admitted { try cluster.receive(message, from: peer) } else { try cluster.collect() }
  }

  /// Whether a message would be looked at.
  private func heard(
    _ peer: String, _ owner: Owner?, at now: Double, _ cluster: inout FakeCluster
  ) -> Bool {
    cluster.state.admits(PeerIdentity(peer), key: owner?.identity.key, now: now)
  }

  private func ready() throws -> FakeCluster {
    var cluster = try cluster()
    try receive(
      .hello(try cluster.hello(.decoderWorker, "worker-0")), from: "worker-0", with: worker,
      in: &cluster)
    try receive(
      .hello(try cluster.hello(.visionNode, "vision")), from: "vision", with: vision, in: &cluster)
    try cluster.allReady()
    try receive(
      .hello(try cluster.hello(.client, "client")), from: "client", with: client, in: &cluster)
    return cluster
  }

  @Test("each role joins as what it is, and as nothing else")
  func roles() throws {
    for (owner, right) in [
      (worker, Role.decoderWorker), (vision, .visionNode), (client, .client),
    ] {
      for role in Role.allCases {
        var cluster = try cluster()
        try receive(
          .hello(try cluster.hello(role, "peer")), from: "peer", with: owner, in: &cluster)
        let sent = cluster.take("peer")
        if role == right {
          #expect(sent.errors.isEmpty)
        } else {
          #expect(sent.errors.map(\.code) == [.forbidden])
          #expect(cluster.state.members.isEmpty && cluster.state.clients.isEmpty)
        }
      }
    }
  }

  @Test("without a key, or with one that is not on the list, nothing is answered but no")
  func strangers() throws {
    let stranger = try Owner("s", .worker)
    for owner in [nil, stranger] {
      var cluster = try ready()
      _ = cluster.take()
      try receive(
        .referringQuery(FakeCluster.query(1)), from: "client", with: owner, in: &cluster)
      #expect(cluster.take().errors.map(\.code) == [.forbidden])
      cluster.expectIdle()
    }
  }

  @Test("a client's key drains nobody; a worker drains itself alone")
  func drains() throws {
    var cluster = try ready()
    _ = cluster.take()
    func problem(_ name: String, by peer: String, with owner: Owner) throws -> String? {
      try receive(.drain(Drain(name: name)), from: peer, with: owner, in: &cluster)
      let answers = cluster.take(peer).compactMap { message -> String? in
        if case .drained(let drained) = message { drained.problem } else { nil }
      }
      return answers.first
    }
    #expect(try problem("worker-0", by: "client", with: client)?.contains("SIGTERM") == true)
    #expect(try problem("client", by: "worker-0", with: worker)?.contains("SIGTERM") == true)
    #expect(cluster.state.draining.isEmpty)
    #expect(try problem("", by: "worker-0", with: worker)?.contains("no other worker") == true)
  }

  @Test("a key does not speak on another key's connection")
  func otherConnection() throws {
    var cluster = try ready()
    _ = cluster.take()
    try receive(.goodbye(Goodbye(reason: "x")), from: "worker-0", with: client, in: &cluster)
    #expect(cluster.state.members[PeerIdentity("worker-0")] != nil)
    #expect(cluster.take().errors.map(\.code) == [.forbidden])
  }

  @Test("a worker does not ask, and a client does not answer for a stage")
  func messagesOfOtherRoles() throws {
    var cluster = try ready()
    _ = cluster.take()
    try receive(.referringQuery(FakeCluster.query(1)), from: "worker-0", with: worker, in: &cluster)
    #expect(cluster.take("worker-0").errors.count == 1)
    let epoch = cluster.state.lastEpoch
    try receive(
      .tokens(Tokens(epoch: epoch, number: 1, tokens: [])), from: "client", with: client,
      in: &cluster)
    #expect(cluster.take("client").errors.count == 1)
    cluster.expectIdle()
  }

  @Test("assignments name the next one's key and whom a member may hear")
  func assignments() throws {
    var cluster = try ready()
    let sent = cluster.take()
    let stage = try #require(sent.assignments.first { $0.layerCount > 0 })
    #expect(stage.nextKey.isEmpty && stage.workerKeys == [worker.identity.key.bytes])
    #expect(stage.visionKeys == [vision.identity.key.bytes])
    let toVision = try #require(sent.assignments.last { $0.layerCount == 0 })
    #expect(toVision.nextKey == worker.identity.key.bytes)
  }

  @Test("who has to fetch is told where tensors are, and whose key is there")
  func tensorSources() throws {
    var cluster = try cluster()
    let holder = try Owner("h", .worker)
    cluster.state.replaceIdentities(
      IdentityList([worker, holder, vision].map(\.identity)), now: cluster.now)
    for (number, owner) in [worker, holder].enumerated() {
      var hello = try cluster.hello(.decoderWorker, "worker-\(number)", number: number)
      hello.tensorEndpoint = "tcp://10.0.0.\(number + 1):4001"
      if number == 0 { (hello.fetches, hello.modelDigest) = (true, []) }
      try receive(.hello(hello), from: "worker-\(number)", with: owner, in: &cluster)
    }
    try receive(
      .hello(try cluster.hello(.visionNode, "vision")), from: "vision", with: vision, in: &cluster)
    let sent = cluster.take()
    let assignments = sent.assignments.filter { !$0.tensorSources.isEmpty }
    #expect(!assignments.isEmpty)
    for assignment in assignments {
      #expect(assignment.tensorSources == ["tcp://10.0.0.2:4001"])
      #expect(assignment.tensorSourceKeys == [holder.identity.key.bytes])
    }
  }

  @Test("who is revoked goes at once with its queries, and members learn whom they may hear")
  func revocation() throws {
    var cluster = try ready()
    try receive(.referringQuery(FakeCluster.query(1)), from: "client", with: client, in: &cluster)
    #expect(cluster.state.queries.count == 1)
    _ = cluster.take()
    let fresh = try Owner("v2", .vision)
    let list = IdentityList([worker, vision, fresh].map(\.identity))
    cluster.state.replaceIdentities(list, now: cluster.now)
    try cluster.collect()
    #expect(cluster.cutOff == [client.identity.key])
    #expect(cluster.state.queries.isEmpty && cluster.state.clients.isEmpty)
    let told = try #require(cluster.take("worker-0").assignments.last)
    #expect(told.epoch == cluster.state.lastEpoch)
    #expect(told.visionKeys == [vision, fresh].map(\.identity.key.bytes))
    try receive(.referringQuery(FakeCluster.query(2)), from: "client", with: client, in: &cluster)
    #expect(cluster.take("client").errors.map(\.code).last == .forbidden)
    #expect(cluster.state.queries.isEmpty)
  }

  @Test("a revoked worker is lost, and one whose role has changed too")
  func revokedWorker() throws {
    for list in [
      IdentityList([vision.identity]),
      IdentityList([
        try Identity(name: "w", role: .client, key: worker.identity.key), vision.identity,
      ]),
    ] {
      var cluster = try ready()
      cluster.state.replaceIdentities(list, now: cluster.now)
      try cluster.collect()
      #expect(cluster.state.members[PeerIdentity("worker-0")] == nil)
      #expect(cluster.cutOff.contains(worker.identity.key))
    }
  }

  @Test("who sends too many wrong messages is not heard for a while, on no connection of its key")
  func conduct() throws {
    var cluster = try ready()
    for _ in 0...PeerConduct.refusedMax {
      #expect(heard("client", client, at: 0, &cluster))
      try cluster.receive(.ready(Ready(epoch: 1)), from: "client")
    }
    #expect(cluster.cutOff == [client.identity.key])
    #expect(!heard("client", client, at: 1, &cluster))
    #expect(!heard("again", client, at: 1, &cluster))
    #expect(heard("worker-0", worker, at: 1, &cluster))
    let later = PeerConduct.silenceSeconds + 1
    #expect(heard("again", client, at: later, &cluster))
  }

  @Test("without keys too, one peer's wrong messages cost nobody else anything")
  func conductWithoutKeys() throws {
    var cluster = try FakeCluster.ready()
    for _ in 0...PeerConduct.refusedMax {
      cluster.state.receiveInvalid(
        WireFault(.malformed, "no message"), from: PeerIdentity("x"), now: 0)
    }
    #expect(!heard("x", nil, at: 1, &cluster))
    #expect(heard("client", nil, at: 1, &cluster))
  }

  @Test("a client has so many queries under way; another one still gets its own")
  func outstanding() throws {
    var cluster = try FakeCluster.ready { $0.queriesPerClientMax = 2 }
    try cluster.joinClient("other")
    for number in 1...3 { try cluster.ask(FakeCluster.query(UInt64(number))) }
    let error = try #require(cluster.take("client").errors.first)
    #expect(error.code == .overloaded && error.query == 3)
    try cluster.ask(FakeCluster.query(1), from: "other")
    #expect(cluster.take("other").errors.isEmpty && cluster.state.queries.count == 3)
  }

  @Test("so many queries are prepared at once")
  func preparations() throws {
    var cluster = try FakeCluster.ready { $0.preparationsMax = 2 }
    cluster.holdsPreparations = true
    for number in 1...3 { try cluster.ask(FakeCluster.query(UInt64(number))) }
    #expect(cluster.take("client").errors.map(\.code) == [.overloaded])
    #expect(cluster.state.preparing.count == 2)
  }
}
