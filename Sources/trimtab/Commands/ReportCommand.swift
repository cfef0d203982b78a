import ArgumentParser
import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Report metrics from inside a trial.",
    usage: "trimtab report [--resource <number>] <metric=value> ... [--check]",
    discussion: """
      To be called by a trial's program, for example from a shell script:

        trimtab report --epoch 3 loss=0.52 accuracy=0.9

      The resource may be given under the fidelity's own name, as here, or as --resource. With --check, the exit code \
      is 10 once the trial should save its checkpoint and stop.
      """)

  /// The exit code of --check that asks the trial to stop.
  static let stopCode: Int32 = 10

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("A metric and its value, such as loss=0.52; nan and inf are values.", valueName: "metric=value"))
  var values: [String] = []

  @Option(help: "The resource at which the metrics were measured, absolute.")
  var resource: Double?

  @Option(help: ArgumentHelp("Say that the configuration is not acceptable, and why.", valueName: "why"))
  var reject: String?

  @Option(help: ArgumentHelp("Say that the trial failed, and why.", valueName: "why"))
  var fail: String?

  @Flag(help: "Exit with 10 if the trial should stop.")
  var check = false

  func run() throws {
    try reporting {
      guard let path = ThisProgram.environment("TRIMTAB_REPORT") else {
        throw CommandError(
          .badInput, "this is not a trial: TRIMTAB_REPORT is not set (call 'trimtab report' from a study's command)")
      }
      if let line = try makeLine(fidelity: ThisProgram.environment("TRIMTAB_FIDELITY")) {
        try Self.send(line, to: path)
      } else if !check {
        throw CommandError(.badInput, "there is nothing to report (write a metric and its value, such as loss=0.52)")
      }
      if check, let stop = ThisProgram.environment("TRIMTAB_STOP"), access(stop, F_OK) == 0 {
        throw ExitCode(Self.stopCode)
      }
    }
  }

  /// The line to send; nil when nothing was given.
  private func makeLine(fidelity: String?) throws -> String? {
    var members: [JSONValue.Member] = []
    var resource = resource.map { [$0] } ?? []
    var rest = values[...]
    while let word = rest.popFirst() {
      var text = word
      if word.hasPrefix("--") {
        // `--epoch 3` and `--epoch=3` give the resource under its own name.
        text = String(word.dropFirst(2))
        let name = text.prefix { $0 != "=" }
        guard let fidelity, name == fidelity else { throw unknownOption(word, fidelity) }
        if !text.contains("=") {
          guard let value = rest.popFirst() else { throw CommandError(.badInput, "the value of \(word) is missing") }
          text += "=\(value)"
        }
      }
      guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
        throw CommandError(.badInput, "'\(word)' is not a metric and its value (write for example loss=0.52)")
      }
      let name = String(text[..<sign])
      let number = try Self.number(String(text[text.index(after: sign)...]), of: name)
      if name == fidelity || name == "resource" {
        resource.append(number)
      } else if members.contains(where: { $0.key == name }) {
        throw CommandError(.badInput, "the metric '\(name)' is given twice")
      } else {
        members.append(.init(name, .number(number)))
      }
    }
    if let ending = try ending() {
      guard members.isEmpty, resource.isEmpty else {
        throw CommandError(.badInput, "--reject and --fail end the trial; they go without metrics")
      }
      return ending
    }
    guard !members.isEmpty || !resource.isEmpty else { return nil }
    guard resource.count < 2 else { throw CommandError(.badInput, "the resource is given twice") }
    if let number = resource.first {
      guard number.isFinite, number > 0 else {
        throw CommandError(.badInput, "the resource must be a number above 0, not \(Shown.exact(number))")
      }
      members.insert(.init(fidelity ?? "resource", .number(number)), at: 0)
    }
    let line = JSONValue.object(members).text
    do {
      _ = try ReportLine.parse(line, fidelity: fidelity.map { Fidelity(name: $0, maximum: .infinity) })
    } catch {
      throw CommandError(.badInput, "\(error)")
    }
    return line
  }

  private func ending() throws -> String? {
    if reject != nil, fail != nil { throw CommandError(.badInput, "--reject and --fail exclude each other") }
    if let reject { return JSONValue.members(["reject": .string(reject)]).text }
    if let fail { return JSONValue.members(["fail": .string(fail)]).text }
    return nil
  }

  private func unknownOption(_ word: String, _ fidelity: String?) -> CommandError {
    let options = ["--resource", "--reject", "--fail", "--check"] + (fidelity.map { ["--\($0)"] } ?? [])
    return CommandError(
      .badInput, "there is no option '\(word)' (\(suggestion(for: word, among: options)); metrics go without dashes)")
  }

  private static func number(_ text: String, of name: String) throws -> Double {
    // Swift's own reading takes hexadecimal too, which nobody means here.
    guard !text.contains("x"), let number = Double(text) else {
      throw CommandError(.badInput, "the value of '\(name)' is not a number: '\(text)'")
    }
    return number
  }

  /// Longer lines could be mixed with those of other processes of the same trial.
  private static let longestLine = 4096
  /// How long to wait while the tuner does not read.
  private static let patience: Int32 = 30_000

  private static func send(_ line: String, to path: String) throws {
    var bytes = Array((line + "\n").utf8)
    guard bytes.count <= longestLine else {
      throw CommandError(.badInput, "the report is longer than \(longestLine) bytes (shorten it, or report less at once)")
    }
    signal(SIGPIPE, SIG_IGN)
    // Without a reader, opening a FIFO would wait for ever.
    let file = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      let why = errno == ENXIO ? "the tuner does not run any more" : String(cString: strerror(errno))
      throw CommandError(.failure, "\(path): the report cannot be sent: \(why)")
    }
    defer { close(file) }
    while true {
      let count = write(file, &bytes, bytes.count)
      if count == bytes.count { return }
      if count < 0, errno == EINTR { continue }
      guard count < 0, errno == EAGAIN else {
        throw CommandError(.failure, "\(path): the report could not be sent: \(String(cString: strerror(errno)))")
      }
      var entry = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
      guard poll(&entry, 1, patience) > 0 else {
        throw CommandError(.failure, "\(path): the report could not be sent: the tuner does not read")
      }
    }
  }
}
