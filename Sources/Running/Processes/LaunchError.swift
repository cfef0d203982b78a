#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a program could not be started. Nothing runs and nothing is left behind when one is thrown, except the log file.
public enum LaunchError: Error, Equatable, Sendable {
  /// The command has no words, or its first is empty.
  case emptyCommand
  /// A zero byte, or an environment name that is empty or has `=` in it.
  case unusableText(place: String)
  /// No such program; `searched` lists the folders of PATH, and is empty when the program was given as a path.
  case programNotFound(program: String, searched: [String])
  /// The file is there, but cannot be run.
  case programNotExecutable(path: String, reason: String)
  /// The folder to start in is missing, is no folder, or may not be entered.
  case workingDirectoryUnusable(path: String, errorNumber: Int32)
  /// The arguments and the environment together are longer than the system takes.
  case commandTooLong(program: String)
  /// A file, FIFO or folder of the trial could not be made or opened.
  case fileUnusable(path: String, operation: String, errorNumber: Int32)
  /// A limit lies above what the tuner itself is allowed, or needs a privilege.
  case limitRefused(name: String, value: Int64, errorNumber: Int32)
  /// The guard's process has died: `ProcessGuard.restartIfLost()`, then try again.
  case guardLost
  /// The guard did not come up.
  case guardUnusable(executable: String, reason: String)
  /// The system is out of something, such as processes or open files.
  case systemCall(name: String, errorNumber: Int32)
}

extension LaunchError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .emptyCommand:
      return "the command is empty: name a program in the study file's key 'command'"
    case .unusableText(let place):
      return "\(place) can't be passed to a program: zero bytes, and environment names that are empty or contain '=', "
        + "are not allowed"
    case .programNotFound(let program, let searched) where searched.isEmpty:
      return "there is no program '\(program)': check the path, which is relative to the folder of the study file"
    case .programNotFound(let program, let searched):
      return "there is no program '\(program)' in PATH (\(searched.joined(separator: ", "))): install it, add its "
        + "folder to PATH, or write './\(program)' for a file beside the study file"
    case .programNotExecutable(let path, let reason):
      return "'\(path)' can't be run: \(reason)"
    case .workingDirectoryUnusable(let path, let number):
      return "the program can't start in the folder '\(path)': \(errorText(number))"
    case .commandTooLong(let program):
      return
        "the arguments and the environment of '\(program)' are longer than the system allows: let the program read "
        + "its values from the file named by TRIMTAB_CONFIG"
    case .fileUnusable(let path, let operation, let number):
      return "can't \(operation) '\(path)': \(errorText(number))"
    case .limitRefused(let name, let value, let number):
      return
        "the limit \(name) = \(value) was refused: \(errorText(number)); it may be above the limit that applies to "
        + "Trimtab itself (see ulimit)"
    case .guardLost:
      return "the process that ends trials when the tuner dies has gone; start it again before the next trial"
    case .guardUnusable(let executable, let reason):
      return "the process that ends trials when the tuner dies did not come up ('\(executable)'): \(reason)"
    case .systemCall(let name, let number):
      return "\(name) failed: \(errorText(number))"
    }
  }
}

/// The system's words for an errno.
func errorText(_ number: Int32) -> String {
  guard let text = strerror(number) else { return "error \(number)" }
  return String(cString: text)
}
