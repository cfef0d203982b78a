import TrimtabSearchSpaces
import TrimtabStudies

extension Table {
  /// The table as the options pose it: its objectives chosen, its fidelity and resources restricted, diverging rows left out.
  /// - Throws: `ProblemError` for an option that the table cannot follow.
  func selected(_ options: ProblemOptions) throws(ProblemError) -> Table {
    var table = self
    // The filter goes by the table's own first measure, at all checkpoints.
    if options.divergenceFilter { table = try table.withoutDivergence() }
    if let wanted = options.objectives {
      table.measures = []
      for (i, metric) in wanted.enumerated() {
        guard let measure = measures.first(where: { $0.objective.metric == metric }) else {
          throw ProblemError(
            "there is no objective '\(metric)'", at: name,
            hint: suggestion(for: metric, among: measures.map(\.objective.metric)))
        }
        guard !wanted[..<i].contains(metric) else { throw ProblemError("'\(metric)' is asked for twice", at: name) }
        table.measures.append(measure)
      }
      guard !wanted.isEmpty else { throw ProblemError("the list of objectives is empty", at: name) }
    } else {
      table.measures = Array(table.measures.prefix(1))
    }
    switch options.fidelity {
    case nil: break
    case "none":
      guard options.resources == nil else {
        throw ProblemError("resources need a fidelity", at: name, hint: "leave out resources, or fidelity: none")
      }
      table = table.restricted(to: [lastResource])
      table.fidelityName = nil
    case let wanted?:
      guard wanted == fidelityName else {
        throw ProblemError(
          "there is no fidelity '\(wanted)'", at: name,
          hint: suggestion(for: wanted, among: ["none"] + [fidelityName].compactMap(\.self)))
      }
    }
    if let wanted = options.resources {
      guard fidelityName != nil else {
        throw ProblemError("there is no fidelity, so there are no resources", at: name, hint: "leave out resources")
      }
      var kept: [Int] = []
      for resource in wanted {
        guard let i = resources.firstIndex(of: resource), kept.last.map({ $0 < i }) ?? true else {
          throw ProblemError(
            "\(resource) does not follow as a resource", at: name,
            hint: "give an increasing choice of \(resources.map { JSONValue.plainText($0) }.joined(separator: ", "))")
        }
        kept.append(i)
      }
      guard kept.last == lastResource else {
        throw ProblemError(
          "the resources do not end in the maximum", at: name,
          hint: "end in \(JSONValue.plainText(resources[lastResource]))")
      }
      table = table.restricted(to: kept)
    }
    return table
  }

  /// The table at some of its resources only.
  private func restricted(to kept: [Int]) -> Table {
    var table = self
    func pick(_ array: TableArray) -> TableArray {
      guard array.resourceStride != 0 else { return array }
      var result = TableArray(values: [], rowStride: kept.count, resourceStride: 1)
      if array.seedStride != 0 {
        result.seedStride = kept.count
        result.rowStride = kept.count * seedCount
      }
      result.values.reserveCapacity(configurations.count * result.rowStride)
      for row in configurations.indices {
        for seed in 0..<(array.seedStride == 0 ? 1 : seedCount) {
          for resource in kept {
            result.values.append(Float(array.value(row: row, seed: seed, resource: resource)))
          }
        }
      }
      return result
    }
    for i in table.measures.indices {
      table.measures[i].values = pick(table.measures[i].values)
      table.measures[i].scores = table.measures[i].scores.map(pick)
    }
    // Without an array the cost is the resource itself, which must outlive the fidelity's name.
    if let costs {
      table.costs = pick(costs)
    } else if fidelityName != nil {
      let values = kept.map { Float(resources[$0]) }
      table.costs = TableArray(values: values, rowStride: 0, resourceStride: 1)
    }
    table.resources = kept.map { resources[$0] }
    return table
  }

  /// The table without the rows that `ProblemOptions.divergenceFilter` speaks of.
  func withoutDivergence() throws(ProblemError) -> Table {
    guard fidelityName != nil else {
      throw ProblemError(
        "there are no learning curves to filter by", at: name, hint: "leave out the divergence filter")
    }
    let curves = measures[0].values
    let sign = measures[0].objective.sign
    let checkpoints = -curves.resourceOffset..<resources.count
    func losses(_ row: Int) -> [Double] {
      (0..<(curves.seedStride == 0 ? 1 : seedCount)).flatMap { seed in
        checkpoints.map { sign * curves.value(row: row, seed: seed, resource: $0) }
      }
    }
    let all = configurations.indices.map(losses)
    var limit = Double.infinity
    for position in all[0].indices {
      let finite = all.map { $0[position] }.filter(\.isFinite).sorted()
      guard let last = finite.indices.last else { continue }
      let place = 0.95 * Double(last)
      let below = Int(place)
      let above = min(below + 1, last)
      limit = min(limit, finite[below] + (finite[above] - finite[below]) * (place - Double(below)))
    }
    let rows = configurations.indices.filter { row in all[row].allSatisfy { $0.isFinite && $0 <= limit } }
    guard !rows.isEmpty else { throw ProblemError("the divergence filter leaves no configuration", at: name) }
    var table = self
    func pick(_ array: TableArray) -> TableArray {
      var result = array
      result.values = rows.flatMap { array.values[$0 * array.rowStride..<($0 + 1) * array.rowStride] }
      return result
    }
    table.configurations = rows.map { configurations[$0] }
    for i in table.measures.indices {
      table.measures[i].values = pick(table.measures[i].values)
      table.measures[i].scores = table.measures[i].scores.map(pick)
    }
    table.costs = costs.map(pick)
    return table
  }
}
