import TrimtabNumerics

/// A forest of randomised regression trees: predicts the mean of the trees, and doubts where they differ.
///
/// Each tree is grown from a bootstrap sample until its leaves are pure. A split of a number is the best, by squared
/// error, of one uniformly random threshold for each; a split of a choice puts the choices in the order of their mean
/// targets and cuts that at random. Choices that a node has not seen go either way, so the trees differ about them.
///
/// Sources: Hutter, Hoos & Leyton-Brown, "Sequential model-based optimization for general algorithm configuration",
/// LION 2011; Lindauer et al., "SMAC3", JMLR 23, 2022 (ten trees, all features at each split, leaves of one point).
public struct RandomForest: Sendable {
  public struct Options: Sendable {
    public var trees = 10
    public var bootstraps = true
    /// Whether targets are logarithms, of which a leaf takes the logarithm of the mean exponential.
    public var hasLogTargets = false

    public init() {}
  }

  /// A choice with more codes than this is split by one code against the others.
  static let maskWidth = 64
  public static let leastVariance = 1e-10

  @usableFromInline
  struct Node: Sendable {
    /// A number's index; of choices the number of numbers plus their index; −1 for a leaf.
    @usableFromInline var feature: Int32
    /// Left where the number is at most this, or the choice is this; a leaf's prediction.
    @usableFromInline var value: Double
    /// Left where the bit of the choice is set; 0 where `value` decides.
    @usableFromInline var mask: UInt64
    /// The left child; the right one follows it.
    @usableFromInline var child: Int32

    @inlinable init(feature: Int32, value: Double, mask: UInt64 = 0, child: Int32 = -1) {
      self.feature = feature
      self.value = value
      self.mask = mask
      self.child = child
    }
  }

  public let numberCount: Int
  public let choiceCount: Int
  private let isMasked: [Bool]
  private var nodes: ContiguousArray<Node> = []
  private var roots: [Int] = []

  /// - Parameters:
  ///   - targets: one a point; finite.
  ///   - seed: of the bootstrap samples and thresholds.
  /// - Precondition: at least one point.
  public init(_ points: FeaturePoints, _ targets: [Double], options: Options = Options(), seed: UInt64) {
    precondition(
      points.count == targets.count && !targets.isEmpty, "\(targets.count) targets for \(points.count) points")
    numberCount = points.numberCount
    choiceCount = points.choiceCount
    isMasked = points.choices.map { column in column.allSatisfy { (0..<Int32(Self.maskWidth)).contains($0) } }
    for tree in 0..<options.trees {
      var stream = RandomStream(seed: seed, purpose: stableHash("forest"), index: UInt64(tree))
      var rows = Array(0..<Int32(points.count))
      if options.bootstraps { for i in rows.indices { rows[i] = Int32(stream.index(below: points.count)) } }
      grow(points, targets, rows, options, &stream)
    }
  }

  // MARK: Growing

  private struct Split {
    var node: Node
    var gain: Double
  }

  private mutating func grow(
    _ points: FeaturePoints, _ targets: [Double], _ rows: [Int32], _ options: Options, _ stream: inout RandomStream
  ) {
    var rows = rows
    roots.append(nodes.count)
    nodes.append(Node(feature: -1, value: 0))
    var open: [(node: Int, range: Range<Int>)] = [(nodes.count - 1, 0..<rows.count)]
    while let (place, range) = open.popLast() {
      guard let split = bestSplit(points, targets, rows, range, &stream) else {
        nodes[place].value = Self.leaf(targets, rows[range], options)
        continue
      }
      var end = range.lowerBound
      for i in range where goesLeft(split.node, points, Int(rows[i])) {
        rows.swapAt(i, end)
        end += 1
      }
      nodes[place] = split.node
      nodes[place].child = Int32(nodes.count)
      open.append((nodes.count, range.lowerBound..<end))
      open.append((nodes.count + 1, end..<range.upperBound))
      nodes.append(Node(feature: -1, value: 0))
      nodes.append(Node(feature: -1, value: 0))
    }
  }

  private static func leaf(_ targets: [Double], _ rows: ArraySlice<Int32>, _ options: Options) -> Double {
    let count = Double(rows.count)
    if options.hasLogTargets { return logSumExp(rows.map { targets[Int($0)] }) - _log(count) }
    return rows.reduce(0) { $0 + targets[Int($1)] / count }
  }

  /// The best of the random splits of these rows; nil where the targets are equal or nothing tells the rows apart.
  private func bestSplit(
    _ points: FeaturePoints, _ targets: [Double], _ rows: [Int32], _ range: Range<Int>, _ stream: inout RandomStream
  ) -> Split? {
    guard range.count >= 2 else { return nil }
    var total = 0.0
    let first = targets[Int(rows[range.lowerBound])]
    var isPure = true
    for i in range {
      let target = targets[Int(rows[i])]
      total += target
      if target != first { isPure = false }
    }
    if isPure { return nil }
    var best: Split?
    for feature in 0..<numberCount {
      guard let split = numberSplit(feature, points, targets, rows, range, total, &stream) else { continue }
      if split.gain > best?.gain ?? -.infinity { best = split }
    }
    for choice in 0..<choiceCount {
      guard let split = choiceSplit(choice, points, targets, rows, range, total, &stream) else { continue }
      if split.gain > best?.gain ?? -.infinity { best = split }
    }
    return best
  }

  private func numberSplit(
    _ feature: Int, _ points: FeaturePoints, _ targets: [Double], _ rows: [Int32], _ range: Range<Int>,
    _ total: Double, _ stream: inout RandomStream
  ) -> Split? {
    let width = numberCount
    return points.numbers.withUnsafeBufferPointer { numbers in
      rows.withUnsafeBufferPointer { rows in
        targets.withUnsafeBufferPointer { targets in
          var low = Double.infinity
          var high = -Double.infinity
          for i in range {
            let value = numbers[Int(rows[i]) &* width &+ feature]
            low = value < low ? value : low
            high = value > high ? value : high
          }
          guard low < high else { return nil }
          var threshold = low + stream.uniform() * (high - low)
          if threshold >= high { threshold = low }
          var count = 0
          var sum = 0.0
          for i in range {
            let row = Int(rows[i])
            if numbers[row &* width &+ feature] <= threshold {
              count &+= 1
              sum += targets[row]
            }
          }
          return Split(
            node: Node(feature: Int32(feature), value: threshold), gain: Self.gain(count, sum, range.count, total))
        }
      }
    }
  }

  /// What a split takes off the squared error, up to a constant.
  private static func gain(_ count: Int, _ sum: Double, _ whole: Int, _ total: Double) -> Double {
    sum * sum / Double(count) + (total - sum) * (total - sum) / Double(whole - count)
  }

  private func choiceSplit(
    _ choice: Int, _ points: FeaturePoints, _ targets: [Double], _ rows: [Int32], _ range: Range<Int>,
    _ total: Double, _ stream: inout RandomStream
  ) -> Split? {
    let column = points.choices[choice]
    let feature = Int32(numberCount + choice)
    guard isMasked[choice] else {
      let code = column[Int(rows[range.lowerBound + stream.index(below: range.count)])]
      var count = 0
      var sum = 0.0
      for i in range where column[Int(rows[i])] == code {
        count += 1
        sum += targets[Int(rows[i])]
      }
      guard count < range.count else { return nil }
      return Split(node: Node(feature: feature, value: Double(code)), gain: Self.gain(count, sum, range.count, total))
    }
    var seen: UInt64 = 0
    for i in range { seen |= 1 << UInt64(column[Int(rows[i])]) }
    guard seen.nonzeroBitCount > 1 else { return nil }
    var counts = [Int](repeating: 0, count: Self.maskWidth)
    var sums = [Double](repeating: 0, count: Self.maskWidth)
    for i in range {
      let row = Int(rows[i])
      counts[Int(column[row])] += 1
      sums[Int(column[row])] += targets[row]
    }
    let order = counts.indices.filter { counts[$0] > 0 }.sorted {
      (sums[$0] / Double(counts[$0]), $0) < (sums[$1] / Double(counts[$1]), $1)
    }
    let cut = 1 + stream.index(below: order.count - 1)
    var mask = stream.next() & ~seen
    var count = 0
    var sum = 0.0
    for code in order[..<cut] {
      mask |= 1 << UInt64(code)
      count += counts[code]
      sum += sums[code]
    }
    return Split(
      node: Node(feature: feature, value: -1, mask: mask), gain: Self.gain(count, sum, range.count, total))
  }

  @inline(__always)
  private func goesLeft(_ node: Node, _ points: FeaturePoints, _ row: Int) -> Bool {
    let feature = Int(node.feature)
    if feature < numberCount { return points.numbers[row &* numberCount &+ feature] <= node.value }
    return Self.goesLeft(node, code: points.choices[feature - numberCount][row])
  }

  @inline(__always)
  private static func goesLeft(_ node: Node, code: Int32) -> Bool {
    if node.value >= 0 { return Double(code) == node.value }
    return code < maskWidth && code >= 0 && (node.mask >> UInt64(code)) & 1 == 1
  }

  // MARK: Predicting

  /// The mean of the trees' predictions and their variance among each other, at least ``leastVariance``.
  public func predict(_ points: FeaturePoints) -> (means: [Double], variances: [Double]) {
    var means = [Double](repeating: 0, count: points.count)
    var squares = means
    let width = numberCount
    nodes.withUnsafeBufferPointer { nodes in
      points.numbers.withUnsafeBufferPointer { numbers in
        for root in roots {
          for row in 0..<points.count {
            var place = root
            while nodes[place].feature >= 0 {
              let node = nodes[place]
              let feature = Int(node.feature)
              let isLeft =
                feature < width
                ? numbers[row &* width &+ feature] <= node.value
                : Self.goesLeft(node, code: points.choices[feature - width][row])
              place = Int(node.child) + (isLeft ? 0 : 1)
            }
            let value = nodes[place].value
            means[row] += value
            squares[row] += value * value
          }
        }
      }
    }
    let count = Double(roots.count)
    var variances = means
    for row in means.indices {
      means[row] /= count
      variances[row] = max(squares[row] / count - means[row] * means[row], Self.leastVariance)
    }
    return (means, variances)
  }
}
