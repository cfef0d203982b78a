import Trimtab
import TrimtabScaling

/// A study with the width as its resource, in which a telescoping sweep runs.
struct SweepStudy {
  /// - Parameters:
  ///   - words: the program and its arguments, to which the width is added where none of them names it.
  ///   - path: of the file, which names the study.
  /// - Throws: `Diagnostics` when the text is no study, such as for an impossible name.
  static func text(
    _ plan: TelescopingPlan, _ settings: [TelescopingSweep.Setting], command words: [String], path: String
  )
    throws -> String
  {
    let stem = StudyLocation.stem(of: path)
    let (base, last) = (plan.stages[0].width, plan.stages.last?.width ?? plan.stages[0].width)
    var words = words
    if !words.contains(where: { $0.contains("{") }) { words += ["--width={resource}", "{flags}"] }
    func quoted(_ text: String) -> String { JSONValue.string(text).text }
    var lines = [
      "# A sweep that is refined from width to width: the width is the resource, and a trial is one training of it.",
      "# 'trimtab scale plan --enqueue' puts a stage in the queue, and the next one once that has ended.",
      "study: \(quoted(stem))", "",
      "objective: {metric: loss, goal: minimize}",
      "fidelity: {name: width, min: \(base), max: \(last)}", "",
      "# Only the queue is to run: say 'trimtab tune' with --trials.",
      "method: {sampler: random, scheduler: full}",
      "parallel: 1", "",
      "# {resource} is the width, and {flags} stands for --name=value of every parameter.",
      "command: [\(words.map(quoted).joined(separator: ", "))]", "",
      "space:",
    ]
    for setting in settings {
      let (low, high) = (Shown.exact(setting.range.lowerBound), Shown.exact(setting.range.upperBound))
      lines.append("  \(quoted(setting.name)): {type: float, low: \(low), high: \(high), scale: log}")
    }
    let text = lines.joined(separator: "\n") + "\n"
    try StudyFile.parse(text, name: path, defaultName: stem).checkMethod()
    return text
  }

  let sweep: TelescopingSweep
  let trials: [TelescopingSweep.Trial]
  let names: [String]

  /// Reads a study back, whoever wrote it.
  /// - Parameter points: of each setting at the smallest width.
  /// - Throws: `CommandError` for a study without a fidelity, and parameters that a logarithmic grid cannot sweep.
  init(_ queue: TrialQueue, points: Int) throws {
    let state = queue.session.state
    guard let fidelity = state.spec.fidelity else {
      throw CommandError(
        .badInput,
        "\(queue.study): the study needs the width as its fidelity, as in fidelity: {name: width, min: 64, max: 512}")
    }
    guard let base = Int(exactly: fidelity.minimum), let last = Int(exactly: fidelity.maximum) else {
      throw CommandError(.badInput, "\(queue.study): the fidelity's min and max must be widths, in whole numbers")
    }
    let space = state.spec.space
    var settings: [TelescopingSweep.Setting] = []
    for parameter in space.parameters where parameter.fixedValue == nil {
      guard case .float(let domain) = parameter.domain, domain.scale == .log, domain.step == nil,
        parameter.condition == nil
      else {
        throw CommandError(
          .badInput,
          "\(queue.study): '\(parameter.name)' is no real number on a logarithmic scale, which is what a telescoping sweep "
            + "refines (fix it with trimtab amend)")
      }
      settings.append(try .init(parameter.name, low: domain.low, high: domain.high))
    }
    sweep = try TelescopingSweep(base: base, last: last, settings: settings, points: points)
    names = settings.map(\.name)
    let sign = state.spec.objectives[0].sign
    trials = state.trials.indices.flatMap { number -> [TelescopingSweep.Trial] in
      let values = space.values(of: state.history.configuration(number))
      let own = settings.map { setting -> Double in
        if case .real(let value)? = values.first(where: { $0.name == setting.name })?.value { return value }
        return .nan
      }
      let trial = state.trials[number]
      var found: [TelescopingSweep.Trial] = []
      if let curve = state.curves[number] {
        for (resource, value) in zip(curve.resources, curve.values) {
          guard let width = Int(exactly: resource) else { continue }
          found.append(.init(width: width, values: own, loss: sign * value))
        }
      }
      if let width = Int(exactly: trial.target), !found.contains(where: { $0.width == width }) {
        let isOver = [.failed, .stopped, .completed].contains(trial.state)
        found.append(.init(width: width, values: own, loss: isOver ? .infinity : nil))
      }
      return found
    }
  }
}
