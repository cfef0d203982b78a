#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds programs before the fork, because only here can a failure still be told clearly.
public enum ProgramPath {
  /// What a program search uses when the environment has no PATH (as `execvp` does).
  static let defaultSearchPath = "/usr/local/bin:/bin:/usr/bin"

  /// The path to hand to execve in a process whose current folder is `workingDirectory`.
  ///
  /// - Throws: `LaunchError.programNotFound`, `.programNotExecutable`.
  public static func resolve(
    _ program: String, searchPath: String?, workingDirectory: String
  ) throws(LaunchError) -> String {
    guard !program.isEmpty else { throw .emptyCommand }
    if program.utf8.contains(UInt8(ascii: "/")) {
      switch examine(absolute(program, in: workingDirectory)) {
      case .executable: return program
      case .unusable(let reason): throw .programNotExecutable(path: program, reason: reason)
      case .missing: throw .programNotFound(program: program, searched: [])
      }
    }
    var unusable: LaunchError?
    let folders = (searchPath ?? defaultSearchPath).split(separator: ":", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "." : String($0) }
    for folder in folders {
      let candidate = folder + "/" + program
      switch examine(absolute(candidate, in: workingDirectory)) {
      case .executable: return candidate
      case .unusable(let reason): unusable = unusable ?? .programNotExecutable(path: candidate, reason: reason)
      case .missing: continue
      }
    }
    throw unusable ?? .programNotFound(program: program, searched: folders)
  }

  private enum Finding {
    case executable, missing
    case unusable(reason: String)
  }

  private static func examine(_ path: String) -> Finding {
    var information = stat()
    guard stat(path, &information) == 0 else {
      switch errno {
      case ENOENT, ENOTDIR: return .missing
      case let number: return .unusable(reason: errorText(number))
      }
    }
    let kind = information.st_mode & S_IFMT
    if kind == S_IFDIR { return .unusable(reason: "it is a folder") }
    guard kind == S_IFREG else { return .unusable(reason: "it is not a regular file") }
    guard access(path, X_OK) == 0 else {
      return .unusable(reason: "it is not marked executable (chmod +x), or you may not run it")
    }
    return .executable
  }

  private static func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }
}
