#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The value of an environment variable; one that is set but empty counts as unset.
func environment(_ name: String) -> String? {
  guard let value = getenv(name), value.pointee != 0 else { return nil }
  return String(cString: value)
}

/// A whole number from the environment.
func environmentInteger(_ name: String, from lowest: Int) throws(Failure) -> Int? {
  guard let text = environment(name) else { return nil }
  guard let number = Int(text), number >= lowest else {
    throw .usage("\(name)=\(text): must be a whole number from \(lowest)")
  }
  return number
}

func systemError() -> String {
  String(cString: strerror(errno))
}

/// The bytes of a file; nil when there is none.
func readFile(_ path: String) throws(Failure) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else {
    if errno == ENOENT { return nil }
    throw .environment("\(path): cannot be read: \(systemError())")
  }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  let step = 1 << 16
  while true {
    var got = 0
    let chunk = [UInt8](unsafeUninitializedCapacity: step) { buffer, count in
      repeat { got = read(descriptor, buffer.baseAddress, step) } while got < 0 && errno == EINTR
      count = max(got, 0)
    }
    guard got >= 0 else { throw .environment("\(path): cannot be read: \(systemError())") }
    if got == 0 { return bytes }
    bytes += chunk
  }
}

/// Writes all of `bytes`, however many calls it takes.
func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(Failure) {
  var written = 0
  while written < bytes.count {
    let got = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
    if got < 0 {
      if errno == EINTR { continue }
      throw .environment("\(path): cannot be written: \(systemError())")
    }
    written += got
  }
}

/// Puts `bytes` at `folder`/`name` so that a reader, a crash or a power cut finds the old file or the new one, whole.
func replaceFile(_ name: String, in folder: String, with bytes: [UInt8]) throws(Failure) {
  guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
    throw .environment("\(folder): cannot be made: \(systemError())")
  }
  let path = "\(folder)/\(name)"
  let temporary = "\(path).new"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw .environment("\(temporary): cannot be opened: \(systemError())") }
  do throws(Failure) {
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, temporary)
    guard fsync(descriptor) == 0 else { throw .environment("\(temporary): fsync: \(systemError())") }
  } catch {
    unlink(temporary)
    throw error
  }
  guard rename(temporary, path) == 0 else { throw .environment("\(path): rename: \(systemError())") }
  // The new name is durable only once the folder itself is.
  let directory = open(folder, O_RDONLY | O_CLOEXEC)
  guard directory >= 0 else { throw .environment("\(folder): cannot be opened: \(systemError())") }
  defer { close(directory) }
  guard fsync(directory) == 0 else { throw .environment("\(folder): fsync: \(systemError())") }
}

/// Whether the trial was asked to stop: by SIGTERM or by the file that `TRIMTAB_STOP` names.
///
/// The signal is blocked and looked for between epochs, so that it never cuts one short.
struct StopRequest {
  private let file = environment("TRIMTAB_STOP")

  init() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigprocmask(SIG_BLOCK, &signals, nil)
  }

  var made: Bool {
    var pending = sigset_t()
    if sigpending(&pending) == 0, sigismember(&pending, SIGTERM) == 1 { return true }
    return file.map { access($0, F_OK) == 0 } ?? false
  }
}

func printLine(_ line: String) {
  print(line)
  // Standard output is a pipe under a runner: without this its lines come in blocks.
  fflush(nil)
}

func printError(_ message: String) {
  fflush(nil)
  let line = Array("digits: \(message)\n".utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
