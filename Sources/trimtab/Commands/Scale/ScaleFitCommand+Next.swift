import Trimtab
import TrimtabScaling

/// The runs that would narrow a prediction.
extension ScaleFitCommand {
  func next(_ fit: FittedCurve, _ points: [[Double]]) throws -> [FitReport.Next] {
    guard let target = try target(points) else { return [] }
    let found: [NextRun]
    if !candidate.isEmpty {
      let all = try fit.nextRuns(
        target: target, candidates: candidate.map { try run($0, fit.family.inputs) }, count: bootstrap, seed: seed)
      found = Array(all.prefix(next ?? all.count))
    } else if let next {
      found = try fit.proposedRuns(target: target, most: next, spend: spend?.value, count: bootstrap, seed: seed)
    } else {
      return []
    }
    return try found.map { try proposal($0, fit.family.inputs) }
  }

  /// - Parameter costs: of the runs so far, where a column says so.
  func next(
    _ fit: PowerFit, _ names: [String], _ points: [[Double]], _ inputs: [[Double]], _ costs: [Double]?
  ) throws -> [FitReport.Next] {
    guard let target = try target(points) else { return [] }
    let count = max(bootstrap, 1000)
    let found: [NextRun]
    if !candidate.isEmpty {
      let all = fit.nextRuns(
        target: target, candidates: try candidate.map { try run($0, names) }, count: count, seed: seed)
      found = Array(all.prefix(next ?? all.count))
    } else if let next {
      let law = try costs.map { try costLaw(names, inputs, $0) }
      let (n, d) = (names.firstIndex(of: "N"), names.firstIndex(of: "D"))
      guard law != nil || (n != nil && d != nil) else {
        throw CommandError(
          .badInput,
          "what a run costs does not follow from \(names.joined(separator: " and ")): name the column of what runs cost with "
            + "--cost COLUMN, or candidates with their costs")
      }
      found = try fit.proposedRuns(
        target: target,
        cost: { input in
          if let law { return law.predict(input) }
          return 6 * (n.map { input[$0] } ?? .nan) * (d.map { input[$0] } ?? .nan)
        }, most: next, spend: spend?.value ?? costs.map { $0.reduce(0, +) }, count: count, seed: seed)
    } else {
      return []
    }
    return try found.map { try proposal($0, names) }
  }

  private func costLaw(_ names: [String], _ inputs: [[Double]], _ costs: [Double]) throws -> PowerFit {
    do {
      return try PowerFit(names: names, inputs: inputs, values: costs)
    } catch {
      throw CommandError(.badInput, "--cost \(cost ?? ""): \(error)")
    }
  }

  /// The point whose prediction is to become narrower; nil where no runs are asked for.
  private func target(_ points: [[Double]]) throws -> [Double]? {
    if let target = points.first { return target }
    if candidate.isEmpty { return nil }
    throw CommandError(.badInput, "--candidate needs --predict: the point whose prediction is to become narrower")
  }

  func proposal(_ run: NextRun, _ names: [String]) throws -> FitReport.Next {
    .init(
      point: Array(zip(names, run.input)), cost: run.cost, reduction: run.reduction,
      runs: [try zip(names, run.input).map { (name: try name($0), value: $1) }])
  }

  /// `N=1e8,D=2e9` or, where its cost does not follow, `N=1e8,cost=2`.
  private func run(_ text: String, _ names: [String]) throws -> NextRun {
    let (input, found) = try point(text, of: names, option: "--candidate")
    guard let cost = found["cost"] ?? (found["N"].flatMap { n in found["D"].map { 6 * n * $0 } }), cost > 0 else {
      throw CommandError(.badInput, "--candidate \(text): say what it costs, as in \(text),cost=2")
    }
    return NextRun(input: input, cost: cost)
  }

  // MARK: Schedules

  /// The final losses of the schedules asked for, and the curves that would narrow the first.
  func addSchedules(_ fit: AnnealingFit, to report: inout FitReport) throws {
    for (i, path) in target.enumerated() {
      let table = try DataTable(path)
      let rates = try LoggedCurve.rates(
        name: path, steps: try wholeSteps(table), rates: try numbers(table, "lr"), warmup: warmup, isStepped: stepped)
      let found = fit.finalLoss(rates, warmup: warmup, count: bootstrap, seed: seed)
      report.predictions.append(
        .init(what: "final loss", point: [], name: shownPath(path), value: found.loss, interval: found.interval))
      guard i == 0, let next else { continue }
      let schedules = try fit.proposedSchedules(
        target: rates, warmup: warmup, most: next, spend: spend?.value, count: bootstrap, seed: seed)
      report.next = schedules.map { schedule in
        .init(
          point: [], name: "\(schedule.kind.rawValue), \(schedule.steps) steps", cost: Double(schedule.steps),
          reduction: schedule.reduction)
      }
      report.noteShortage(next)
      for schedule in schedules {
        report.notes.append(
          "rates of the \(schedule.kind.rawValue) one:  trimtab scale schedule \(schedule.kind.rawValue) --peak "
            + "\(Shown.exact(schedule.peak)) --steps \(schedule.steps) --warmup \(schedule.warmup) --final "
            + "\(Shown.exact(schedule.final)) --csv")
      }
    }
  }

  func wholeSteps(_ table: DataTable) throws -> [Int] {
    try zip(try numbers(table, "step"), table.places).map { step, place in
      guard let whole = Int(exactly: step) else {
        throw CommandError(.badInput, "\(place): the step must be a whole number")
      }
      return whole
    }
  }
}
