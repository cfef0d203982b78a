import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Points at which mixtures are evaluated, in the layout of a `ParzenShape`.
struct CandidateBatch: Sendable {
  let count: Int
  /// One row of `shape.width` a candidate; 0 in padding, the cell's centre for grids.
  var points: [Double]
  /// One row of `shape.grids.count` a candidate: the ends of the cell.
  var cellLows: [Double]
  var cellHighs: [Double]
  /// One row of `shape.choices.count` a candidate.
  var picks: [Int32]

  init(_ shape: ParzenShape, count: Int) {
    self.count = count
    points = Array(repeating: 0, count: count * shape.width)
    cellLows = Array(repeating: 0, count: count * shape.grids.count)
    cellHighs = cellLows
    picks = Array(repeating: 0, count: count * shape.choices.count)
  }
}

/// The kernel that stands beside those of the trials: a normal of the interval's own width about its centre.
enum PriorKernel {
  static let lowerMass = NormalDistribution.cdf(-0.5)
  static let mass = 1 - 2 * lowerMass
  static let peak = -log(mass) - KernelSet.halfLogTwoPi
}

extension KernelSet {
  /// A kernel whose logarithm lies this far below the greatest so far adds nothing to a sum of doubles.
  static let negligible = 40.0

  /// The logarithm of the mixture's density at each candidate: of the density on the unit cube for continuous
  /// coordinates, of the cell's probability for grids and of the choice's for choices.
  /// - Parameter weights: one for each member; the prior kernel has the weight 1.
  func logDensities(_ batch: CandidateBatch, weights: [Double]) -> [Double] {
    let choiceCount = shape.choices.count
    let gridCount = shape.grids.count
    let kernelCount = Double(members.count + 1)
    // A choice's probability under a kernel, less where it agrees with the trial's.
    let agreements = shape.choices.map { log((1 / kernelCount + 1) / (1 + Double($0.count) / kernelCount)) }
    let disagreements = shape.choices.map { log(1 / kernelCount / (1 + Double($0.count) / kernelCount)) }

    var greatest = (0..<batch.count).map { logPrior(batch, $0) }
    var sums = [Double](repeating: 1, count: batch.count)
    centres.withUnsafeBufferPointer { centres in
      inverses.withUnsafeBufferPointer { inverses in
        batch.points.withUnsafeBufferPointer { points in
          for (member, weight) in zip(members, weights) {
            let place = Int(member.place)
            let row = place * shape.width
            let start = heights[place] + log(weight)
            for candidate in 0..<batch.count {
              var value = start
              let limit = greatest[candidate] - Self.negligible
              for i in 0..<choiceCount {
                let agrees = picks[place * choiceCount + i] == batch.picks[candidate * choiceCount + i]
                value += agrees ? agreements[i] : disagreements[i]
              }
              let point = candidate * shape.width
              var i = 0
              while i < shape.continuousWidth, !(value < limit) {
                value -=
                  0.5
                  * Self.squaredDistance(
                    points.baseAddress, point + i, centres.baseAddress, inverses.baseAddress, row + i)
                i += 4
              }
              if value < limit { continue }
              if gridCount > 0 {
                value += logCells(batch, candidate, row: row + shape.continuousWidth, limit: limit - value)
                if value < limit { continue }
              }
              if value > greatest[candidate] {
                sums[candidate] = sums[candidate] * exp(greatest[candidate] - value) + 1
                greatest[candidate] = value
              } else {
                sums[candidate] += exp(value - greatest[candidate])
              }
            }
          }
        }
      }
    }
    let total = log(weights.reduce(1, +))
    return (0..<batch.count).map { greatest[$0] + log(sums[$0]) - total }
  }

  /// The sum of ((point − centre)/σ)² over four coordinates.
  @inline(__always)
  private static func squaredDistance(
    _ points: UnsafePointer<Double>?, _ point: Int, _ centres: UnsafePointer<Double>?,
    _ inverses: UnsafePointer<Double>?, _ row: Int
  ) -> Double {
    guard let points, let centres, let inverses else { return 0 }
    let x = UnsafeRawPointer(points + point).loadUnaligned(as: SIMD4<Double>.self)
    let centre = UnsafeRawPointer(centres + row).loadUnaligned(as: SIMD4<Double>.self)
    let inverse = UnsafeRawPointer(inverses + row).loadUnaligned(as: SIMD4<Double>.self)
    let z = (x - centre) * inverse
    return (z * z).sum()
  }

  /// The logarithm of the probability of a candidate's grid cells under a kernel; anything below `limit` when it is
  /// below `limit`.
  private func logCells(_ batch: CandidateBatch, _ candidate: Int, row: Int, limit: Double) -> Double {
    let count = shape.grids.count
    // The mass beyond a distance d is less than exp(−d²/2).
    var bound = 0.0
    for i in 0..<count {
      let centre = centres[row + i]
      let beyond = max(
        0, batch.cellLows[candidate * count + i] - centre, centre - batch.cellHighs[candidate * count + i])
      let distance = beyond * inverses[row + i]
      bound -= 0.5 * distance * distance
    }
    if bound < limit { return bound }
    var value = 0.0
    for i in 0..<count {
      let centre = centres[row + i]
      let inverse = inverses[row + i]
      value += NormalDistribution.logIntervalMass(
        (batch.cellLows[candidate * count + i] - centre) * inverse,
        (batch.cellHighs[candidate * count + i] - centre) * inverse)
    }
    return value
  }

  private func logPrior(_ batch: CandidateBatch, _ candidate: Int) -> Double {
    var value = 0.0
    for i in 0..<shape.continuous.count {
      let distance = batch.points[candidate * shape.width + i] - 0.5
      value += PriorKernel.peak - 0.5 * distance * distance
    }
    let count = shape.grids.count
    for i in 0..<count {
      value += NormalDistribution.logIntervalMass(
        batch.cellLows[candidate * count + i] - 0.5, batch.cellHighs[candidate * count + i] - 0.5)
      value -= log(PriorKernel.mass)
    }
    for choice in shape.choices { value -= log(Double(choice.count)) }
    return value
  }

  /// Draws points from the mixture in which every member and the prior kernel have the same weight.
  func draw(_ count: Int, from stream: inout RandomStream) -> CandidateBatch {
    var batch = CandidateBatch(shape, count: count)
    let kernelCount = members.count + 1
    for candidate in 0..<count {
      let chosen = stream.index(below: kernelCount)
      let place = chosen < members.count ? Int(members[chosen].place) : nil
      for i in 0..<shape.continuous.count {
        batch.points[candidate * shape.width + i] = drawUnit(place, i, from: &stream)
      }
      for (i, grid) in shape.grids.enumerated() {
        let cell = grid.cell(at: drawUnit(place, shape.continuousWidth + i, from: &stream))
        batch.points[candidate * shape.width + shape.continuousWidth + i] = cell.centre
        batch.cellLows[candidate * shape.grids.count + i] = cell.low
        batch.cellHighs[candidate * shape.grids.count + i] = cell.high
      }
      for (i, choice) in shape.choices.enumerated() {
        // A kernel is a mixture of its own choice and all choices alike.
        let alike = Double(choice.count) / Double(kernelCount)
        var pick = Int32(stream.index(below: choice.count))
        let isOwn = stream.uniform() * (1 + alike) >= alike
        if let place, isOwn { pick = picks[place * shape.choices.count + i] }
        batch.picks[candidate * shape.choices.count + i] = pick
      }
    }
    return batch
  }

  /// A coordinate drawn from one kernel, truncated to the unit interval; nil stands for the prior kernel.
  ///
  /// The centre lies in the interval, so the quantile is never taken where the distribution function has lost its
  /// digits.
  private func drawUnit(_ place: Int?, _ coordinate: Int, from stream: inout RandomStream) -> Double {
    let u = stream.uniform()
    guard let place else {
      return min(max(0.5 + NormalDistribution.quantile(PriorKernel.lowerMass + u * PriorKernel.mass), 0), 1)
    }
    let row = place * shape.width + coordinate
    let z = NormalDistribution.quantile(lowerMasses[row] + u * masses[row])
    return min(max(centres[row] + z / inverses[row], 0), 1)
  }
}
