#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reading of benchmark data from disk.
enum DataFiles {
  /// The names in a folder, sorted, those with a leading dot left out; nil when there is no such folder.
  static func names(in folder: String) -> [String]? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let item = readdir(directory) {
      let name = withUnsafePointer(to: &item.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// - Throws: `ProblemError` with the system's reason.
  static func bytes(_ path: String) throws(ProblemError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(path) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ProblemError("is not a file", at: path)
    }
    let size = Int(status.st_size)
    var done = 0
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while done < size, let base = buffer.baseAddress {
        let got = read(file, base + done, size - done)
        if got < 0, errno == EINTR { continue }
        if got < 0 { code = errno }
        if got <= 0 { break }
        done += got
      }
      count = done
    }
    guard code == 0 else { throw ProblemError("cannot be read: \(String(cString: strerror(code)))", at: path) }
    guard done == size else { throw ProblemError("became shorter while it was read", at: path, hint: "try again") }
    return bytes
  }

  /// - Throws: `ProblemError` with the system's reason, or when the file is not UTF-8.
  static func text(_ path: String) throws(ProblemError) -> String {
    let bytes = try bytes(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ProblemError("is not UTF-8 text", at: path)
    }
    return text
  }

  private static func failure(_ path: String) -> ProblemError {
    ProblemError("cannot be opened: \(String(cString: strerror(errno)))", at: path)
  }
}

/// The arrays of a `.f32` file: binary32, little-endian, row-major, without padding.
struct FloatFile {
  let path: String
  private let bytes: [UInt8]

  /// - Throws: `ProblemError` when the file cannot be read.
  init(_ path: String) throws(ProblemError) {
    self.path = path
    bytes = try DataFiles.bytes(path)
  }

  /// - Throws: `ProblemError` when the file ends before the array does.
  func array(_ name: String, _ entry: ArrayEntry) throws(ProblemError) -> [Float] {
    let (length, overflow) = entry.count.multipliedReportingOverflow(by: 4)
    let (end, beyond) = entry.offset.addingReportingOverflow(length)
    guard !overflow, !beyond, end <= bytes.count else {
      throw ProblemError(
        "the file has \(bytes.count) bytes, but the array '\(name)' takes \(entry.count) numbers from byte \(entry.offset)",
        at: path, hint: "the file is cut off, or belongs to another header: fetch or convert it again")
    }
    return bytes.withUnsafeBytes { raw in
      [Float](unsafeUninitializedCapacity: entry.count) { buffer, count in
        for i in 0..<entry.count {
          let word = raw.loadUnaligned(fromByteOffset: entry.offset + 4 * i, as: UInt32.self)
          buffer[i] = Float(bitPattern: UInt32(littleEndian: word))
        }
        count = entry.count
      }
    }
  }
}
