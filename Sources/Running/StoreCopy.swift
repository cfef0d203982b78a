import TrimtabStores

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private copy of a store whose write-ahead log could not be read in place without writing beside it.
///
/// SQLite reads such a log through an index in a further file. Where that file is missing (the store was copied without
/// it, or the machine went down), whoever reads makes it anew, and in a folder that cannot be written nobody can read.
final class StoreCopy {
  let path: String
  private let folder: String

  /// Whether the store at a path has a write-ahead log without its index.
  static func isNeeded(_ path: String) -> Bool {
    var info = stat()
    return stat(path + "-wal", &info) == 0 && info.st_size > 0 && access(path + "-shm", F_OK) != 0
  }

  /// - Throws: `StoreError` when there is no room for the copy.
  init(of source: String) throws(StoreError) {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/trimtab-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw StoreError(.other, "\(base): no temporary folder can be made: \(String(cString: strerror(errno)))")
    }
    folder = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    path = folder + "/store"
    do throws(StoreError) {
      for ending in ["", "-wal"] { try Self.copy(source + ending, to: path + ending) }
    } catch {
      Self.remove(folder)
      throw error
    }
  }

  deinit { Self.remove(folder) }

  private static func remove(_ folder: String) {
    for name in ["/store", "/store-wal", "/store-shm"] { unlink(folder + name) }
    rmdir(folder)
  }

  private static func copy(_ source: String, to target: String) throws(StoreError) {
    func failure(_ path: String) -> StoreError {
      StoreError(.other, "\(path): cannot be copied: \(String(cString: strerror(errno)))")
    }
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw failure(source) }
    defer { close(input) }
    let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw failure(target) }
    defer { close(output) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(input, &buffer, buffer.count)
      if count == 0 { return }
      guard count > 0 else { throw failure(source) }
      var written = 0
      while written < count {
        let step = buffer[written..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
        guard step > 0 else { throw failure(target) }
        written += step
      }
    }
  }
}
