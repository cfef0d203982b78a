import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Points at which mixtures are evaluated, coordinate by coordinate in the order of a `ParzenShape`.
struct CandidateBatch: Sendable {
  let count: Int
  /// The length of a row: `count` rounded up to whole vectors.
  let stride: Int
  /// One row for each numeric coordinate; the cell's centre for grids.
  var points: [Double]
  /// One row for each grid: the ends of the cell.
  var cellLows: [Double]
  var cellHighs: [Double]
  /// One row for each parameter with choices.
  var picks: [Int32]

  init(_ shape: ParzenShape, count: Int) {
    self.count = count
    stride = (count + Lanes.scalarCount - 1) / Lanes.scalarCount * Lanes.scalarCount
    points = Array(repeating: 0, count: stride * shape.width)
    cellLows = Array(repeating: 0, count: stride * shape.grids.count)
    cellHighs = cellLows
    picks = Array(repeating: 0, count: stride * shape.choices.count)
  }
}

/// Candidates that are evaluated together.
typealias Lanes = SIMD8<Double>

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
  ///
  /// Kernel by kernel, eight candidates at a time: squared distances only grow with each further coordinate, so a kernel
  /// is left as soon as it is negligible for all eight. The newest kernels come first, because they are likely to be
  /// near.
  /// - Parameter weights: one for each member; the prior kernel has the weight 1.
  func logDensities(_ batch: CandidateBatch, weights: [Double]) -> [Double] {
    var sum = DensitySum(batch, prior: (0..<batch.count).map { logPrior(batch, $0) })
    let rows = choiceRows(batch)
    var cells = GridCells(rows: gridRows(), batch, gridCount: shape.grids.count)
    let lanes = Lanes.scalarCount
    let stride = batch.stride
    centres.withUnsafeBufferPointer { centres in
      inverses.withUnsafeBufferPointer { inverses in
        batch.points.withUnsafeBytes { points in
          rows.values.withUnsafeBytes { choiceRows in
            for index in members.indices.reversed() {
              let place = Int(members[index].place)
              let row = place * shape.width
              let start = heights[place] + log(weights[index])
              for first in Swift.stride(from: 0, to: stride, by: lanes) {
                // Twice the logarithm that may be lost before the kernel is negligible, and twice what is lost.
                let room = sum.room(first, start: start)
                var loss = Lanes.zero
                for i in 0..<shape.choices.count {
                  let offset = rows.offsets[i] + Int(picks[place * shape.choices.count + i])
                  loss += Self.load(choiceRows, offset * stride + first)
                }
                if let points = points.baseAddress, let centres = centres.baseAddress,
                  let inverses = inverses.baseAddress
                {
                  loss = Self.addingDistances(
                    to: loss, count: shape.continuous.count, points + first * MemoryLayout<Double>.stride,
                    stride: stride, centres + row, inverses + row, room: room)
                }
                if Self.isNegative(room - loss) { continue }
                if !shape.grids.isEmpty {
                  loss += gridBound(batch, row: row + shape.continuous.count, first)
                  if Self.isNegative(room - loss) { continue }
                }
                for lane in 0..<lanes where loss[lane] <= room[lane] {
                  var value = start - 0.5 * loss[lane]
                  if !shape.grids.isEmpty {
                    value += gridExcess(
                      batch, &cells, place, first + lane, room: 0.5 * (room[lane] - loss[lane]))
                  }
                  sum.add(value, first + lane)
                }
              }
            }
          }
        }
      }
    }
    return sum.logarithms(total: weights.reduce(1, +))
  }

  /// Adds ((point − centre)/σ)² coordinate by coordinate, until every lane is beyond its room.
  @inline(__always)
  private static func addingDistances(
    to start: Lanes, count: Int, _ points: UnsafeRawPointer, stride: Int, _ centres: UnsafePointer<Double>,
    _ inverses: UnsafePointer<Double>, room: Lanes
  ) -> Lanes {
    let rowBytes = stride &* MemoryLayout<Double>.stride
    var sum = start
    var point = points
    var i = 0
    // Whether a kernel is negligible is asked after every fourth coordinate: asking costs as much as a coordinate.
    while i &+ 4 <= count {
      for k in 0..<4 {
        let z =
          ((point + k &* rowBytes).loadUnaligned(as: Lanes.self) - centres[i &+ k]) * inverses[i &+ k]
        sum += z * z
      }
      if isNegative(room - sum) { return sum }
      point += 4 &* rowBytes
      i &+= 4
    }
    while i < count {
      let z = (point.loadUnaligned(as: Lanes.self) - centres[i]) * inverses[i]
      sum += z * z
      point += rowBytes
      i &+= 1
    }
    return sum
  }

  /// The lanes without their signs.
  @inline(__always)
  private static func magnitude(_ lanes: Lanes) -> Lanes {
    let mask = SIMD8<UInt64>(repeating: UInt64.max >> 1)
    return unsafeBitCast(unsafeBitCast(lanes, to: SIMD8<UInt64>.self) & mask, to: Lanes.self)
  }

  /// Whether all lanes are below 0, by their sign bits.
  @inline(__always)
  private static func isNegative(_ lanes: Lanes) -> Bool {
    let bits = unsafeBitCast(lanes, to: SIMD8<Int64>.self)
    let four = bits.lowHalf & bits.highHalf
    let two = four.lowHalf & four.highHalf
    return two.x & two.y < 0
  }

  @inline(__always)
  private static func load(_ values: UnsafeRawBufferPointer, _ index: Int) -> Lanes {
    values.loadUnaligned(fromByteOffset: index * MemoryLayout<Double>.stride, as: Lanes.self)
  }

  /// For each choice that a kernel may hold, a row over the candidates of −2 ln of the probability of their choice. A
  /// kernel gives 1/m to every choice and 1 more to its trial's, normalised, m being the number of kernels.
  private func choiceRows(_ batch: CandidateBatch) -> (values: [Double], offsets: [Int]) {
    var values: [Double] = []
    var offsets: [Int] = []
    let kernelCount = Double(members.count + 1)
    for (i, choice) in shape.choices.enumerated() {
      offsets.append(values.count / batch.stride)
      let total = 1 + Double(choice.count) / kernelCount
      let own = -2 * log((1 + 1 / kernelCount) / total)
      let other = -2 * log(1 / kernelCount / total)
      for held in 0..<Int32(choice.count) {
        for candidate in 0..<batch.stride {
          values.append(batch.picks[i * batch.stride + candidate] == held ? own : other)
        }
      }
    }
    return (values, offsets)
  }

  /// A bound on −2 ln of the probability of the grid cells: the mass beyond a distance d is less than exp(−d²/2).
  private func gridBound(_ batch: CandidateBatch, row: Int, _ first: Int) -> Lanes {
    var bound = Lanes.zero
    batch.cellLows.withUnsafeBytes { lows in
      batch.cellHighs.withUnsafeBytes { highs in
        for i in 0..<shape.grids.count {
          let low = Self.load(lows, i * batch.stride + first)
          let high = Self.load(highs, i * batch.stride + first)
          // Twice the distance from the cell where the centre is outside it, and not positive inside.
          let beyond = Self.magnitude(low + high - 2 * centres[row + i]) - (high - low)
          let distance = 0.25 * (beyond + Self.magnitude(beyond)) * inverses[row + i]
          bound += distance * distance
        }
      }
    }
    return bound
  }

  /// The logarithm of the probability of a candidate's grid cells, less the bound that was taken for it.
  private func gridExcess(
    _ batch: CandidateBatch, _ cells: inout GridCells, _ place: Int, _ candidate: Int, room: Double
  ) -> Double {
    var excess = 0.0
    for grid in 0..<shape.grids.count {
      let coordinate = place * shape.width + shape.continuous.count + grid
      excess += cells.excess(batch, grid, place, candidate, centres[coordinate], inverses[coordinate])
      if excess < -room { break }
    }
    return excess
  }

  private func logPrior(_ batch: CandidateBatch, _ candidate: Int) -> Double {
    var value = 0.0
    for i in 0..<shape.continuous.count {
      let distance = batch.points[i * batch.stride + candidate] - 0.5
      value += PriorKernel.peak - 0.5 * distance * distance
    }
    for i in 0..<shape.grids.count {
      let cell = i * batch.stride + candidate
      value += NormalDistribution.logIntervalMass(batch.cellLows[cell] - 0.5, batch.cellHighs[cell] - 0.5)
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
        batch.points[i * batch.stride + candidate] = drawUnit(place, i, from: &stream)
      }
      for (i, grid) in shape.grids.enumerated() {
        let coordinate = shape.continuous.count + i
        let cell = grid.cell(at: drawUnit(place, coordinate, from: &stream))
        batch.points[coordinate * batch.stride + candidate] = cell.centre
        batch.cellLows[i * batch.stride + candidate] = cell.low
        batch.cellHighs[i * batch.stride + candidate] = cell.high
      }
      for (i, choice) in shape.choices.enumerated() {
        // A kernel is a mixture of its own choice and all choices alike.
        let alike = Double(choice.count) / Double(kernelCount)
        var pick = Int32(stream.index(below: choice.count))
        let isOwn = stream.uniform() * (1 + alike) >= alike
        if let place, isOwn { pick = picks[place * shape.choices.count + i] }
        batch.picks[i * batch.stride + candidate] = pick
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

/// The sums of a mixture's kernels at each candidate, as the greatest logarithm and the sum relative to it.
private struct DensitySum {
  private let count: Int
  /// +∞ for lanes without a candidate, so that nothing is added there.
  private var greatest: [Double]
  private var sums: [Double]

  init(_ batch: CandidateBatch, prior: [Double]) {
    count = batch.count
    greatest = prior + [Double](repeating: .infinity, count: batch.stride - batch.count)
    sums = [Double](repeating: 1, count: batch.count)
  }

  /// Twice the distance from `start` down to what is negligible, for the eight candidates from `first` on.
  @inline(__always)
  func room(_ first: Int, start: Double) -> Lanes {
    greatest.withUnsafeBytes { greatest in
      let present = greatest.loadUnaligned(fromByteOffset: first * MemoryLayout<Double>.stride, as: Lanes.self)
      return 2 * (start + KernelSet.negligible - present)
    }
  }

  @inline(__always)
  mutating func add(_ value: Double, _ candidate: Int) {
    let difference = value - greatest[candidate]
    if difference > 0 {
      sums[candidate] = sums[candidate] * exp(-difference) + 1
      greatest[candidate] = value
    } else if difference > -KernelSet.negligible {
      sums[candidate] += exp(difference)
    }
  }

  /// ln(sum / total) for each candidate.
  func logarithms(total: Double) -> [Double] {
    let logTotal = log(total)
    return (0..<count).map { greatest[$0] + log(sums[$0]) - logTotal }
  }
}

/// The logarithm of the probability of each candidate's cell under each kernel of a grid, less its bound −d²/2 for a cell
/// at the distance d; computed when first asked for. Kernels of the same centre and bandwidth share a row.
private struct GridCells {
  private let rows: KernelSet.GridRows
  private let gridCount: Int
  private let stride: Int
  /// NaN where not computed.
  private var values: [Double]
  /// Rows that hold anything. Most are never asked for, and clearing them would cost more than the others.
  private var isTouched: [Bool]

  init(rows: KernelSet.GridRows, _ batch: CandidateBatch, gridCount: Int) {
    self.rows = rows
    self.gridCount = gridCount
    stride = batch.stride
    let size = rows.count * stride
    values = [Double](unsafeUninitializedCapacity: size) { _, count in count = size }
    isTouched = Array(repeating: false, count: rows.count)
  }

  @inline(__always)
  mutating func excess(
    _ batch: CandidateBatch, _ grid: Int, _ place: Int, _ candidate: Int, _ centre: Double, _ inverse: Double
  ) -> Double {
    let row = Int(rows.numbers[place * gridCount + grid])
    if !isTouched[row] { clear(row) }
    let index = row * stride + candidate
    if values[index].isNaN {
      let cell = grid * stride + candidate
      let low = (batch.cellLows[cell] - centre) * inverse
      let high = (batch.cellHighs[cell] - centre) * inverse
      let beyond = max(0, low, -high)
      values[index] = NormalDistribution.logIntervalMass(low, high) + 0.5 * beyond * beyond
    }
    return values[index]
  }

  private mutating func clear(_ row: Int) {
    isTouched[row] = true
    for index in row * stride..<(row + 1) * stride { values[index] = .nan }
  }
}
