// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "chatspot",
  products: [],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
  ],
  targets: [
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(
      name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-Werror"])]),
    .target(name: "Compute", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: strict),
    .target(
      name: "Checkpoints",
      dependencies: ["Compute", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    .target(name: "Models", dependencies: ["Checkpoints", "Compute"], swiftSettings: strict),
    .target(name: "Referring", swiftSettings: strict),
    .target(name: "Coordinator", dependencies: [], swiftSettings: strict),
    .testTarget(
      name: "ReferringTests", dependencies: ["Referring"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(name: "CoordinatorTests", dependencies: ["Coordinator"], swiftSettings: strict),
    .testTarget(name: "ComputeTests", dependencies: ["Compute"], swiftSettings: strict),
    .testTarget(
      name: "ModelsTests", dependencies: ["Models", "Checkpoints", "Compute"],
      swiftSettings: strict),
  ]
)
