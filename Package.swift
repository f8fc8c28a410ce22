// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: Swift 6, strict imports, no warnings.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(
  name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(
  name: "HummingbirdTesting", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
  name: "chatspot",
  products: [.executable(name: "chatspot", targets: ["chatspot"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
    .package(
      url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.9.0"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
  ],
  // Arrows point down this list only.
  targets: [
    .executableTarget(
      name: "chatspot",
      dependencies: [
        "Supervision", "Gateway", "Journal", "Coordinator", "Worker", "Transfer", "Wire",
        "Messaging", "Referring", "Models", "Benchmark", "Checkpoints", "Compute", arguments,
        logging,
      ],
      resources: [.copy("Resources/mini-chatspot"), .copy("Resources/samples")],
      swiftSettings: strict),
    .target(name: "Supervision", swiftSettings: strict),
    .target(
      name: "Gateway",
      dependencies: [
        "Requests", "Journal", "Coordinator", "Wire", "Referring", "Imaging", asyncHTTPClient,
        crypto, httpTypes, hummingbird, hummingbirdCore, hummingbirdTLS, logging, metrics, nio,
        nioHTTP1, nioHTTPTypes,
        nioPosix, nioSSL, serviceLifecycle,
      ],
      resources: [.copy("Resources/page"), .copy("Resources/openapi.json")],
      swiftSettings: strict),
    .target(
      name: "Requests", dependencies: ["Wire", "Referring", "Imaging", httpTypes],
      swiftSettings: strict),
    .target(name: "Journal", dependencies: [grdb, crypto], swiftSettings: strict),
    .target(
      name: "Coordinator",
      dependencies: [
        "Transfer", "Wire", "Messaging", "Referring", "Tokenizing", "Imaging", "Checkpoints",
        "Compute", crypto, logging, metrics,
      ],
      swiftSettings: strict),
    .target(
      name: "Worker",
      dependencies: [
        "Transfer", "Wire", "Messaging", "Referring", "Models", "Imaging", "Checkpoints", "Compute",
        crypto,
        logging,
      ],
      swiftSettings: strict),
    .target(
      name: "Transfer",
      dependencies: ["Wire", "Messaging", "Checkpoints", "Compute", crypto, logging],
      swiftSettings: strict),
    .target(name: "Wire", dependencies: ["CChatSpotWire"], swiftSettings: strict),
    .target(name: "Messaging", dependencies: ["CZeroMQ"], swiftSettings: strict),
    .target(name: "Referring", swiftSettings: strict),
    .target(
      name: "Benchmark", dependencies: ["Models", "Checkpoints", "Compute"], swiftSettings: strict),
    .target(name: "Models", dependencies: ["Checkpoints", "Compute"], swiftSettings: strict),
    .target(
      name: "Tokenizing", dependencies: ["Checkpoints", "CSentencePiece"], swiftSettings: strict),
    .target(name: "Imaging", dependencies: ["CImageCodecs"], swiftSettings: strict),
    .target(name: "Checkpoints", dependencies: ["Compute", crypto], swiftSettings: strict),
    .target(name: "Compute", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: strict),

    // C: kernels, generated messages, and thin shims over system libraries.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-Werror"])]),
    .target(name: "CChatSpotWire", linkerSettings: [.linkedLibrary("protobuf-c")]),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(
      name: "CImageCodecs",
      linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png"), .linkedLibrary("webp")]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),

    .testTarget(
      name: "ClusterTests",
      dependencies: [
        "chatspot", "Supervision", "Coordinator", "Worker", "Transfer", "Wire", "Messaging",
        "Referring", "Checkpoints", "Compute", logging,
      ],
      swiftSettings: strict),
    .testTarget(name: "JournalTests", dependencies: ["Journal"], swiftSettings: strict),
    .testTarget(
      name: "GatewayTests",
      dependencies: [
        "Gateway", "Requests", "Journal", "Coordinator", "Wire", "Referring", "Imaging", httpTypes,
        hummingbird, hummingbirdTesting, logging, metrics, nio, nioPosix,
      ], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(name: "RequestsTests", dependencies: ["Requests"], swiftSettings: strict),
    .testTarget(
      name: "WorkerTests",
      dependencies: [
        "Worker", "Models", "Checkpoints", "Compute", "Referring", "Imaging", "Tokenizing",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "TransferTests",
      dependencies: ["Transfer", "Wire", "Messaging", "Checkpoints", "Compute", logging],
      swiftSettings: strict),
    .testTarget(
      name: "CoordinatorTests",
      dependencies: [
        "Coordinator", "Wire", "Messaging", "Checkpoints", "Tokenizing", "Compute", "Referring",
        logging, metrics,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Compute"], swiftSettings: strict),
    .testTarget(
      name: "WireTests", dependencies: ["Wire"], exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(name: "MessagingTests", dependencies: ["Messaging"], swiftSettings: strict),
    .testTarget(
      name: "ReferringTests", dependencies: ["Referring"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "BenchmarkTests", dependencies: ["Benchmark", "Models", "Checkpoints", "Compute"],
      swiftSettings: strict),
    .testTarget(
      name: "ModelsTests", dependencies: ["Models", "Checkpoints", "Compute"],
      swiftSettings: strict),
    .testTarget(
      name: "TokenizingTests", dependencies: ["Tokenizing", "Checkpoints"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ImagingTests", dependencies: ["Imaging"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ComputeTests", dependencies: ["Compute"], exclude: ["Fixtures"],
      swiftSettings: strict),
  ]
)

// Tests/Fuzz/run asks for one program more: libFuzzer over what reads bytes from outside. It and
// the modules that it drives are compiled for libFuzzer and AddressSanitizer.
if Context.environment["CHATSPOT_FUZZ"] != nil {
  let fuzzed = ["Requests", "Wire", "Imaging", "Referring", "Checkpoints", "Tokenizing"]
  let inC = ["CChatSpotWire", "CImageCodecs", "CSentencePiece", "CKernels"]
  for target in package.targets where fuzzed.contains(target.name) {
    target.swiftSettings?.append(.unsafeFlags(["-sanitize=fuzzer,address"]))
  }
  for target in package.targets where inC.contains(target.name) {
    let flags = ["-fsanitize=fuzzer-no-link,address"]
    target.cSettings = (target.cSettings ?? []) + [.unsafeFlags(flags)]
    target.cxxSettings = (target.cxxSettings ?? []) + [.unsafeFlags(flags)]
  }
  package.targets += [
    .target(name: "CFuzzing", path: "Tests/Fuzz/CFuzzing"),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzzing", httpTypes] + fuzzed.map { .byName(name: $0) },
      path: "Tests/Fuzz/Targets", swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ]
}
