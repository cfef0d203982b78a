import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The coordinates that one Parzen estimator covers, and how its arrays are laid out.
///
/// Continuous coordinates come first, then grids; choices have arrays of their own. Every numeric coordinate runs over
/// the unit interval.
struct ParzenShape: Sendable {
  struct Grid: Sendable {
    var coordinate: Int
    var levels: Int
    /// Nil for equal cells.
    var axis: NumericAxis?

    /// Whether all cells are so narrow that the density at the centre stands for the cell: against the narrowest kernel,
    /// a hundredth of the range, the ratio of two densities is off by less than 10⁻³ within three deviations.
    var isFine: Bool {
      guard levels >= 1000, let axis else { return levels >= 1000 }
      let first = axis.cell(level: 0)
      let last = axis.cell(level: levels - 1)
      return axis.domain.prior == nil && max(first.high - first.low, last.high - last.low) <= 0.001
    }

    /// The cell in which a point lies: its ends, and the point that stands for it.
    func cell(at unit: Double) -> (low: Double, high: Double, centre: Double) {
      guard let axis else {
        let level = Double(min(max(Int(unit * Double(levels)), 0), levels - 1))
        let width = 1 / Double(levels)
        return (level * width, (level + 1) * width, (level + 0.5) * width)
      }
      let value = axis.decode(unit)
      let (low, high) = axis.cell(level: axis.domain.level(of: value))
      return (low, high, axis.encode(value))
    }
  }

  struct Choices: Sendable {
    var coordinate: Int
    var slot: Int
    var count: Int
  }

  private(set) var continuous: [Int] = []
  /// The least width of a kernel, by continuous coordinate: an order's items have places that lie one over their number apart,
  /// and a kernel that reaches no other place would repeat the order.
  private(set) var leastWidths: [Double] = []
  private(set) var grids: [Grid] = []
  private(set) var choices: [Choices] = []

  /// The number of numeric coordinates.
  var width: Int { continuous.count + grids.count }

  var isEmpty: Bool { continuous.isEmpty && grids.isEmpty && choices.isEmpty }

  /// The coordinates of these parameters that can vary.
  init(_ space: Space, parameters: [Int]) {
    for index in parameters where space.parameters[index].fixedValue == nil {
      let domain = space.parameters[index].domain
      if domain.cardinality == 1 { continue }
      for coordinate in space.coordinateRanges[index] {
        switch space.coordinates[coordinate].kind {
        case .continuous:
          continuous.append(coordinate)
          if case .permutation(let items) = domain {
            leastWidths.append(1 / Double(items.count))
          } else {
            leastWidths.append(0)
          }
        case .grid(let levels):
          let grid = Grid(coordinate: coordinate, levels: levels, axis: space.axes[index])
          if grid.isFine {
            continuous.append(coordinate)
            leastWidths.append(0)
          } else {
            grids.append(grid)
          }
        case .choices(let count):
          choices.append(Choices(coordinate: coordinate, slot: space.coordinates[coordinate].slot, count: count))
        }
      }
    }
  }

  /// Whether a trial has a value inside the present range of every coordinate.
  func covers(_ trial: TrialNumber, in history: History) -> Bool {
    for coordinate in continuous where !(0...1).contains(history.units[coordinate][trial]) { return false }
    for grid in grids where !(0...1).contains(history.units[grid.coordinate][trial]) { return false }
    for choice in choices {
      let index = history.slots[choice.slot][trial]
      guard index >= 0, index < Double(choice.count) else { return false }
    }
    return true
  }
}
