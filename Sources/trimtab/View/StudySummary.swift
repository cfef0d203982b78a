import Trimtab

/// What came out of tuning, for the end of `trimtab tune`.
struct StudySummary {
  var state: StudyState
  /// Why tuning ended.
  var reason: String
  var wasInterrupted: Bool
  /// The arguments that name the study in other commands.
  var reference: String
  /// The folder that holds a folder for each trial.
  var trialsFolder: String

  var lines: [String] {
    let done = wasInterrupted ? "interrupted" : "finished, \(reason)"
    return ["\(state.spec.name): \(done)", ""] + best + trials + resource + next
  }

  private func field(_ name: String, _ text: String) -> String {
    name + String(repeating: " ", count: max(1, 10 - name.count)) + printable(text)
  }

  private var best: [String] {
    guard let trial = state.incumbent else { return [field("best", StudyStatus.noIncumbent(state))] }
    var place = state.valueResource(trial).map { " at \(EventText.resource($0, state))" } ?? ""
    if !state.incumbentIsComplete { place += " (not complete)" }
    var lines = [field("best", "trial \(trial): \(EventText.value(trial, state, exact: true))\(place)")]
    let configuration = state.history.configuration(trial)
    lines += state.spec.space.values(of: configuration).map { field("", "\($0.name)=\($0.value.description)") }
    let folder = TrialFolder(root: trialsFolder, trial: trial)
    lines.append(
      field("files", shownPath(folder.path) + (folder.hasCheckpoint ? " (output.log, checkpoint)" : " (output.log)")))
    return lines
  }

  private var trials: [String] {
    var parts: [String] = []
    for kind in [TrialState.completed, .stopped, .paused, .waiting, .running] where state.count(kind) > 0 {
      parts.append("\(state.count(kind)) \(kind.name)")
    }
    if state.count(.failed) > 0 {
      let kinds = FailureKind.allCases.filter { state.count($0) > 0 }
        .map { "\(state.count($0)) \($0.name)" }
      parts.append("\(state.count(.failed)) failed (\(kinds.joined(separator: ", ")))")
    }
    return [field("trials", parts.isEmpty ? "none" : parts.joined(separator: ", "))]
  }

  private var resource: [String] {
    guard let fidelity = state.spec.fidelity, !state.trials.isEmpty else { return [] }
    let saved = Int((savedShare(fidelity) * 100).rounded(.down))
    return [
      field(
        "saved",
        "\(saved) %: the trials used \(Shown.exact((state.totalResource * 1000).rounded() / 1000)) of the "
          + "\(Shown.resource(fullResource(fidelity), fidelity.name)) that complete ones take")
    ]
  }

  private func fullResource(_ fidelity: Fidelity) -> Double { Double(state.trials.count) * fidelity.maximum }

  private func savedShare(_ fidelity: Fidelity) -> Double {
    max(0, 1 - state.totalResource / fullResource(fidelity))
  }

  private var next: [String] {
    var commands: [(String, String)] = []
    if wasInterrupted { commands.append(("trimtab tune \(reference)", "goes on")) }
    if state.incumbent != nil { commands.append(("trimtab best \(reference)", "the best again")) }
    if !state.trials.isEmpty { commands.append(("trimtab trials \(reference)", "all trials")) }
    if !wasInterrupted, let limit = state.spec.budget.trials, state.trials.count >= limit {
      commands.append(("trimtab amend \(reference) --set budget.trials=\(limit * 2)", "for more"))
    }
    let width = commands.map { columns(of: $0.0) }.max() ?? 0
    return commands.enumerated().map { index, command in
      let gap = String(repeating: " ", count: width - columns(of: command.0) + 2)
      return field(index == 0 ? "next" : "", "\(command.0)\(gap)\(command.1)")
    }
  }

  /// The object that ends the output of `trimtab tune --json`.
  func json(at time: Timestamp) -> JSONValue {
    let best = state.incumbent.map { trial in
      JSONValue.members([
        "trial": .integer(trial), "value": .number(state.trials[trial].value),
        "resource": state.valueResource(trial).map { .number($0) },
        "complete": .bool(state.incumbentIsComplete),
        "config": state.spec.space.json(of: state.history.configuration(trial)),
        "folder": .string(absolutePath(TrialFolder(root: trialsFolder, trial: trial).path)),
      ])
    }
    let counts = TrialState.allCases.map { JSONValue.Member($0.name, .integer(state.count($0))) }
    let failures = FailureKind.allCases.filter { state.count($0) > 0 }
      .map { JSONValue.Member($0.word, .integer(state.count($0))) }
    let resource = state.spec.fidelity.map { fidelity in
      JSONValue.members([
        "name": .string(fidelity.name), "used": .number(state.totalResource),
        "full": .number(fullResource(fidelity)),
      ])
    }
    return .members([
      "event": .string(wasInterrupted ? "interrupted" : "finished"), "time": .integer(Int(time)),
      "reason": .string(reason), "trials": .object(counts), "failures": .object(failures), "best": best ?? .null,
      "resource": resource, "seconds": .number(Double(state.activeMilliseconds) / 1000),
    ])
  }
}
