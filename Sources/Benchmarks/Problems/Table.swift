import TrimtabSearchSpaces
import TrimtabStudies

/// Numbers over configurations, seeds and resources; an axis that they do not depend on has stride 0.
struct TableArray: Sendable {
  var values: [Float]
  var rowStride: Int
  var seedStride = 0
  var resourceStride = 0
  /// Resources of the file that come before the first one of the table.
  var resourceOffset = 0

  @inline(__always) func value(row: Int, seed: Int, resource: Int) -> Double {
    Double(values[row * rowStride + seed * seedStride + (resource + resourceOffset) * resourceStride])
  }
}

/// Recorded evaluations of a set of configurations.
struct Table: Sendable {
  struct Measure: Sendable {
    var objective: Objective
    var values: TableArray
    /// By which configurations are judged, where it is another one.
    var scores: TableArray?
  }

  var name: String
  var space: Space
  var configurations: [Configuration]
  /// Nil when configurations were evaluated as a whole only.
  var fidelityName: String?
  /// All above 0 and increasing; one number, 1, without fidelity.
  var resources: [Double]
  /// Whether training goes on from a lower resource where it left off.
  var continuesTraining = true
  var seedCount = 1
  /// Whether a NaN means that this seed was never run, rather than that training diverged.
  var skipsMissingSeeds = false
  var measures: [Measure]
  var costUnit: String
  /// From the start of training, never decreasing along the resources; nil: one a unit of the resource, or an evaluation.
  var costs: TableArray?

  var lastResource: Int { resources.count - 1 }

  /// Makes a curve of costs cumulative and non-decreasing: a number that is missing, or lower than the one before it (as where a
  /// run was restarted), becomes the one before it.
  static func accumulate(_ costs: inout TableArray, rows: Int, seeds: Int, resources: Int, isCumulative: Bool) {
    guard costs.resourceStride != 0 else { return }
    for row in 0..<rows {
      for seed in 0..<(costs.seedStride == 0 ? 1 : seeds) {
        var last: Float = .nan
        for resource in 0..<resources {
          let i = row * costs.rowStride + seed * costs.seedStride + resource * costs.resourceStride
          let value = costs.values[i]
          if last.isNaN {
            last = value
          } else if !value.isNaN {
            last = isCumulative ? max(last, value) : last + max(0, value)
          }
          costs.values[i] = last
        }
      }
    }
  }
}

extension Table {
  /// Reads a header and its data file.
  /// - Throws: `ProblemError` with the place of what is missing or makes no sense.
  init(headerPath path: String, name: String) throws(ProblemError) {
    let header = try TableHeader(path: path, text: try DataFiles.text(path))
    let file = try FloatFile(try header.header.dataPath())
    let rows = header.configurationCount
    let dropped = header.fidelityValues.first == 0 ? 1 : 0

    func read(_ name: String) throws(ProblemError) -> TableArray {
      let entry = try header.array(name)
      var layout = try Self.layout(of: name, entry, header)
      layout.values = try file.array(name, entry)
      layout.resourceOffset = layout.resourceStride == 0 ? 0 : dropped
      return layout
    }

    self.init(
      name: name, space: header.space, configurations: try Self.configurations(header, file),
      fidelityName: header.fidelityName,
      resources: header.fidelityName == nil ? [1] : Array(header.fidelityValues.dropFirst(dropped)),
      seedCount: header.seedCount, skipsMissingSeeds: header.skipsMissingSeeds, measures: [],
      costUnit: header.cost.unit)
    for measure in header.measures {
      measures.append(
        Measure(
          objective: measure.objective, values: try read(measure.array),
          scores: try measure.scoreArray.map { name throws(ProblemError) in try read(name) }))
    }
    if let costName = header.cost.array {
      var costs = try read(costName)
      guard header.fidelityName == nil || costs.resourceStride != 0 else {
        throw header.failure(
          "the cost has no axis for the fidelity '\(header.fidelityName ?? "")'", array: costName,
          hint: "give the cost of each resource")
      }
      if let worst = costs.values.first(where: { $0 < 0 || $0.isInfinite }) {
        throw header.failure(
          "a cost is \(worst), which cannot be", array: costName, hint: "costs are at least 0, or NaN where missing")
      }
      Self.accumulate(
        &costs, rows: rows, seeds: seedCount, resources: max(1, header.fidelityValues.count),
        isCumulative: header.cost.isCumulative)
      self.costs = costs
    }
  }

  /// Which axis of an array is which.
  private static func layout(
    of name: String, _ entry: ArrayEntry, _ header: TableHeader
  ) throws(ProblemError) -> TableArray {
    let rows = header.configurationCount
    let seeds = header.seedCount
    let resources = header.fidelityValues.count
    let shape = entry.shape
    let wanted =
      "[\(rows)], with further axes for \(seeds) seeds and \(resources) resources where it has them, in this order"
    func wrong(_ hint: String) -> ProblemError {
      header.failure("the shape of '\(name)' is \(shape), which does not fit \(wanted)", array: name, hint: hint)
    }
    guard shape[0] == rows else { throw wrong("its first axis is the configuration") }
    var axes: [String] = []
    if let names = entry.axes {
      axes = names.dropFirst().map { $0 == "seeds" ? "seed" : $0 }
    } else {
      switch shape.count {
      case 1: break
      case 2:
        let fitsSeeds = shape[1] == seeds
        let fitsResources = header.fidelityName != nil && shape[1] == resources
        guard fitsSeeds != fitsResources else {
          throw wrong(fitsSeeds ? "say which axis it is: \"axes\": [\"config\", \"seed\"]" : "correct the shape")
        }
        axes = [fitsSeeds ? "seed" : header.fidelityName ?? ""]
      case 3: axes = ["seed", header.fidelityName ?? ""]
      default: throw wrong("it has too many axes")
      }
    }
    var layout = TableArray(values: [], rowStride: 1)
    for (axis, size) in zip(axes, shape.dropFirst()).reversed() {
      if axis == "seed" {
        guard size == seeds, layout.seedStride == 0 else { throw wrong("the axis 'seed' has \(size) entries") }
        layout.seedStride = layout.rowStride
      } else if axis == header.fidelityName {
        guard size == resources, layout.resourceStride == 0, layout.seedStride == 0 else {
          throw wrong("the axis '\(axis)' has \(size) entries, and comes last")
        }
        layout.resourceStride = layout.rowStride
      } else {
        throw wrong("there is no axis '\(axis)'")
      }
      layout.rowStride *= size
    }
    return layout
  }

  /// The rows of the array `configs` as configurations of the space.
  private static func configurations(
    _ header: TableHeader, _ file: FloatFile
  ) throws(ProblemError) -> [Configuration] {
    let entry = try header.array("configs")
    let width = header.columns.count
    guard entry.shape == [header.configurationCount, width] else {
      throw header.failure(
        "the shape of 'configs' is \(entry.shape), not [\(header.configurationCount), \(width)]", array: "configs",
        hint: "one row a configuration, one column a parameter")
    }
    let values = try file.array("configs", entry)
    var configurations: [Configuration] = []
    configurations.reserveCapacity(header.configurationCount)
    for row in 0..<header.configurationCount {
      var slots = [Double](repeating: 0, count: width)
      for column in 0..<width {
        let value = values[row * width + column]
        guard let slot = slot(of: value, column, header) else {
          let parameter = header.space.parameters[column]
          throw ProblemError(
            "row \(row) of 'configs' has \(value) for '\(parameter.name)', which is outside its \(parameter.domain.kindName) domain",
            at: file.path, hint: "numbers stand for themselves, texts for the index of their choice")
        }
        slots[column] = slot
      }
      configurations.append(Configuration(slots: slots))
    }
    return configurations
  }

  /// The raw value of a parameter that a number in the file stands for; nil when it is none.
  private static func slot(of stored: Float, _ column: Int, _ header: TableHeader) -> Double? {
    guard stored.isFinite else { return nil }
    let value = Double(stored)
    switch header.columns[column] {
    case .value, .oneMinus:
      let own = header.columns[column] == .oneMinus ? 1 - value : value
      // Binary32 has lost what is beyond its seventh digit, which near 1 is much of 1 − x: such a value may lie just
      // outside its range.
      guard let axis = header.space.axes[column] else { return nil }
      let unit = axis.encode(own)
      guard unit >= -0.01, unit <= 1.01 else { return nil }
      let domain = axis.domain
      if case .integer = header.space.parameters[column].domain {
        return own == own.rounded() && own >= domain.low && own <= domain.high ? own : nil
      }
      return min(max(own, domain.low), domain.high)
    case .number(let numbers):
      return numbers.firstIndex { abs(Float($0) - stored) <= 1e-6 * abs(Float($0)) }.map(Double.init)
    case .index(let count):
      return value == value.rounded() && value >= 0 && value < Double(count) ? value : nil
    }
  }
}
