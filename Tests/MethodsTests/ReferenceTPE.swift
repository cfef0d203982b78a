import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The Parzen estimator written down formula by formula, without regard to speed. Every numeric coordinate runs over the
/// unit interval.
struct ReferenceParzen {
  enum Coordinate {
    case continuous
    /// The ends of each level's cell.
    case grid([(low: Double, high: Double)])
    case choices(Int)
  }

  let coordinates: [Coordinate]
  /// One row a trial, by trial number: units of continuous coordinates and grids, indices of choices.
  let rows: [[Double]]
  let weights: [Double]
  let sigmas: [[Double]]

  init(_ coordinates: [Coordinate], rows: [[Double]], weights: [Double]) {
    self.coordinates = coordinates
    self.rows = rows
    self.weights = weights
    sigmas = coordinates.indices.map { j in Self.sigmas(rows.map { $0[j] }) }
  }

  static func sigmas(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var sigmas = [Double](repeating: 0, count: values.count)
    for (position, index) in order.enumerated() {
      var left = values[index] - (position > 0 ? values[order[position - 1]] : 0)
      var right = (position + 1 < order.count ? values[order[position + 1]] : 1) - values[index]
      if values.count >= 2, position == 0 { left = 0 }
      if values.count >= 2, position == order.count - 1 { right = 0 }
      sigmas[index] = min(max(max(left, right), 1 / Double(min(100, 2 + values.count))), 1)
    }
    return sigmas
  }

  /// Oldest first: up to 25 all 1; beyond, the older ones from 1/n to 1.
  static func weights(_ count: Int) -> [Double] {
    guard count >= 25 else { return Array(repeating: 1, count: count) }
    let ramp = count - 25
    let rising = (0..<ramp).map { i in
      ramp == 1 ? 1 / Double(count) : 1 / Double(count) + (1 - 1 / Double(count)) * Double(i) / Double(ramp - 1)
    }
    return rising + Array(repeating: 1, count: 25)
  }

  /// The point is given like a row; grids by the level's index.
  func logDensity(_ point: [Double]) -> Double {
    var terms = rows.indices.map { i in log(weights[i]) + logKernel(point, i) }
    terms.append(logKernel(point, nil))
    return logSumExp(terms) - log(weights.reduce(1, +))
  }

  /// The kernel of a row; nil for the prior's.
  private func logKernel(_ point: [Double], _ row: Int?) -> Double {
    var sum = 0.0
    for (j, coordinate) in coordinates.enumerated() {
      let centre = row.map { rows[$0][j] } ?? 0.5
      let sigma = row.map { sigmas[j][$0] } ?? 1
      let whole = NormalDistribution.logIntervalMass(-centre / sigma, (1 - centre) / sigma)
      switch coordinate {
      case .continuous:
        sum += NormalDistribution.logPDF((point[j] - centre) / sigma) - log(sigma) - whole
      case .grid(let cells):
        let cell = cells[Int(point[j])]
        sum += NormalDistribution.logIntervalMass((cell.low - centre) / sigma, (cell.high - centre) / sigma) - whole
      case .choices(let count):
        guard let row else {
          sum -= log(Double(count))
          continue
        }
        let share = 1 / Double(rows.count + 1)
        let own = point[j] == rows[row][j] ? 1.0 : 0.0
        sum += log((share + own) / (1 + share * Double(count)))
      }
    }
    return sum
  }
}

/// The split of finished trials, and the candidate with the greatest ratio of densities.
enum ReferenceTPE {
  /// Trials in the order of their losses, the earlier of equals first; the first ones are below.
  static func split(_ losses: [Double]) -> (below: [Int], above: [Int]) {
    let order = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }
    let count = min(Int((0.1 * Double(losses.count)).rounded(.up)), 25)
    return (order.prefix(count).sorted(), order.dropFirst(count).sorted())
  }
}
