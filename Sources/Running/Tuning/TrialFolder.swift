import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folder in which a trial's files lie: its configuration, its output, its checkpoint.
public struct TrialFolder: Sendable {
  public let path: String

  /// - Parameter root: the folder of all the study's trials.
  public init(root: String, trial: TrialNumber) {
    let digits = String(trial)
    path = root + "/" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  public var configuration: String { path + "/config.json" }
  public var output: String { path + "/output.log" }
  public var checkpoint: String { path + "/checkpoint" }
  var report: String { path + "/report" }
  var stop: String { path + "/stop" }

  /// Makes the folders and writes the configuration.
  /// - Throws: `StoreFolderError` naming the path that cannot be written.
  func prepare(configuration json: String) throws(StoreFolderError) {
    for folder in [path, checkpoint] { try Self.makeFolder(folder) }
    let file = open(configuration, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw StoreFolderError(path: configuration) }
    defer { close(file) }
    let bytes = Array((json + "\n").utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw StoreFolderError(path: configuration) }
      written += count
    }
  }

  /// Whether the checkpoint folder holds anything.
  public var hasCheckpoint: Bool {
    guard let directory = opendir(checkpoint) else { return false }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { return true }
    }
    return false
  }

  /// Renames the checkpoint folder, so that the next run finds an empty one.
  /// - Throws: `StoreFolderError` naming the path that cannot be written.
  func setCheckpointAside() throws(StoreFolderError) {
    var number = 1
    while rename(checkpoint, "\(checkpoint).\(number)") != 0 {
      guard errno == ENOTEMPTY || errno == EEXIST else { throw StoreFolderError(path: checkpoint) }
      number += 1
    }
  }

  /// The end of the trial's output, for messages.
  func lastOutput(lines: Int = 5, bytes: Int = 2000) -> String {
    let file = open(output, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    let size = lseek(file, 0, SEEK_END)
    let start = max(0, size - off_t(bytes))
    var buffer = [UInt8](repeating: 0, count: bytes)
    let count = pread(file, &buffer, bytes, start)
    guard count > 0 else { return "" }
    let text = String(decoding: buffer[..<count], as: UTF8.self)
    var kept = text.split(whereSeparator: \.isNewline).suffix(lines)
    if start > 0, kept.count > 1, kept.count < lines { kept = kept.dropFirst() }
    return kept.joined(separator: "\n")
  }

  static func makeFolder(_ path: String) throws(StoreFolderError) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw StoreFolderError(path: path)
    }
    try makeFolder(String(path[..<slash]))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw StoreFolderError(path: path) }
  }
}

/// A file or folder of a trial cannot be written.
public struct StoreFolderError: Error, Sendable, Equatable, CustomStringConvertible {
  public var path: String
  public var errorNumber: Int32

  init(path: String) {
    self.path = path
    errorNumber = errno
  }

  public var description: String {
    "\(path): cannot be written: \(String(cString: strerror(errorNumber))) (check the permissions and the free space)"
  }
}
