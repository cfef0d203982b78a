import ArgumentParser
import Trimtab

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Derive a study from its log, event by event, and prove that nothing else is needed.",
    discussion: """
      Folds the log twice, the second time through events that were written as bytes and read back, and compares every \
      field of the two states. Then asks the method, at each of its proposals, what it would propose there.

      A proposal made with the whole log before it in view must come out the same. Where another process wrote just \
      before it, the log does not say whether the process that asked had seen that yet: such a proposal is a fact that \
      depended on timing, is kept as such, and is counted apart. Exits with 4 when something differs.
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: "Derive only the first N events.")
  var to: Int?

  @Flag(inversion: .prefixedNo, help: "Compare the states, and ask the method.")
  var verify = true

  @Flag(help: "Print the state after each event.")
  var each = false

  @Option(help: "Print the state after every K events; some twenty times over the log when left out.")
  var every: Int?

  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  func validate() throws {
    if let to, to < 1 { throw ValidationError("--to must be at least 1, not \(to)") }
    if let every, every < 1 { throw ValidationError("--every must be at least 1, not \(every)") }
    if each, every != nil { throw ValidationError("--each and --every exclude each other") }
  }

  func run() throws {
    try reporting {
      let log = try study.locate().openLog()
      let count = min(to ?? .max, try LogFold.state(of: log).eventCount)
      let step = each ? 1 : every ?? max(1, count / 20)
      var steps: [JSONValue] = []
      if !json { print(Step.title) }
      let replay = try StudyReplay(
        log, upTo: to, isVerified: verify, makeMethod: { try Catalogue.makeMethod($0) },
        onEvent: { sequence, event, state in
          guard (sequence + 1) % step == 0 || sequence + 1 == count else { return }
          let moment = Step(sequence: sequence, event: event, state: state)
          if json { steps.append(moment.json) } else { print(moment.line) }
        })
      if json {
        print(document(replay, steps).prettyText)
      } else if verify {
        Output.print([""] + report(replay))
      }
      if !replay.isFaithful { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }

  /// A moment of the study.
  private struct Step {
    var sequence: Int
    var event: Event
    var state: StudyState

    static let title = "  event  time                 trials  running  over       best  fingerprint"

    private var over: Int { state.trials.count - state.count(.waiting) - state.count(.running) - state.count(.paused) }

    private var fingerprint: String { ReplayCommand.hex(state.fingerprint) }

    var line: String {
      func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
      }
      let best = state.incumbent.map { Shown.number(state.trials[$0].value) } ?? "-"
      return right(String(sequence), 7) + "  \(TimeText.plain(event.time))" + right(String(state.trials.count), 8)
        + right(String(state.count(.running)), 9) + right(String(over), 6)
        + right(best, 11) + "  " + fingerprint
    }

    var json: JSONValue {
      .members([
        "sequence": .integer(sequence), "time": .integer(Int(event.time)), "trials": .integer(state.trials.count),
        "waiting": .integer(state.count(.waiting)), "running": .integer(state.count(.running)), "over": .integer(over),
        "best": state.incumbent.map { .number(state.trials[$0].value) } ?? .null, "fingerprint": .string(fingerprint),
      ])
    }
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private func report(_ replay: StudyReplay) -> [String] {
    var list = FieldList(width: Output.textWidth)
    let fields = replay.state.fieldFingerprints.count
    if replay.differences.isEmpty {
      list.add(
        "state",
        "ok: \(replay.eventCount) events, written and read again, lead to the same state in all \(fields) fields")
    } else {
      list.add(
        "state",
        "PROBLEM: after writing and reading the events again, these differ: \(replay.differences.joined(separator: ", "))"
      )
    }
    if replay.violations.isEmpty {
      list.add("invariants", "ok: the state agrees with itself")
    } else {
      list.add("invariants", replay.violations.map { "PROBLEM: \($0)" })
    }
    let certain = replay.certain
    list.add(
      "proposals",
      replay.disagreements.isEmpty
        ? "ok: the method makes the same \(certain.agreed) of \(certain.count) proposals again"
        : "PROBLEM: the method makes only \(certain.agreed) of \(certain.count) proposals again")
    list.add("", replay.disagreements.prefix(5).map { $0 })
    if replay.disagreements.count > 5 { list.add("", "… and \(replay.disagreements.count - 5) more") }
    let uncertain = replay.uncertain
    if uncertain.count > 0 {
      let outcome =
        uncertain.agreed == uncertain.count
        ? "The method makes all of them again."
        : "The method makes \(uncertain.agreed) of them again; the others are facts that depended on timing."
      list.add(
        "",
        "\(uncertain.count) more were made just after another process wrote; whether the asker had seen that is not in "
          + "the log. \(outcome)")
    }
    return list.lines
  }

  private func document(_ replay: StudyReplay, _ steps: [JSONValue]) -> JSONValue {
    func counts(_ proposals: StudyReplay.Proposals) -> JSONValue {
      .members(["count": .integer(proposals.count), "agreed": .integer(proposals.agreed)])
    }
    return .members([
      "events": .integer(replay.eventCount),
      "fingerprint": .string(Self.hex(replay.state.fingerprint)),
      "verified": .bool(verify),
      "faithful": verify ? .bool(replay.isFaithful) : nil,
      "differences": verify ? .array(replay.differences.map { .string($0) }) : nil,
      "violations": verify ? .array(replay.violations.map { .string($0) }) : nil,
      "proposals": verify
        ? .members([
          "certain": counts(replay.certain), "uncertain": counts(replay.uncertain),
          "disagreements": .array(replay.disagreements.map { .string($0) }),
        ]) : nil,
      "steps": .array(steps),
    ])
  }
}
