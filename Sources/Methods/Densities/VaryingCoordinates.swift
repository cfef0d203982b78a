import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The coordinates of a space that can vary, as columns of a joint density over all of them.
struct VaryingCoordinates: Sendable {
  /// What a column holds.
  enum Kind: Sendable, Equatable {
    /// A number in 0…1.
    case unit
    /// An index below this count.
    case choice(Int)
  }

  let coordinates: [Int]
  /// One a column.
  let kinds: [Kind]

  init(_ space: Space) {
    coordinates = space.coordinates.indices.filter { coordinate in
      let parameter = space.parameters[space.coordinates[coordinate].parameter]
      return parameter.fixedValue == nil && parameter.domain.cardinality != 1
    }
    kinds = coordinates.map { coordinate in
      if case .choices(let count) = space.coordinates[coordinate].kind { .choice(count) } else { .unit }
    }
  }

  /// A point of the unit cube; coordinates that cannot vary stay in the middle.
  func unit(of point: [Double], in space: Space) -> [Double] {
    var unit = [Double](repeating: 0.5, count: space.coordinates.count)
    for (column, coordinate) in coordinates.enumerated() {
      if case .choice(let count) = kinds[column] {
        unit[coordinate] = (point[column] + 0.5) / Double(count)
      } else {
        unit[coordinate] = point[column]
      }
    }
    return unit
  }

  /// The points of some trials one after the other. A coordinate that is not active in a trial takes the value of another one
  /// of them, or a random one where none has it.
  func points(of trials: [TrialNumber], _ history: History, _ stream: inout RandomStream) -> [Double] {
    var points = [Double](repeating: .nan, count: trials.count * coordinates.count)
    for (column, coordinate) in coordinates.enumerated() {
      let kind = kinds[column]
      let values = trials.map { Self.value(kind, history.units[coordinate][$0]) }
      let present = values.filter { !$0.isNaN }
      for (row, value) in values.enumerated() {
        points[row * coordinates.count + column] =
          if !value.isNaN {
            value
          } else if !present.isEmpty {
            present[stream.index(below: present.count)]
          } else if case .choice(let count) = kind {
            Double(stream.index(below: count))
          } else {
            stream.uniform()
          }
      }
    }
    return points
  }

  /// What a column holds of a trial; NaN where the coordinate is not active.
  func value(of trial: TrialNumber, _ column: Int, _ history: History) -> Double {
    Self.value(kinds[column], history.units[coordinates[column]][trial])
  }

  /// A unit coordinate as a column holds it; values outside a narrowed range lie at its edge.
  private static func value(_ kind: Kind, _ unit: Double) -> Double {
    guard !unit.isNaN else { return .nan }
    let inside = min(1, max(0, unit))
    guard case .choice(let count) = kind else { return inside }
    return Double(min(count - 1, Int(inside * Double(count))))
  }
}
