import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A descriptor that is closed with its last owner, which may be as soon as that has read `number` for the last time: keep it in a
/// property, or alive with `withExtendedLifetime`, while the number is used.
package final class Descriptor {
  package let number: Int32

  package init(owning number: Int32) { self.number = number }

  deinit { close(number) }
}

/// A program to be started in a session and process group of its own.
///
/// A session rather than a group alone: a program that asks for a password on the terminal then gets an error at once,
/// where a background group would be stopped for ever; and Linux shares the processor fairly between sessions.
package struct SpawnRequest {
  package var arguments: [String]
  /// `nil`: the caller's own.
  package var environment: [(name: String, value: String)]?
  /// `nil`: the caller's own.
  package var workingDirectory: String?
  /// The path to execute, as `ProgramPath.resolve` gives it.
  package var path: String
  package var input: Int32?
  /// For standard output, and for errors too unless `errors` takes them.
  package var output: Int32?
  package var errors: Int32?
  var kept: Int32?
  var registry: Int32?
  package var diesWithParent = false
  var marksDescriptorsSingly = false
  var limits = ProcessLimits()

  package init(path: String, arguments: [String]) {
    self.path = path
    self.arguments = arguments
  }

  /// Starts the program, and returns the number of its process, which is that of its group too.
  ///
  /// - Throws: any `LaunchError` but those of the guard's start.
  package func spawn() throws(LaunchError) -> pid_t {
    try checkTexts()
    let variables = environment?.map { $0.name + "=" + $0.value }
    let result = withCStrings(arguments) { arguments in
      withCStrings(variables ?? []) { variables in
        path.withCString { path in
          withOptionalCString(workingDirectory) { folder in
            var request = trimtab_spawn_request(
              path: path, arguments: arguments, environment: environment == nil ? nil : variables,
              working_directory: folder, input: input ?? -1, output: output ?? -1, errors: errors ?? -1,
              kept: kept ?? -1, registry: registry ?? -1, die_with_parent: diesWithParent ? 1 : 0,
              mark_descriptors_singly: marksDescriptorsSingly ? 1 : 0, cpu_seconds: limits.cpuSeconds ?? -1,
              address_space_bytes: limits.addressSpaceBytes ?? -1,
              sets_oom_score: limits.oomScoreAdjustment == nil ? 0 : 1, oom_score: limits.oomScoreAdjustment ?? 0)
            return trimtab_spawn(&request)
          }
        }
      }
    }
    guard Int(result.stage) == Int(TRIMTAB_SPAWN_OK) else { throw failure(result) }
    return result.pid
  }

  private func checkTexts() throws(LaunchError) {
    guard !arguments.isEmpty else { throw .emptyCommand }
    for (index, argument) in arguments.enumerated() where argument.utf8.contains(0) {
      throw .unusableText(place: "argument \(index) of the command")
    }
    for (name, value) in environment ?? [] {
      if name.isEmpty || name.utf8.contains(0) || name.utf8.contains(UInt8(ascii: "=")) || value.utf8.contains(0) {
        throw .unusableText(place: "the environment variable '\(name)'")
      }
    }
    if (workingDirectory ?? "").utf8.contains(0) { throw .unusableText(place: "the working folder") }
    let limitsAndNames = [("cpu", limits.cpuSeconds), ("address space", limits.addressSpaceBytes)]
    for case (let name, let value?) in limitsAndNames where value < 0 {
      throw .limitRefused(name: name, value: value, errorNumber: EINVAL)
    }
  }

  private func failure(_ result: trimtab_spawn_result) -> LaunchError {
    let number = result.error
    switch Int(result.stage) {
    case Int(TRIMTAB_SPAWN_DIRECTORY):
      return .workingDirectoryUnusable(path: workingDirectory ?? ".", errorNumber: number)
    case Int(TRIMTAB_SPAWN_CPU_LIMIT):
      return .limitRefused(name: "cpu", value: limits.cpuSeconds ?? -1, errorNumber: number)
    case Int(TRIMTAB_SPAWN_MEMORY_LIMIT):
      return .limitRefused(name: "address space", value: limits.addressSpaceBytes ?? -1, errorNumber: number)
    case Int(TRIMTAB_SPAWN_OOM_SCORE):
      return .limitRefused(name: "oom score", value: Int64(limits.oomScoreAdjustment ?? 0), errorNumber: number)
    case Int(TRIMTAB_SPAWN_REGISTER): return .guardLost
    case Int(TRIMTAB_SPAWN_PIPE): return .systemCall(name: "pipe2", errorNumber: number)
    case Int(TRIMTAB_SPAWN_FORK): return .systemCall(name: "fork", errorNumber: number)
    case Int(TRIMTAB_SPAWN_SESSION): return .systemCall(name: "setsid or prctl", errorNumber: number)
    case Int(TRIMTAB_SPAWN_DESCRIPTORS): return .systemCall(name: "dup", errorNumber: number)
    default: return executionFailure(number)
    }
  }

  private func executionFailure(_ number: Int32) -> LaunchError {
    switch number {
    case E2BIG: return .commandTooLong(program: path)
    case ENOENT, ENOTDIR:
      return .programNotExecutable(
        path: path, reason: "the interpreter that its first line (#!) or its header names is missing")
    case ENOEXEC:
      return .programNotExecutable(
        path: path, reason: "it is neither a program for this machine nor a script that begins with #!")
    case let number: return .programNotExecutable(path: path, reason: errorText(number))
    }
  }
}

/// Hands `body` a NULL-terminated array of NULL-terminated strings. The strings must be free of zero bytes.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var bytes: [CChar] = []
  var offsets: [Int] = []
  for string in strings {
    offsets.append(bytes.count)
    bytes.append(contentsOf: string.utf8CString)
  }
  return bytes.withUnsafeMutableBufferPointer { buffer in
    var pointers = offsets.map { buffer.baseAddress?.advanced(by: $0) }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { pointers in
      // Never nil: the array holds at least the final NULL.
      body(pointers.baseAddress.unsafelyUnwrapped)
    }
  }
}

private func withOptionalCString<Result>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
  guard let string else { return body(nil) }
  return string.withCString(body)
}
