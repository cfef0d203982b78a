#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// This program as it was started.
enum ThisProgram {
  /// What to run to start this very program again, even when its file was replaced by a new version meanwhile.
  static var restartPath: String {
    #if os(Linux)
      "/proc/self/exe"
    #else
      path
    #endif
  }

  /// The absolute path of the program's file.
  static var path: String {
    #if os(Linux)
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = readlink("/proc/self/exe", &buffer, buffer.count)
      if count > 0 { return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    #endif
    let name = CommandLine.arguments.first ?? "trimtab"
    guard name.contains("/") else { return name }
    return absolutePath(name)
  }

  /// The value of an environment variable; nil when it is not set or empty.
  static func environment(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    let value = String(cString: text)
    return value.isEmpty ? nil : value
  }

  /// The environment that trials get: this program's own, in which they find `trimtab` even when it is not installed.
  static func trialEnvironment() -> [(name: String, value: String)] {
    var environment = ProcessInfo.processInfo.environment
    let program = path
    environment["TRIMTAB_EXECUTABLE"] = program
    let folder = StudyLocation.folder(of: program)
    let search = environment["PATH"] ?? "/usr/local/bin:/bin:/usr/bin"
    if !search.split(separator: ":").contains(Substring(folder)) { environment["PATH"] = "\(search):\(folder)" }
    return environment.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
  }
}

/// The path from the root, without resolving links.
func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/") else { return path }
  let here = FileManager.default.currentDirectoryPath
  let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
  return plain.isEmpty || plain == "." ? here : "\(here)/\(plain)"
}

/// A word as a shell reads it back.
func shellWord(_ text: String) -> String {
  let plain = text.unicodeScalars.allSatisfy { scalar in
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_-./=:,+%@".unicodeScalars.contains(scalar))
  }
  if plain, !text.isEmpty { return text }
  return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
