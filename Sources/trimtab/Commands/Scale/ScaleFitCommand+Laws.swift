import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabScaling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ScaleFitCommand {
  func fitSettings() throws -> FitReport {
    let table = try table(["N", "D"])
    let (n, d) = (try numbers(table, "N"), try numbers(table, "D"))
    var losses = try numbers(table, "loss")
    if let maxLoss { losses = losses.map { $0 <= maxLoss ? $0 : .nan } }
    var names: [String] = []
    var columns: [[Double]] = []
    for setting in ["lr", "batch", "weight_decay"] where table.index(try name(setting)) != nil {
      let factor = setting == "batch" ? sequenceLength ?? 1 : 1
      names.append(setting)
      columns.append(try numbers(table, setting).map { $0 * factor })
    }
    guard !names.isEmpty else {
      throw CommandError(
        .badInput,
        "\(files[0]): there is none of the columns lr, batch and weight_decay; say which with --column lr=NAME")
    }
    let fit = try SettingsFit(
      n.indices.map { i in .init(parameters: n[i], tokens: d[i], settings: columns.map { $0[i] }, loss: losses[i]) },
      names: names, needsN: names.map { $0 != "batch" }, threshold: threshold)
    var report = FitReport(law: law.rawValue)
    report.facts.append(("runs near the best", Double(fit.nearBest.count)))
    if fit.diverged > 0 { report.facts.append(("runs that diverged, left out", Double(fit.diverged))) }
    for law in fit.laws {
      let c = law.coefficients
      report.formulas.append(
        "\(law.setting) = \(Shown.number(exp(c[0])))" + (law.usesN ? " · N^\(Shown.number(c[1]))" : "")
          + (law.usesD ? " · D^\(Shown.number(c[2]))" : ""))
      report.parameters += [("\(law.setting) factor", exp(c[0]))]
      if law.usesN { report.parameters.append(("\(law.setting) exponent of N", c[1])) }
      if law.usesD { report.parameters.append(("\(law.setting) exponent of D", c[2])) }
    }
    report.chart = .agreement(
      fit.laws.flatMap { law in
        let place = names.firstIndex(of: law.setting) ?? 0
        return fit.nearBest.map { run in
          (law.setting, law.predict(parameters: run.parameters, tokens: run.tokens), run.settings[place])
        }
      })
    report.addGaps("gap in loss on its own runs", fit.gaps().map(\.gap))
    if names.contains("lr"), names.contains("batch") {
      report.addGaps("gap in loss of Step Law as published", fit.gaps(of: SettingsFit.stepLaw).map(\.gap))
    }
    report.addGaps("gap in loss, leaving each cell out", fit.leaveOneCellOut().map(\.gap))
    if let above = holdOutAbove?.value {
      guard let found = fit.extrapolation(above: above) else {
        throw CommandError(
          .badInput, "--hold-out-above \(Shown.number(above)): too few sizes are on one of the two sides")
      }
      report.addGaps("gap in loss above N = \(Shown.number(above)), fitted below", found.gaps.map(\.gap))
    }
    report.warnings = fit.warnings
    for point in try points(["N", "D"]) {
      let intervals = fit.intervals(parameters: point[0], tokens: point[1], count: max(bootstrap, 1000), seed: seed)
      for (law, interval) in zip(fit.laws, intervals) {
        // The wider one counts: runs of a cell go together.
        func width(_ range: ClosedRange<Double>) -> Double { range.upperBound / range.lowerBound }
        let wider = width(interval.byRun) > width(interval.byCell) ? interval.byRun : interval.byCell
        report.predictions.append(
          .init(
            what: law.setting, point: [("N", point[0]), ("D", point[1])],
            value: law.predict(parameters: point[0], tokens: point[1]), interval: wider))
      }
      report.warnings += fit.doubts(parameters: point[0], tokens: point[1])
    }
    if let next, let target = try points(["N", "D"]).first {
      report.next = try fit.proposedRuns(
        parameters: target[0], tokens: target[1], most: next, runsEach: try rateFactors(fit).count,
        spend: spend?.value, count: bootstrap, seed: seed
      ).map { try proposal($0, fit) }
      report.noteShortage(next)
    }
    return report
  }

  /// At a size the law's own settings are tried, and half and twice the rate, so that the best can be told.
  private func rateFactors(_ fit: SettingsFit) throws -> [Double] {
    fit.laws.contains { $0.setting == "lr" } ? [0.5, 1, 2] : [1]
  }

  private func proposal(_ run: NextRun, _ fit: SettingsFit) throws -> FitReport.Next {
    let size = try zip(["N", "D"], run.input).map { (name: try name($0), value: $1) }
    let settings = try fit.laws.map { law in
      let value = law.predict(parameters: run.input[0], tokens: run.input[1])
      return (name: try name(law.setting), value: law.setting == "batch" ? value / (sequenceLength ?? 1) : value)
    }
    let first = try name("lr")
    return .init(
      point: Array(zip(["N", "D"], run.input)), cost: run.cost, reduction: run.reduction,
      runs: try rateFactors(fit).map { factor in
        size + settings.map { ($0.name, $0.name == first ? factor * $0.value : $0.value) }
      }
    )
  }

  func fitPower() throws -> FitReport {
    guard let inputs, let value else {
      throw CommandError(.badInput, "power needs --inputs N,D and --value COLUMN")
    }
    let names = inputs.split(separator: ",").map(String.init)
    let table = try table(names)
    let columns = try names.map { try numbers(table, $0) }
    let values = try table.numbers(value, option: "--value")
    let rows = kept(values)
    let fit = try PowerFit(
      names: names, inputs: rows.map { i in columns.map { $0[i] } }, values: rows.map { values[$0] })
    var report = FitReport(law: law.rawValue)
    report.formulas = [
      "\(value) = \(Shown.number(fit.factor))"
        + zip(names, fit.exponents).map { " · \($0)^\(Shown.number($1))" }.joined()
    ]
    let points = try points(names)
    let (predictions, exponents) = fit.intervals(points, count: max(bootstrap, 1000), seed: seed)
    report.chart = .agreement(rows.map { i in (value, fit.predict(columns.map { $0[i] }), values[i]) })
    report.parameters = [("factor", fit.factor)] + zip(names, fit.exponents).map { ("exponent of \($0)", $1) }
    report.intervals = [nil] + exponents.map { $0 }
    report.facts = [("runs", Double(rows.count)), ("deviation of the logarithms", fit.deviation)]
    report.addGaps("relative error, leaving each \(names[0]) out", fit.leaveOneScaleOut().map(\.meanError))
    for (point, interval) in zip(points, predictions) {
      report.predictions.append(
        .init(what: value, point: Array(zip(names, point)), value: fit.predict(point), interval: interval))
    }
    report.warnings += outside(points, names, fit.ranges)
    let costs = try cost.map { try table.numbers($0, option: "--cost") }
    report.next = try next(
      fit, names, points, rows.map { i in columns.map { $0[i] } }, costs.map { costs in rows.map { costs[$0] } })
    if let next, candidate.isEmpty { report.noteShortage(next) }
    return report
  }

  func fitCurve(_ family: CurveFamily) throws -> FitReport {
    let table = try table(family.inputs)
    let columns = try family.inputs.map { input in
      try numbers(table, input).map { $0 * (input == "B" ? sequenceLength ?? 1 : 1) }
    }
    let what = family == .criticalBatch ? "steps" : family == .setting ? value ?? "value" : "loss"
    let values = family == .setting ? try table.numbers(what, option: "--value") : try numbers(table, what)
    let rows = kept(values)
    let fit = try FittedCurve(
      family, inputs: rows.map { i in columns.map { $0[i] } }, values: rows.map { values[$0] })
    var report = report(fit)
    report.chart = chart(fit, rows.map { i in (columns.map { $0[i] }, values[i]) }, what)
    report.facts.insert(("runs", Double(rows.count)), at: 0)
    if rows.count < values.count {
      report.warnings.append(
        "\(values.count - rows.count) runs without a finite value, or above --max-loss, are left out")
    }
    report.addGaps("relative error, leaving each \(family.inputs[0]) out", fit.leaveOneScaleOut().map(\.meanError))
    let points = try points(family.inputs)
    for (point, interval) in zip(points, fit.intervals(points, count: bootstrap, seed: seed).predictions) {
      report.predictions.append(
        .init(what: what, point: Array(zip(family.inputs, point)), value: fit.predict(point), interval: interval))
    }
    report.warnings += outside(points, family.inputs, fit.ranges)
    if family == .criticalBatch {
      let batch = CriticalBatch.Hyperbola(a: fit.parameters[0], b: fit.parameters[1])
      report.facts.append(("batch of twice the least tokens and steps, b/a", batch.balanced))
      report.facts.append(
        ("batch of 20 % more steps than linear scaling from 256", batch.batchAtOverhead(reference: 256)))
    }
    if family == .routed {
      let p = fit.parameters
      let law = RoutedLaw(a: p[0], b: p[1], c: p[2], d: p[3], leastExperts: p[4], mostExperts: p[5])
      report.facts.append(("size beyond which routing stops helping", law.cutOff))
      for (text, point) in zip(predict, points) {
        report.notes.append(
          "as good as \(text): a dense model of N \(Shown.number(law.denseEquivalent(parameters: point[0], experts: point[1])))"
        )
      }
    }
    report.warnings += fit.warnings
    if family == .chinchilla, fit.warnings.isEmpty {
      for (text, point) in zip(predict, points) {
        let (n, d) = (point[0], point[1])
        let p = fit.parameters
        let best = ChinchillaLaw(floor: p[0], a: p[1], b: p[2], alpha: p[3], beta: p[4]).optimum(compute: 6 * n * d)
        report.notes.append(
          "for the compute of \(text): best N \(Shown.number(best.parameters)), D \(Shown.number(best.tokens))")
      }
    }
    report.next = try next(fit, points)
    if let next, candidate.isEmpty { report.noteShortage(next) }
    return report
  }

  func fitAnnealing() throws -> FitReport {
    func curve(_ path: String) throws -> LoggedCurve {
      let table = try DataTable(path)
      return try LoggedCurve(
        name: path, steps: try wholeSteps(table), rates: try numbers(table, "lr"),
        losses: try numbers(table, "loss"), warmup: warmup, isStepped: stepped)
    }
    let fit = try AnnealingFit(try files.map(curve), fade: fade)
    var report = report(fit.curve, intervals: fit.intervals(count: bootstrap, seed: seed))
    report.facts.append(("fading", fit.law.fade))
    var lines: [LineChart.Series] = []
    func draw(_ curve: LoggedCurve) {
      let x = curve.steps.map(Double.init)
      lines.append(.init("\(curve.name), observed", x: x, y: curve.losses, isStepped: false))
      lines.append(.init("\(curve.name), law", x: x, y: fit.losses(curve), isStepped: false))
    }
    for path in files { draw(try curve(path)) }
    for path in test {
      let other = try curve(path)
      draw(other)
      let errors = fit.errors(other)
      report.addGaps("relative error on \(shownPath(path))", errors)
      report.predictions.append(
        .init(
          what: "final loss", point: [], name: shownPath(path), value: fit.finalLoss(other), interval: nil,
          observed: other.losses.last))
    }
    report.chart = .curves(lines)
    try addSchedules(fit, to: &report)
    if files.count == 1 {
      report.warnings.append("fitted on one curve; a constant and a cosine one together fix it better")
    }
    return report
  }

  /// - Parameter intervals: of the parameters; of fits to resampled rows when left out.
  private func report(_ fit: FittedCurve, intervals: [ClosedRange<Double>]? = nil) -> FitReport {
    var report = FitReport(law: law.rawValue)
    report.formulas = [fit.family.formula]
    report.parameters = Array(zip(fit.family.parameterNames, fit.parameters))
    report.intervals = (intervals ?? fit.intervals([], count: bootstrap, seed: seed).parameters).map { $0 }
    report.facts = [
      (
        fit.family == .muScaling || fit.family == .setting || fit.family == .criticalBatch
          ? "half the sum of squares" : "sum of Huber's losses", fit.objective
      ),
      ("mean relative error of the fit", fit.meanError), ("worst relative error of the fit", fit.worstError),
    ]
    return report
  }

  func fitStepTime() throws -> FitReport {
    let names = ["layers", "width", "feed_forward", "heads", "vocabulary", "sequence", "tokens"]
    let table = try table([])
    let columns = try names.map { try numbers(table, $0) }
    let seconds = try numbers(table, "seconds")
    func shape(_ x: [Double]) -> StepTime.Transformer {
      .init(layers: x[0], width: x[1], feedForward: x[2], heads: x[3], vocabulary: x[4], sequenceLength: x[5])
    }
    let rows = table.rows.indices.map { i in columns.map { $0[i] } }
    let fit = try StepTimeFit(
      zip(rows, seconds).map { .init(shape: shape($0), tokens: $0[6], seconds: $1) }, isAttentionFused: fusedAttention)
    var report = FitReport(law: law.rawValue)
    report.formulas = ["seconds of a step = k0 + k1·(elements moved) + k2·FLOP"]
    report.parameters = Array(zip(["k0", "k1", "k2"], fit.coefficients))
    report.facts = [
      ("k0, seconds", fit.coefficients[0]), ("k1, seconds an element", fit.coefficients[1]),
      ("k2, seconds a FLOP", fit.coefficients[2]), ("R² by elements moved alone", fit.r2Elements),
      ("R² by FLOP alone", fit.r2Compute), ("mean relative error of the fit", fit.meanError),
      ("worst relative error of the fit", fit.worstError),
    ]
    report.addGaps("relative error, leaving each run out", fit.leaveOneOut())
    report.chart = .agreement(zip(rows, seconds).map { ("seconds", fit.seconds(shape($0), tokens: $0[6]), $1) })
    for point in try points(names) {
      let target = shape(point)
      report.predictions.append(
        .init(
          what: "seconds", point: Array(zip(names, point)), value: fit.seconds(target, tokens: point[6]),
          interval: fit.interval(target, tokens: point[6], count: bootstrap, seed: seed)))
    }
    report.warnings += outside(
      try points(names), names, columns.map { ($0.min() ?? 0)...($0.max() ?? 0) })
    if let next, let point = try points(names).first {
      report.next = try fit.proposedRuns(
        target: shape(point), tokens: point[6], most: next, spend: spend?.value, count: bootstrap, seed: seed
      ).map { try proposal($0, names) }
      report.noteShortage(next)
    }
    if let hours, let first = rows.first {
      report.notes.append(
        "after \(Shown.number(hours)) h of \(Shown.number(first[6])) tokens a step, by the replicated Chinchilla law (its level is of its own data):"
      )
      for choice in try fit.choices(within: 3600 * hours, tokens: first[6], law: .replicated).prefix(5) {
        let s = choice.shape
        report.notes.append(
          "  layers \(Shown.number(s.layers)), width \(Shown.number(s.width)), feed_forward \(Shown.number(s.feedForward)): loss "
            + "\(Shown.number(choice.loss)), N \(Shown.number(s.parameters)), D \(Shown.number(choice.tokens)), "
            + "\(Shown.number(choice.stepSeconds)) s a step")
      }
    }
    return report
  }

  /// Of one input the law with its band, from the runs to the points asked for; of several what was observed by what is
  /// fitted.
  private func chart(_ fit: FittedCurve, _ runs: [([Double], Double)], _ what: String) -> FitReport.Chart {
    guard fit.family.inputs.count == 1 else { return .agreement(runs.map { (what, fit.predict($0.0), $0.1) }) }
    let name = fit.family.inputs[0]
    let targets = (try? points([name]).map { $0[0] }) ?? []
    let low = min(fit.ranges[0].lowerBound, targets.min() ?? .infinity)
    let high = max(fit.ranges[0].upperBound, targets.max() ?? 0)
    let grid = (0...60).map { low * pow(high / low, Double($0) / 60) }
    let bands = fit.intervals(grid.map { [$0] }, count: bootstrap, seed: seed).predictions
    return .law(
      input: name, output: what,
      .init(
        "law", x: grid, y: grid.map { fit.predict([$0]) }, band: (bands.map(\.lowerBound), bands.map(\.upperBound)),
        isStepped: false), runs.map { ($0.0[0], $0.1) })
  }

  private func outside(_ points: [[Double]], _ names: [String], _ ranges: [ClosedRange<Double>]) -> [String] {
    points.flatMap { point in
      zip(names, zip(point, ranges)).compactMap { name, pair -> String? in
        let (value, range) = pair
        if range.contains(value) { return nil }
        let isFar = value > 10 * range.upperBound || value < range.lowerBound / 10
        return
          "\(name) = \(Shown.number(value)) is \(isFar ? "more than 10 times beyond" : "outside of") the runs (\(range.text))"
          + (isFar ? ": not to be trusted" : "")
      }
    }
  }
}
