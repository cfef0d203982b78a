#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What importers need of the file system.
enum FileBytes {
  enum Kind {
    case file
    case folder
  }

  /// What lies at a path; nil when nothing does.
  static func kind(of path: String) -> Kind? {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    return info.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }

  /// The largest file that is read whole, in bytes.
  static let maximum = 2 << 30

  /// - Parameter limit: read no further than this.
  /// - Throws: `InterchangeError` when the file does not exist or cannot be read.
  static func read(_ path: String, atMost limit: Int = .max) throws(InterchangeError) -> [UInt8] {
    func failure() -> InterchangeError {
      errno == ENOENT
        ? InterchangeError(.notFound, at: path, "there is no such file")
        : InterchangeError(.failure, at: path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    if kind(of: path) == .folder { throw InterchangeError(at: path, "this is a folder, not a file") }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = trimtabRead(descriptor, &buffer, min(buffer.count, limit - bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= maximum else {
        throw InterchangeError(at: path, "the file is larger than \(maximum >> 30) GiB")
      }
    }
  }

  /// - Throws: `InterchangeError` as `read` does, and when the file is not UTF-8.
  static func text(_ path: String) throws(InterchangeError) -> String {
    let bytes = try read(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InterchangeError(at: path, "the file is not UTF-8 text", hint: "is it the right file?")
    }
    return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
  }

  /// The names in a folder, sorted, without those that begin with a point.
  /// - Throws: `InterchangeError` when the folder cannot be read.
  static func entries(_ path: String) throws(InterchangeError) -> [String] {
    guard let directory = opendir(path) else {
      throw InterchangeError(
        errno == ENOENT ? .notFound : .failure, at: path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}

/// read(2), which `FileBytes.read` hides.
private func trimtabRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, bytes, count)
}
