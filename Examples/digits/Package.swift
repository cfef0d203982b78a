// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "digits",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "digits", targets: ["digits"])],
  targets: [
    .executableTarget(name: "digits", swiftSettings: settings),
    .testTarget(name: "digitsTests", dependencies: ["digits"], swiftSettings: settings),
  ]
)
