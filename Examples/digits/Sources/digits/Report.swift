#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The line of JSON that tells the tuner what epoch number `epoch` came to.
///
/// JSON has no spelling for numbers that are not finite: the tuner takes "nan", "inf" and "-inf" for them.
func reportLine(epoch: Int, _ result: EpochResult) -> String {
  guard result.loss.isFinite else {
    let spelled = result.loss.isNaN ? "nan" : result.loss < 0 ? "-inf" : "inf"
    return #"{"epoch": \#(epoch), "loss": "\#(spelled)"}"#
  }
  return #"{"epoch": \#(epoch), "loss": \#(result.loss), "accuracy": \#(result.accuracy), "#
    + #""seconds_per_epoch": \#(result.seconds)}"#
}

/// The line for people.
func progressLine(epoch: Int, of epochs: Int, _ result: EpochResult) -> String {
  guard result.loss.isFinite else { return "epoch \(epoch)/\(epochs): the loss is \(result.loss): diverged" }
  return "epoch \(epoch)/\(epochs): validation loss \(rounded(result.loss, 4)), "
    + "accuracy \(rounded(result.accuracy, 4)), \(rounded(result.seconds * 1000, 1)) ms"
}

/// `value` with a fixed number of decimals.
private func rounded(_ value: Double, _ decimals: Int) -> String {
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  guard let whole = Int(exactly: (value.magnitude * scale).rounded()) else { return "\(value)" }
  let digits = String(whole)
  let filled = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  return (value < 0 ? "-" : "") + filled.dropLast(decimals) + "." + filled.suffix(decimals)
}

/// Appends reports to the file or pipe that `TRIMTAB_REPORT` names; does nothing without one.
struct Reporter: ~Copyable {
  private let path: String
  private let descriptor: Int32?

  init() throws(Failure) {
    guard let path = environment("TRIMTAB_REPORT") else {
      self.path = ""
      descriptor = nil
      return
    }
    // A reader that has gone must come back as an error of `write`, not end the program unheard.
    signal(SIGPIPE, SIG_IGN)
    let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard opened >= 0 else { throw .environment("\(path): cannot be opened: \(systemError())") }
    self.path = path
    descriptor = opened
  }

  deinit {
    if let descriptor { close(descriptor) }
  }

  /// One line is one `write`, so that lines of several writers never mix.
  func report(_ line: String) throws(Failure) {
    guard let descriptor else { return }
    try writeAll(Array((line + "\n").utf8), to: descriptor, path)
  }
}
