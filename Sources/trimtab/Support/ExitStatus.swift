import ArgumentParser
import Trimtab
import TrimtabBenchmarks
import TrimtabInterchange
import TrimtabScaling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The program's exit codes, as documented in docs/command-line.md. Usage errors exit with 64.
enum ExitStatus: Int32 {
  /// The command could not do its work: the store cannot be written, a program cannot be started.
  case failure = 1
  /// A study file, a value or a configuration is wrong. Nothing was changed.
  case badInput = 2
  /// The store, the study or the trial does not exist, or there is no result yet.
  case notFound = 3
  /// The store is damaged, `doctor` or `replay` found a problem, or a check of `scale` did not pass.
  case damaged = 4
  /// A person ended the command; the study can go on.
  case interrupted = 130
}

/// An error whose text is already complete, with the code to exit with.
struct CommandError: Error, CustomStringConvertible {
  var status: ExitStatus
  var description: String

  init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}

/// Runs a command's body; prints an error on standard error and exits with its code.
func reporting(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let exit as ExitCode {
    throw exit
  } catch {
    printError(errorText(error))
    throw ExitCode(status(of: error).rawValue)
  }
}

/// The text shown for an error; `Diagnostics` have their own form, all others begin with "error: ".
func errorText(_ error: any Error) -> String {
  error is Diagnostics ? String(describing: error) : "error: \(error)"
}

func status(of error: any Error) -> ExitStatus {
  switch error {
  case let error as CommandError: error.status
  case is Diagnostics, is SpaceError, is EventError, is MethodError, is ProblemError, is ProblemOptionError,
    is ScalingError:
    .badInput
  case is SuiteComparison.Missing: .notFound
  case let error as StoreError:
    switch error.kind {
    case .notFound: .notFound
    case .corrupt: .damaged
    default: .failure
    }
  case is FrameError: .damaged
  case let error as InterchangeError:
    switch error.kind {
    case .notFound: .notFound
    case .badInput: .badInput
    case .damaged: .damaged
    case .failure: .failure
    }
  case let error as SessionError: error.kind == .notFound ? .notFound : .badInput
  default: .failure
  }
}

/// Writes a line to standard error.
func printError(_ text: String) {
  var line = text + "\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
