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
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "chatspot",
  products: [.executable(name: "chatspot", targets: ["chatspot"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
  ],
  // Arrows point down this list only.
  targets: [
    .executableTarget(
      name: "chatspot",
      dependencies: [
        "Supervision", "Coordinator", "Worker", "Wire", "Messaging", "Referring", "Models",
        "Benchmark", "Checkpoints", "Compute", arguments, logging,
      ],
      resources: [.copy("Resources/mini-chatspot"), .copy("Resources/samples")],
      swiftSettings: strict),
    .target(name: "Supervision", swiftSettings: strict),
    .target(
      name: "Coordinator",
      dependencies: [
        "Wire", "Messaging", "Referring", "Tokenizing", "Imaging", "Checkpoints", "Compute", crypto,
        logging, metrics,
      ],
      swiftSettings: strict),
    .target(
      name: "Worker",
      dependencies: [
        "Wire", "Messaging", "Referring", "Models", "Imaging", "Checkpoints", "Compute", crypto,
        logging,
      ],
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
        "chatspot", "Supervision", "Coordinator", "Worker", "Wire", "Messaging", "Referring",
        "Checkpoints", logging,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "WorkerTests",
      dependencies: [
        "Worker", "Models", "Checkpoints", "Compute", "Referring", "Imaging", "Tokenizing",
      ],
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
