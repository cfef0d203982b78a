extension QuantileBoosting {
  /// The state of boosting: residuals, and the scratch space of one tree.
  struct Growth {
    /// Of each bin the number of points, and of those above the prediction in the upper half.
    typealias Cell = UInt64
    static let above: Cell = 1 << 32
    /// The cells of a feature are filled up with empty ones to a multiple of so many.
    static let lanes = 4
    /// Up to so many points products of two counts are exact in single precision.
    static let exactCount = 4096

    let points: Bins
    let quantile: Double
    let rate: Double
    let numberCount: Int
    let binCounts: [Int]
    /// Where each feature's cells begin in a histogram, and where the last one's end.
    let offsets: [Int]
    let targets: [Double]
    /// The cells of a histogram in which the first point lies, then those of the second, …
    let cells: [Int32]
    /// 1/n at place n, for divisions would be most of the time of looking for splits.
    let reciprocals: [Double]
    private(set) var trees = Trees()
    private var predictions: [Double]
    /// What each point adds to its cells.
    private var ones: [Cell]
    private var rows: [Int32]
    private var scratch: [Double]
    /// The histogram of all points, kept from tree to tree: few points change sides.
    private var whole: [Cell]
    /// The histograms at hand while a tree grows, one for each level that has some.
    private var histograms: [[Cell]]
    /// Sums of cells from a feature's first one on.
    private var sums: [Cell]
    /// The greatest gain of each feature, about.
    private var gains: [Float]

    init(
      _ points: Bins, _ binning: Binning, _ targets: [Double], start: Double, quantile: Double, rate: Double
    ) {
      self.points = points
      self.quantile = quantile
      self.rate = rate
      self.targets = targets
      numberCount = binning.numberCount
      binCounts = binning.edges.map { $0.count + 1 } + binning.codes.map { $0.count + 1 }
      var offsets = [0]
      for count in binCounts {
        offsets.append(offsets[offsets.count - 1] + (count + Self.lanes - 1) / Self.lanes * Self.lanes)
      }
      self.offsets = offsets
      let width = points.featureCount
      var cells = [Int32](repeating: 0, count: targets.count * width)
      var whole = [Cell](repeating: 0, count: offsets[width])
      for feature in 0..<width {
        for row in targets.indices {
          let cell = offsets[feature] + Int(points.codes[feature * points.height + row])
          cells[row * width + feature] = Int32(cell)
          whole[cell] += 1
        }
      }
      self.cells = cells
      self.whole = whole
      histograms = Array(repeating: whole, count: depth)
      sums = whole
      gains = [Float](repeating: 0, count: width)
      ones = [Cell](repeating: 1, count: targets.count)
      predictions = [Double](repeating: start, count: targets.count)
      rows = Array(0..<Int32(targets.count))
      scratch = predictions
      reciprocals = (0...targets.count).map { $0 == 0 ? 0 : 1 / Double($0) }
    }

    /// Adds a tree.
    mutating func grow() {
      noteSides()
      histograms[0].withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: whole) }
      trees.splits.append(contentsOf: repeatElement(.none, count: splitCount))
      trees.values.append(contentsOf: repeatElement(0, count: leafCount))
      descend(0, 0, 0..<rows.count, depth: depth, histogram: 0)
    }

    /// Brings `ones` and the histogram of all points up to date with the predictions, and puts the rows in order.
    private mutating func noteSides() {
      let width = points.featureCount
      whole.withUnsafeMutableBufferPointer { whole in
        ones.withUnsafeMutableBufferPointer { ones in
          rows.withUnsafeMutableBufferPointer { rows in
            targets.withUnsafeBufferPointer { targets in
              predictions.withUnsafeBufferPointer { predictions in
                for row in rows.indices {
                  rows[row] = Int32(truncatingIfNeeded: row)
                  let one = targets[row] > predictions[row] ? Self.above | 1 : 1
                  guard one != ones[row] else { continue }
                  for cell in row &* width..<(row &+ 1) &* width { whole[Int(cells[cell])] &+= one &- ones[row] }
                  ones[row] = one
                }
              }
            }
          }
        }
      }
    }

    /// Splits the points of a range, or makes a leaf of them.
    /// - Parameters:
    ///   - place: of the split in its tree.
    ///   - leaf: the first one below.
    ///   - depth: how many splits there may be one below the other.
    ///   - histogram: where theirs is; it is used up.
    private mutating func descend(_ place: Int, _ leaf: Int, _ range: Range<Int>, depth: Int, histogram: Int) {
      guard depth > 0, range.count >= 2, let split = bestSplit(histogram, range.count) else {
        return finish(leaf, range)
      }
      trees.splits[trees.splits.count - splitCount + place] = split
      let middle = partition(range, split)
      let left = range.lowerBound..<middle
      let right = middle..<range.upperBound
      let rightLeaf = leaf + (1 << (depth - 1))
      guard depth > 1 else {
        finish(leaf, left)
        finish(rightLeaf, right)
        return
      }
      // Counts of the smaller side; those of the other are the difference.
      let isLeftSmall = left.count <= right.count
      let free = QuantileBoosting.depth - depth + 1
      count(isLeftSmall ? left : right, into: free, takingFrom: histogram)
      descend(2 * place + 1, leaf, left, depth: depth - 1, histogram: isLeftSmall ? free : histogram)
      descend(2 * place + 2, rightLeaf, right, depth: depth - 1, histogram: isLeftSmall ? histogram : free)
    }

    /// Puts the points that go left before the others.
    /// - Returns: where the others begin.
    private mutating func partition(_ range: Range<Int>, _ split: Split) -> Int {
      var end = range.lowerBound
      let column = Int(split.feature) * points.height
      let span = Int(split.span)
      rows.withUnsafeMutableBufferPointer { rows in
        points.codes.withUnsafeBufferPointer { codes in
          for i in range {
            let row = rows[i]
            rows[i] = rows[end]
            rows[end] = row
            // −1 for a point that goes right, without a branch, which could not be predicted.
            end &+= 1 &+ (span &- Int(codes[column &+ Int(row)] &- split.first)) >> (Int.bitWidth - 1)
          }
        }
      }
      return end
    }

    /// Makes a leaf: the quantile of its residuals, of which a share is taken.
    private mutating func finish(_ leaf: Int, _ range: Range<Int>) {
      guard !range.isEmpty else { return }
      rows.withUnsafeBufferPointer { rows in
        scratch.withUnsafeMutableBufferPointer { scratch in
          targets.withUnsafeBufferPointer { targets in
            predictions.withUnsafeBufferPointer { predictions in
              for i in range { scratch[i] = targets[Int(rows[i])] - predictions[Int(rows[i])] }
            }
          }
        }
        let value = rate * QuantileBoosting.select(&scratch, range, quantile)
        trees.values[trees.values.count - leafCount + leaf] = value
        predictions.withUnsafeMutableBufferPointer { predictions in
          for i in range { predictions[Int(rows[i])] += value }
        }
      }
    }

    /// Makes the histogram of a range, and takes it from another one.
    private mutating func count(_ range: Range<Int>, into free: Int, takingFrom other: Int) {
      let width = points.featureCount
      histograms[free].withUnsafeMutableBufferPointer { histogram in
        histogram.update(repeating: 0)
        cells.withUnsafeBufferPointer { cells in
          rows.withUnsafeBufferPointer { rows in
            ones.withUnsafeBufferPointer { ones in
              for i in range {
                let row = Int(rows[i])
                let one = ones[row]
                for cell in row &* width..<(row &+ 1) &* width { histogram[Int(cells[cell])] &+= one }
              }
            }
          }
        }
      }
      let counted = histograms[free]
      histograms[other].withUnsafeMutableBufferPointer { histogram in
        counted.withUnsafeBufferPointer { counted in
          for cell in histogram.indices { histogram[cell] &-= counted[cell] }
        }
      }
    }

    /// The split that takes most off the squared error of the signs of the residuals: these are 1 and 0 up to a shift.
    ///
    /// All splits are looked at in single precision, many at once; then those of features that may have the best one, exactly.
    private mutating func bestSplit(_ index: Int, _ count: Int) -> Split? {
      guard let first = binCounts.first else { return nil }
      var all: Cell = 0
      for bin in 0..<first { all &+= histograms[index][bin] }
      let above = Int(all >> 32)
      guard above > 0, above < count else { return nil }
      var least = -Float.infinity
      histograms[index].withUnsafeBufferPointer { histogram in
        sums.withUnsafeMutableBufferPointer { sums in
          gains.withUnsafeMutableBufferPointer { gains in
            for feature in gains.indices {
              let cells = offsets[feature]..<offsets[feature + 1]
              if feature < numberCount {
                var sum: Cell = 0
                for cell in cells {
                  sum &+= histogram[cell]
                  sums[cell] = sum
                }
              } else {
                for cell in cells { sums[cell] = histogram[cell] }
              }
              gains[feature] = Self.greatestGain(sums, cells, count: count, above: above)
              least = max(least, gains[feature])
            }
          }
        }
      }
      // What is gained is rounded here, and where it is compared exactly.
      least -= 1e-6 * least + 1e-15 * Float(count) * Float(count)
      if count > Self.exactCount { least = -.infinity }
      let wholeAbove = Double(above)
      var best = wholeAbove * wholeAbove * reciprocals[count] + 1e-9
      var found: Split?
      histograms[index].withUnsafeBufferPointer { histogram in
        sums.withUnsafeBufferPointer { sums in
          reciprocals.withUnsafeBufferPointer { reciprocals in
            for feature in gains.indices where gains[feature] >= least {
              let offset = offsets[feature]
              // An empty bin moves no point to the left.
              for bin in 0..<binCounts[feature] where histogram[offset &+ bin] != 0 {
                let left = Int(sums[offset &+ bin] & 0xFFFF_FFFF)
                guard left < count else { continue }
                let leftAbove = Double(sums[offset &+ bin] >> 32)
                let rightAbove = wholeAbove - leftAbove
                let gain =
                  leftAbove * leftAbove * reciprocals[left] + rightAbove * rightAbove * reciprocals[count &- left]
                if gain > best {
                  best = gain
                  let bin = UInt8(truncatingIfNeeded: bin)
                  let isNumber = feature < numberCount
                  found = Split(feature: Int32(feature), first: isNumber ? 0 : bin, span: isNumber ? bin : 0)
                }
              }
            }
          }
        }
      }
      return found
    }

    /// The number of points times what the best split of a feature takes off the squared error, about: with l points on the
    /// left, of them a above, r points on the right, and of all n points A above, that is (an − Al)² / (lr).
    @inline(__always)
    private static func greatestGain(
      _ sums: UnsafeMutableBufferPointer<Cell>, _ cells: Range<Int>, count: Int, above: Int
    ) -> Float {
      let bytes = UnsafeRawBufferPointer(sums)
      let n = SIMD4<Float>(repeating: Float(count))
      let whole = SIMD4<Float>(repeating: Float(above))
      let one = SIMD4<Float>(repeating: 1)
      var greatest = SIMD4<Float>(repeating: 0)
      var cell = cells.lowerBound
      while cell < cells.upperBound {
        let pairs = bytes.loadUnaligned(
          fromByteOffset: cell &* MemoryLayout<Cell>.stride, as: SIMD8<Int32>.self)
        let left = SIMD4<Float>(pairs.evenHalf)
        let leftAbove = SIMD4<Float>(pairs.oddHalf)
        let difference = leftAbove * n - whole * left
        let product = left * (n - left)
        let gain = difference * difference / product.replacing(with: one, where: product .< one)
        greatest.replace(with: gain, where: gain .> greatest)
        cell &+= lanes
      }
      return max(max(greatest[0], greatest[1]), max(greatest[2], greatest[3]))
    }
  }
}
