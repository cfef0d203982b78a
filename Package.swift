// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Settings of the modules that compute: without `-O` they are tens of times slower, even in tests. What the tests are made of
/// besides compiles in a third of the time without. Only tests are built with it, for no package can depend on one with unsafe
/// flags.
let computing: [SwiftSetting] =
  Context.environment["TRIMTAB_TEST"] == nil ? settings : settings + [.unsafeFlags(["-O"])]

/// The library's modules. Whoever uses `Trimtab` sees them all, and lists them all: SwiftPM compiles a target anew only when
/// one of those that it lists has changed, and what a type looks like inside can change without `Trimtab` itself.
let library: [Target.Dependency] = [
  "Trimtab", "TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabStudies", "TrimtabMethods", "TrimtabStores",
  "TrimtabRunning",
]

let package = Package(
  name: "trimtab",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Trimtab", targets: ["Trimtab"]),
    .executable(name: "trimtab", targets: ["TrimtabCommand"]),
    .library(name: "TrimtabC", type: .static, targets: ["TrimtabC"]),
    .executable(name: "trimtab-speed", targets: ["TrimtabSpeed"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "CSystem", path: "Sources/CSystem"),
    .systemLibrary(
      name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),

    .target(
      name: "CLinearAlgebra", path: "Sources/CLinearAlgebra",
      linkerSettings: [
        .linkedLibrary("openblas", .when(platforms: [.linux])),
        .linkedFramework("Accelerate", .when(platforms: [.macOS])),
      ]),

    .target(
      name: "TrimtabNumerics", dependencies: ["CLinearAlgebra"], path: "Sources/Numerics", swiftSettings: computing),
    .target(
      name: "TrimtabSearchSpaces",
      dependencies: ["TrimtabNumerics", .product(name: "Yams", package: "Yams")],
      path: "Sources/SearchSpaces", swiftSettings: computing),
    .target(
      name: "TrimtabStudies", dependencies: ["TrimtabNumerics", "TrimtabSearchSpaces"],
      path: "Sources/Studies", swiftSettings: computing),
    .target(
      name: "TrimtabSurrogates", dependencies: ["TrimtabNumerics", "TrimtabSearchSpaces"],
      path: "Sources/Surrogates", swiftSettings: computing),
    .target(
      name: "TrimtabMethods",
      dependencies: [
        "TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabStudies", "TrimtabSurrogates", "TrimtabAnalysis",
      ],
      path: "Sources/Methods", swiftSettings: computing),
    .target(
      name: "TrimtabStores", dependencies: ["TrimtabStudies", "CSQLite", "CSystem"],
      path: "Sources/Stores", swiftSettings: computing),
    .target(
      name: "TrimtabRunning",
      dependencies: ["TrimtabSearchSpaces", "TrimtabStudies", "TrimtabStores", "CSystem"],
      path: "Sources/Running", swiftSettings: computing),
    .target(
      name: "TrimtabInterchange",
      dependencies: ["TrimtabSearchSpaces", "TrimtabStudies", "TrimtabStores"],
      path: "Sources/Interchange", swiftSettings: settings),
    .target(
      name: "TrimtabAnalysis", dependencies: ["TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabStudies"],
      path: "Sources/Analysis", swiftSettings: computing),
    .target(
      name: "TrimtabScaling", dependencies: ["TrimtabNumerics"], path: "Sources/Scaling", swiftSettings: computing),
    .target(
      name: "TrimtabBenchmarks",
      dependencies: [
        "TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabStudies", "TrimtabMethods", "TrimtabStores", "TrimtabRunning",
        "TrimtabAnalysis", "CSystem",
      ],
      path: "Sources/Benchmarks", swiftSettings: computing),
    .target(
      name: "Trimtab",
      dependencies: [
        "TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabStudies", "TrimtabMethods", "TrimtabStores",
        "TrimtabRunning",
      ],
      path: "Sources/Trimtab", swiftSettings: computing),
    .target(name: "CTrimtab", path: "Sources/CTrimtab"),
    .target(
      name: "TrimtabC", dependencies: library + ["CTrimtab"], path: "Sources/TrimtabC", swiftSettings: computing),
    .executableTarget(
      name: "TrimtabCommand",
      dependencies: library + [
        "TrimtabAnalysis", "TrimtabBenchmarks", "TrimtabInterchange", "TrimtabScaling", "CSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/trimtab", swiftSettings: settings),
    .executableTarget(
      name: "TrimtabSpeed", dependencies: library + ["TrimtabBenchmarks", "CSQLite"], path: "Sources/Speed",
      swiftSettings: settings),

    .target(
      name: "TrimtabTestSupport", dependencies: library, path: "Tests/TestSupport",
      swiftSettings: computing),
    .testTarget(
      name: "NumericsTests", dependencies: ["TrimtabNumerics"], path: "Tests/NumericsTests",
      swiftSettings: settings),
    .testTarget(
      name: "SearchSpacesTests", dependencies: ["TrimtabNumerics", "TrimtabSearchSpaces", "TrimtabTestSupport"],
      path: "Tests/SearchSpacesTests", swiftSettings: settings),
    .testTarget(
      name: "StudiesTests", dependencies: ["TrimtabStudies", "TrimtabTestSupport"],
      path: "Tests/StudiesTests", swiftSettings: settings),
    .testTarget(
      name: "SurrogatesTests", dependencies: ["TrimtabSurrogates", "TrimtabTestSupport"],
      path: "Tests/SurrogatesTests", swiftSettings: settings),
    .testTarget(
      name: "MethodsTests", dependencies: ["TrimtabMethods", "TrimtabTestSupport"],
      path: "Tests/MethodsTests", swiftSettings: settings),
    .testTarget(
      name: "StoresTests", dependencies: ["TrimtabStores", "TrimtabTestSupport", "CSQLite", "ProcessTestHelper"],
      path: "Tests/StoresTests", exclude: ["Fixtures"], swiftSettings: settings),
    .executableTarget(
      name: "ProcessTestHelper", dependencies: ["TrimtabRunning", "TrimtabStores", "TrimtabStudies", "CSystem"],
      path: "Tests/ProcessTestHelper", swiftSettings: settings),
    .testTarget(
      name: "RunningTests", dependencies: ["TrimtabRunning", "TrimtabTestSupport", "CSystem", "ProcessTestHelper"],
      path: "Tests/RunningTests", swiftSettings: settings),
    .testTarget(
      name: "AnalysisTests", dependencies: ["TrimtabAnalysis", "TrimtabTestSupport"], path: "Tests/AnalysisTests",
      swiftSettings: settings),
    .testTarget(
      name: "ScalingTests", dependencies: ["TrimtabScaling", "TrimtabNumerics"], path: "Tests/ScalingTests",
      swiftSettings: settings),
    .testTarget(
      name: "BenchmarksTests", dependencies: ["Trimtab", "TrimtabBenchmarks", "TrimtabCommand", "TrimtabTestSupport"],
      path: "Tests/BenchmarksTests", swiftSettings: computing),
    .testTarget(
      name: "TrimtabTests", dependencies: library, path: "Tests/TrimtabTests", swiftSettings: settings),
    .testTarget(
      name: "InterchangeTests", dependencies: library + ["TrimtabInterchange", "TrimtabTestSupport"],
      path: "Tests/InterchangeTests", exclude: ["Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "CommandTests", dependencies: ["TrimtabCommand", "TrimtabTestSupport", "CSQLite"],
      path: "Tests/CommandTests", exclude: ["Snapshots"], swiftSettings: settings),
  ]
)
