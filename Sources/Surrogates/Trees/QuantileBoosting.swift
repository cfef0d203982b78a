import TrimtabNumerics

/// A quantile of the target given a point, by gradient-boosted trees.
///
/// Each tree is fitted to the signs of the residuals, which are the gradient of the quantile ("pinball") loss, by squared
/// error; its leaves take the quantile of the residuals that fall into them. Numbers are cut into at most 64 bins of
/// equally many points, so that a tree looks at counts and not at sorted values; of choices one is split off.
///
/// Sources: Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29, 2001;
/// Koenker & Bassett, "Regression quantiles", Econometrica 46, 1978; Ke et al., "LightGBM", NeurIPS 2017 (bins).
public struct QuantileBoosting: Sendable {
  public struct Options: Sendable {
    public var trees = 100
    public var rate = 0.1

    public init() {}
  }

  /// Splits on the way from a tree's root to a leaf.
  static let depth = 3
  /// A tree has these whether it uses them or not, so that the way down it needs no branch.
  static let splitCount = (1 << depth) - 1
  static let leafCount = 1 << depth

  /// Points as the trees see them: one bin a feature.
  public struct Bins: Sendable {
    /// Points that are looked at together.
    typealias Lanes = SIMD16<UInt8>

    let featureCount: Int
    public let count: Int
    /// The length of a column: the number of points, rounded up.
    let height: Int
    /// The bins of the first feature, then those of the second, …; one column where there is no feature.
    fileprivate(set) var codes: [UInt8]

    init(featureCount: Int, count: Int) {
      self.featureCount = featureCount
      self.count = count
      height = (count + Lanes.scalarCount - 1) / Lanes.scalarCount * Lanes.scalarCount
      codes = [UInt8](repeating: 0, count: height * max(1, featureCount))
    }
  }

  /// How points are put into bins: learned once, for all quantiles.
  public struct Binning: Sendable {
    static let numberBins = 64
    static let choiceBins = 255
    /// The inner edges of each number's bins, ascending.
    let edges: [[Double]]
    /// The bin of each code of a choice; codes that are not here share one more.
    let codes: [[Int32: UInt8]]

    public init(_ points: FeaturePoints) {
      let width = points.numberCount
      edges = (0..<width).map { j in
        var all = (0..<points.count).map { points.numbers[$0 * width + j] }
        all.sort()
        var values: [Double] = []
        for value in all where value != values.last {
          values.append(value)
          if values.count > Self.numberBins { break }
        }
        if values.count <= Self.numberBins {
          return zip(values, values.dropFirst()).map { $0 + ($1 - $0) / 2 }
        }
        var result: [Double] = []
        for bin in 1..<Self.numberBins {
          let edge = all[bin * all.count / Self.numberBins]
          if edge > result.last ?? all[0] { result.append(edge) }
        }
        return result
      }
      codes = points.choices.map { column in
        var counts: [Int32: Int] = [:]
        for code in column { counts[code, default: 0] += 1 }
        let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.choiceBins)
        var result: [Int32: UInt8] = [:]
        for (bin, entry) in ranked.enumerated() { result[entry.key] = UInt8(bin) }
        return result
      }
    }

    /// The bins of points of the same kind.
    public func bins(_ points: FeaturePoints) -> Bins {
      let width = edges.count
      var result = Bins(featureCount: width + codes.count, count: points.count)
      let height = result.height
      result.codes.withUnsafeMutableBufferPointer { result in
        points.numbers.withUnsafeBufferPointer { numbers in
          for j in 0..<width {
            edges[j].withUnsafeBufferPointer { edges in
              for row in 0..<points.count {
                let value = numbers[row &* width &+ j]
                // The number of edges below the value, without a branch that could not be predicted.
                var low = 0
                var length = edges.count
                while length > 0 {
                  let half = (length &+ 1) / 2
                  low &+= edges[low &+ half &- 1] < value ? half : 0
                  length &-= half
                }
                result[j &* height &+ row] = UInt8(truncatingIfNeeded: low)
              }
            }
          }
        }
        for k in codes.indices {
          let others = UInt8(codes[k].count)
          for row in 0..<points.count {
            result[(width + k) * height + row] = codes[k][points.choices[k][row]] ?? others
          }
        }
      }
      return result
    }

    var numberCount: Int { edges.count }
  }

  /// Bins from `first` to `first + span` go left: up to one for numbers, a single one for choices.
  struct Split: Sendable {
    var feature: Int32
    var first: UInt8
    var span: UInt8

    /// Everything goes left.
    static let none = Split(feature: 0, first: 0, span: .max)
  }

  /// Of each tree the splits, the root first and the children of the one at place i at 2i + 1 and 2i + 2, and what its
  /// leaves contribute, from left to right.
  struct Trees: Sendable {
    var splits: [Split] = []
    var values: [Double] = []
  }

  public let quantile: Double
  private let start: Double
  private let trees: Trees

  /// - Parameters:
  ///   - binning: of these points, or of more.
  ///   - targets: one a point; finite.
  /// - Precondition: at least one point.
  public init(
    _ points: Bins, _ binning: Binning, _ targets: [Double], quantile: Double, options: Options = Options()
  ) {
    precondition(
      points.count == targets.count && !targets.isEmpty, "\(targets.count) targets for \(points.count) points")
    self.quantile = quantile
    var scratch = targets
    start = Self.select(&scratch, 0..<scratch.count, quantile)
    var growth = Growth(points, binning, targets, start: start, quantile: quantile, rate: options.rate)
    for _ in 0..<options.trees { growth.grow() }
    trees = growth.trees
  }

  /// The predicted quantile at each point.
  public func predict(_ points: Bins) -> [Double] {
    // So many that they stay in the nearest cache while all trees look at them.
    let block = 32 * Bins.Lanes.scalarCount
    var result = [Double](repeating: start, count: points.height)
    points.codes.withUnsafeBytes { codes in
      trees.splits.withUnsafeBufferPointer { splits in
        trees.values.withUnsafeBufferPointer { values in
          result.withUnsafeMutableBufferPointer { result in
            var first = 0
            while first < points.height {
              let rows = first..<min(points.height, first + block)
              for tree in 0..<splits.count / Self.splitCount {
                Self.add(
                  UnsafeBufferPointer(rebasing: splits[tree * Self.splitCount..<(tree + 1) * Self.splitCount]),
                  UnsafeBufferPointer(rebasing: values[tree * Self.leafCount..<(tree + 1) * Self.leafCount]),
                  codes, rows, height: points.height, to: result)
              }
              first = rows.upperBound
            }
          }
        }
      }
    }
    result.removeLast(points.height - points.count)
    return result
  }

  /// Adds what one tree says of some rows. All splits are looked at, of many rows at once, which is faster than to follow each
  /// row down.
  @inline(__always)
  private static func add(
    _ splits: UnsafeBufferPointer<Split>, _ values: UnsafeBufferPointer<Double>, _ codes: UnsafeRawBufferPointer,
    _ rows: Range<Int>, height: Int, to result: UnsafeMutableBufferPointer<Double>
  ) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      func isRight(_ place: Int) -> SIMDMask<SIMD16<Int8>> {
        let split = splits[place]
        let bins = codes.loadUnaligned(fromByteOffset: Int(split.feature) &* height &+ row, as: Bins.Lanes.self)
        return bins &- Bins.Lanes(repeating: split.first) .> Bins.Lanes(repeating: split.span)
      }
      let root = isRight(0)
      let (left, right) = (isRight(1), isRight(2))
      let second = left.replacing(with: right, where: root)
      let underLeft = isRight(3).replacing(with: isRight(4), where: left)
      let underRight = isRight(5).replacing(with: isRight(6), where: right)
      let third = underLeft.replacing(with: underRight, where: root)
      let none = Bins.Lanes(repeating: 0)
      let leaves =
        none.replacing(with: 4, where: root) | none.replacing(with: 2, where: second)
        | none.replacing(with: 1, where: third)
      for lane in 0..<Bins.Lanes.scalarCount { result[row &+ lane] += values[Int(leaves[lane])] }
      row &+= Bins.Lanes.scalarCount
    }
  }

  /// The value at a fraction of the sorted values of a range, by linear interpolation; reorders the range.
  static func select(_ values: inout [Double], _ range: Range<Int>, _ fraction: Double) -> Double {
    let place = fraction * Double(range.count - 1)
    let low = range.lowerBound + Int(place)
    let share = place - place.rounded(.down)
    quickselect(&values, range, low)
    guard share > 0, low + 1 < range.upperBound else { return values[low] }
    let next = values[(low + 1)..<range.upperBound].min() ?? values[low]
    return values[low] + share * (next - values[low])
  }

  /// Puts the value that belongs at a place there, lower ones before it and higher ones behind it (Hoare 1961).
  private static func quickselect(_ values: inout [Double], _ range: Range<Int>, _ place: Int) {
    values.withUnsafeMutableBufferPointer { values in
      var low = range.lowerBound
      var high = range.upperBound - 1
      while low < high {
        let (a, b, c) = (values[low], values[(low + high) / 2], values[high])
        let pivot = max(min(a, b), min(max(a, b), c))
        // Signs instead of comparisons, for a branch on these could not be predicted.
        var end = partition(values, low, high) { Int(truncatingIfNeeded: ($0 - pivot).bitPattern >> 63) }
        if place < end {
          // The pivot is not below itself: without one that is finite there is no order to find.
          guard end <= high else { return }
          high = end - 1
          continue
        }
        low = end
        end = partition(values, low, high) { 1 &- Int(truncatingIfNeeded: (pivot - $0).bitPattern >> 63) }
        if place < end { return }
        low = end
      }
    }
  }

  /// Puts the values that come first before the others.
  /// - Parameter share: 1 for a value that comes first, otherwise 0.
  /// - Returns: where the others begin.
  @inline(__always)
  private static func partition(
    _ values: UnsafeMutableBufferPointer<Double>, _ low: Int, _ high: Int, _ share: (Double) -> Int
  ) -> Int {
    var end = low
    for i in low...high {
      let value = values[i]
      values[i] = values[end]
      values[end] = value
      end &+= share(value)
    }
    return end
  }
}
