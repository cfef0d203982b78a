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
    public var depth = 3
    public var rate = 0.1

    public init() {}
  }

  /// A point that the trees see: one bin a feature.
  public struct Bins: Sendable {
    let featureCount: Int
    public let count: Int
    /// The bins of the first point, then those of the second, …
    let codes: [UInt8]
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
        let values = Set((0..<points.count).map { points.numbers[$0 * width + j] }).sorted()
        if values.count <= Self.numberBins {
          return zip(values, values.dropFirst()).map { $0 + ($1 - $0) / 2 }
        }
        let all = (0..<points.count).map { points.numbers[$0 * width + j] }.sorted()
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
      let features = width + codes.count
      var result = [UInt8](repeating: 0, count: points.count * features)
      for j in 0..<width {
        edges[j].withUnsafeBufferPointer { edges in
          for row in 0..<points.count {
            let value = points.numbers[row &* width &+ j]
            var low = 0
            var high = edges.count
            while low < high {
              let middle = (low &+ high) / 2
              if edges[middle] < value { low = middle &+ 1 } else { high = middle }
            }
            result[row &* features &+ j] = UInt8(low)
          }
        }
      }
      for k in codes.indices {
        for row in 0..<points.count {
          result[row * features + width + k] = codes[k][points.choices[k][row]] ?? UInt8(codes[k].count)
        }
      }
      return Bins(featureCount: features, count: points.count, codes: result)
    }

    var numberCount: Int { edges.count }
  }

  private struct Node: Sendable {
    /// −1 for a leaf.
    var feature: Int32
    /// Bins from `first` to `first + span` go left: up to one for numbers, a single one for choices.
    var first: UInt8
    var span: UInt8
    /// The left child; the right one follows it.
    var child: Int32
    /// A leaf's contribution.
    var value: Double

    static let leaf = Node(feature: -1, first: 0, span: 0, child: -1, value: 0)

    /// 0 for left, 1 for right. Without a branch, which could not be predicted.
    func side(_ bin: UInt8) -> Int { bin &- first > span ? 1 : 0 }
  }

  public let quantile: Double
  private var start = 0.0
  private var nodes: ContiguousArray<Node> = []
  private var roots: [Int] = []

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
    var growth = Growth(points, binning, targets, start: start, quantile: quantile, options: options)
    for _ in 0..<options.trees {
      roots.append(nodes.count)
      growth.grow(&nodes)
    }
  }

  /// The predicted quantile at each point.
  public func predict(_ points: Bins) -> [Double] {
    var result = [Double](repeating: start, count: points.count)
    nodes.withUnsafeBufferPointer { nodes in
      points.codes.withUnsafeBufferPointer { codes in
        result.withUnsafeMutableBufferPointer { result in
          for root in roots {
            for row in 0..<points.count {
              let base = row &* points.featureCount
              var place = root
              while nodes[place].feature >= 0 {
                let node = nodes[place]
                place = Int(node.child) &+ node.side(codes[base &+ Int(node.feature)])
              }
              result[row] += nodes[place].value
            }
          }
        }
      }
    }
    return result
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
        let pivot = values[(low + high) / 2]
        var i = low
        var j = high
        while i <= j {
          while values[i] < pivot { i += 1 }
          while values[j] > pivot { j -= 1 }
          if i <= j {
            values.swapAt(i, j)
            i += 1
            j -= 1
          }
        }
        if place <= j { high = j } else if place >= i { low = i } else { return }
      }
    }
  }

  /// The state of boosting: residuals, and the scratch space of one tree.
  private struct Growth {
    let points: Bins
    let quantile: Double
    let options: Options
    let binCounts: [Int]
    let numberCount: Int
    /// Where each feature's bins begin in a histogram.
    let offsets: [Int]
    let targets: [Double]
    /// The cell of a histogram in which each point lies, for each of its features.
    let cells: [Int32]
    var predictions: [Double]
    /// What each point adds to its cells.
    var ones: [UInt64]
    var rows: [Int32]
    var scratch: [Double]
    /// The histogram of all points if none was above.
    let whole: Histogram
    /// 1/n at place n, for divisions would be most of the time of looking for splits.
    let reciprocals: [Double]

    /// Of each bin the number of points, and of those above the prediction in the upper half.
    typealias Histogram = [UInt64]

    init(
      _ points: Bins, _ binning: Binning, _ targets: [Double], start: Double, quantile: Double, options: Options
    ) {
      self.points = points
      self.quantile = quantile
      self.options = options
      self.targets = targets
      numberCount = binning.numberCount
      binCounts = binning.edges.map { $0.count + 1 } + binning.codes.map { $0.count + 1 }
      var offsets = [0]
      for count in binCounts { offsets.append(offsets[offsets.count - 1] + count) }
      self.offsets = offsets
      let width = points.featureCount
      cells = points.codes.indices.map { Int32(offsets[$0 % width] + Int(points.codes[$0])) }
      var whole = Histogram(repeating: 0, count: offsets[offsets.count - 1])
      for cell in cells { whole[Int(cell)] += 1 }
      self.whole = whole
      ones = [UInt64](repeating: 1, count: targets.count)
      predictions = [Double](repeating: start, count: targets.count)
      rows = Array(0..<Int32(targets.count))
      scratch = predictions
      reciprocals = (0...targets.count).map { $0 == 0 ? 0 : 1 / Double($0) }
    }

    mutating func grow(_ nodes: inout ContiguousArray<Node>) {
      var aboveCount = 0
      for i in rows.indices {
        rows[i] = Int32(i)
        let isAbove = targets[i] > predictions[i]
        ones[i] = isAbove ? 1 << 32 | 1 : 1
        if isAbove { aboveCount += 1 }
      }
      nodes.append(.leaf)
      let histogram = wholeHistogram(countingAbove: 2 * aboveCount <= rows.count)
      descend(&nodes, nodes.count - 1, 0..<rows.count, options.depth, histogram)
    }

    /// The histogram of all points: how many there are is known, and of those above and those not only the ones asked for
    /// are counted.
    private func wholeHistogram(countingAbove: Bool) -> Histogram {
      let above: UInt64 = 1 << 32
      var result = countingAbove ? whole : whole.map { $0 &* (above | 1) }
      let width = points.featureCount
      result.withUnsafeMutableBufferPointer { result in
        cells.withUnsafeBufferPointer { cells in
          ones.withUnsafeBufferPointer { ones in
            for row in 0..<ones.count where (ones[row] >= above) == countingAbove {
              for cell in row &* width..<(row &+ 1) &* width {
                let place = Int(cells[cell])
                result[place] = countingAbove ? result[place] &+ above : result[place] &- above
              }
            }
          }
        }
      }
      return result
    }

    private mutating func descend(
      _ nodes: inout ContiguousArray<Node>, _ place: Int, _ range: Range<Int>, _ depth: Int, _ histogram: Histogram
    ) {
      guard depth > 0, range.count >= 2 else { return finish(&nodes, place, range) }
      guard let (feature, bin) = bestSplit(histogram, range.count) else { return finish(&nodes, place, range) }
      let isChoice = feature >= numberCount
      let node = Node(
        feature: Int32(feature), first: isChoice ? bin : 0, span: isChoice ? 0 : bin, child: Int32(nodes.count),
        value: 0)
      var end = range.lowerBound
      rows.withUnsafeMutableBufferPointer { rows in
        points.codes.withUnsafeBufferPointer { codes in
          for i in range {
            let row = rows[i]
            rows[i] = rows[end]
            rows[end] = row
            end &+= 1 &- node.side(codes[Int(row) &* points.featureCount &+ feature])
          }
        }
      }
      let left = range.lowerBound..<end
      let right = end..<range.upperBound
      nodes[place] = node
      let child = nodes.count
      for _ in 0..<2 { nodes.append(.leaf) }
      guard depth > 1 else {
        finish(&nodes, child, left)
        finish(&nodes, child + 1, right)
        return
      }
      // Counts of the smaller side; those of the other are the difference.
      let isLeftSmall = left.count <= right.count
      let small = self.histogram(isLeftSmall ? left : right)
      var other = histogram
      for cell in other.indices { other[cell] &-= small[cell] }
      descend(&nodes, child, left, depth - 1, isLeftSmall ? small : other)
      descend(&nodes, child + 1, right, depth - 1, isLeftSmall ? other : small)
    }

    /// Makes a leaf: the quantile of its residuals, of which a share is taken.
    private mutating func finish(_ nodes: inout ContiguousArray<Node>, _ place: Int, _ range: Range<Int>) {
      for i in range { scratch[i] = targets[Int(rows[i])] - predictions[Int(rows[i])] }
      let value = options.rate * QuantileBoosting.select(&scratch, range, quantile)
      nodes[place].value = value
      for i in range { predictions[Int(rows[i])] += value }
    }

    private func histogram(_ range: Range<Int>) -> Histogram {
      var result = Histogram(repeating: 0, count: offsets[offsets.count - 1])
      let width = points.featureCount
      result.withUnsafeMutableBufferPointer { result in
        cells.withUnsafeBufferPointer { cells in
          rows.withUnsafeBufferPointer { rows in
            for i in range {
              let row = Int(rows[i])
              let one = ones[row]
              for cell in row &* width..<(row &+ 1) &* width { result[Int(cells[cell])] &+= one }
            }
          }
        }
      }
      return result
    }

    /// The split that takes most off the squared error of the signs of the residuals: these are 1 and 0 up to a shift.
    private func bestSplit(_ histogram: Histogram, _ count: Int) -> (feature: Int, bin: UInt8)? {
      guard let first = binCounts.first else { return nil }
      var whole: UInt64 = 0
      for bin in 0..<first { whole &+= histogram[bin] }
      let above = Double(whole >> 32)
      guard above > 0, above < Double(count) else { return nil }
      var best = above * above * reciprocals[count] + 1e-9
      var found: (feature: Int, bin: UInt8)?
      histogram.withUnsafeBufferPointer { histogram in
        reciprocals.withUnsafeBufferPointer { reciprocals in
          for feature in 0..<binCounts.count {
            let offset = offsets[feature]
            let isNumber = feature < numberCount
            var sum: UInt64 = 0
            // An empty bin moves no point to the left.
            for bin in 0..<binCounts[feature] where histogram[offset &+ bin] != 0 {
              sum = isNumber ? sum &+ histogram[offset &+ bin] : histogram[offset &+ bin]
              let left = Int(sum & 0xFFFF_FFFF)
              guard left < count else { continue }
              let leftAbove = Double(sum >> 32)
              let rightAbove = above - leftAbove
              let gain =
                leftAbove * leftAbove * reciprocals[left] + rightAbove * rightAbove * reciprocals[count &- left]
              if gain > best {
                best = gain
                found = (feature, UInt8(bin))
              }
            }
          }
        }
      }
      return found
    }
  }
}
